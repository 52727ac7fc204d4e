/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An X.509 certificate, taken apart once. Whoever asks later asks a plain struct: policy, planning
 * and the store need no OpenSSL and cannot disagree about what a certificate says.
 *
 * The bytes come from a card, and a card can be anybody's. Nothing here trusts a length, a
 * character set or an extension: what is not DER is refused, what is DER but odd (a name that is no
 * UTF-8, an extension that does not parse) is kept in a form that is safe to show and that no
 * filter passes by mistake. Signatures are not checked: whether a chain is trusted is the
 * application's question, and a propagated certificate is untrusted to begin with.
 */

#include "cert.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "text.h"

#define EKU_MAX   64u  /* OIDs taken from one certificate */
#define OID_MAX   128u /* bytes of one as text */
#define EMAIL_MAX 254u /* RFC 5321 section 4.5.3.1 leaves no more for an address */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free_all)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ASN1_BIT_STRING, ASN1_BIT_STRING_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GENERAL_NAMES, GENERAL_NAMES_free)

static bool damaged(GError **error, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_DAMAGED,
		"Cannot read the certificate: %s%s%s", what, reason != NULL ? ": " : "",
		reason != NULL ? reason : "");
	ERR_clear_error();
	return false;
}

/* Names */

/* RFC 4514 lets any character stand as the hex pairs of its bytes. Those that a terminal acts on,
   or that reorder or hide their neighbours, do; OpenSSL escapes only the ASCII ones. */
static char *escape_format(const char *text, gsize len)
{
	g_autofree char *valid = g_utf8_make_valid(text, (gssize)len);
	GString *out = g_string_new(NULL);

	for (const char *p = valid; *p != '\0'; p = g_utf8_next_char(p)) {
		gsize n = (gsize)(g_utf8_next_char(p) - p);
		char one[8] = {0};
		g_autofree char *clean = NULL;

		memcpy(one, p, n);
		clean = text_clean(one, sizeof(one));
		if (out->len + 3 * n > CERT_TEXT_MAX)
			break;
		if (clean[0] != '\0' || one[0] == ' ') {
			g_string_append_len(out, one, (gssize)n);
			continue;
		}
		for (gsize i = 0; i < n; i++)
			g_string_append_printf(out, "\\%02X", (guint8)one[i]);
	}

	return g_string_free(out, FALSE);
}

static char *name_text(const X509_NAME *name)
{
	const unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
	g_autoptr(BIO) bio = BIO_new(BIO_s_mem());
	char *data = NULL;
	long len;

	/* A name with a value that contradicts its type was refused with the certificate. */
	if (X509_NAME_print_ex(bio, name, 0, flags) < 0) {
		ERR_clear_error();
		return g_strdup("");
	}

	len = BIO_get_mem_data(bio, &data);
	return len > 0 ? escape_format(data, (gsize)len) : g_strdup("");
}

/* NULL when it is empty; a NUL in it shows as U+FFFD, so that "bank\0.evil" is not "bank". */
static char *string_text(const ASN1_STRING *string)
{
	unsigned char *utf8 = NULL;
	int len = ASN1_STRING_to_UTF8(&utf8, string);
	char *text = NULL;

	if (len >= 0) {
		text = g_utf8_make_valid((const char *)utf8, len);
		OPENSSL_free(utf8);
	} else {
		ERR_clear_error();
		text = g_utf8_make_valid(
			(const char *)ASN1_STRING_get0_data(string), ASN1_STRING_length(string));
	}

	if (text[0] == '\0')
		g_clear_pointer(&text, g_free);
	return text;
}

/* `last` takes the most specific one: DER order goes from the root of the directory downwards, and
   the person in DC=corp, CN=Users, CN=Jane is Jane. */
static char *name_element(const X509_NAME *name, int nid, bool last)
{
	int found = -1;

	for (int i = X509_NAME_get_index_by_NID(name, nid, -1); i >= 0;
		i = X509_NAME_get_index_by_NID(name, nid, i)) {
		found = i;
		if (!last)
			break;
	}
	if (found < 0)
		return NULL;

	return string_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, found)));
}

static GBytes *name_der(const X509_NAME *name)
{
	const unsigned char *der = NULL;
	size_t len = 0;

	if (X509_NAME_get0_der(name, &der, &len) != 1)
		return NULL;
	return g_bytes_new(der, len);
}

/* E-mail */

/* Takes `raw`. NULL unless it could be an address. */
static char *email_usable(char *raw)
{
	g_autofree char *text = raw;

	if (text == NULL || strlen(text) > EMAIL_MAX || strchr(text, '@') == NULL)
		return NULL;
	for (const char *p = text; *p != '\0'; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);

		if (c == 0xfffd || !g_unichar_isgraph(c))
			return NULL;
	}
	return g_ascii_strdown(text, -1);
}

