/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/claim.c and lib/marker.c: what we write is one line a claim and comes back the same, whatever
 * a card is called; what others wrote is carried along.
 */

#include "marker.h"

#include <string.h>

#include "error.h"
#include "harness.h"

#define OURS                                                                                     \
	"pkcs11:model=M;manufacturer=A;serial=1;id=%01;type=cert?x-certprop=1&x-endpoint=local&" \
	"x-host=h"

static Claim *make_claim(const char *text, const char *endpoint, const char *host)
{
	Claim *claim = g_new0(Claim, 1);

	claim->token = token_new(text, text, text, text);
	claim->id = g_bytes_new(text, strlen(text));
	claim->object = g_strdup(text);
	claim->module = g_strdup(text);
	claim->endpoint = g_strdup(endpoint);
	claim->reader = g_strdup(text);
	claim->host = g_strdup(host);
	claim->since = g_strdup("2026-11-22T09:00:00Z");
	claim->nickname = g_strdup(text);
	return claim;
}

static char *format(const Claim *claim)
{
	g_autoptr(GError) error = NULL;
	char *line = claim_format(claim, &error);

	ck_assert_msg(line != NULL, "%s", error != NULL ? error->message : "no error");
	return line;
}

static Marker *parse(const void *data, gsize len)
{
	g_autoptr(GError) error = NULL;
	Marker *marker = marker_parse(data, len, &error);

	ck_assert_msg(marker != NULL, "%s", error != NULL ? error->message : "no error");
	return marker;
}

static const Claim *claim_at(const Marker *marker, guint i)
{
	return marker->claims->pdata[i];
}

/* Everything that URIs, lines, C strings and terminals give a meaning to. */
static const char *const texts[] = {
	"plain",
	"with blanks in it",
	" leading",
	"PKCS#15 emulated",
	"%41%zz%",
	"a&x-certprop=2&x-endpoint=xrdp:1",
	"a;type=private?pin-value=1",
	"a=b?c#d",
	"line\nbreak\r\n#",
	"\t\v\f",
	"\x1b[31m\x07\x7f",
	"Löfgren €",
	"\xe2\x80\xaegpj",
	"\xf0\x9f\x94\x91 key",
	"'\"`$(id)\\",
	":/@!*()[]~,+",
};

START_TEST(test_round_trip)
{
	g_autoptr(Claim) claim = make_claim(texts[_i], texts[_i], texts[_i]);
	g_autofree char *line = NULL;
	g_autoptr(Claim) back = NULL;

	claim->trust = _i % 2 == 1;
	line = format(claim);
	back = claim_parse(line);
	ck_assert_ptr_nonnull(back);
	for (const char *p = line; *p != '\0'; p++)
		ck_assert(g_ascii_isgraph(*p));

	ck_assert(token_equal(back->token, claim->token));
	ck_assert_str_eq(back->token->label, claim->token->label);
	ck_assert(g_bytes_equal(back->id, claim->id));
	ck_assert_str_eq(back->object, texts[_i]);
	ck_assert_str_eq(back->module, texts[_i]);
	ck_assert_str_eq(back->endpoint, texts[_i]);
	ck_assert_str_eq(back->reader, texts[_i]);
	ck_assert_str_eq(back->host, texts[_i]);
	ck_assert_str_eq(back->since, claim->since);
	ck_assert_str_eq(back->nickname, texts[_i]);
	ck_assert(back->trust == claim->trust);
	ck_assert(claim_same_owner(back, claim));
	ck_assert(claim_same_object(back, claim->id, claim->object));

	g_autofree char *again = format(back);
	ck_assert_str_eq(again, line);
}
END_TEST

