/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Three rounds, from exact to loose, and the first that finds anything ends the search: a full
 * nickname wins over a subject that happens to contain it.
 *
 * A certificate file is not parsed here: its SHA-256 is over its bytes, so all that must be known
 * is where they begin and end (RFC 7468 for PEM; the outer SEQUENCE of X.690 for DER).
 */

#include "match.h"

#include <string.h>

#include "error.h"

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END   "-----END CERTIFICATE-----"

typedef bool (*MatchFunc)(const ReportCert *cert, const char *text);

static GPtrArray *collect(const Report *report, MatchFunc func, const char *text)
{
	GPtrArray *matches = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < report->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(report->databases, i);

		for (guint j = 0; j < database->certs->len; j++) {
			const ReportCert *cert = g_ptr_array_index(database->certs, j);

			if (func(cert, text)) {
				Match *match = g_new0(Match, 1);

				match->database = database;
				match->cert = cert;
				g_ptr_array_add(matches, match);
			}
		}
	}

	return matches;
}

static bool is_nickname(const ReportCert *cert, const char *text)
{
	return strcmp(cert->nickname, text) == 0;
}

static bool is_sha256(const ReportCert *cert, const char *text)
{
	return strcmp(cert->sha256, text) == 0;
}

/* People write a serial number with and without its leading zeros. */
static const char *significant(const char *hex)
{
	while (hex[0] == '0' && hex[1] != '\0')
		hex++;
	return hex;
}

static bool is_number(const ReportCert *cert, const char *hex)
{
	return strcmp(significant(cert->serial), significant(hex)) == 0 ||
	       (strlen(hex) >= MATCH_PREFIX_MIN && g_str_has_prefix(cert->sha256, hex));
}

static bool contains(const char *where, const char *folded)
{
	g_autofree char *text = g_utf8_casefold(where, -1);

	return strstr(text, folded) != NULL;
}

static bool is_about(const ReportCert *cert, const char *folded)
{
	return contains(cert->subject, folded) || contains(cert->nickname, folded);
}

/* Lower-case hex digits without "0x" and without the colons that tools print, or NULL. */
static char *as_hex(const char *text)
{
	GString *hex = g_string_new(NULL);

	if (g_ascii_strncasecmp(text, "0x", 2) == 0)
		text += 2;
	for (; *text != '\0'; text++) {
		if (*text == ':' || *text == ' ')
			continue;
		if (!g_ascii_isxdigit(*text)) {
			g_string_free(hex, TRUE);
			return NULL;
		}
		g_string_append_c(hex, g_ascii_tolower(*text));
	}

	return g_string_free(hex, hex->len == 0);
}

GPtrArray *match_sha256(const Report *report, const char *sha256)
{
	return collect(report, is_sha256, sha256);
}

GPtrArray *match_text(const Report *report, const char *text)
{
	g_autofree char *hex = as_hex(text);
	g_autofree char *folded = g_utf8_casefold(text, -1);
	GPtrArray *matches = collect(report, is_nickname, text);

	if (matches->len == 0 && hex != NULL) {
		g_ptr_array_unref(matches);
		matches = collect(report, is_number, hex);
	}
	if (matches->len == 0 && *folded != '\0') {
		g_ptr_array_unref(matches);
		matches = collect(report, is_about, folded);
	}

	return matches;
}

guint match_distinct(const GPtrArray *matches)
{
	g_autoptr(GHashTable) set = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint i = 0; i < matches->len; i++) {
		const Match *match = g_ptr_array_index(matches, i);

		g_hash_table_add(set, match->cert->sha256);
	}

	return g_hash_table_size(set);
}

/* The first certificate of a PEM file, or NULL if there is none in it. */
static guchar *from_pem(const guint8 *data, gsize len, gsize *ret_len)
{
	if (len == 0)
		return NULL;

	g_autofree char *text = g_strndup((const char *)data, len); /* ends at a NUL */
	const char *begin = strstr(text, PEM_BEGIN);
	const char *end = begin != NULL ? strstr(begin, PEM_END) : NULL;

	if (end == NULL)
		return NULL;

	begin += strlen(PEM_BEGIN);
	g_autofree char *body = g_strndup(begin, (gsize)(end - begin));

	return g_base64_decode(body, ret_len);
}

/* The bytes are one DER SEQUENCE with a two- or three-byte length, nothing before or after it. */
static bool is_der(const guint8 *data, gsize len)
{
	if (len < 4 || data[0] != 0x30)
		return false;
	if (data[1] == 0x81)
		return len == 3u + data[2];
	if (data[1] == 0x82)
		return len == 4u + ((gsize)data[2] << 8 | data[3]);
	if (data[1] == 0x83)
		return len > 5 &&
		       len == 5u + ((gsize)data[2] << 16 | (gsize)data[3] << 8 | data[4]);

	return data[1] < 0x80 && len == 2u + data[1];
}

char *match_file_sha256(const guint8 *data, gsize len, GError **error)
{
	gsize pem_len = 0;
	g_autofree guchar *pem = from_pem(data, len, &pem_len);
	const guint8 *der = pem != NULL ? pem : data;
	gsize der_len = pem != NULL ? pem_len : len;

	if (!is_der(der, der_len)) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_DAMAGED,
			"it holds no certificate, neither PEM nor DER");
		return NULL;
	}

	return g_compute_checksum_for_data(G_CHECKSUM_SHA256, der, der_len);
}
