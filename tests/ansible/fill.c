/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fill DIRECTORY: makes DIRECTORY/.pki/nssdb, with one certificate in it that the real
 * certprop-store has propagated. What a purge takes away has to come from there: a row that
 * somebody else wrote and marked would only be released.
 */

#include <check.h>
#include <stdio.h>

#include "store-rig.h"

START_TEST(fill)
{
	Home *home = home_new();
	Card *card = card_with("8899aabbccddee0a", 1);
	g_autofree char *pki = home_path(home, ".pki");
	g_autofree char *out = NULL;
	Outcome outcome;

	home_make_db(home);
	outcome = job_run(home, &(const Job){.mode = WIRE_STORE_APPLY, .card = card});
	report_free(outcome.report);
	card_free(card);
	out = home_run(home, "cp", "-a", "-t", g_getenv("FILL_DIRECTORY"), pki, NULL);
	home_free(home);
}
END_TEST

/* A test, since what it is made of says by assertions what went wrong. */
int main(int argc, char **argv)
{
	Suite *suite = suite_create("fill");
	TCase *tcase = tcase_create("fill");
	SRunner *runner = srunner_create(suite);
	int failed;

	if (argc != 2) {
		fputs("usage: fill DIRECTORY\n", stderr);
		return 2;
	}
	g_setenv("FILL_DIRECTORY", argv[1], TRUE);
	tcase_add_test(tcase, fill);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