/* What no URI or field can hold: invalid UTF-8, and more bytes than there is room for. */
START_TEST(test_cut_and_repaired)
{
	static const char *const odd[] = {
		"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", "caf\xe9", "\xe2\x82"};
	g_autoptr(GString) text = g_string_new(NULL);

	for (gsize round = 0; round < 6; round++) {
		for (gsize i = 0; i < G_N_ELEMENTS(odd); i++) {
			g_string_append(text, odd[i]);

			g_autoptr(Claim) claim = make_claim(text->str, "local", "h");
			g_autofree char *line = format(claim);
			g_autoptr(Claim) back = claim_parse(line);
			g_autofree char *again = format(back);

			ck_assert_str_eq(again, line);
			ck_assert(claim_same_owner(back, claim));
			ck_assert(claim_same_object(back, claim->id, claim->object));
			ck_assert(g_utf8_validate(back->object, -1, NULL));
			ck_assert(g_utf8_validate(back->token->label, -1, NULL));
		}
		g_autofree char *doubled = g_strconcat(text->str, text->str, NULL);
		g_string_append(text, doubled);
	}
	ck_assert_uint_gt(text->len, 1024);
}
END_TEST

START_TEST(test_empty_fields)
{
	g_autoptr(Claim) claim = g_new0(Claim, 1);
	g_autofree char *line = NULL;
	g_autoptr(Claim) back = NULL;

	claim->token = token_new(NULL, NULL, NULL, NULL);
	line = format(claim);
	ck_assert_str_eq(line, "pkcs11:type=cert?x-certprop=1");
	back = claim_parse(line);
	ck_assert_ptr_nonnull(back);
	ck_assert_str_eq(back->token->serial, "");
	ck_assert_uint_eq(g_bytes_get_size(back->id), 0);
	ck_assert_str_eq(back->endpoint, "");
	ck_assert_str_eq(back->nickname, "");
	ck_assert(claim_same_object(back, NULL, NULL));
}
END_TEST

/* The form that is promised to others. */
START_TEST(test_form)
{
	g_autoptr(Claim) claim = make_claim("X", "local", "0123abcd");
	g_autofree char *line = format(claim);
	g_autofree char *trusting = NULL;
	g_autofree char *expected = NULL;

	ck_assert_str_eq(line,
		"pkcs11:model=X;manufacturer=X;serial=X;token=X;id=%58;object=X;type=cert?"
		"module-path=X&x-certprop=1&x-endpoint=local&x-host=0123abcd&x-nickname=X&"
		"x-reader=X&x-since=2026-11-22T09%3A00%3A00Z");
	claim->trust = true;
	trusting = format(claim);
	expected = g_strconcat(line, "&x-trust=1", NULL);
	ck_assert_str_eq(trusting, expected);
}
END_TEST

/* Who is the same owner. */
static const struct {
	const char *a[5]; /* manufacturer, model, serial, endpoint, host */
	const char *b[5];
	bool same;
} owners[] = {
	{{"A", "M", "1", "local", "h"}, {"A", "M", "1", "local", "h"}, true},
	{{"A", "M", "1", "local", "h"}, {"A", "M", "2", "local", "h"}, false},
	{{"A", "M", "1", "local", "h"}, {"B", "M", "1", "local", "h"}, false},
	{{"A", "M", "1", "local", "h"}, {"A", "N", "1", "local", "h"}, false},
	{{"A", "M", "1", "local", "h"}, {"A", "M", "1", "xrdp:10", "h"}, false},
	{{"A", "M", "1", "local", "h"}, {"A", "M", "1", "local", "g"}, false},
	{{"A", "M", "", "local", "h"}, {"A", "M", "0000", "local", "h"}, true},
	{{"A", "M", "", "local", "h"}, {"A", "M", "1", "local", "h"}, false},
	{{"A", "M", "0", "local", "h"}, {"A", "N", "0", "local", "h"}, false},
};

static Claim *make_owner(const char *const fields[5])
{
	Claim *claim = g_new0(Claim, 1);

	claim->token = token_new(fields[0], fields[1], fields[2], "label");
	claim->endpoint = g_strdup(fields[3]);
	claim->host = g_strdup(fields[4]);
	return claim;
}

