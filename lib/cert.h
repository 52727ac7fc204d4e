/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What we need to know of an X.509 certificate (RFC 5280), read once from its DER. The only place
 * that includes OpenSSL. A Cert is immutable.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

#define CERT_SHA256_LEN 32
#define CERT_ID_LEN     20
#define CERT_DER_MAX    (1024u * 1024u)
#define CERT_TEXT_MAX   4096u /* bytes of subject and issuer as text */
#define CERT_SERIAL_MAX 128u  /* bytes; RFC 5280 allows 20 */
#define CERT_NAME_MAX   100u  /* bytes of a nickname */

typedef struct Cert {
	GBytes *der;
	guint8 sha256[CERT_SHA256_LEN];
	char sha256_hex[2 * CERT_SHA256_LEN + 1];

	GBytes *subject_der; /* Name, as it stands in the certificate */
	GBytes *issuer_der;
	GBytes *serial_der; /* INTEGER with tag and length: what NSS keys on */
	GBytes *spki_der;   /* SubjectPublicKeyInfo */

	char *subject; /* RFC 4514 text, UTF-8, escaped; for people */
	char *issuer;
	char *common_name;  /* the most specific CN, raw UTF-8 (repaired), or NULL */
	char *organisation; /* the first O, likewise */
	char *email;        /* what NSS takes for CKA_NSS_EMAIL, lower case, or NULL */
	char *serial;       /* hex, lower case, whole bytes, as openssl x509 -serial */

	gint64 not_before; /* Unix seconds */
	gint64 not_after;

	bool ca;           /* basicConstraints cA, or a v1 certificate issued to its issuer */
	bool self_issued;  /* subject equals issuer */
	bool ecc;          /* the key is an elliptic-curve key */
	guint32 key_usage; /* OpenSSL's KU_ bits; UINT32_MAX when the extension is absent */
	char **eku;        /* dotted OIDs; NULL when the extension is absent */
} Cert;

/* Parses DER. Trailing bytes are refused. Takes a reference to `der`. Errors: DAMAGED, LIMIT. */
Cert *cert_parse(GBytes *der, GError **error) G_GNUC_WARN_UNUSED_RESULT;
Cert *cert_ref(Cert *cert);
void cert_unref(Cert *cert);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cert, cert_unref)

/* The CKA_ID that we write: 20 bytes derived from the DER, never NSS's SHA-1 of the public key, so
   that a later import by the user, which replaces it, shows. */
void cert_id(const Cert *cert, guint8 ret_id[CERT_ID_LEN]);

/* The CKA_LABEL that we write: "CN - object (token)" cleaned, with ':' as '.', never empty, at most
   100 bytes. `attempt` 0 is the plain name; 1, 2, … append " #2", " #3" when NSS refuses it because
   another subject has it. */
char *cert_nickname(const Cert *cert, const char *object, const char *token_label,
	unsigned attempt) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
