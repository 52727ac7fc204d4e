/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One PEM file: the CA's key and certificate, then the RSA keys. None of it is secret, and none may
 * ever guard anything.
 */
#include "mint.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#define CA_NAME "certprop test CA"
#define DAY     ((gint64)86400)

typedef struct {
	MakerCert ca;
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

static bool write_ca(BIO *file)
{
	MakerSpec spec = {.cn = CA_NAME, .ca = true, .key_usage = "critical,keyCertSign,cRLSign"};
	g_autoptr(MakerCert) ca = maker_cert(&spec);

	return PEM_write_bio_PrivateKey(file, ca->key, NULL, NULL, 0, NULL, NULL) == 1 &&
	       PEM_write_bio(file, PEM_STRING_X509, "", g_bytes_get_data(ca->der, NULL),
		       (long)g_bytes_get_size(ca->der)) > 0;
}

bool mint_pool(const char *path, GError **error)
{
	BIO *file = BIO_new_file(path, "w");
	bool ok = file != NULL && write_ca(file);

	for (unsigned i = 0; ok && i < MINT_RSA_KEYS; i++) {
		EVP_PKEY *key = maker_key(MAKER_RSA);

		ok = PEM_write_bio_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;
		EVP_PKEY_free(key);
	}
	if (BIO_free(file) != 1)
		ok = false;
	return ok || mint_error(error, path);
}

static bool read_ca(BIO *file, MakerCert *ca)
{
	char *kind = NULL, *header = NULL;
	unsigned char *data = NULL;
	const unsigned char *name;
	size_t name_length;
	long length;
	X509 *parsed = NULL;

	ca->key = PEM_read_bio_PrivateKey(file, NULL, NULL, NULL);
	if (ca->key != NULL && PEM_read_bio(file, &kind, &header, &data, &length) == 1) {
		const unsigned char *at = data;

		ca->der = g_bytes_new(data, (gsize)length);
		parsed = d2i_X509(NULL, &at, length);
	}
	if (parsed != NULL &&
		X509_NAME_get0_der(X509_get_subject_name(parsed), &name, &name_length) == 1)
		ca->name = g_bytes_new(name, name_length);
	X509_free(parsed);
	OPENSSL_free(kind);
	OPENSSL_free(header);
	OPENSSL_free(data);
	return ca->name != NULL;
}

static Pool *pool_read(const char *path, GError **error)
{
	BIO *file = BIO_new_file(path, "r");
	g_autofree Pool *pool = g_new0(Pool, 1);
	bool ok = file != NULL && read_ca(file, &pool->ca);

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

const MakerCert *mint_ca(GError **error)
{
	Pool *pool = pool_get(error);

	return pool != NULL ? &pool->ca : NULL;
}
