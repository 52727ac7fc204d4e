/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whose a file or a directory is, and whether that is somebody whom this process may believe.
 */

#include <glib.h>
#include <stdbool.h>
#include <sys/stat.h>

G_BEGIN_DECLS

/* Ours or root's. */
bool owner_trusted(const struct stat *st);
/* The directory in which `path` stands, or would be made: the nearest one that exists. Error:
   FOREIGN if it is somebody else's. */
bool owner_check_place(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The first place on the way to the directory, itself included, at which somebody else could put
   another thing in the place of what is there; NULL: there is none. *ret_why says how, for people;
   it is static. */
char *owner_find_gap(const char *directory, const char **ret_why) G_GNUC_WARN_UNUSED_RESULT;

/* A file that was opened by this name is ours or root's, and nobody else has chosen it: the same
   goes for its directory, and for the links that lead to either. NULL then; else says whose they
   are. */
char *owner_stranger(const char *path, int fd) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