static char *email_in_name(const X509_NAME *name)
{
	char *email = email_usable(name_element(name, NID_pkcs9_emailAddress, false));

	if (email == NULL)
		email = email_usable(name_element(name, NID_rfc822Mailbox, false));
	return email;
}

/* The order of CERT_GetCertificateEmailAddress() in NSS: lookups by address find our copy only if
   it carries the same one that NSS would have written. */
static char *find_email(X509 *x509)
{
	g_autoptr(GENERAL_NAMES) names = NULL;
	char *email = email_in_name(X509_get_subject_name(x509));

	if (email != NULL)
		return email;

	names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; names != NULL && email == NULL && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_EMAIL)
			email = email_usable(string_text(name->d.rfc822Name));
		else if (name->type == GEN_DIRNAME)
			email = email_in_name(name->d.directoryName);
	}
	return email;
}

/* Fields */

static bool read_time(const ASN1_TIME *time, gint64 *ret_seconds)
{
	struct tm tm = {0};

	/* timegm() and a 64-bit time_t reach well past 99991231235959Z. */
	if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1)
		return false;
	*ret_seconds = (gint64)timegm(&tm);
	return true;
}

static bool read_serial(Cert *cert, const X509 *x509, GError **error)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
	g_autofree char *hex = NULL;
	unsigned char *der = NULL;
	int len;

	if (ASN1_STRING_length(serial) > (int)CERT_SERIAL_MAX) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_LIMIT,
			"Cannot read the certificate: its serial number has %d bytes, at most %u "
			"are "
			"allowed",
			ASN1_STRING_length(serial), CERT_SERIAL_MAX);
		return false;
	}

	/* OpenSSL has refused padding, so this gives back the certificate's own bytes. */
	len = i2d_ASN1_INTEGER(serial, &der);
	if (len <= 0)
		return damaged(error, "its serial number has no DER form");
	cert->serial_der = g_bytes_new(der, (gsize)len);
	OPENSSL_free(der);

	hex = text_hex(ASN1_STRING_get0_data(serial), (gsize)ASN1_STRING_length(serial));
	cert->serial = g_strconcat(ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER ? "-" : "",
		hex[0] != '\0' ? hex : "00", NULL);
	return true;
}

static bool read_names(Cert *cert, X509 *x509, GError **error)
{
	const X509_NAME *subject = X509_get_subject_name(x509);
	const X509_NAME *issuer = X509_get_issuer_name(x509);

	cert->subject_der = name_der(subject);
	cert->issuer_der = name_der(issuer);
	if (cert->subject_der == NULL || cert->issuer_der == NULL)
		return damaged(error, "its subject or issuer has no DER form");

	cert->self_issued = g_bytes_equal(cert->subject_der, cert->issuer_der);
	cert->subject = name_text(subject);
	cert->issuer = name_text(issuer);
	cert->common_name = name_element(subject, NID_commonName, true);
	cert->organisation = name_element(subject, NID_organizationName, false);
	cert->email = find_email(x509);
	return true;
}

static void free_openssl(gpointer data)
{
	OPENSSL_free(data);
}

static GBytes *key_der(X509 *x509)
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der);

	if (len < 0)
		return NULL;
	return g_bytes_new_with_free_func(der, (gsize)len, free_openssl, der);
}

static bool is_ecc(X509 *x509)
{
	ASN1_OBJECT *algorithm = NULL;
	int nid = NID_undef;

	/* The algorithm's name is enough, and there is one also for a curve that OpenSSL lacks. */
	if (X509_PUBKEY_get0_param(&algorithm, NULL, NULL, NULL, X509_get_X509_PUBKEY(x509)) == 1)
		nid = OBJ_obj2nid(algorithm);
	return nid == NID_X9_62_id_ecPublicKey || nid == NID_ED25519 || nid == NID_ED448 ||
	       nid == NID_X25519 || nid == NID_X448;
}

static guint32 read_key_usage(X509 *x509)
{
	int critical = -1;
	g_autoptr(ASN1_BIT_STRING) bits = X509_get_ext_d2i(x509, NID_key_usage, &critical, NULL);
	const unsigned char *data;
	guint32 usage = 0;

	/* There but unreadable (or there twice) is "nothing allowed", not "no restriction". */
	if (bits == NULL)
		return critical == -1 ? G_MAXUINT32 : 0;

	data = ASN1_STRING_get0_data(bits);
	if (ASN1_STRING_length(bits) > 0)
		usage = data[0];
	if (ASN1_STRING_length(bits) > 1)
		usage |= (guint32)data[1] << 8;
	return usage;
}

