/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a purge took away, as a file from which it can be brought back: each object with all its
 * attributes, database by database.
 */

#include <glib.h>
#include <stdbool.h>

#include "wire.h"

G_BEGIN_DECLS

#define BACKUP_VERSION        1
#define BACKUP_OBJECTS_MAX    4096u          /* as many as a store sends */
#define BACKUP_ATTRIBUTES_MAX 64u            /* of one object */
#define BACKUP_VALUE_MAX      (192u * 1024u) /* of one attribute: it has to fit into a frame */
#define BACKUP_FILE_MAX       (128u << 20)

typedef struct BackupAttribute {
	guint64 type; /* as PKCS#11 numbers it */
	GBytes *value;
} BackupAttribute;

typedef struct BackupObject {
	char *path; /* of the database: "sql:/..." */
	char *sha256, *nickname;
	GPtrArray *attributes; /* BackupAttribute */
} BackupObject;

typedef struct Backup {
	char *created;      /* ISO 8601 */
	GPtrArray *objects; /* BackupObject; those of one database stand together */
} Backup;

Backup *backup_new(void);
Backup *backup_free(Backup *backup);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Backup, backup_free)

/* One more object, without attributes; borrowed. */
BackupObject *backup_add(
	Backup *backup, const char *path, const char *sha256, const char *nickname);
/* Takes `value`. */
void backup_add_attribute(BackupObject *object, guint64 type, GBytes *value);
/* Adds a frame OBJECT or ATTRIBUTE of the store, about the database `path`. Errors: PROTOCOL. */
bool backup_add_frame(Backup *backup, const char *path, WireReader *frame,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Where the backups of this user are. */
char *backup_dir(void) G_GNUC_WARN_UNUSED_RESULT;
/* A new file there, on the disk when this returns. Returns its path, or NULL. */
char *backup_write(const Backup *backup, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Names of the files there, the newest first. Empty if there are none. */
GPtrArray *backup_names(void);
/* Reads such a file, wherever it is. Nothing in it is believed: it must be ours, for nobody else to
   write, and in every detail as backup_write() makes them. Errors: MISSING, FOREIGN, LIMIT,
   PROTOCOL. */
Backup *backup_read(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
