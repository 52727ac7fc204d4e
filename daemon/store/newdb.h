/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A database that is not there yet: built beside its place, then moved into it.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct Newdb Newdb;

/* There is nothing at `dir` that a new database would have to replace: one or both files are
   missing or empty, and what there is of the other is good. */
bool newdb_fits(const char *dir);
Newdb *newdb_build(const char *dir, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* If somebody else was quicker, his is the one that counts, and that is no error. */
bool newdb_install(Newdb *newdb, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Removes what was built and not installed. */
Newdb *newdb_free(Newdb *newdb);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Newdb, newdb_free)

G_END_DECLS
