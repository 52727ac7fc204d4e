/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/cert.c and lib/cert-name.c: what an authority makes is read right, what a hostile card makes
 * is refused or safe.
 */

#include "cert.h"

#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <string.h>

#include "error.h"
#include "harness.h"
#include "maker.h"

#define OBJECT "Certificate for PIV Authentication"

static Cert *parse(GBytes *der)
{
	g_autoptr(GError) error = NULL;
	Cert *cert = cert_parse(der, &error);

	ck_assert_msg(cert != NULL, "%s", error != NULL ? error->message : "no error");
	return cert;
}

static Cert *make(MakerSpec spec)
{
	g_autoptr(GBytes) der = maker_der(&spec);

	return parse(der);
}

static bool contains(GBytes *whole, GBytes *part)
{
	gsize whole_len, part_len;
	const void *whole_data = g_bytes_get_data(whole, &whole_len);
	const void *part_data = g_bytes_get_data(part, &part_len);

	return memmem(whole_data, whole_len, part_data, part_len) != NULL;
}

/* Nothing that a terminal acts on, that breaks a line or that hides. */
static void assert_safe(const char *text)
{
	ck_assert(g_utf8_validate(text, -1, NULL));
	for (const char *p = text; *p != '\0'; p = g_utf8_next_char(p)) {
		GUnicodeType type = g_unichar_type(g_utf8_get_char(p));

		ck_assert_msg(type != G_UNICODE_CONTROL && type != G_UNICODE_FORMAT &&
				      type != G_UNICODE_LINE_SEPARATOR &&
				      type != G_UNICODE_PARAGRAPH_SEPARATOR,
			"U+%04X in \"%s\"", g_utf8_get_char(p), text);
	}
}

START_TEST(test_fields)
{
	g_autoptr(MakerCert) ca = maker_cert(
		&(MakerSpec){.cn = "Acme, Issuing CA", .organisation = "Acme", .ca = true});
	g_autoptr(Cert) cert = make((MakerSpec){.cn = "Ada Löfgren",
		.organisation = "Acme",
		.email = "Ada@Example.ORG",
		.issuer = ca,
		.serial = 0x80a1,
		.not_before = 1700000000,
		.not_after = 1800000000,
		.eku = "clientAuth,1.3.6.1.4.1.311.20.2.2",
		.key_usage = "digitalSignature,decipherOnly"});

	ck_assert_str_eq(cert->subject, "CN=Ada Löfgren,O=Acme");
	ck_assert_str_eq(cert->issuer, "CN=Acme\\, Issuing CA,O=Acme");
	ck_assert_str_eq(cert->common_name, "Ada Löfgren");
	ck_assert_str_eq(cert->organisation, "Acme");
	ck_assert_str_eq(cert->email, "ada@example.org");
	ck_assert_str_eq(cert->serial, "80a1");
	ck_assert_int_eq(cert->not_before, 1700000000);
	ck_assert_int_eq(cert->not_after, 1800000000);
	ck_assert(!cert->ca && !cert->self_issued && cert->ecc);
	ck_assert_uint_eq(cert->key_usage, 0x8080);
	ck_assert_uint_eq(g_strv_length(cert->eku), 2);
	ck_assert_str_eq(cert->eku[0], "1.3.6.1.5.5.7.3.2");
	ck_assert_str_eq(cert->eku[1], "1.3.6.1.4.1.311.20.2.2");

	ck_assert(contains(cert->der, cert->subject_der));
	ck_assert(contains(cert->der, cert->serial_der));
	ck_assert(g_bytes_equal(cert->issuer_der, ca->name));
	/* INTEGER, with the zero that keeps it positive. */
	ck_assert_uint_eq(g_bytes_get_size(cert->serial_der), 5);
	ck_assert_mem_eq(g_bytes_get_data(cert->serial_der, NULL), "\x02\x03\x00\x80\xa1", 5);

	g_autofree char *hex = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, cert->der);
	ck_assert_str_eq(cert->sha256_hex, hex);
}
END_TEST

START_TEST(test_absent_fields)
{
	g_autoptr(Cert) cert = make((MakerSpec){.kind = MAKER_RSA});

	ck_assert_str_eq(cert->subject, "");
	ck_assert_ptr_null(cert->common_name);
	ck_assert_ptr_null(cert->organisation);
	ck_assert_ptr_null(cert->email);
	ck_assert_ptr_null(cert->eku);
	ck_assert_uint_eq(cert->key_usage, G_MAXUINT32);
	ck_assert_str_eq(cert->serial, "01");
	ck_assert(!cert->ca && cert->self_issued && !cert->ecc);
}
END_TEST

