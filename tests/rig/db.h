/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An NSS database (a directory with cert9.db and key4.db) read as bare SQLite, so that what a test
 * sees does not come from the code under test; and made and filled by NSS's own tools.
 */

#include <glib.h>
#include <stdbool.h>

typedef struct {
	gint64 row;
	char *label; /* NULL: the attribute is not there */
	char *url;   /* CKA_URL; NULL: the attribute is not there, "": there and empty */
	GBytes *der;
	GBytes *id;
	char *attributes; /* every attribute, "a0=00000001\n…", for comparing byte for byte */
} RigDbRow;

/* Both tools print what they do not like when the test fails. */
void rig_db_create(const char *directory);
void rig_db_import(
	const char *directory, const char *nickname, const char *der_path, const char *trust);
/* The certificate with its key, by pk12util. */
void rig_db_import_key(
	const char *directory, const char *nickname, const char *der_path, const char *key_path);

bool rig_db_exists(const char *directory);
/* All certificate objects, in the order of their rows. */
GPtrArray *rig_db_certificates(const char *directory) G_GNUC_WARN_UNUSED_RESULT;
/* Borrowed from the list; NULL: not there. More than one row for one certificate fails the test. */
const RigDbRow *rig_db_find(const GPtrArray *rows, GBytes *der);
unsigned rig_db_marked(const GPtrArray *rows); /* with a CKA_URL that is not empty */
/* The same in one short query, for a database that others are writing to. */
unsigned rig_db_count_marked(const char *directory);
/* Writes the marker of a certificate that has one (or ""), as no program would. */
void rig_db_set_url(const char *directory, GBytes *der, const char *url);
unsigned rig_db_private_objects(const char *directory);
unsigned rig_db_trust_objects(const char *directory);
/* "ok", or what PRAGMA integrity_check says of the first of the two that is damaged. */
char *rig_db_integrity(const char *directory) G_GNUC_WARN_UNUSED_RESULT;
/* Content and mtime of both files and of pkcs11.txt, as text to compare. */
char *rig_db_state(const char *directory) G_GNUC_WARN_UNUSED_RESULT;
/* All that is there beside certificates, as text to compare byte for byte, row numbers included:
   trust and whatever else is public, every row of key4.db, and the sum of pkcs11.txt. */
char *rig_db_others(const char *directory) G_GNUC_WARN_UNUSED_RESULT;
