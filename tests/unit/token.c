/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When two reads are the same card, and when a serial number names no card at all. */

#include "token.h"

#include "harness.h"

START_TEST(fields_are_made_regular)
{
	g_autoptr(Token) token = token_new("piv_II   ", "PKCS#15 emulated", "0001\xff ", NULL);

	ck_assert_str_eq(token->manufacturer, "piv_II");
	ck_assert_str_eq(token->model, "PKCS#15 emulated");
	ck_assert_str_eq(token->serial, "0001\ufffd");
	ck_assert_str_eq(token->label, "");
}
END_TEST

START_TEST(label_is_no_identity)
{
	g_autoptr(Token) a = token_new("m", "p", "1", "Jane");
	g_autoptr(Token) b = token_new("m  ", "p", "1 ", "Joe");

	ck_assert(token_equal(a, b));
	ck_assert(token_equal(b, a));
}
END_TEST

START_TEST(each_field_counts)
{
	static const char *const others[][3] = {{"M", "p", "1"}, {"m", "P", "1"}, {"m", "p", "01"},
		{"m", "p", ""}, {"", "p", "1"}, {"mp", "", "1"}};
	g_autoptr(Token) a = token_new("m", "p", "1", "l");
	g_autoptr(Token) b = token_new(others[_i][0], others[_i][1], others[_i][2], "l");

	ck_assert(!token_equal(a, b));
	ck_assert(!token_equal(b, a));
}
END_TEST

START_TEST(dup_is_equal_and_whole)
{
	g_autoptr(Token) a = token_new("m", "p", "1", "l");
	g_autoptr(Token) b = token_dup(a);

	ck_assert(token_equal(a, b));
	ck_assert_str_eq(b->label, "l");
	ck_assert_ptr_ne(a->serial, b->serial);
}
END_TEST

START_TEST(identity)
{
	static const struct {
		const char *serial;
		bool has;
	} cases[] = {{"", false}, {"0", false}, {"0000000000000000", false}, {"   ", false},
		{"00:00:00", false}, {"00 00", false}, {"0000000000000001", true}, {"a", true},
		{"00f0", true}, {"\xff", true}};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(Token) token = token_new("m", "p", cases[i].serial, "");

		ck_assert_msg(token_has_identity(token) == cases[i].has, "serial \"%s\"",
			cases[i].serial);
	}
}
END_TEST

START_TEST(free_takes_null)
{
	ck_assert_ptr_null(token_free(NULL));
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("token");
	TCase *tcase = tcase_create("token");

	tcase_add_test(tcase, fields_are_made_regular);
	tcase_add_test(tcase, label_is_no_identity);
	tcase_add_loop_test(tcase, each_field_counts, 0, 6);
	tcase_add_test(tcase, dup_is_equal_and_whole);
	tcase_add_test(tcase, identity);
	tcase_add_test(tcase, free_takes_null);
	suite_add_tcase(suite, tcase);

	return harness_run(suite, argc, argv);
}