START_TEST(test_kinds)
{
	g_autoptr(Cert) root = make((MakerSpec){.cn = "Root", .ca = true});
	g_autoptr(Cert) leaf = make((MakerSpec){.cn = "Self"});
	g_autoptr(Cert) old_root = make((MakerSpec){.cn = "Old", .v1 = true});
	g_autoptr(Cert) old_leaf = make((MakerSpec){.cn = "Old", .issuer_cn = "Other", .v1 = true});

	ck_assert(root->ca && root->self_issued);
	ck_assert(!leaf->ca && leaf->self_issued);
	ck_assert(old_root->ca && old_root->self_issued);
	ck_assert(!old_leaf->ca && !old_leaf->self_issued);
}
END_TEST

static const gint64 times[][2] = {
	{-631152000, 2524607999},         /* 1950 and 2049: the ends of UTCTime */
	{2524608000, 4102444800},         /* 2050: GeneralizedTime */
	{1577836800, 253402300799},       /* 99991231235959Z: "no end" in RFC 5280 */
	{-62135596800 + 1, -62135596700}, /* the year 1 */
};

START_TEST(test_times)
{
	g_autoptr(Cert) cert =
		make((MakerSpec){.cn = "x", .not_before = times[_i][0], .not_after = times[_i][1]});

	ck_assert_int_eq(cert->not_before, times[_i][0]);
	ck_assert_int_eq(cert->not_after, times[_i][1]);
}
END_TEST

/* Text, length where there is a NUL in it, ASN.1 type. OpenSSL refuses names that are not of their
   type; we do not insist on either, only on what comes of it. */
static const struct {
	const char *cn;
	gsize len;
	int type;
	bool refused;
} hostile[] = {
	{"\x1b[31mred\x1b]0;title\x07"},
	{"line\nbreak\r\nCERTPROP=1"},
	{"bank.example\0.evil.example", 26},
	{"\xe2\x80\xae"
	 "gpj.exe\xe2\x80\x8f\xe2\x81\xa6"},
	{"\xe2\x80\xa8line\xe2\x80\xa9para\xc2\x85next\xc2\x9b"
	 "csi"},
	{"\xff\xfe\xc0\xaf broken", .refused = true},
	{"\xe2\x82", .refused = true},
	{"\xed\xa0\x80 surrogate", .refused = true},
	{"PIV_CARD:Certificate"},
	{"  blanks  and\ttabs  "},
	{"\x7f"},
	{"a", 1, V_ASN1_BMPSTRING, .refused = true}, /* half a character */
	{"\xd8\x00\x00\x41", 4, V_ASN1_BMPSTRING, .refused = true},
	{"\x20\x2e\x00\x41", 4, V_ASN1_BMPSTRING},
	{"\xff\xff\xff\xff", 4, V_ASN1_UNIVERSALSTRING, .refused = true},
	{"J\xfcrgen", 0, V_ASN1_T61STRING},
	{"\xe9t\xe9", 0, V_ASN1_PRINTABLESTRING},
	{"octets", 0, V_ASN1_OCTET_STRING, .refused = true},
	{"\0bits", 5, V_ASN1_BIT_STRING},
	{"%s%n%x #2 ,+\"\\<>;="},
};

static void assert_safe_names(const Cert *cert, const char *text)
{
	/* The same text as the token's and the object's name. */
	for (unsigned attempt = 0; attempt < 3; attempt++) {
		g_autofree char *name = cert_nickname(cert, text, text, attempt);

		assert_safe(name);
		ck_assert_ptr_null(strchr(name, ':'));
		ck_assert_uint_gt(strlen(name), 0);
		ck_assert_uint_le(strlen(name), CERT_NAME_MAX);
	}
}

