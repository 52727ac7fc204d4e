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

static bool write_der(const char *path, X509 *certificate, GError **error)
{
	g_autoptr(GBytes) der = mint_der(certificate);
	gsize length;
	const char *data;

	if (der == NULL)
		return mint_error(error, path);
	data = g_bytes_get_data(der, &length);
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
		return mint_ec_key(error);
	key = mint_rsa_key(start + index, error);
	if (key != NULL)
		EVP_PKEY_up_ref(key);
	return key;
}

static gsize name_length(const char *name, gssize length)
{
	return length > 0 ? (gsize)length : strlen(name);
}

static bool deal_slot(const char *directory, const Deal *deal, unsigned index, GError **error)
{
	const char *cn = deal->cn != NULL ? deal->cn : DEFAULT_CN;
	const char *guid = deal->guid != NULL ? deal->guid : DEFAULT_GUID;
	gint64 now = g_get_real_time() / G_USEC_PER_SEC;
	bool expired = (deal->expired & (1u << index)) != 0;
	MintCertificate what = {.cn = cn,
		.cn_length = name_length(cn, deal->cn_length),
		.not_before = now - (expired ? 800 : 30) * DAY,
		.not_after = expired ? now - 70 * DAY : now + 700 * DAY,
		.ca = (deal->ca & (1u << index)) != 0};
	g_autofree char *der_path = slot_path(directory, index, ".der");
	g_autofree char *key_path = slot_path(directory, index, ".pem");
	g_autoptr(EVP_PKEY) key = choose_key(deal, index, g_str_hash(guid), error);
	g_autoptr(X509) certificate = NULL;

	if (index == 0 && deal->token_cn != NULL) {
		what.cn = deal->token_cn;
		what.cn_length = name_length(deal->token_cn, deal->token_cn_length);
	}
	if (key == NULL)
		return false;
	certificate = mint_certificate(&what, key, error);
	return certificate != NULL && write_key(key_path, key, error) &&
	       write_der(der_path, certificate, error);
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
	X509 *ca = mint_ca(error);

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
		if (i < deal->certs && !deal_slot(directory, deal, i, error))
			return false;
	}
	return write_der(ca_path, ca, error) && g_file_set_contents(chuid, guid, -1, error);
}

/* A fresh key of the same kind: of RSA one that lies half the pool away from those in use. */
static EVP_PKEY *other_key(EVP_PKEY *old, GError **error)
{
	if (EVP_PKEY_get_base_id(old) == EVP_PKEY_EC)
		return mint_ec_key(error);
	for (unsigned i = 0; i < MINT_RSA_KEYS; i++) {
		EVP_PKEY *key = mint_rsa_key(i, error);

		if (key == NULL)
			return NULL;
		if (EVP_PKEY_eq(key, old) == 1) {
			key = mint_rsa_key(i + MINT_RSA_KEYS / 2 + 1, error);
			EVP_PKEY_up_ref(key);
			return key;
		}
	}
	return EVP_RSA_gen(2048);
}

bool deal_renew(const char *directory, unsigned index, bool new_key, GError **error)
{
	g_autofree char *der_path = slot_path(directory, index, ".der");
	g_autofree char *key_path = slot_path(directory, index, ".pem");
	g_autoptr(X509) old = read_certificate(der_path, error);
	g_autoptr(EVP_PKEY) key = old != NULL ? read_key(key_path, error) : NULL;
	g_autoptr(X509) renewed = NULL;
	gint64 now = g_get_real_time() / G_USEC_PER_SEC;
	X509_NAME_ENTRY *entry;
	ASN1_STRING *cn;
	MintCertificate what = {.not_before = now - DAY, .not_after = now + 1000 * DAY};

	if (key == NULL)
		return false;
	if (new_key) {
		EVP_PKEY *fresh = other_key(key, error);

		if (fresh == NULL)
			return false;
		EVP_PKEY_free(key);
		key = fresh;
	}
	entry = X509_NAME_get_entry(X509_get_subject_name(old), 0);
	cn = X509_NAME_ENTRY_get_data(entry);
	what.cn = ASN1_STRING_get0_data(cn);
	what.cn_length = (gsize)ASN1_STRING_length(cn);
	what.ca = X509_check_ca(old) == 1;
	renewed = mint_certificate(&what, key, error);
	return renewed != NULL && write_key(key_path, key, error) &&
	       write_der(der_path, renewed, error);
}
