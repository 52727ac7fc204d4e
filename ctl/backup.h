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
#define BACKUP_OBJECTS_MAX    4096u /* as many as a store sends */
#define BACKUP_ATTRIBUTES_MAX 64u   /* of one object */

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

/* Adds a frame OBJECT or ATTRIBUTE of the store, about the database `path`. Errors: PROTOCOL. */
bool backup_add_frame(Backup *backup, const char *path, WireReader *frame,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Where the backups of this user are. */
char *backup_dir(void) G_GNUC_WARN_UNUSED_RESULT;
/* A new file there, on the disk when this returns. Returns its path, or NULL. */
char *backup_write(const Backup *backup, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
