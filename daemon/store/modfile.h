/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A database's pkcs11.txt on the disk.
 */

#include <glib.h>
#include <stdbool.h>
#include <sys/stat.h>

G_BEGIN_DECLS

typedef struct Modfile {
	char *dir;
	int fd;         /* of the directory */
	char *text;     /* NULL: there is no such file */
	struct stat st; /* of the file, as it was read */
} Modfile;

/* Errors: MISSING (no directory), FOREIGN, DAMAGED (no regular file, or no text), LIMIT, DENIED. */
Modfile *modfile_open(const char *dir, GError **error) G_GNUC_WARN_UNUSED_RESULT;
Modfile *modfile_close(Modfile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Modfile, modfile_close)

/* Puts another text in its place, in one step; whoever holds the writers' lock may. Errors: BUSY if
   somebody has changed the file since it was read, READ_ONLY, FAILED. */
bool modfile_replace(Modfile *file, const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
