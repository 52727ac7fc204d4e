/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A certificate authority for tests. Certificates in files would expire, and nobody could see in a
 * diff what is odd about them; here the oddity stands in the test that needs it.
 */

#include "maker.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>

#define NOT_BEFORE G_GINT64_CONSTANT(1577836800) /* 2020-01-01T00:00:00Z */
#define NOT_AFTER  G_GINT64_CONSTANT(2524607999) /* 2049-12-31T23:59:59Z */

EVP_PKEY *maker_key(MakerKind kind)
{
	EVP_PKEY *key = NULL;

	switch (kind) {
	case MAKER_EC:
		key = EVP_EC_gen("P-256");
		break;
	case MAKER_EC384:
		key = EVP_EC_gen("P-384");
		break;
	case MAKER_RSA:
		key = EVP_RSA_gen(2048);
		break;
	case MAKER_RSA3072:
		key = EVP_RSA_gen(3072);
		break;
	}
	g_assert(key != NULL);
	return key;
}

/* The key that serves whenever the test does not care; it lives as long as the process. */
static EVP_PKEY *shared_key(MakerKind kind)
{
	static EVP_PKEY *keys[MAKER_RSA3072 + 1];

	if (keys[kind] == NULL)
		keys[kind] = maker_key(kind);
	return keys[kind];
}

static void add_entry(X509_NAME *name, int nid, int type, const char *text, gsize len)
{
	if (text == NULL)
		return;

	/* With a real ASN.1 type instead of MBSTRING_*, OpenSSL takes any bytes that it can read.
	 */
	g_assert(X509_NAME_add_entry_by_NID(name, nid, type != 0 ? type : V_ASN1_UTF8STRING,
			 (const unsigned char *)text, (int)(len > 0 ? len : strlen(text)), -1,
			 0) == 1);
}

/* The common name's bytes contradict its type. OpenSSL would not make such a name; so it is made as
   a T61String, where all bytes are letters, and gets its tag when all is done. */
static bool is_patched(const MakerSpec *spec)
{
	gssize len = spec->cn_len > 0 ? (gssize)spec->cn_len : -1;

	if (spec->cn == NULL || spec->cn_type == V_ASN1_T61STRING)
		return false;
	return spec->cn_type != 0 || !g_utf8_validate(spec->cn, len, NULL);
}

static GBytes *patch(GBytes *der, const MakerSpec *spec)
{
	static const guint8 mark[] = {0x06, 0x03, 0x55, 0x04, 0x03, V_ASN1_T61STRING};
	gsize len;
	guint8 *data = g_bytes_unref_to_data(der, &len);

	for (gsize i = 0; i + sizeof(mark) <= len; i++) {
		if (memcmp(data + i, mark, sizeof(mark)) == 0)
			data[i + sizeof(mark) - 1] =
				(guint8)(spec->cn_type != 0 ? spec->cn_type : V_ASN1_UTF8STRING);
	}
	return g_bytes_new_take(data, len);
}

static X509_NAME *subject(const MakerSpec *spec)
{
	X509_NAME *name = X509_NAME_new();

	add_entry(name, NID_organizationName, 0, spec->organisation, 0);
	add_entry(name, NID_commonName, is_patched(spec) ? V_ASN1_T61STRING : spec->cn_type,
		spec->cn, spec->cn_len);
	add_entry(name, NID_pkcs9_emailAddress, V_ASN1_IA5STRING, spec->subject_email, 0);
	return name;
}

static void set_names(X509 *x509, const MakerSpec *spec)
{
	X509_NAME *name = subject(spec);
	X509_NAME *issuer = NULL;

	if (spec->issuer != NULL) {
		gsize len;
		const unsigned char *at = g_bytes_get_data(spec->issuer->name, &len);

		issuer = d2i_X509_NAME(NULL, &at, (long)len);
	} else if (spec->issuer_cn != NULL) {
		issuer = X509_NAME_new();
		add_entry(issuer, NID_commonName, 0, spec->issuer_cn, 0);
	}

	g_assert(X509_set_subject_name(x509, name) == 1);
	g_assert(X509_set_issuer_name(x509, issuer != NULL ? issuer : name) == 1);
	X509_NAME_free(name);
	X509_NAME_free(issuer);
}

