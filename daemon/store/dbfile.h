/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One file of an NSS database, judged before SQLite is let near it: is it there, ours, a file, an
 * SQLite database; and is what stands beside it what SQLite would have left there.
 */

#include <glib.h>
#include <stdbool.h>
#include <sys/stat.h>

G_BEGIN_DECLS

/* `st` is of the `what` ("file", "directory") at `path`. Error: FOREIGN. */
bool dbfile_check_owner(const struct stat *st, const char *what, const char *path,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Returns a descriptor for reading, or -1. Errors: MISSING, FOREIGN, DAMAGED, DENIED. */
int dbfile_open(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* `path` still leads to the file that was opened as `fd`, and whatever SQLite would open beside it
   by itself may be opened. Errors: BUSY, FOREIGN, DAMAGED. */
bool dbfile_verify(const char *path, int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* A journal beside it says that a transaction was left half-way. */
bool dbfile_interrupted(const char *path);

G_END_DECLS