START_TEST(test_same_owner)
{
	g_autoptr(Claim) a = make_owner(owners[_i].a);
	g_autoptr(Claim) b = make_owner(owners[_i].b);

	ck_assert(claim_same_owner(a, b) == owners[_i].same);
	ck_assert(claim_same_owner(b, a) == owners[_i].same);
}
END_TEST

/* What a value holds: claims of ours, lines of others, and how it is written again. */
static const struct {
	const char *text;
	gsize len; /* 0: up to the NUL */
	guint n_claims;
	guint n_others;
	const char *again; /* NULL: as it was */
} values[] = {
	{"", 0, 0, 0, NULL},
	{OURS, 0, 1, 0, NULL},
	{OURS "\n", 0, 1, 0, OURS},
	{OURS "\r\n", 0, 1, 0, OURS},
	{"\n\r\n \t\n" OURS "\n\n", 0, 1, 0, OURS},
	{OURS "\n" OURS, 0, 1, 0, OURS}, /* one owner owns once */
	{OURS "2\r\n" OURS, 0, 2, 0, OURS "2\n" OURS},
	{"https://example.org/ada.cer", 0, 0, 1, NULL},
	{"https://example.org/ada.cer\r\r\n" OURS, 0, 1, 1, OURS "\nhttps://example.org/ada.cer"},
	{"# comment\n" OURS, 0, 1, 1, OURS "\n# comment"},
	{"#" OURS, 0, 0, 1, NULL},
	{" " OURS, 0, 1, 0, OURS},
	{"pkcs11:model=M;type=cert", 0, 0, 1, NULL},
	{"pkcs11:model=M?x-certprop=2", 0, 0, 1, NULL},
	{"pkcs11:model=M?x-certprop=", 0, 0, 1, NULL},
	{"pkcs11:model=M?x-certprop=11", 0, 0, 1, NULL},
	{"pkcs11:model=M;x-certprop=1", 0, 0, 1, NULL}, /* in the path, not the query */
	{"pkcs11:model=%zz?x-certprop=1", 0, 0, 1, NULL},
	{"pkcs11:=?x-certprop=1", 0, 0, 1, NULL},
	{"http:?x-certprop=1", 0, 0, 1, NULL},
	{"\xff\xfe\x01", 0, 0, 1, NULL},
	{"pkcs11:?x-certprop=1", 0, 1, 0, "pkcs11:type=cert?x-certprop=1"},
	{"PKCS11:?x-certprop=1&x-future=7", 0, 1, 0, "pkcs11:type=cert?x-certprop=1"},
	{OURS "\0", sizeof(OURS), 0, 1, "#"},
	{"\0\0", 2, 0, 1, "#%00%00"},
};

START_TEST(test_parse)
{
	gsize len = values[_i].len > 0 ? values[_i].len : strlen(values[_i].text);
	g_autoptr(Marker) marker = parse(values[_i].text, len);
	g_autofree char *text = marker_format(marker, NULL);
	const char *expected = values[_i].again != NULL ? values[_i].again : values[_i].text;

	ck_assert_uint_eq(marker->claims->len, values[_i].n_claims);
	ck_assert_uint_eq(marker->others->len, values[_i].n_others);
	ck_assert(marker_is_ours(marker) == (values[_i].n_claims > 0));
	ck_assert_ptr_nonnull(text);
	if (strcmp(expected, "#") == 0)
		ck_assert_int_eq(text[0], '#');
	else
		ck_assert_str_eq(text, expected);

	/* Once written, it stays. */
	g_autoptr(Marker) back = parse(text, strlen(text));
	g_autofree char *again = marker_format(back, NULL);
	ck_assert_str_eq(again, text);
	ck_assert_uint_eq(back->claims->len, marker->claims->len);
	ck_assert_uint_eq(back->others->len, marker->others->len);
}
END_TEST

