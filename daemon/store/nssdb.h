/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One NSS database, opened so that nothing can go wrong with a card: the internal slot only, no
 * modules, objects by handle. What NSS has to say stays behind this header.
 */

#include <glib.h>
#include <stdbool.h>

#include "files.h"
#include "row.h"

G_BEGIN_DECLS

typedef struct Nssdb Nssdb;

/* Takes `files` over, also when it fails. `wait`: for a lock that somebody holds, a little while.
   Errors: BUSY, READ_ONLY, DAMAGED. One database at a time: NSS has one internal slot. */
Nssdb *nssdb_open(Files *files, bool write, bool wait, GError **error) G_GNUC_WARN_UNUSED_RESULT;
Nssdb *nssdb_close(Nssdb *db);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Nssdb, nssdb_close)
bool nssdb_writable(const Nssdb *db);
const Files *nssdb_files(const Nssdb *db);

/* Makes an empty database without a password in an existing directory that has none. */
bool nssdb_make(const char *dir, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Handles (gulong) of the certificates; of those whose CKA_URL is not empty, if `marked`. Error:
   LIMIT when that are more than there can be. */
GArray *nssdb_certs(Nssdb *db, bool marked, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Handles of the certificates of this issuer (Name) and serial (INTEGER), both DER. */
GArray *nssdb_find(
	Nssdb *db, GBytes *issuer, GBytes *serial, GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct NssdbCert {
	gulong handle;
	GBytes *der;
	GBytes *id;
	GBytes *url; /* empty if there is none */
	char *label; /* repaired where it is not UTF-8 */
} NssdbCert;

NssdbCert *nssdb_cert_free(NssdbCert *cert);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NssdbCert, nssdb_cert_free)
/* Errors: CHANGED when there is no such object any more. */
NssdbCert *nssdb_read(Nssdb *db, gulong handle, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Handles of the trust objects, of whichever kind, for issuer and serial: somebody said what he
   thinks of it. */
GArray *nssdb_trusts(
	Nssdb *db, GBytes *issuer, GBytes *serial, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What NSS signs, trust for one, cannot be written without asking somebody. */
bool nssdb_needs_password(const Nssdb *db);
/* A key of the database belongs to the certificate with this SubjectPublicKeyInfo. */
bool nssdb_has_key(
	Nssdb *db, GBytes *spki, bool *ret_has, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A key of the database has this CKA_ID. */
bool nssdb_has_key_id(
	Nssdb *db, GBytes *id, bool *ret_has, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* All attributes of a certificate, or those of `types` of any object. Errors: CHANGED when it has
   gone, LIMIT when one is too large. */
Row *nssdb_row(Nssdb *db, gulong handle, GError **error) G_GNUC_WARN_UNUSED_RESULT;
Row *nssdb_attributes(Nssdb *db, gulong handle, const gulong *types, gsize n,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A certificate to store. The three parts are DER, as they stand in it (the serial with tag and
   length: to NSS the bare number would be another certificate). */
typedef struct NssdbNew {
	GBytes *der, *subject, *issuer, *serial;
	GBytes *id;
	const char *label;
	const char *url;
	const char *email; /* or NULL */
} NssdbNew;

typedef enum {
	NSSDB_CREATED,
	NSSDB_NICKNAME_TAKEN, /* by a certificate of another subject: try another one */
	NSSDB_FAILED,         /* error is set */
} NssdbOutcome;

NssdbOutcome nssdb_create(Nssdb *db, const NssdbNew *new, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Only on an object that was created with a CKA_URL: NSS adds none later. */
bool nssdb_set_url(
	Nssdb *db, gulong handle, const char *url, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* As it was. */
NssdbOutcome nssdb_restore(Nssdb *db, const Row *row, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool nssdb_destroy(Nssdb *db, gulong handle, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
