/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Test keys and test certificates. RSA keys are slow to make, so they come from a pool that is
 * made once per build directory; EC keys are made fresh. All is signed by one test CA whose key
 * lies in the pool too, so that a TLS server that trusts it trusts every virtual card.
 */

#include <glib.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <stdbool.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)

#define MINT_RSA_KEYS 26 /* a whole card of RSA and a fresh key for a renewal */

typedef struct {
	const void *cn; /* any bytes */
	gsize cn_length;
	gint64 not_before, not_after; /* seconds since 1970 */
	bool ca;
} MintCertificate;

/* The pool: CERTPROP_TEST_POOL, or the build directory's. Borrowed, lives as long as the process.
 */
EVP_PKEY *mint_rsa_key(unsigned number, GError **error) G_GNUC_WARN_UNUSED_RESULT;
X509 *mint_ca(GError **error) G_GNUC_WARN_UNUSED_RESULT;
EVP_PKEY *mint_ec_key(GError **error) G_GNUC_WARN_UNUSED_RESULT;
X509 *mint_certificate(
	const MintCertificate *what, EVP_PKEY *key, GError **error) G_GNUC_WARN_UNUSED_RESULT;
GBytes *mint_der(X509 *certificate) G_GNUC_WARN_UNUSED_RESULT;
/* Makes the pool: the CA's key and certificate, then the RSA keys, as one PEM file. */
bool mint_pool(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Says what OpenSSL holds against it. */
bool mint_error(GError **error, const char *what);