static void assert_limit(const char *text, gsize len)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Marker) marker = marker_parse(text, len, &error);

	ck_assert_ptr_null(marker);
	ck_assert(g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_LIMIT));
}

START_TEST(test_caps)
{
	g_autoptr(GString) claims = g_string_new(NULL);
	g_autoptr(GString) lines = g_string_new(NULL);
	g_autofree char *bytes = g_strnfill(MARKER_MAX + 1, 'x');
	g_autoptr(Marker) marker = NULL;

	for (unsigned i = 0; i < MARKER_CLAIMS_MAX; i++)
		g_string_append_printf(claims, "%s%u\n", OURS, i);
	marker = parse(claims->str, claims->len);
	ck_assert_uint_eq(marker->claims->len, MARKER_CLAIMS_MAX);
	g_string_append(claims, OURS "more");
	assert_limit(claims->str, claims->len);

	for (unsigned i = 0; i <= MARKER_OTHERS_MAX; i++)
		g_string_append(lines, "x\n");
	assert_limit(lines->str, lines->len);
	g_string_truncate(lines, lines->len - 2);
	marker_free(g_steal_pointer(&marker));
	marker = parse(lines->str, lines->len);
	ck_assert_uint_eq(marker->others->len, MARKER_OTHERS_MAX);

	assert_limit(bytes, MARKER_MAX + 1);
	marker_free(g_steal_pointer(&marker));
	marker = parse(bytes, MARKER_MAX);
	ck_assert_uint_eq(marker->others->len, 1);
}
END_TEST

START_TEST(test_format_caps)
{
	g_autoptr(Marker) marker = marker_new();
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;

	for (unsigned i = 0; i <= MARKER_CLAIMS_MAX; i++) {
		g_autofree char *host = g_strdup_printf("h%u", i);

		g_ptr_array_add(marker->claims, make_claim("x", "local", host));
	}
	text = marker_format(marker, &error);
	ck_assert_ptr_null(text);
	ck_assert(g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_LIMIT));

	g_clear_error(&error);
	g_ptr_array_set_size(marker->claims, 1);
	g_ptr_array_add(marker->others, g_strnfill(MARKER_MAX, 'x'));
	text = marker_format(marker, &error);
	ck_assert_ptr_null(text);
	ck_assert(g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_LIMIT));
}
END_TEST

START_TEST(test_dup_and_find)
{
	g_autoptr(Marker) marker =
		parse(OURS "\n" OURS "2\nother", strlen(OURS "\n" OURS "2\nother"));
	g_autoptr(Marker) copy = marker_dup(marker);
	g_autofree char *text = marker_format(marker, NULL);
	g_autofree char *copied = marker_format(copy, NULL);

	ck_assert_str_eq(text, copied);
	ck_assert_ptr_eq(marker_find(marker, claim_at(copy, 1)), claim_at(marker, 1));
	g_ptr_array_remove_index(copy->claims, 1);
	ck_assert_ptr_null(marker_find(copy, claim_at(marker, 1)));
	ck_assert_uint_eq(marker->claims->len, 2);
}
END_TEST

static Suite *marker_suite(void)
{
	Suite *suite = suite_create("marker");
	TCase *tcase = tcase_create("claim");

	tcase_add_loop_test(tcase, test_round_trip, 0, G_N_ELEMENTS(texts));
	tcase_add_test(tcase, test_cut_and_repaired);
	tcase_add_test(tcase, test_empty_fields);
	tcase_add_test(tcase, test_form);
	tcase_add_loop_test(tcase, test_same_owner, 0, G_N_ELEMENTS(owners));
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("list");
	tcase_add_loop_test(tcase, test_parse, 0, G_N_ELEMENTS(values));
	tcase_add_test(tcase, test_caps);
	tcase_add_test(tcase, test_format_caps);
	tcase_add_test(tcase, test_dup_and_find);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(int argc, char **argv)
{
	return harness_run(marker_suite(), argc, argv);
}
