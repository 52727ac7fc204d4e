/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What all virtual cards draw from. RSA keys are slow to make, so they come from a pool that is
 * made once per build directory. The key of the test CA lies there too, so that a TLS server which
 * trusts it trusts every virtual card.
 */

#include "maker.h"

#define MINT_RSA_KEYS 26 /* a whole card of RSA, and fresh keys for renewals */

/* The pool: CERTPROP_TEST_POOL, or the build directory's. Borrowed, lives as long as the process.
 */
EVP_PKEY *mint_rsa_key(unsigned number, GError **error) G_GNUC_WARN_UNUSED_RESULT;
const MakerCert *mint_ca(GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Makes the pool: the CA's key and certificate, then the RSA keys, as one PEM file. */
bool mint_pool(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Says what OpenSSL holds against it. Always false. */
bool mint_error(GError **error, const char *what);
