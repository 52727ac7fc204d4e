/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The recogniser that stands between a user's process and root's parser: what our programs print
 * passes; everything else does not, in particular what parsers of others have been known to die of.
 */

#include "strict.h"

#include <string.h>

#include "error.h"
#include "harness.h"
#include "json.h"

#define REPEAT_MAX 200000u

static const char *const good[] = {
	"{}",
	" {\n} \t\r\n",
	"{\"a\":1}",
	"{\"a\":-0,\"b\":[],\"c\":{},\"d\":[[],{}]}",
	"{\"a\":[1,\"x\",true,false,null,{\"b\":[0]}]}",
	"{\"\\u00e9\\ud83d\\ude00 \\\\ \\/ \\\" \\b\\f\\n\\r\\t\":\"\xc3\xa9\"}",
	"{\"n\":999999999999999}",
	"{\"databases\":[{\"path\":\"sql:/x\",\"certificates\":[{\"claims\":[{\"uri\":\"\"}]}]}]}",
};

static const char *const bad[] = {
	"",
	" ",
	"[]",
	"1",
	"\"a\"",
	"{",
	"}",
	"{}{}",
	"{} x",
	"{}]",
	"{\"a\"}",
	"{\"a\":}",
	"{\"a\":1,}",
	"{,\"a\":1}",
	"{\"a\":1 \"b\":2}",
	"{a:1}",
	"{'a':1}",
	"{\"a\":[1,]}",
	"{\"a\":[,1]}",
	"{\"a\":[1 2]}",
	"{\"a\":[1}",
	"{\"a\":{]}",
	"{\"a\":1]",
	"{\"a\":[\"b\":1]}",
	"{\"a\":01}",
	"{\"a\":+1}",
	"{\"a\":-}",
	"{\"a\":1.5}",
	"{\"a\":1e999}",
	"{\"a\":1E1}",
	"{\"a\":9999999999999999}",
	"{\"a\":NaN}",
	"{\"a\":Infinity}",
	"{\"a\":tru}",
	"{\"a\":truer}",
	"{\"a\":\"\\x41\"}",
	"{\"a\":\"\\u12\"}",
	"{\"a\":\"\\u0000\"}",
	"{\"a\":\"\\ud800\"}",
	"{\"a\":\"\\ud800x\"}",
	"{\"a\":\"\\ud800\\u0041\"}",
	"{\"a\":\"\\udc00\"}",
	"{\"a\":\"\\udc00\\ud800\"}",
	"{\"a\":\"\n\"}",
	"{\"a\":\"\x1b[2J\"}",
	"{\"a\":\"\xff\"}",
	"{\"a\":\"\xed\xa0\x80\"}", /* half a pair, in UTF-8 */
	"{\"a\":\"b}",
	"{\"a\":\"b\\\"}",
	"{/**/}",
	"{\"a\":1} // x",
	"var a = {};",
};

static bool passes(const char *text, gsize len)
{
	g_autofree char *exact = g_memdup2(text, len); /* what is read beyond it is found */
	g_autoptr(GError) error = NULL;
	bool ok = strict_check(exact != NULL ? exact : "", len, &error);

	ck_assert_int_eq(ok, error == NULL);
	if (!ok)
		ck_assert(g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL));
	return ok;
}

/* And the parser takes what has passed. */
START_TEST(ours_passes)
{
	g_autoptr(JsonDoc) doc = NULL;

	ck_assert_msg(passes(good[_i], strlen(good[_i])), "%s", good[_i]);
	doc = json_doc_read(good[_i], strlen(good[_i]), NULL);
	ck_assert_ptr_nonnull(doc);
}
END_TEST

START_TEST(others_do_not)
{
	ck_assert_msg(!passes(bad[_i], strlen(bad[_i])), "%s", bad[_i]);
}
END_TEST

/* No beginning of a document is one. */
START_TEST(half_of_ours_does_not)
{
	const char *text = good[_i];
	const char *end = strrchr(text, '}');

	for (gsize len = 0; len < (gsize)(end - text); len++)
		ck_assert_msg(!passes(text, len), "%.*s", (int)len, text);
}
END_TEST

static char *nested(unsigned n)
{
	GString *text = g_string_new("{\"a\":");

	for (unsigned i = 0; i < n; i++)
		g_string_append_c(text, '[');
	for (unsigned i = 0; i < n; i++)
		g_string_append_c(text, ']');
	g_string_append_c(text, '}');
	return g_string_free(text, FALSE);
}

START_TEST(depth_has_an_end)
{
	g_autofree char *deepest = nested(STRICT_DEPTH_MAX - 1);
	g_autofree char *deeper = nested(STRICT_DEPTH_MAX);
	g_autofree char *abyss = nested(REPEAT_MAX);

	ck_assert(passes(deepest, strlen(deepest)));
	ck_assert(!passes(deeper, strlen(deeper)));
	ck_assert(!passes(abyss, strlen(abyss)));
}
END_TEST

START_TEST(a_nul_is_no_end)
{
	static const char text[] = "{}\0{}";
	static const char inside[] = "{\"a\":\"b\0c\"}";
	static const char escaped[] = "{\"a\":\"\\\0\"}";

	ck_assert(!passes(text, sizeof text - 1));
	ck_assert(!passes(inside, sizeof inside - 1));
	ck_assert(!passes(escaped, sizeof escaped - 1));
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("strict");
	TCase *tcase = tcase_create("strict");

	tcase_add_loop_test(tcase, ours_passes, 0, G_N_ELEMENTS(good));
	tcase_add_loop_test(tcase, others_do_not, 0, G_N_ELEMENTS(bad));
	tcase_add_loop_test(tcase, half_of_ours_does_not, 0, G_N_ELEMENTS(good));
	tcase_add_test(tcase, depth_has_an_end);
	tcase_add_test(tcase, a_nul_is_no_end);
	suite_add_tcase(suite, tcase);

	return harness_run(suite, argc, argv);
}
