/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A card is a directory, so that a test (or a person) can look at it, compare with it and change
 * it with ordinary tools. Which RSA keys of the pool a card gets depends on its GUID: two small
 * cards in one test seldom share a key, and a card is the same each time it is dealt.
 */
#include "deal.h"

#include "mint.h"

#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <string.h>

#define DAY          ((gint64)86400)
#define DEFAULT_GUID "00112233445566778899aabbccddeeff"
#define DEFAULT_CN   "Ada Lovelace"

static char *slot_path(const char *directory, unsigned index, const char *suffix)
{
	g_autofree char *name = g_strconcat(slot_at(index)->name, suffix, NULL);

	return g_build_filename(directory, name, NULL);
}

static bool write_der(const char *path, GBytes *der, GError **error)
{
	gsize length;
	const char *data = g_bytes_get_data(der, &length);

	return g_file_set_contents_full(
		path, data, (gssize)length, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
}

static bool write_key(const char *path, EVP_PKEY *key, GError **error)
{
	BIO *file = BIO_new_file(path, "w");
	bool ok =
		file != NULL && PEM_write_bio_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;

	if (BIO_free(file) != 1)
		ok = false;
	return ok || mint_error(error, path);
}

static EVP_PKEY *read_key(const char *path, GError **error)
{
	BIO *file = BIO_new_file(path, "r");
	EVP_PKEY *key = file != NULL ? PEM_read_bio_PrivateKey(file, NULL, NULL, NULL) : NULL;

	BIO_free(file);
	if (key == NULL)
		mint_error(error, path);
	return key;
}

static X509 *read_certificate(const char *path, GError **error)
{
	g_autofree char *data = NULL;
	const unsigned char *at;
	gsize length;
	X509 *certificate;

	if (!g_file_get_contents(path, &data, &length, error))
		return NULL;
	at = (const unsigned char *)data;
	certificate = d2i_X509(NULL, &at, (long)length);
	if (certificate == NULL)
		mint_error(error, path);
	return certificate;
}

/* Owned by the caller. */
static EVP_PKEY *choose_key(const Deal *deal, unsigned index, guint start, GError **error)
{
	EVP_PKEY *key;

	if (deal->keys == DEAL_EC || (deal->keys == DEAL_MIXED && index % 2 == 1))
		return maker_key(MAKER_EC);
	key = mint_rsa_key(start + index, error);
	if (key != NULL)
		EVP_PKEY_up_ref(key);
	return key;
}

/* Writes the key, and a certificate for it as the specification says. */
static bool fill_slot(
	const char *directory, unsigned index, MakerSpec *spec, EVP_PKEY *key, GError **error)
{
	g_autofree char *der_path = slot_path(directory, index, ".der");
	g_autofree char *key_path = slot_path(directory, index, ".pem");
	g_autoptr(GBytes) der = NULL;

	spec->key = key;
	spec->issuer = mint_ca(error);
	if (spec->issuer == NULL)
		return false;
	spec->serial = (guint64)g_random_int() << 31 | g_random_int();
	if (spec->ca)
		spec->key_usage = "critical,keyCertSign,cRLSign";
	else if (spec->email != NULL)
		spec->key_usage = "critical,digitalSignature,keyEncipherment";
	else
		spec->key_usage = "critical,digitalSignature";
	spec->eku = spec->ca ? NULL : "clientAuth,emailProtection";
	der = maker_der(spec);
	return write_key(key_path, key, error) && write_der(der_path, der, error);
}

static bool deal_slot(const char *directory, const Deal *deal, unsigned index, GError **error)
{
	const char *guid = deal->guid != NULL ? deal->guid : DEFAULT_GUID;
	gint64 now = g_get_real_time() / G_USEC_PER_SEC;
	bool expired = (deal->expired & (1u << index)) != 0;
	MakerSpec spec = {.cn = deal->cn != NULL ? deal->cn : DEFAULT_CN,
		.cn_len = deal->cn_length,
		.email = deal->email,
		.not_before = now - (expired ? 800 : 30) * DAY,
		.not_after = expired ? now - 70 * DAY : now + 700 * DAY,
		.ca = (deal->ca & (1u << index)) != 0};
	EVP_PKEY *key = choose_key(deal, index, g_str_hash(guid), error);
	bool ok;

	if (index == 0 && deal->token_cn != NULL) {
		spec.cn = deal->token_cn;
		spec.cn_len = deal->token_cn_length;
	}
	ok = key != NULL && fill_slot(directory, index, &spec, key, error);
	EVP_PKEY_free(key);
	return ok;
}

static void empty_slot(const char *directory, unsigned index)
{
	g_autofree char *der = slot_path(directory, index, ".der");
	g_autofree char *key = slot_path(directory, index, ".pem");

	(void)g_unlink(der);
	(void)g_unlink(key);
}

static bool check_guid(const char *guid, GError **error)
{
	if (strlen(guid) == 32 && strspn(guid, "0123456789abcdefABCDEF") == 32)
		return true;
	g_set_error(
		error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "a GUID is 32 hex digits, not '%s'", guid);
	return false;
}

bool deal_card(const char *directory, const Deal *deal, GError **error)
{
	const char *guid = deal->guid != NULL ? deal->guid : DEFAULT_GUID;
	g_autofree char *chuid = g_build_filename(directory, "chuid", NULL);
	g_autofree char *ca_path = g_build_filename(directory, "ca.der", NULL);
	const MakerCert *ca = mint_ca(error);

	if (ca == NULL || !check_guid(guid, error))
		return false;
	if (deal->certs > SLOT_COUNT || g_mkdir_with_parents(directory, 0700) != 0) {
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
			"cannot make a card of %u certificates (at most %d) in '%s'", deal->certs,
			SLOT_COUNT, directory);
		return false;
	}
	for (unsigned i = 0; i < SLOT_COUNT; i++) {
		empty_slot(directory, i);
		if (i < deal->certs && (deal->empty & (1u << i)) == 0 &&
			!deal_slot(directory, deal, i, error))
			return false;
	}
	return write_der(ca_path, ca->der, error) && g_file_set_contents(chuid, guid, -1, error);
}

