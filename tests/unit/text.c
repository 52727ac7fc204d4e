/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What comes from a card, made safe: by examples of each kind of trick, and by properties over
 * random bytes.
 */

#include "text.h"

#include <string.h>

#include "harness.h"

static const struct {
	const char *in, *escaped, *cleaned;
} tricks[] = {
	{"", "", ""},
	{"Jane Doe", "Jane Doe", "Jane Doe"},
	{"Zoë Šimůnková 山田", "Zoë Šimůnková 山田", "Zoë Šimůnková 山田"},
	{"a\\b", "a\\\\b", "a\\b"},
	{"\033[31mred", "\\x1b[31mred", "[31mred"},
	{"two\nlines\r\n", "two\\x0alines\\x0d\\x0a", "two lines"},
	{"\ttab\v", "\\x09tab\\x0b", "tab"},
	{"\x7f"
	 "del",
		"\\x7f"
		"del",
		"del"},
	{"c1\xc2\x9b"
	 "31m",
		"c1\\u{009b}31m", "c131m"},
	{"nel\xc2\x85x", "nel\\u{0085}x", "nel x"},
	{"line\u2028sep\u2029", "line\\u{2028}sep\\u{2029}", "line sep"},
	{"\u202egnp.exe\u202c", "\\u{202e}gnp.exe\\u{202c}", "gnp.exe"},
	{"\u2066iso\u2069", "\\u{2066}iso\\u{2069}", "iso"},
	{"zero\u200bwidth\ufeff", "zero\\u{200b}width\\u{feff}", "zerowidth"},
	{"tag\U000e0041", "tag\\u{e0041}", "tag"},
	{"fill\u3164er", "fill\\u{3164}er", "filler"},
	{"no\u00a0break", "no\u00a0break", "no break"},
	{"  many   blanks  ", "  many   blanks  ", "many blanks"},
	{"bad \xff\xc3", "bad \\xff\\xc3", "bad \ufffd\ufffd"},
	{"\xc0\x80 overlong", "\\xc0\\x80 overlong", "\ufffd\ufffd overlong"},
	{"\xed\xa0\x80 surrogate", "\\xed\\xa0\\x80 surrogate", "\ufffd\ufffd\ufffd surrogate"},
};

START_TEST(escape)
{
	g_autofree char *out = text_escape(tricks[_i].in);

	ck_assert_str_eq(out, tricks[_i].escaped);
}
END_TEST

START_TEST(clean)
{
	g_autofree char *out = text_clean(tricks[_i].in, 100);

	ck_assert_str_eq(out, tricks[_i].cleaned);
}
END_TEST

START_TEST(null_is_empty)
{
	g_autofree char *escaped = text_escape(NULL);
	g_autofree char *cleaned = text_clean(NULL, 10);
	g_autofree char *padded = text_from_padded(NULL, 0);

	ck_assert_str_eq(escaped, "");
	ck_assert_str_eq(cleaned, "");
	ck_assert_str_eq(padded, "");
}
END_TEST

START_TEST(fits_whole_characters)
{
	ck_assert_uint_eq(text_fit("abc", 2), 2);
	ck_assert_uint_eq(text_fit("a山b", 1), 1);
	ck_assert_uint_eq(text_fit("a山b", 2), 1);
	ck_assert_uint_eq(text_fit("a山b", 3), 1);
	ck_assert_uint_eq(text_fit("a山b", 4), 4);
	ck_assert_uint_eq(text_fit("山", 2), 0);
}
END_TEST

START_TEST(clean_cuts_between_characters)
{
	/* 山 has three bytes; a blank is not left at the end. */
	static const struct {
		gsize max;
		const char *out;
	} cuts[] = {{0, ""}, {1, "a"}, {2, "a"}, {3, "a"}, {4, "a"}, {5, "a 山"}, {6, "a 山b"}};

	for (gsize i = 0; i < G_N_ELEMENTS(cuts); i++) {
		g_autofree char *out = text_clean("a 山b", cuts[i].max);

		ck_assert_str_eq(out, cuts[i].out);
	}
}
END_TEST

/* Bytes in which valid characters, broken ones and tricks all come up often. */
static char *random_text(GRand *rand, gsize len)
{
	GString *text = g_string_new(NULL);

	while (text->len < len) {
		switch (g_rand_int_range(rand, 0, 4)) {
		case 0:
			g_string_append_c(text, (char)g_rand_int_range(rand, 1, 256));
			break;
		case 1:
			g_string_append_c(text, (char)g_rand_int_range(rand, ' ', 0x7f));
			break;
		case 2:
			g_string_append_unichar(
				text, (gunichar)g_rand_int_range(rand, 0x80, 0x3000));
			break;
		default:
			g_string_append(
				text, tricks[g_rand_int_range(rand, 0, G_N_ELEMENTS(tricks))].in);
			break;
		}
	}

	return g_string_free(text, FALSE);
}

static void assert_harmless(const char *text)
{
	ck_assert(g_utf8_validate(text, -1, NULL));
	for (const char *p = text; *p != '\0'; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);
		GUnicodeType type = g_unichar_type(c);

		ck_assert_msg(type != G_UNICODE_CONTROL && type != G_UNICODE_FORMAT &&
				      type != G_UNICODE_LINE_SEPARATOR &&
				      type != G_UNICODE_PARAGRAPH_SEPARATOR,
			"U+%04X came through", c);
	}
}

