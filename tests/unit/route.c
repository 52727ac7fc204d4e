/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of endpoints: one way to write each, and no other. */

#include "route.h"

#include <string.h>

#include "harness.h"

START_TEST(only_local_is_not_redirected)
{
	ck_assert(!route_redirected("local"));
	ck_assert(route_redirected("forwarded:x"));
	ck_assert(route_redirected("xrdp:10"));
	ck_assert(route_redirected(""));
}
END_TEST

static const struct {
	const char *digits;
	int display; /* -1: none */
} displays[] = {{"0", 0}, {"10", 10}, {"99999", 99999}, {"", -1}, {"00", -1}, {"010", -1},
	{"100000", -1}, {"4294967306", -1}, {"99999999999999999999", -1}, {"-1", -1}, {"+1", -1},
	{" 1", -1}, {"1 ", -1}, {"1.0", -1}, {"0x1", -1}, {"1a", -1}};

START_TEST(displays_are_numbers)
{
	g_autofree char *endpoint = g_strconcat("xrdp:", displays[_i].digits, NULL);
	g_autofree char *directory = g_strconcat(".pcsc", displays[_i].digits, NULL);
	bool good = displays[_i].display >= 0;
	unsigned one = 7, other = 7;

	ck_assert(route_display(endpoint, &one) == good);
	ck_assert(route_directory(directory, &other) == good);
	ck_assert_uint_eq(one, good ? (unsigned)displays[_i].display : 7);
	ck_assert_uint_eq(other, one);
	ck_assert(!route_display(directory, &one));
	ck_assert(!route_directory(endpoint, &one));
}
END_TEST

static const struct {
	const char *text, *name, *path; /* NULL: not one */
} forwards[] = {
	{"desk:/run/user/1/pcscd.comm", "desk", "/run/user/1/pcscd.comm"},
	{"a:/", "a", "/"},
	{"A-z_0.9:~/pcscd.comm", "A-z_0.9", "~/pcscd.comm"},
	{"x:/with:colon", "x", "/with:colon"},
	{"abcdefghijklmnopqrstuvwxyz012345:/s", "abcdefghijklmnopqrstuvwxyz012345", "/s"},
	{"abcdefghijklmnopqrstuvwxyz0123456:/s", NULL, NULL},
	{"", NULL, NULL},
	{"/run/pcscd.comm", NULL, NULL},
	{":/run/pcscd.comm", NULL, NULL},
	{"x", NULL, NULL},
	{"x:", NULL, NULL},
	{"x:relative", NULL, NULL},
	{"x:~", NULL, NULL},
	{"x:~/", NULL, NULL},
	{"x:~other/pcscd.comm", NULL, NULL},
	{"a b:/run/pcscd.comm", NULL, NULL},
	{"\xc3\xa4:/run/pcscd.comm", NULL, NULL},
};

START_TEST(forwards_have_a_name_and_a_path)
{
	g_autofree char *name = NULL;
	g_autofree char *path = NULL;

	ck_assert(route_split(forwards[_i].text, &name, &path) == (forwards[_i].name != NULL));
	ck_assert_pstr_eq(name, forwards[_i].name);
	ck_assert_pstr_eq(path, forwards[_i].path);
	ck_assert(route_split(forwards[_i].text, NULL, NULL) == (forwards[_i].name != NULL));
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("route");
	TCase *tcase = tcase_create("route");

	tcase_add_test(tcase, only_local_is_not_redirected);
	tcase_add_loop_test(tcase, displays_are_numbers, 0, G_N_ELEMENTS(displays));
	tcase_add_loop_test(tcase, forwards_have_a_name_and_a_path, 0, G_N_ELEMENTS(forwards));
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