START_TEST(test_hostile_names)
{
	g_autoptr(GBytes) der = maker_der(&(MakerSpec){
		.cn = hostile[_i].cn, .cn_len = hostile[_i].len, .cn_type = hostile[_i].type});
	g_autoptr(GError) error = NULL;
	g_autoptr(Cert) cert = cert_parse(der, &error);

	if (hostile[_i].refused) {
		ck_assert_ptr_null(cert);
		ck_assert(g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_DAMAGED));
		assert_safe(error->message);
		return;
	}
	ck_assert_msg(cert != NULL, "%s", error != NULL ? error->message : "");
	assert_safe(cert->subject);
	assert_safe(cert->issuer);
	ck_assert(g_str_has_prefix(cert->subject, "CN="));
	ck_assert(g_utf8_validate(cert->common_name, -1, NULL));
	assert_safe_names(cert, hostile[_i].cn);
}
END_TEST

/* What the token and its objects call themselves passes no OpenSSL. */
START_TEST(test_hostile_labels)
{
	g_autoptr(Cert) cert = make((MakerSpec){.cn = "Jane"});

	for (gsize i = 0; i < G_N_ELEMENTS(hostile); i++)
		assert_safe_names(cert, hostile[i].cn);
}
END_TEST

START_TEST(test_long_name)
{
	g_autofree char *cn = g_strnfill(60000, 'x');
	g_autofree char *wide = g_malloc0(60001);
	g_autoptr(Cert) ascii = make((MakerSpec){.cn = cn});
	g_autoptr(Cert) euro = NULL;
	g_autofree char *name = cert_nickname(ascii, OBJECT, "A card of the finance department", 1);
	g_autofree char *euro_name = NULL;

	for (gsize i = 0; i < 20000; i++)
		memcpy(wide + 3 * i, "€", 3);
	euro = make((MakerSpec){.cn = wide});
	euro_name = cert_nickname(euro, wide, wide, 41);

	assert_safe(ascii->subject);
	assert_safe(euro->subject);
	ck_assert_uint_le(strlen(ascii->subject), CERT_TEXT_MAX);
	ck_assert_uint_le(strlen(euro->subject), CERT_TEXT_MAX);
	ck_assert_uint_eq(strlen(ascii->common_name), 60000);

	/* What distinguishes it has survived the cut. */
	ck_assert_uint_le(strlen(name), CERT_NAME_MAX);
	ck_assert(g_str_has_prefix(name, "xxxxxxxxxxxxxxxx"));
	ck_assert_ptr_nonnull(strstr(name, " - " OBJECT " (A card of the"));
	ck_assert(g_str_has_suffix(name, ") #2"));
	assert_safe(euro_name);
	ck_assert_uint_le(strlen(euro_name), CERT_NAME_MAX);
	ck_assert(g_str_has_suffix(euro_name, ") #42"));
}
END_TEST

static const struct {
	MakerSpec spec;
	const char *object;
	const char *label;
	unsigned attempt;
	const char *name; /* NULL: "Certificate " and eight digits */
} names[] = {
	{{.cn = "Jane"}, OBJECT, "Jane's card", 0, "Jane - " OBJECT " (Jane's card)"},
	{{.cn = "Jane"}, OBJECT, "Jane's card", 2, "Jane - " OBJECT " (Jane's card) #3"},
	{{.cn = "Jane"}, "", "PIV_II", 0, "Jane (PIV_II)"},
	{{.cn = "Jane"}, NULL, NULL, 0, "Jane"},
	{{.cn = "Jane"}, "Jane", "PIV_II", 0, "Jane (PIV_II)"},
	{{.cn = "a:b"}, "c:d", "e:f", 0, "a.b - c.d (e.f)"},
	{{.cn = "\x1b\n", .email = "j@x.org"}, NULL, NULL, 0, "j@x.org"},
	{{.organisation = "Acme"}, NULL, "T", 0, "Acme (T)"},
	{{.cn = "\x1b"}, NULL, NULL, 0, NULL},
	{{.cn = NULL}, NULL, NULL, 0, NULL},
};

START_TEST(test_nickname)
{
	g_autoptr(Cert) cert = make(names[_i].spec);
	g_autofree char *name =
		cert_nickname(cert, names[_i].object, names[_i].label, names[_i].attempt);
	g_autofree char *fallback = g_strdup_printf("Certificate %.8s", cert->sha256_hex);

	ck_assert_str_eq(name, names[_i].name != NULL ? names[_i].name : fallback);
}
END_TEST

