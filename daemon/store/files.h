/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The two files of an NSS database, looked at from outside: are they there, ours, whole, free. NSS
 * answers "bad database" to nearly everything that can be wrong with them, and creates or migrates
 * what it does not find; so nothing is given to NSS that was not looked at here first.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

#define FILES_CERT "cert9.db"
#define FILES_KEY  "key4.db"

typedef struct Files {
	char *dir;
	int cert; /* open for reading while the database is: see files_close() */
	int key;
} Files;

/* Errors: MISSING (no directory, or none of the two files in it), FOREIGN, DAMAGED, DENIED. */
Files *files_open(const char *dir, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Only when NSS has closed the database: closing a descriptor drops the POSIX locks of the whole
   process on that file, SQLite's among them. */
Files *files_close(Files *files);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Files, files_close)

/* The names still lead to these two files, and what SQLite would open beside them is what it may
   be: to be asked just before it is let near. Errors: BUSY, FOREIGN, DAMAGED. */
bool files_verify(const Files *files, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* `path` is a regular file of ours that begins as an SQLite database does. */
bool files_is_database(const char *path);

/* Another process holds a lock that NSS would fail under: any writer's when we want to write, an
   exclusive one when we want to read. */
bool files_locked(const Files *files, bool write);
/* Waits until it does not, with growing pauses, for at most `ms`. Returns false if it still does.
 */
bool files_wait_unlocked(const Files *files, bool write, unsigned ms);
/* A transaction was left half-way by a crash: only a writer can roll it back. */
bool files_interrupted(const Files *files);
/* We may write to the directory and to both files. */
bool files_writable(const Files *files);
/* Changes with every transaction that anybody commits to cert9.db. */
guint32 files_generation(const Files *files);

G_END_DECLS