START_TEST(random_is_harmless)
{
	GRand *rand = g_rand_new_with_seed((guint32)_i);

	for (unsigned i = 0; i < 100; i++) {
		g_autofree char *in = random_text(rand, (gsize)g_rand_int_range(rand, 0, 200));
		gsize max = (gsize)g_rand_int_range(rand, 0, 120);
		g_autofree char *escaped = text_escape(in);
		g_autofree char *cleaned = text_clean(in, max);
		g_autofree char *again = text_clean(cleaned, max);

		assert_harmless(escaped);
		assert_harmless(cleaned);
		ck_assert_uint_le(strlen(cleaned), max);
		ck_assert_str_eq(again, cleaned);
	}
	g_rand_free(rand);
}
END_TEST

/* Two different texts never look the same once escaped: undo it. */
START_TEST(escape_is_reversible)
{
	g_autofree char *a = text_escape("\\x1b");
	g_autofree char *b = text_escape("\x1b");
	g_autofree char *c = text_escape("\\\x1b");

	ck_assert_str_ne(a, b);
	ck_assert_str_eq(a, "\\\\x1b");
	ck_assert_str_eq(c, "\\\\\\x1b");
}
END_TEST

START_TEST(huge)
{
	g_autofree char *in = g_strnfill(60000, '\x9b');
	g_autofree char *escaped = text_escape(in);
	g_autofree char *cleaned = text_clean(in, 100);

	ck_assert_uint_eq(strlen(escaped), 4 * 60000);
	ck_assert_uint_le(strlen(cleaned), 100);
}
END_TEST

START_TEST(padded)
{
	static const struct {
		const char *in;
		gsize len;
		const char *out;
	} cases[] = {
		{"PIV_II          ", 16, "PIV_II"},
		{"                ", 16, ""},
		{"full up to 16 ch", 16, "full up to 16 ch"},
		{"ended\0garbage", 13, "ended"},
		{"zeros\0\0\0", 8, "zeros"},
		{"blank then NUL \0", 16, "blank then NUL"},
		{" leading ", 9, " leading"},
		{"latin \xe4 ", 8, "latin \ufffd"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *out = text_from_padded(cases[i].in, cases[i].len);

		ck_assert_str_eq(out, cases[i].out);
	}
}
END_TEST

START_TEST(hex)
{
	g_autofree char *out = text_hex("\x00\x01\xab\xff", 4);
	g_autofree char *none = text_hex("", 0);

	ck_assert_str_eq(out, "0001abff");
	ck_assert_str_eq(none, "");
}
END_TEST

static const struct {
	gint64 seconds;
	const char *text;
} times[] = {
	{0, "1970-01-01T00:00:00Z"},
	{1795338000, "2026-11-22T09:00:00Z"},
	{G_GINT64_CONSTANT(4102444800), "2100-01-01T00:00:00Z"},
	{-1, "1969-12-31T23:59:59Z"},
	{951782400, "2000-02-29T00:00:00Z"},
	{G_GINT64_CONSTANT(-62135596800), "0001-01-01T00:00:00Z"},
	{G_GINT64_CONSTANT(253402300799), "9999-12-31T23:59:59Z"},
};

START_TEST(time_both_ways)
{
	g_autofree char *text = text_time(times[_i].seconds);
	gint64 back;

	ck_assert_str_eq(text, times[_i].text);
	ck_assert(text_time_parse(text, &back));
	ck_assert_int_eq(back, times[_i].seconds);
}
END_TEST

START_TEST(time_beyond_four_digits)
{
	g_autofree char *late = text_time(G_MAXINT64);
	g_autofree char *early = text_time(G_MININT64);

	ck_assert_str_eq(late, "9999-12-31T23:59:59Z");
	ck_assert_str_eq(early, "0001-01-01T00:00:00Z");
}
END_TEST

static const char *const no_times[] = {"", "2026-11-22", "2026-11-22T09:00:00",
	"2026-11-22T09:00:00+", "2026-11-22 09:00:00Z", "2026-13-22T09:00:00Z",
	"2026-02-29T09:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T09:60:00Z",
	"2026-11-22T09:00:00Zx", "+026-11-22T09:00:00Z", "2026-11-22T09:00: 0Z",
	"0000-01-01T00:00:00Z", NULL};

START_TEST(time_refused)
{
	gint64 seconds = 42;

	ck_assert(!text_time_parse(no_times[_i], &seconds));
	ck_assert_int_eq(seconds, 42);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("text");
	TCase *safe = tcase_create("safe");
	TCase *form = tcase_create("form");

	tcase_add_loop_test(safe, escape, 0, G_N_ELEMENTS(tricks));
	tcase_add_loop_test(safe, clean, 0, G_N_ELEMENTS(tricks));
	tcase_add_test(safe, null_is_empty);
	tcase_add_test(safe, fits_whole_characters);
	tcase_add_test(safe, clean_cuts_between_characters);
	tcase_add_loop_test(safe, random_is_harmless, 0, 10);
	tcase_add_test(safe, escape_is_reversible);
	tcase_add_test(safe, huge);
	suite_add_tcase(suite, safe);

	tcase_add_test(form, padded);
	tcase_add_test(form, hex);
	tcase_add_loop_test(form, time_both_ways, 0, G_N_ELEMENTS(times));
	tcase_add_test(form, time_beyond_four_digits);
	tcase_add_loop_test(form, time_refused, 0, G_N_ELEMENTS(no_times));
	suite_add_tcase(suite, form);

	return harness_run(suite, argc, argv);
}
