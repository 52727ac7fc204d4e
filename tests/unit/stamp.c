/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every change that can help a database shows in a stamp, and what is no change does not.
 */

#include "stamp.h"

#include <glib/gstdio.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

static char *dir;

static void setup(void)
{
	dir = g_dir_make_tmp("certprop-stamp-XXXXXX", NULL);
	ck_assert_ptr_nonnull(dir);
}

static void teardown(void)
{
	g_autofree char *file = g_build_filename(dir, "file", NULL);
	g_autofree char *sub = g_build_filename(dir, "sub", NULL);
	g_autofree char *inner = g_build_filename(sub, "inner", NULL);

	(void)g_unlink(inner);
	(void)g_rmdir(sub);
	(void)g_unlink(file);
	ck_assert_int_eq(g_rmdir(dir), 0);
	g_clear_pointer(&dir, g_free);
}

static void put(const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);

	ck_assert(g_file_set_contents(path, text, -1, NULL));
}

static void assert_same(const char *name, const char *before, bool same)
{
	g_autofree char *now = stamp_take(dir, name);

	ck_assert_msg((strcmp(now, before) == 0) == same, "\"%s\" and \"%s\"", before, now);
	ck_assert_uint_lt(strlen(now), STAMP_MAX);
}

START_TEST(test_file)
{
	g_autofree char *path = g_build_filename(dir, "file", NULL);
	g_autofree char *absent = stamp_take(dir, "file");
	g_autofree char *first = NULL;
	g_autofree char *closed = NULL;
	g_autofree char *content = NULL;

	ck_assert_str_eq(absent, "");
	put("file", "one");
	assert_same("file", absent, false);
	first = stamp_take(dir, "file");
	/* Reading, and opening to write, is no change. */
	ck_assert(g_file_get_contents(path, &content, NULL, NULL));
	fclose(fopen(path, "r+"));
	assert_same("file", first, true);
	ck_assert_int_eq(chmod(path, 0400), 0);
	assert_same("file", first, false);
	closed = stamp_take(dir, "file");
	/* Another file of the same size. */
	put("file", "two");
	assert_same("file", closed, false);
	ck_assert_int_eq(g_unlink(path), 0);
	assert_same("file", absent, true);
}
END_TEST

START_TEST(test_directory)
{
	g_autofree char *sub = g_build_filename(dir, "sub", NULL);
	g_autofree char *before = NULL;
	g_autofree char *itself = NULL;

	ck_assert_int_eq(g_mkdir(sub, 0700), 0);
	before = stamp_take(dir, "sub");
	itself = stamp_take(sub, "");
	ck_assert_str_eq(before, itself);
	/* What is in it does not matter. */
	put("sub/inner", "x");
	assert_same("sub", before, true);
	ck_assert_int_eq(chmod(sub, 0500), 0);
	assert_same("sub", before, false);
	ck_assert_int_eq(chmod(sub, 0700), 0);
	assert_same("sub", before, true);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("stamp");
	TCase *tcase = tcase_create("stamp");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_file);
	tcase_add_test(tcase, test_directory);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