START_TEST(test_most_specific_cn)
{
	/* CN=Users, CN=Jane, as Active Directory writes it: two RDNs made from one that is patched,
	   so that the maker need not know of them. O and CN have OIDs of the same length. */
	g_autoptr(GBytes) der = maker_der(&(MakerSpec){.cn = "Jane", .organisation = "Users"});
	gsize len;
	g_autofree guint8 *data = g_memdup2(g_bytes_get_data(der, &len), g_bytes_get_size(der));
	g_autoptr(GBytes) patched = NULL;
	g_autoptr(Cert) cert = NULL;

	len = g_bytes_get_size(der);
	for (gsize i = 0; i + 5 < len; i++) {
		if (memcmp(data + i, "\x06\x03\x55\x04\x0a", 5) == 0)
			data[i + 4] = 0x03;
	}
	patched = g_bytes_new(data, len);
	cert = parse(patched);
	ck_assert_str_eq(cert->subject, "CN=Jane,CN=Users");
	ck_assert_str_eq(cert->common_name, "Jane");
}
END_TEST

static const struct {
	const char *subject_email;
	const char *email;
	const char *expected;
} emails[] = {
	{"Jane@Example.org", "other@example.org", "jane@example.org"}, /* as NSS chooses */
	{NULL, "JANE@x.org", "jane@x.org"},
	{"no address", "jane@x.org", "jane@x.org"},
	{"a@b\nc", NULL, NULL},
	{"a@\x1b[31m", NULL, NULL},
	{"a b@c", NULL, NULL},
	{"caf\xe9@x.org", "jane@x.org", "café@x.org"}, /* IA5String read as Latin-1 */
	{NULL, NULL, NULL},
};

START_TEST(test_email)
{
	g_autoptr(Cert) cert = make((MakerSpec){
		.cn = "x", .subject_email = emails[_i].subject_email, .email = emails[_i].email});

	ck_assert_pstr_eq(cert->email, emails[_i].expected);
}
END_TEST

START_TEST(test_id)
{
	g_autoptr(MakerCert) one = maker_cert(&(MakerSpec){.cn = "x"});
	g_autoptr(Cert) cert = parse(one->der);
	g_autoptr(Cert) renewed = make((MakerSpec){.cn = "x", .serial = 2, .key = one->key});
	guint8 id[CERT_ID_LEN], again[CERT_ID_LEN], other[CERT_ID_LEN];
	g_autofree guint8 *point = NULL;
	unsigned char digest[EVP_MAX_MD_SIZE];
	size_t len = 0;

	cert_id(cert, id);
	cert_id(cert, again);
	cert_id(renewed, other);
	ck_assert_mem_eq(id, again, sizeof(id));
	ck_assert_mem_ne(id, other, sizeof(id));
	ck_assert_mem_ne(id, cert->sha256, sizeof(id));

	/* What NSS would write: SHA-1 of the point. */
	ck_assert(EVP_PKEY_get_octet_string_param(one->key, "encoded-pub-key", NULL, 0, &len) == 1);
	point = g_malloc(len);
	ck_assert(EVP_PKEY_get_octet_string_param(one->key, "encoded-pub-key", point, len, &len) ==
		  1);
	ck_assert(EVP_Digest(point, len, digest, NULL, EVP_sha1(), NULL) == 1);
	ck_assert_mem_ne(id, digest, sizeof(id));
}
END_TEST

static void assert_refused(const void *data, gsize len, int code)
{
	g_autoptr(GBytes) der = g_bytes_new(data, len);
	g_autoptr(GError) error = NULL;
	g_autoptr(Cert) cert = cert_parse(der, &error);

	ck_assert_ptr_null(cert);
	ck_assert(g_error_matches(error, CERTPROP_ERROR, code));
}

START_TEST(test_no_der)
{
	g_autoptr(GBytes) der = maker_der(&(MakerSpec){.cn = "x", .eku = "clientAuth"});
	gsize len;
	const guint8 *data = g_bytes_get_data(der, &len);
	g_autofree guint8 *longer = g_malloc0(len + 1);
	g_autofree guint8 *huge = g_malloc0(CERT_DER_MAX + 1);

	/* Every prefix. */
	for (gsize i = 0; i < len; i++)
		assert_refused(data, i, CERTPROP_ERROR_DAMAGED);

	memcpy(longer, data, len);
	assert_refused(longer, len + 1, CERTPROP_ERROR_DAMAGED);

	/* The outer length in three bytes, where two are enough. */
	ck_assert_uint_eq(data[1], 0x82);
	longer[1] = 0x83;
	longer[2] = 0;
	memcpy(longer + 3, data + 2, len - 2);
	assert_refused(longer, len + 1, CERTPROP_ERROR_DAMAGED);

	memcpy(huge, data, len);
	assert_refused(huge, CERT_DER_MAX + 1, CERTPROP_ERROR_LIMIT);
}
END_TEST