/* A fresh key of the same kind: of RSA one that lies half the pool away. Owned by the caller. */
static EVP_PKEY *other_key(EVP_PKEY *old, GError **error)
{
	if (EVP_PKEY_get_base_id(old) == EVP_PKEY_EC)
		return maker_key(MAKER_EC);
	for (unsigned i = 0; i < MINT_RSA_KEYS; i++) {
		EVP_PKEY *key = mint_rsa_key(i, error);

		if (key == NULL)
			return NULL;
		if (EVP_PKEY_eq(key, old) == 1) {
			key = mint_rsa_key(i + MINT_RSA_KEYS / 2, error);
			EVP_PKEY_up_ref(key);
			return key;
		}
	}
	return maker_key(MAKER_RSA);
}

static EVP_PKEY *renewed_key(const char *directory, unsigned index, bool new_key, GError **error)
{
	g_autofree char *path = slot_path(directory, index, ".pem");
	EVP_PKEY *old = read_key(path, error);
	EVP_PKEY *fresh;

	if (old == NULL || !new_key)
		return old;
	fresh = other_key(old, error);
	EVP_PKEY_free(old);
	return fresh;
}

bool deal_renew(const char *directory, unsigned index, bool new_key, GError **error)
{
	g_autofree char *path = slot_path(directory, index, ".der");
	X509 *old = read_certificate(path, error);
	EVP_PKEY *key = old != NULL ? renewed_key(directory, index, new_key, error) : NULL;
	gint64 now = g_get_real_time() / G_USEC_PER_SEC;
	bool ok = false;

	if (key != NULL) {
		ASN1_STRING *cn = X509_NAME_ENTRY_get_data(
			X509_NAME_get_entry(X509_get_subject_name(old), 0));
		MakerSpec spec = {.cn = (const char *)ASN1_STRING_get0_data(cn),
			.cn_len = (gsize)ASN1_STRING_length(cn),
			.not_before = now - DAY,
			.not_after = now + 1000 * DAY,
			.ca = X509_check_ca(old) == 1};

		ok = fill_slot(directory, index, &spec, key, error);
	}
	EVP_PKEY_free(key);
	X509_free(old);
	return ok;
}
