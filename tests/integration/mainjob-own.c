/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is the user's stays the user's: a certificate that he had before the card came, one that he
 * imports again after we created it, one that he renames or trusts. The policy is the most greedy
 * that there is, and the other certificates of the card show that it is in force.
 */
#include "mainjob.h"

#include <string.h>

#include "harness.h"

#define OWN_NAME   "my own"
#define REFUSE_ALL JOB_LOGOUT "[filter]\nrequire-eku=1.2.3.4\n"
#define ON_CARD    (&(const Deal){.certs = JOB_CERTS, .guid = JOB_GUID_A, .token_cn = "Token of Ada"})

/* Place 0 of the card is the one that the user has his hand on; it has a subject of its own. The
   others are ours. */
#define OWN  0u
#define OURS (JOB_CERTS - 1)

typedef struct {
	char *row;
	char *others;
} Picture;

static void picture_clear(Picture *picture)
{
	g_free(picture->row);
	g_free(picture->others);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Picture, picture_clear)

/* Without CKA_URL, which he cannot see, where it may change. */
static Picture take_picture(const char *card, bool url)
{
	return (Picture){
		.row = url ? job_row(card, OWN) : job_row_without_url(card, OWN),
		.others = rig_db_others(world.database),
	};
}

static void check_picture(const Picture *before, const char *card, bool url, const char *when)
{
	g_auto(Picture) now = take_picture(card, url);

	ck_assert_msg(
		strcmp(now.row, before->row) == 0, "%s:\n%sbecame\n%s", when, before->row, now.row);
	ck_assert_msg(strcmp(now.others, before->others) == 0, "%s:\n%sbecame\n%s", when,
		before->others, now.others);
}

typedef enum { BY_CERTUTIL, BY_CERTUTIL_TRUSTED, BY_PK12UTIL, IMPORT_COUNT } Import;

static void import(Import how, const char *card)
{
	g_autofree char *der = job_file(card, OWN, "der");
	g_autofree char *key = job_file(card, OWN, "pem");

	switch (how) {
	case BY_CERTUTIL:
		rig_db_import(world.database, OWN_NAME, der, ",,");
		return;
	case BY_CERTUTIL_TRUSTED:
		rig_db_import(world.database, OWN_NAME, der, "P,P,P");
		return;
	case BY_PK12UTIL:
	case IMPORT_COUNT:
		rig_db_import_key(world.database, OWN_NAME, der, key);
		return;
	}
}

static void check_ours(unsigned n)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(world.database);

	ck_assert_uint_eq(rows->len, 1 + n);
	ck_assert_uint_eq(rig_db_marked(rows), n);
}

START_TEST(test_there_before)
{
	g_autofree char *card = rig_deal(ON_CARD);
	g_auto(Picture) before = {0};

	rig_db_create(world.database);
	import((Import)_i, card);
	before = take_picture(card, true);
	world_configure(JOB_LOGOUT);
	world.cards[0] = rig_card_new(world.pcscd, 0, card);
	world_start();
	job_in(0);
	check_ours(OURS);
	check_picture(&before, card, true, "after the insertion");
	g_free(job_ctl(0, "sync", NULL));
	check_picture(&before, card, true, "after certpropctl sync");
	job_out(0);
	check_ours(0);
	check_picture(&before, card, true, "after the removal");
	job_in(0);
	check_ours(OURS);
	job_configure(REFUSE_ALL);
	check_ours(0);
	check_picture(&before, card, true, "after policy wanted nothing");
	job_configure(JOB_LOGOUT);
	check_ours(OURS);
	ck_assert_int_eq(world_stop(), 0);
	check_ours(0);
	check_picture(&before, card, true, "after the logout");
	g_free(job_ctl(0, "sync", NULL));
	check_ours(OURS);
	check_picture(&before, card, true, "after certpropctl sync without a daemon");
}
END_TEST

static void assert_released(const char *card)
{
	g_autofree char *url = job_url(card, OWN);

	ck_assert_ptr_nonnull(url);
	ck_assert_str_eq(url, "");
}

/* What comes first after he imported it. */
typedef enum { BY_LOOK, BY_SYNC, BY_REMOVAL, BY_LOGOUT, EVENT_COUNT } Event;