static char **read_eku(X509 *x509)
{
	int critical = -1;
	g_autoptr(EXTENDED_KEY_USAGE) usages =
		X509_get_ext_d2i(x509, NID_ext_key_usage, &critical, NULL);
	g_autoptr(GPtrArray) oids = g_ptr_array_new();
	unsigned n = usages != NULL ? (unsigned)sk_ASN1_OBJECT_num(usages) : 0;

	if (usages == NULL && critical == -1)
		return NULL;

	for (unsigned i = 0; i < MIN(n, EKU_MAX); i++) {
		char oid[OID_MAX];
		int len = OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(usages, (int)i), 1);

		if (len > 0 && len < (int)sizeof(oid))
			g_ptr_array_add(oids, g_strdup(oid));
	}
	g_ptr_array_add(oids, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&oids), FALSE);
}

static bool is_ca(X509 *x509, bool self_issued)
{
	int critical = -1;
	g_autoptr(BASIC_CONSTRAINTS) constraints =
		X509_get_ext_d2i(x509, NID_basic_constraints, &critical, NULL);

	if (constraints != NULL)
		return constraints->ca != 0;
	return X509_get_version(x509) == X509_VERSION_1 && self_issued;
}

static bool read_fields(Cert *cert, X509 *x509, GError **error)
{
	if (!read_serial(cert, x509, error) || !read_names(cert, x509, error))
		return false;
	if (!read_time(X509_get0_notBefore(x509), &cert->not_before) ||
		!read_time(X509_get0_notAfter(x509), &cert->not_after))
		return damaged(error, "its validity is no time");

	cert->spki_der = key_der(x509);
	if (cert->spki_der == NULL)
		return damaged(error, "its public key has no DER form");

	cert->ca = is_ca(x509, cert->self_issued);
	cert->ecc = is_ecc(x509);
	cert->key_usage = read_key_usage(x509);
	cert->eku = read_eku(x509);
	return true;
}

static X509 *decode(const void *data, gsize len, GError **error)
{
	const unsigned char *at = data;
	g_autoptr(X509) x509 = NULL;
	int again;

	/* Parsing needs nothing of openssl.cnf, which may load engines and providers. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	ERR_clear_error();

	x509 = d2i_X509(NULL, &at, (long)len);
	if (x509 == NULL) {
		(void)damaged(error, "it is not DER");
		return NULL;
	}
	if (at != (const unsigned char *)data + len) {
		(void)damaged(error, "bytes follow its end");
		return NULL;
	}

	/* The frame in any other than the shortest form would make two certificates of one. */
	again = i2d_X509(x509, NULL);
	if (again < 0 || (gsize)again != len) {
		(void)damaged(error, "it is BER, not DER");
		return NULL;
	}
	return g_steal_pointer(&x509);
}

static void digest(Cert *cert)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	gsize len = CERT_SHA256_LEN;
	gsize size;
	const guint8 *data = g_bytes_get_data(cert->der, &size);

	g_checksum_update(sum, data, (gssize)size);
	g_strlcpy(cert->sha256_hex, g_checksum_get_string(sum), sizeof(cert->sha256_hex));
	g_checksum_get_digest(sum, cert->sha256, &len);
}

static void cert_clear(gpointer data)
{
	Cert *cert = data;

	g_clear_pointer(&cert->der, g_bytes_unref);
	g_clear_pointer(&cert->subject_der, g_bytes_unref);
	g_clear_pointer(&cert->issuer_der, g_bytes_unref);
	g_clear_pointer(&cert->serial_der, g_bytes_unref);
	g_clear_pointer(&cert->spki_der, g_bytes_unref);
	g_free(cert->subject);
	g_free(cert->issuer);
	g_free(cert->common_name);
	g_free(cert->organisation);
	g_free(cert->email);
	g_free(cert->serial);
	g_strfreev(cert->eku);
}

Cert *cert_parse(GBytes *der, GError **error)
{
	g_autoptr(X509) x509 = NULL;
	g_autoptr(Cert) cert = NULL;
	gsize len;
	const void *data = g_bytes_get_data(der, &len);

	if (len > CERT_DER_MAX) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_LIMIT,
			"Cannot read the certificate: %" G_GSIZE_FORMAT
			" bytes, at most %u are allowed",
			len, CERT_DER_MAX);
		return NULL;
	}
	x509 = decode(data, len, error);
	if (x509 == NULL)
		return NULL;

	cert = g_atomic_rc_box_new0(Cert);
	cert->der = g_bytes_ref(der);
	digest(cert);
	if (!read_fields(cert, x509, error))
		return NULL;

	/* Odd extensions leave their complaints behind; they are not the next caller's. */
	ERR_clear_error();
	return g_steal_pointer(&cert);
}

Cert *cert_ref(Cert *cert)
{
	return g_atomic_rc_box_acquire(cert);
}

void cert_unref(Cert *cert)
{
	if (cert != NULL)
		g_atomic_rc_box_release_full(cert, cert_clear);
}
