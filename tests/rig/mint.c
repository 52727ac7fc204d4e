/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The subject is one CN whose bytes are put in as they come (as a UTF8String that need not be
 * UTF-8), because hostile names are what several tests are about; OpenSSL's own checks of length
 * and encoding are by-passed on purpose.
 *
 * Keys of the pool are no secret and must never guard anything.
 */
#include "mint.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#define CA_NAME "certprop test CA"
#define DAY     ((gint64)86400)

typedef struct {
	EVP_PKEY *ca_key;
	X509 *ca;
	EVP_PKEY *rsa[MINT_RSA_KEYS];
} Pool;

bool mint_error(GError **error, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	char reason[256] = "no reason given";

	if (code != 0)
		ERR_error_string_n(code, reason, sizeof(reason));
	ERR_clear_error();
	g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s: %s", what, reason);
	return false;
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	int done;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	if (extension == NULL)
		return false;
	done = X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
	return done == 1;
}

static bool add_extensions(X509 *certificate, X509 *issuer, bool ca)
{
	if (!add_extension(certificate, issuer, NID_subject_key_identifier, "hash") ||
		!add_extension(certificate, issuer, NID_authority_key_identifier, "keyid"))
		return false;
	if (ca)
		return add_extension(
			       certificate, issuer, NID_basic_constraints, "critical,CA:TRUE") &&
		       add_extension(
			       certificate, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
	return add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(certificate, issuer, NID_ext_key_usage, "clientAuth,emailProtection");
}

static bool set_subject(X509 *certificate, const void *cn, gsize length)
{
	return X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName,
		       V_ASN1_UTF8STRING, cn, (int)length, -1, 0) == 1;
}

static bool set_serial(X509 *certificate)
{
	unsigned char bytes[12];
	BIGNUM *number;
	bool done;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] = (unsigned char)((bytes[0] & 0x3f) | 0x40);
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	done = number != NULL &&
	       BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
	BN_free(number);
	return done;
}

/* issuer NULL: signs itself. */
static X509 *sign_certificate(
	const MintCertificate *what, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
	g_autoptr(X509) certificate = X509_new();
	X509 *parent = issuer != NULL ? issuer : certificate;

	if (certificate == NULL || X509_set_version(certificate, X509_VERSION_3) != 1 ||
		!set_serial(certificate) || !set_subject(certificate, what->cn, what->cn_length) ||
		X509_set_issuer_name(certificate, X509_get_subject_name(parent)) != 1 ||
		ASN1_TIME_set(X509_getm_notBefore(certificate), what->not_before) == NULL ||
		ASN1_TIME_set(X509_getm_notAfter(certificate), what->not_after) == NULL ||
		X509_set_pubkey(certificate, key) != 1 ||
		!add_extensions(certificate, parent, what->ca) ||
		X509_sign(certificate, issuer_key, EVP_sha256()) == 0)
		return NULL;
	return g_steal_pointer(&certificate);
}

/* Owned by the caller. */
EVP_PKEY *mint_ec_key(GError **error)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (key == NULL)
		mint_error(error, "making an EC key");
	return key;
}

bool mint_pool(const char *path, GError **error)
{
	gint64 now = g_get_real_time() / G_USEC_PER_SEC;
	MintCertificate what = {.cn = CA_NAME,
		.cn_length = strlen(CA_NAME),
		.not_before = now - 3650 * DAY,
		.not_after = now + 3650 * DAY,
		.ca = true};
	g_autoptr(EVP_PKEY) ca_key = mint_ec_key(error);
	g_autoptr(X509) ca = NULL;
	BIO *file;
	bool ok;

	if (ca_key == NULL)
		return false;
	ca = sign_certificate(&what, ca_key, NULL, ca_key);
	file = BIO_new_file(path, "w");
	ok = ca != NULL && file != NULL &&
	     PEM_write_bio_PrivateKey(file, ca_key, NULL, NULL, 0, NULL, NULL) == 1 &&
	     PEM_write_bio_X509(file, ca) == 1;
	for (unsigned i = 0; ok && i < MINT_RSA_KEYS; i++) {
		g_autoptr(EVP_PKEY) key = EVP_RSA_gen(2048);

		ok = key != NULL &&
		     PEM_write_bio_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;
	}
	if (BIO_free(file) != 1)
		ok = false;
	return ok || mint_error(error, path);
}

static Pool *pool_read(const char *path, GError **error)
{
	BIO *file = BIO_new_file(path, "r");
	g_autofree Pool *pool = g_new0(Pool, 1);
	bool ok = file != NULL;

	if (ok) {
		pool->ca_key = PEM_read_bio_PrivateKey(file, NULL, NULL, NULL);
		pool->ca = PEM_read_bio_X509(file, NULL, NULL, NULL);
		ok = pool->ca_key != NULL && pool->ca != NULL;
	}
	for (unsigned i = 0; ok && i < MINT_RSA_KEYS; i++) {
		pool->rsa[i] = PEM_read_bio_PrivateKey(file, NULL, NULL, NULL);
		ok = pool->rsa[i] != NULL;
	}
	BIO_free(file);
	if (!ok) {
		mint_error(error, path);
		return NULL;
	}
	return g_steal_pointer(&pool);
}

static Pool *pool_get(GError **error)
{
	static Pool *pool;
	const char *path = g_getenv("CERTPROP_TEST_POOL");

	if (pool == NULL)
		pool = pool_read(path != NULL ? path : MINT_POOL, error);
	return pool;
}

EVP_PKEY *mint_rsa_key(unsigned number, GError **error)
{
	Pool *pool = pool_get(error);

	return pool != NULL ? pool->rsa[number % MINT_RSA_KEYS] : NULL;
}

X509 *mint_ca(GError **error)
{
	Pool *pool = pool_get(error);

	return pool != NULL ? pool->ca : NULL;
}

/* Owned by the caller. */
X509 *mint_certificate(const MintCertificate *what, EVP_PKEY *key, GError **error)
{
	Pool *pool = pool_get(error);
	X509 *certificate;

	if (pool == NULL)
		return NULL;
	certificate = sign_certificate(what, key, pool->ca, pool->ca_key);
	if (certificate == NULL)
		mint_error(error, "making a certificate");
	return certificate;
}

GBytes *mint_der(X509 *certificate)
{
	unsigned char *der = NULL;
	int length = i2d_X509(certificate, &der);
	GBytes *bytes = length > 0 ? g_bytes_new(der, (gsize)length) : NULL;

	OPENSSL_free(der);
	return bytes;
}