static void set_validity(X509 *x509, const MakerSpec *spec)
{
	time_t from = (time_t)(spec->not_before != 0 ? spec->not_before : NOT_BEFORE);
	time_t to = (time_t)(spec->not_after != 0 ? spec->not_after : NOT_AFTER);

	/* UTCTime up to 2049, GeneralizedTime after, as RFC 5280 wants. */
	g_assert(ASN1_TIME_set(X509_getm_notBefore(x509), from) != NULL);
	g_assert(ASN1_TIME_set(X509_getm_notAfter(x509), to) != NULL);
}

static void add_extension(X509 *x509, int nid, const char *value)
{
	X509_EXTENSION *extension;

	if (value == NULL)
		return;
	extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	g_assert(extension != NULL);
	g_assert(X509_add_ext(x509, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

static char *alternative_name(const MakerSpec *spec)
{
	if (spec->host != NULL)
		return g_strconcat("DNS:", spec->host, NULL);
	return spec->email != NULL ? g_strconcat("email:", spec->email, NULL) : NULL;
}

static void add_extensions(X509 *x509, const MakerSpec *spec)
{
	g_autofree char *san = alternative_name(spec);

	add_extension(x509, NID_basic_constraints, spec->ca ? "critical,CA:TRUE" : "CA:FALSE");
	add_extension(x509, NID_key_usage, spec->key_usage);
	add_extension(x509, NID_ext_key_usage, spec->eku);
	add_extension(x509, NID_subject_alt_name, san);
}

static GBytes *to_der(X509 *x509)
{
	unsigned char *der = NULL;
	int len = i2d_X509(x509, &der);
	GBytes *bytes;

	g_assert(len > 0);
	bytes = g_bytes_new(der, (gsize)len);
	OPENSSL_free(der);
	return bytes;
}

static GBytes *name_der(const X509_NAME *name)
{
	const unsigned char *der = NULL;
	size_t len = 0;

	g_assert(X509_NAME_get0_der(name, &der, &len) == 1);
	return g_bytes_new(der, len);
}

MakerCert *maker_cert(const MakerSpec *spec)
{
	MakerCert *cert = g_new0(MakerCert, 1);
	X509 *x509 = X509_new();
	EVP_PKEY *signer;

	cert->key = spec->key != NULL ? spec->key : shared_key(spec->kind);
	EVP_PKEY_up_ref(cert->key);
	signer = spec->issuer != NULL ? spec->issuer->key : cert->key;

	X509_set_version(x509, spec->v1 ? X509_VERSION_1 : X509_VERSION_3);
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), spec->serial != 0 ? spec->serial : 1);
	set_names(x509, spec);
	set_validity(x509, spec);
	g_assert(X509_set_pubkey(x509, cert->key) == 1);
	if (!spec->v1)
		add_extensions(x509, spec);
	g_assert(X509_sign(x509, signer, EVP_sha256()) > 0);

	cert->der = to_der(x509);
	cert->name = name_der(X509_get_subject_name(x509));
	X509_free(x509);
	if (is_patched(spec)) {
		cert->der = patch(cert->der, spec);
		cert->name = patch(cert->name, spec);
	}
	return cert;
}

void maker_cert_free(MakerCert *cert)
{
	if (cert == NULL)
		return;

	g_bytes_unref(cert->der);
	g_bytes_unref(cert->name);
	EVP_PKEY_free(cert->key);
	g_free(cert);
}

GBytes *maker_der(const MakerSpec *spec)
{
	g_autoptr(MakerCert) cert = maker_cert(spec);

	return g_bytes_ref(cert->der);
}
