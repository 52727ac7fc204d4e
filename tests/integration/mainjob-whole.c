/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The expected values are written down here once more, from the documentation, and not taken from
 * the product's functions: CKA_ID from its definition, the claim by p11-kit's own parser, the
 * nickname from what the certificates were dealt with and what OpenSC calls them.
 */
#include "mainjob.h"

#include <p11-kit/uri.h>
#include <string.h>

typedef P11KitUri Uri;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Uri, p11_kit_uri_free)

/* One line as p11-kit reads it. */
static Uri *parse(const char *line)
{
	Uri *uri = p11_kit_uri_new();
	int rv = p11_kit_uri_parse(line, P11_KIT_URI_FOR_ANY, uri);

	ck_assert_msg(rv == P11_KIT_URI_OK, "%s: %s", line, p11_kit_uri_message(rv));
	ck_assert_msg(!p11_kit_uri_any_unrecognized(uri), "%s", line);
	ck_assert_str_eq(p11_kit_uri_get_vendor_query(uri, "x-certprop"), "1");
	return uri;
}

unsigned job_claims(const char *url)
{
	g_auto(GStrv) lines = g_strsplit_set(url, "\r\n", -1);
	unsigned n = 0;

	for (char **line = lines; *line != NULL; line++) {
		g_autoptr(Uri) uri = **line != '\0' ? parse(*line) : NULL;

		n += uri != NULL;
	}
	return n;
}

static void check_padded(const unsigned char *field, gsize size, const char *value)
{
	g_autofree char *text = g_strchomp(g_strndup((const char *)field, size));

	ck_assert_str_eq(text, value);
}

static void check_time(const char *text)
{
	g_autoptr(GDateTime) since = g_date_time_new_from_iso8601(text, NULL);
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();

	ck_assert_msg(since != NULL, "%s is no time", text);
	ck_assert(g_str_has_suffix(text, "Z"));
	ck_assert_int_le(llabs(g_date_time_difference(now, since)), G_TIME_SPAN_HOUR);
}

static void check_claim(const RigDbRow *row, const char *serial, unsigned reader)
{
	g_autoptr(Uri) uri = NULL;
	CK_TOKEN_INFO *token;
	CK_ATTRIBUTE *id, *class;
	const char *module;

	ck_assert_uint_eq(job_claims(row->url), 1);
	uri = parse(row->url);
	token = p11_kit_uri_get_token_info(uri);
	check_padded(token->serialNumber, sizeof(token->serialNumber), serial);
	check_padded(token->manufacturerID, sizeof(token->manufacturerID), "piv_II");
	check_padded(token->model, sizeof(token->model), "PKCS#15 emulated");
	check_padded(token->label, sizeof(token->label), "Ada Lovelace");
	class = p11_kit_uri_get_attribute(uri, CKA_CLASS);
	ck_assert_ptr_nonnull(class);
	ck_assert_uint_eq(*(CK_OBJECT_CLASS *)class->pValue, CKO_CERTIFICATE);
	id = p11_kit_uri_get_attribute(uri, CKA_ID);
	ck_assert_ptr_nonnull(id);
	ck_assert_uint_eq(id->ulValueLen, 1);
	module = p11_kit_uri_get_module_path(uri);
	ck_assert_ptr_nonnull(module);
	ck_assert(g_str_has_suffix(module, "/opensc-pkcs11.so"));
	ck_assert_str_eq(p11_kit_uri_get_vendor_query(uri, "x-endpoint"), "local");
	ck_assert_str_eq(p11_kit_uri_get_vendor_query(uri, "x-reader"),
		rig_pcscd_reader(world.pcscd, reader));
	ck_assert_str_eq(p11_kit_uri_get_vendor_query(uri, "x-nickname"), row->label);
	ck_assert_uint_gt(strlen(p11_kit_uri_get_vendor_query(uri, "x-host")), 0);
	check_time(p11_kit_uri_get_vendor_query(uri, "x-since"));
}

/* The first 20 bytes of SHA-256 over "certprop" and the DER. */
static void check_id(const RigDbRow *row)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	guint8 digest[32];
	gsize length = sizeof(digest);

	g_checksum_update(sum, (const guchar *)"certprop", 8);
	g_checksum_update(
		sum, g_bytes_get_data(row->der, NULL), (gssize)g_bytes_get_size(row->der));
	g_checksum_get_digest(sum, digest, &length);
	ck_assert_uint_eq(g_bytes_get_size(row->id), 20);
	ck_assert_mem_eq(g_bytes_get_data(row->id, NULL), digest, 20);
}

