/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Certificates and keys made at run time, to order: as a real authority makes them, and as a
 * hostile card would. Nothing is checked; whatever the spec says ends up in the DER. A failure
 * inside OpenSSL aborts: it is a defect of the test.
 */

#include <glib.h>
#include <openssl/types.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef enum {
	MAKER_EC,  /* P-256; made in no time */
	MAKER_RSA, /* 2048 bits; some 100 ms */
	MAKER_EC384,
	MAKER_RSA3072,
} MakerKind;

typedef struct MakerCert {
	GBytes *der;
	EVP_PKEY *key; /* the certificate's own, with the private half */
	GBytes *name;  /* DER of the subject */
} MakerCert;

/* Everything may be left out. The subject is O, CN, emailAddress, as far as they are given. */
typedef struct MakerSpec {
	const char *cn;
	gsize cn_len; /* 0: up to the NUL */
	int cn_type;  /* V_ASN1_...; 0: UTF8String. If the bytes are none of it, the signature does
			 not verify. */
	const char *organisation;
	const char *subject_email;
	const char *email; /* rfc822Name in the subject's alternative names */
	const char *host;  /* dNSName there; instead of the address */

	MakerKind kind;
	EVP_PKEY *key; /* borrowed; NULL: one key per kind is made and used for all */

	const MakerCert *issuer; /* NULL: self-signed */
	const char *issuer_cn;   /* without an issuer: names one all the same */

	guint64 serial;        /* 0: 1 */
	gint64 not_before;     /* Unix seconds; 0: 2020-01-01T00:00:00Z */
	gint64 not_after;      /* 0: 2049-12-31T23:59:59Z */
	const char *eku;       /* as in openssl.cnf: "clientAuth,emailProtection,1.2.3.4" */
	const char *key_usage; /* as in openssl.cnf: "digitalSignature,keyEncipherment" */
	bool ca;
	bool v1; /* version 1: no extensions, whatever is asked for */
} MakerSpec;

/* A fresh key pair. Free with EVP_PKEY_free(). */
EVP_PKEY *maker_key(MakerKind kind) G_GNUC_WARN_UNUSED_RESULT;

MakerCert *maker_cert(const MakerSpec *spec) G_GNUC_WARN_UNUSED_RESULT;
void maker_cert_free(MakerCert *cert);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MakerCert, maker_cert_free)

/* Short for maker_cert() and its DER only. Free with g_bytes_unref(). */
GBytes *maker_der(const MakerSpec *spec) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
