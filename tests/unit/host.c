/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host's name must never change from one version to the next: claims carry it. So the expected
 * values stand here as they were computed independently (Python's hmac).
 */

#include "host.h"

#include <string.h>

#include "harness.h"

START_TEST(known_values)
{
	g_autofree char *id = host_from_machine_id("0123456789abcdef0123456789abcdef");
	g_autofree char *upper = host_from_machine_id("0123456789ABCDEF0123456789ABCDEF");
	g_autofree char *name = host_from_machine_id("myhost");

	ck_assert_str_eq(id, "fe9ecb9fcfd546c2be9388014187796f");
	ck_assert_str_eq(upper, id);
	ck_assert_str_eq(name, "63902243fbe044e58677c15080768226");
}
END_TEST

START_TEST(any_text_gives_an_id)
{
	static const char *const texts[] = {"", "uninitialized", "00000000000000000000000000000000",
		"0123456789abcdef0123456789abcdeg", "0123456789abcdef0123456789abcdef0"};
	g_autofree char *id = host_from_machine_id(texts[_i]);

	ck_assert_uint_eq(strlen(id), 32);
	ck_assert_uint_eq(strspn(id, "0123456789abcdef"), 32);
	for (int i = 0; i < _i; i++) {
		g_autofree char *other = host_from_machine_id(texts[i]);

		ck_assert_str_ne(id, other);
	}
}
END_TEST

START_TEST(here_is_stable_and_hides_the_machine_id)
{
	g_autofree char *a = host_here();
	g_autofree char *b = host_here();
	g_autofree char *machine_id = NULL;

	ck_assert_str_eq(a, b);
	ck_assert_uint_eq(strlen(a), 32);
	if (g_file_get_contents("/etc/machine-id", &machine_id, NULL, NULL))
		ck_assert(strncmp(a, machine_id, 32) != 0);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("host");
	TCase *tcase = tcase_create("host");

	tcase_add_test(tcase, known_values);
	tcase_add_loop_test(tcase, any_text_gives_an_id, 0, 5);
	tcase_add_test(tcase, here_is_stable_and_hides_the_machine_id);
	suite_add_tcase(suite, tcase);

	return harness_run(suite, argc, argv);
}