static void happen(Event event)
{
	switch (event) {
	case BY_LOOK:
		job_look();
		return;
	case BY_SYNC:
		g_free(job_ctl(0, "sync", NULL));
		job_rest();
		return;
	case BY_REMOVAL:
		job_out(0);
		return;
	case BY_LOGOUT:
	case EVENT_COUNT:
		ck_assert_int_eq(world_stop(), 0);
		world_start();
		job_settle(0, "read");
		return;
	}
}

/* From here on it is his as if it had been there before. */
static void check_for_good(const Picture *before, const char *card, Event event)
{
	if (event != BY_REMOVAL)
		job_out(0);
	check_ours(0);
	check_picture(before, card, false, "after the removal");
	job_in(0);
	check_ours(OURS);
	assert_released(card);
	check_picture(before, card, false, "after another insertion");
	job_configure(REFUSE_ALL);
	check_ours(0);
	ck_assert_int_eq(world_stop(), 0);
	assert_released(card);
	check_picture(before, card, false, "at the end");
}

START_TEST(test_imported_again)
{
	Import how = (Import)(_i % IMPORT_COUNT);
	Event event = (Event)(_i / IMPORT_COUNT);
	g_autofree char *card = NULL;
	g_autofree char *url = NULL;
	g_auto(Picture) before = {0};

	world_configure(JOB_LOGOUT);
	world_start();
	card = job_card(0, ON_CARD);
	import(how, card);
	url = job_url(card, OWN);
	ck_assert_uint_eq(job_claims(url), 1);
	before = take_picture(card, false);

	happen(event);
	assert_released(card);
	check_picture(&before, card, false, "after it was noticed");
	check_for_good(&before, card, event);
}
END_TEST

static void rename_it(const char *nickname)
{
	g_autofree char *sql = job_sql();
	const char *argv[] = {
		"certutil", "--rename", "-d", sql, "-n", nickname, "--new-n", OWN_NAME, NULL};

	g_free(rig_run_ok(argv, NULL));
}

static void trust_it(const char *nickname)
{
	g_autofree char *sql = job_sql();
	const char *argv[] = {"certutil", "-M", "-d", sql, "-n", nickname, "-t", "P,P,P", NULL};

	g_free(rig_run_ok(argv, NULL));
}

static void (*const adoptions[])(const char *nickname) = {rename_it, trust_it};

START_TEST(test_adopted)
{
	g_autofree char *card = NULL;
	g_autofree char *nickname = NULL;
	g_auto(Picture) before = {0};
	g_auto(Picture) whole = {0};

	world_configure(JOB_LOGOUT);
	world_start();
	card = job_card(0, ON_CARD);
	nickname = job_label(card, OWN);
	adoptions[_i](nickname);
	whole = take_picture(card, true);
	before = take_picture(card, false);

	/* As long as the card is there, so is the marker. */
	job_look();
	g_free(job_ctl(0, "sync", NULL));
	check_picture(&whole, card, true, "after a look");
	job_out(0);
	assert_released(card);
	check_for_good(&before, card, BY_REMOVAL);
}
END_TEST

/* It was adopted and the session ends: released, not deleted. */
START_TEST(test_adopted_at_logout)
{
	g_autofree char *card = NULL;
	g_autofree char *nickname = NULL;
	g_auto(Picture) before = {0};

	world_configure(JOB_LOGOUT);
	world_start();
	card = job_card(0, ON_CARD);
	nickname = job_label(card, OWN);
	adoptions[_i](nickname);
	before = take_picture(card, false);
	ck_assert_int_eq(world_stop(), 0);
	check_ours(0);
	assert_released(card);
	check_picture(&before, card, false, "after the logout");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("mainjob-own");
	TCase *tcase;

	rig_enter();
	tcase = job_case(suite, "before");
	tcase_add_loop_test(tcase, test_there_before, 0, IMPORT_COUNT);
	tcase = job_case(suite, "again");
	tcase_add_loop_test(tcase, test_imported_again, 0, IMPORT_COUNT * EVENT_COUNT);
	tcase = job_case(suite, "adopted");
	tcase_add_loop_test(tcase, test_adopted, 0, G_N_ELEMENTS(adoptions));
	tcase_add_loop_test(tcase, test_adopted_at_logout, 0, G_N_ELEMENTS(adoptions));
	return harness_run(suite, argc, argv);
}
