/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs after the tests of the doctor: has each id on its page been asked for by name, and found, by
 * one of them? That a test names an id tells less: it may never come to that line. Each of them
 * writes down what it has seen (ward.c). Where one has not run since it was built, or not with all
 * of its cases, or could not do what only root may, nothing is concluded.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build.h"
#include "harness.h"
#include "ward.h"

static bool is_newer(const char *path, const char *than)
{
	struct stat a, b;

	return stat(path, &a) == 0 && stat(than, &b) == 0 && a.st_mtime >= b.st_mtime;
}

/* What all of them have seen; false if that is not all that there is to see. */
static bool read_seen(GHashTable *seen)
{
	g_auto(GStrv) names = g_strsplit(DOCTOR_TESTS, " ", -1);

	for (char **name = names; *name != NULL; name++) {
		g_autofree char *program = g_strconcat(
			CERTPROP_BUILD_ROOT "/tests/integration/test-doctor-", *name, NULL);
		g_autofree char *path = g_strconcat(program, WARD_SEEN, NULL);
		g_autofree char *text = NULL;
		g_auto(GStrv) lines = NULL;

		if (!is_newer(path, program) || !g_file_get_contents(path, &text, NULL, NULL))
			return false;
		lines = g_strsplit(text, "\n", -1);
		if (strcmp(lines[0], WARD_SEEN_ALL) != 0)
			return false;
		for (char **line = lines; *line != NULL; line++)
			g_hash_table_add(seen, g_strdup(*line));
	}

	return true;
}

/* In the first column of the tables. */
static GPtrArray *ids_of_page(void)
{
	g_autoptr(GRegex) regex = g_regex_new("`([a-z]+/[a-z-]+)`", 0, 0, NULL);
	GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *page = NULL;
	g_auto(GStrv) lines = NULL;

	ck_assert(g_file_get_contents(SOURCE_ROOT "/docs/doctor.md", &page, NULL, NULL));
	lines = g_strsplit(page, "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		g_auto(GStrv) columns = g_strsplit(*line, "|", 3);
		g_autoptr(GMatchInfo) match = NULL;

		if (g_strv_length(columns) < 3)
			continue;
		(void)g_regex_match(regex, columns[1], 0, &match);
		for (; g_match_info_matches(match); (void)g_match_info_next(match, NULL))
			g_ptr_array_add(ids, g_match_info_fetch(match, 1));
	}

	return ids;
}

START_TEST(each_is_seen)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GPtrArray) ids = ids_of_page();

	ck_assert_uint_ge(ids->len, 90);
	if (geteuid() != 0 || !WITH_XRDP || !read_seen(seen)) {
		(void)fprintf(stderr, "# not all of the doctor's tests have run: no verdict\n");
		return;
	}
	for (guint i = 0; i < ids->len; i++) {
		const char *id = g_ptr_array_index(ids, i);

		ck_assert_msg(g_hash_table_contains(seen, id), "%s: no test has seen it", id);
	}
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("doctor-seen");
	TCase *tcase = tcase_create("seen");

	tcase_add_test(tcase, each_is_seen);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
