/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ctl/setting.c: what setup writes into the user's configuration means what it should, by the
 * program's own parser, and goes again.
 */

#include "setting.h"

#include <glib/gstdio.h>
#include <string.h>

#include "config.h"
#include "harness.h"

static const struct {
	const char *before;
	bool exact; /* comes back byte for byte */
} files[] = {
	{"", true},
	{"# mine\n", true},
	{"[local]\non-removal=remove\n", true},
	{"[keys]\n", true},
	{"[keys]", false},
	{"[local]\non-removal=remove", false},
	{" [keys] \r\n\n[local]\non-removal=remove\n", true},
	{"#[keys]\n[local]\n# [keys]\non-removal=remove\n", true},
	{"[local]\non-removal=remove\n\n[keys]\n# nothing\n\n[filter]\necc=false\n", true},
};

static bool registers(const char *text)
{
	g_autofree char *dir = g_dir_make_tmp("certprop-setting-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "certprop.conf", NULL);
	g_autoptr(GPtrArray) faults = NULL;

	ck_assert(g_file_set_contents(path, text, -1, NULL));
	g_autoptr(Config) config = config_load("/nonexistent/certprop", dir, &faults);
	ck_assert_int_eq(g_unlink(path), 0);
	ck_assert_int_eq(g_rmdir(dir), 0);
	ck_assert_ptr_nonnull(config);
	ck_assert_uint_eq(faults->len, 0);
	return config->register_module;
}

START_TEST(set_and_taken_out)
{
	const char *before = files[_i].before;
	g_autofree char *with = setting_add(before);
	g_autofree char *after = setting_remove(with);
	g_autofree char *again = setting_remove(after);

	ck_assert(!registers(before));
	ck_assert(registers(with));
	ck_assert(!registers(after));
	ck_assert_str_eq(again, after);
	if (files[_i].exact)
		ck_assert_str_eq(after, before);
	else
		ck_assert(g_str_has_prefix(after, before) && strlen(after) == strlen(before) + 1);
}
END_TEST

/* What the user has written himself is his, whatever it says. */
START_TEST(not_ours)
{
	static const char text[] = "[keys]\nregister-module=true\n";
	g_autofree char *same = setting_remove(text);

	ck_assert_str_eq(same, text);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("setting");
	TCase *tcase = tcase_create("setting");

	tcase_add_loop_test(tcase, set_and_taken_out, 0, G_N_ELEMENTS(files));
	tcase_add_test(tcase, not_ours);
	suite_add_tcase(suite, tcase);

	return harness_run(suite, argc, argv);
}