/* "CN - object (token)", with the names that OpenSC gives the objects of a PIV card. */
static void check_nickname(const RigDbRow *row, unsigned index)
{
	static const char *const first[] = {
		"PIV Authentication", "Digital Signature", "Key Management", "Card Authentication"};
	g_autofree char *expected = NULL;

	if (index < G_N_ELEMENTS(first))
		expected = g_strdup_printf(
			"Ada Lovelace - Certificate for %s (Ada Lovelace)", first[index]);
	else
		expected = g_strdup_printf("Ada Lovelace - Retired Certificate for Key Management "
					   "%u (Ada Lovelace)",
			index - (unsigned)G_N_ELEMENTS(first) + 1);
	ck_assert_str_eq(row->label, expected);
}

/* Rows of `certutil -L` that end in trust flags, all of which have to be empty. */
static unsigned nss_names(void)
{
	g_autofree char *sql = job_sql();
	const char *argv[] = {"certutil", "-L", "-d", sql, NULL};
	g_autofree char *output = rig_run_ok(argv, NULL);
	g_auto(GStrv) lines = g_strsplit(output, "\n", -1);
	unsigned n = 0;

	for (char **line = lines; *line != NULL; line++) {
		g_strchomp(*line);
		if (strchr(*line, ',') == NULL || strstr(*line, "S/MIME") != NULL)
			continue;
		ck_assert_msg(g_str_has_suffix(*line, " ,,"), "%s", *line);
		n++;
	}
	return n;
}

static int compare_text(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What NSS has under a nickname's subject, as base64 of the DER, sorted. */
static GPtrArray *nss_certificates(const char *nickname)
{
	g_autofree char *sql = job_sql();
	const char *argv[] = {"certutil", "-L", "-d", sql, "-n", nickname, "-a", NULL};
	g_autofree char *output = rig_run_ok(argv, NULL);
	g_auto(GStrv) parts = g_strsplit(output, "-----BEGIN CERTIFICATE-----", -1);
	GPtrArray *found = g_ptr_array_new_with_free_func(g_free);

	for (char **part = parts + 1; parts[0] != NULL && *part != NULL; part++) {
		g_auto(GStrv) lines = NULL;

		*strstr(*part, "-----END") = '\0';
		lines = g_strsplit_set(*part, "\r\n", -1);
		g_ptr_array_add(found, g_strjoinv("", lines));
	}
	g_ptr_array_sort(found, compare_text);
	return found;
}

/* All certificates of the card have one subject, so the first one's nickname finds them all. */
static void check_nss(const char *card, unsigned n)
{
	g_autofree char *nickname = job_label(card, 0);
	g_autoptr(GPtrArray) found = nss_certificates(nickname);
	g_autoptr(GPtrArray) dealt = g_ptr_array_new_with_free_func(g_free);

	ck_assert_uint_eq(nss_names(), n);
	for (unsigned i = 0; i < n; i++) {
		g_autoptr(GBytes) der = rig_dealt_der(card, i);

		g_ptr_array_add(
			dealt, g_base64_encode(g_bytes_get_data(der, NULL), g_bytes_get_size(der)));
	}
	g_ptr_array_sort(dealt, compare_text);
	ck_assert_uint_eq(found->len, n);
	for (unsigned i = 0; i < n; i++)
		ck_assert_str_eq(
			g_ptr_array_index(found, i), (const char *)g_ptr_array_index(dealt, i));
}

void job_check_whole(const char *card, unsigned n, const char *serial, unsigned reader)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(world.database);
	g_autofree char *integrity = rig_db_integrity(world.database);

	ck_assert_uint_eq(rows->len, n);
	for (unsigned i = 0; i < n; i++) {
		g_autoptr(GBytes) der = rig_dealt_der(card, i);
		const RigDbRow *row = rig_db_find(rows, der);

		ck_assert_msg(row != NULL, "place %s is not there", slot_at(i)->name);
		check_id(row);
		check_nickname(row, i);
		check_claim(row, serial, reader);
	}
	check_nss(card, n);
	ck_assert_uint_eq(rig_db_private_objects(world.database), 0);
	ck_assert_uint_eq(rig_db_trust_objects(world.database), 0);
	ck_assert_str_eq(integrity, "ok");
}