/* The certificate with the extension of this OID made unreadable. */
static Cert *spoil(GBytes *der, const char *oid, gsize oid_len)
{
	gsize len;
	const guint8 *data = g_bytes_get_data(der, &len);
	g_autofree guint8 *copy = g_memdup2(data, len);
	guint8 *at = memmem(copy, len, oid, oid_len);
	g_autoptr(GBytes) bytes = NULL;

	ck_assert_ptr_nonnull(at);
	/* OCTET STRING, its length, and then the tag that we change. */
	ck_assert_uint_eq(at[oid_len], 0x04);
	at[oid_len + 2] ^= 0x01;
	bytes = g_bytes_new(copy, len);
	return parse(bytes);
}

START_TEST(test_unreadable_extensions)
{
	g_autoptr(GBytes) der = maker_der(
		&(MakerSpec){.cn = "x", .eku = "clientAuth", .key_usage = "digitalSignature"});
	g_autoptr(Cert) eku = spoil(der, "\x06\x03\x55\x1d\x25", 5);
	g_autoptr(Cert) usage = spoil(der, "\x06\x03\x55\x1d\x0f", 5);

	/* "Nothing", never "no restriction". */
	ck_assert_ptr_nonnull(eku->eku);
	ck_assert_ptr_null(eku->eku[0]);
	ck_assert_uint_eq(usage->key_usage, 0);
}
END_TEST

/* Any one byte changed: refused, or read into something safe. */
START_TEST(test_every_byte)
{
	g_autoptr(GBytes) der = maker_der(&(MakerSpec){.cn = "Ada",
		.email = "a@b",
		.subject_email = "c@d",
		.eku = "clientAuth",
		.key_usage = "digitalSignature",
		.ca = true});
	gsize len;
	const guint8 *data = g_bytes_get_data(der, &len);
	g_autofree guint8 *copy = g_memdup2(data, len);
	unsigned n_read = 0;

	for (gsize i = 0; i < len; i++) {
		static const guint8 masks[] = {0x01, 0x20, 0x80, 0xff};

		for (gsize j = 0; j < G_N_ELEMENTS(masks); j++) {
			g_autoptr(GBytes) bytes = NULL;
			g_autoptr(GError) error = NULL;
			g_autoptr(Cert) cert = NULL;

			copy[i] = data[i] ^ masks[j];
			bytes = g_bytes_new(copy, len);
			cert = cert_parse(bytes, &error);
			ck_assert((cert == NULL) == (error != NULL));
			if (cert == NULL)
				continue;
			n_read++;
			assert_safe(cert->subject);
			assert_safe(cert->issuer);
			ck_assert(g_utf8_validate(cert->serial, -1, NULL));
		}
		copy[i] = data[i];
	}
	ck_assert_uint_gt(n_read, 100);
}
END_TEST

static Suite *cert_suite(void)
{
	Suite *suite = suite_create("cert");
	TCase *tcase = tcase_create("read");

	tcase_add_test(tcase, test_fields);
	tcase_add_test(tcase, test_absent_fields);
	tcase_add_test(tcase, test_kinds);
	tcase_add_loop_test(tcase, test_times, 0, G_N_ELEMENTS(times));
	tcase_add_loop_test(tcase, test_email, 0, G_N_ELEMENTS(emails));
	tcase_add_test(tcase, test_most_specific_cn);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("hostile");
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, test_hostile_names, 0, G_N_ELEMENTS(hostile));
	tcase_add_test(tcase, test_hostile_labels);
	tcase_add_test(tcase, test_long_name);
	tcase_add_test(tcase, test_no_der);
	tcase_add_test(tcase, test_unreadable_extensions);
	tcase_add_test(tcase, test_every_byte);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("written");
	tcase_add_test(tcase, test_id);
	tcase_add_loop_test(tcase, test_nickname, 0, G_N_ELEMENTS(names));
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(int argc, char **argv)
{
	return harness_run(cert_suite(), argc, argv);
}
