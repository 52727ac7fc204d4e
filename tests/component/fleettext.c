/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl --all-users for a reader, not for a program: the table and the summary, and no byte
 * of a home's name that a terminal would obey. A name of a directory is its owner's to choose
 * where somebody can make one.
 */

#include <string.h>
#include <sys/stat.h>

#include "fleetbench.h"
#include "harness.h"

/* Turns the screen red, starts a line of its own, and has one byte that is C1's CSI. */
#define RED    "e\x1b[31mve\n0 users: 0 done\x9b"
#define CLOSED "closed\x1b]0;owned\x07"

static void check_bytes(const char *text)
{
	ck_assert_msg(g_utf8_validate(text, -1, NULL), "not UTF-8: %s", text);
	for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at))
		ck_assert_msg(*at == '\n' || !g_unichar_iscntrl(g_utf8_get_char(at)),
			"U+%04X in what is said", g_utf8_get_char(at));
}

/* The line that begins so, and nothing before it that looks like it. */
static const char *line_of(const char *text, const char *start)
{
	const char *at = text;

	while (at != NULL && !g_str_has_prefix(at, start)) {
		at = strchr(at, '\n');
		at = at != NULL ? at + 1 : NULL;
	}
	return at;
}

/* All of these stand in one line, in this order. */
static void check_line(const char *text, const char *start, const char *const *words)
{
	const char *line = line_of(text, start);
	g_autofree char *whole = NULL;
	const char *at;

	ck_assert_msg(line != NULL, "no line begins with \"%s\":\n%s", start, text);
	at = whole = g_strndup(line, strcspn(line, "\n"));
	for (; *words != NULL; words++) {
		at = strstr(at, *words);
		ck_assert_msg(at != NULL, "no \"%s\" in its place: %s", *words, whole);
	}
}

static void lay_out(void)
{
	g_autofree char *honest = fleet_home("ada", FLEET_UID);
	g_autofree char *red = fleet_home(RED, FLEET_UID + 1);
	g_autofree char *closed = fleet_bare_home(CLOSED, FLEET_UID + 2);

	ck_assert_int_eq(chmod(closed, 0), 0);
}

/* The table has a row for each of the three; who failed is complained of as well. */
static void check_said(const char *const *words, const char *const *header, const char *certs)
{
	const char *none[] = {NULL};
	const char *ok[] = {certs, "ok", NULL};
	const char *failed[] = {"closed", "failed", NULL};
	g_autofree char *out = NULL;
	g_autofree char *err = NULL;

	ck_assert_int_eq(fleet_ctl(&out, &err, words), 3);
	check_bytes(out);
	check_bytes(err);
	check_line(out, "USER", header);
	check_line(out, "72000", ok);
	check_line(out, "72001", ok);
	check_line(out, "72002", failed);
	check_line(out, "3 users: 2 done, 1 failed, 0 skipped", none);
	ck_assert_ptr_null(line_of(out, "0 users"));
	ck_assert_ptr_null(line_of(err, "0 users"));
	ck_assert_msg(strstr(err, "Permission denied") != NULL, "%s", err);
	ck_assert_ptr_nonnull(strstr(err, "closed"));
	if (strcmp(words[0], "list") == 0)
		check_line(out, "20 propagated certificates", none);
}

START_TEST(list)
{
	const char *words[] = {"list", "--all-users", NULL};
	const char *header[] = {"HOME", "DATABASES", "CERTIFICATES", "STATUS", NULL};

	lay_out();
	check_said(words, header, "10");
}
END_TEST

START_TEST(purge)
{
	const char *dry[] = {"purge", "--all", "--all-users", "--dry-run", NULL};
	const char *words[] = {"purge", "--all", "--all-users", NULL};
	const char *would[] = {
		"HOME", "DATABASES", "WOULD DELETE", "WOULD RELEASE", "STATUS", NULL};
	const char *header[] = {"HOME", "DATABASES", "DELETED", "RELEASED", "STATUS", NULL};
	g_autofree char *red = g_build_filename(fleet.homes, RED, NULL);

	lay_out();
	check_said(dry, would, "10");
	ck_assert_int_eq(fleet_marked(red), FLEET_OURS);
	check_said(words, header, "10");
	ck_assert_int_eq(fleet_marked(red), 0);
	ck_assert_int_eq(fleet_unmarked(red), FLEET_FOREIGN);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("fleet-text");
	TCase *tcase = tcase_create("text");
	int status;

	tcase_add_unchecked_fixture(tcase, fleet_open, NULL);
	tcase_add_checked_fixture(tcase, fleet_setup, NULL);
	tcase_add_test(tcase, list);
	tcase_add_test(tcase, purge);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	status = harness_run(suite, argc, argv);
	fleet_close();
	return status;
}
