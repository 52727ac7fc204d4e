/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What leaves the database, when, and above all when not: only what is known to be over goes.
 * Readers and services that come and go, the end of the session, cards that are empty, unreadable
 * or unknown.
 */
#include "mainjob.h"

#include <glib/gstdio.h>
#include <string.h>

#include "harness.h"

#define OTHERS    3u /* certificates on the other card */
#define LOGOUT_US (5 * G_USEC_PER_SEC)

static void new_pcscd(unsigned readers)
{
	g_clear_pointer(&world.pcscd, rig_pcscd_free);
	world.pcscd = rig_pcscd_new(readers);
	rig_pcscd_start(world.pcscd);
}

/* The reader is unplugged together with its card: with REMOVE the certificates go, and those of the
   card in another reader do not. */
START_TEST(test_reader_gone)
{
	g_autofree char *card = rig_deal_simple(JOB_CERTS, JOB_GUID_A);
	g_autofree char *other = rig_deal_simple(OTHERS, JOB_GUID_B);
	g_autofree char *others = NULL;

	world_configure(_i == 1 ? JOB_REMOVE : "");
	new_pcscd(4);
	world_start();
	world.cards[0] = rig_card_new(world.pcscd, 0, other);
	world.cards[1] = rig_card_new(world.pcscd, 2, card);
	rig_card_insert(world.cards[0]);
	rig_card_insert(world.cards[1]);
	job_settle(0, "read");
	job_settle(2, "read");
	ck_assert_uint_eq(job_rows(), JOB_CERTS + OTHERS);
	others = job_rows_of(other, 0, OTHERS);

	g_clear_pointer(&world.cards[0], rig_card_free);
	g_clear_pointer(&world.cards[1], rig_card_free);
	rig_pcscd_stop(world.pcscd);
	world_wait_service("absent");
	job_rest();
	ck_assert_uint_eq(job_rows(), JOB_CERTS + OTHERS);
	new_pcscd(2);
	world.cards[0] = rig_card_new(world.pcscd, 0, other);
	rig_card_insert(world.cards[0]);
	job_settle(0, "read");
	ck_assert_uint_eq(job_rows(), _i == 1 ? OTHERS : JOB_CERTS + OTHERS);
	job_check_rows(others, other, 0, OTHERS);
}
END_TEST

/* pcscd is gone; that says nothing of the card. */
START_TEST(test_pcscd_gone)
{
	g_autofree char *card = NULL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	world_configure(JOB_REMOVE);
	world_start();
	card = job_card(0, &(const Deal){.certs = JOB_CERTS, .guid = JOB_GUID_A});
	before = rig_db_state(world.database);
	if (_i == 0)
		rig_pcscd_kill(world.pcscd);
	else
		rig_pcscd_stop(world.pcscd);
	world_wait_service("absent");
	job_rest();
	g_free(job_ctl(1, "sync", NULL));
	job_look();
	ck_assert_int_eq(world_stop(), 0);
	world_start();
	world_wait_service("absent");
	job_rest();
	after = rig_db_state(world.database);
	ck_assert_str_eq(before, after);
	rig_pcscd_start(world.pcscd);
	job_in(0);
	g_free(after);
	after = rig_db_state(world.database);
	ck_assert_str_eq(before, after);
	job_out(0);
	ck_assert_uint_eq(job_rows(), 0);
}
END_TEST

static const struct {
	const char *config;
	bool out; /* the card is out by then */
	bool kept;
} logouts[] = {
	{JOB_LOGOUT, false, false},
	{"[local]\non-logout=remove\n", true, false},
	{JOB_REMOVE, false, true},
	{"", false, true},
};

START_TEST(test_logout)
{
	g_autofree char *card = NULL;
	gint64 start;

	world_configure(logouts[_i].config);
	world_start();
	card = job_card(0, &(const Deal){.certs = SLOT_COUNT, .guid = JOB_GUID_A});
	if (logouts[_i].out)
		job_out(0);
	ck_assert_uint_eq(job_rows(), SLOT_COUNT);
	start = g_get_monotonic_time();
	ck_assert_int_eq(world_stop(), 0);
	ck_assert_int_lt(g_get_monotonic_time() - start, LOGOUT_US);
	ck_assert_uint_eq(job_rows(), logouts[_i].kept ? SLOT_COUNT : 0);
}
END_TEST

static void empty(const char *card)
{
	for (unsigned i = 0; i < JOB_CERTS; i++) {
		g_autofree char *der = job_file(card, i, "der");
		g_autofree char *key = job_file(card, i, "pem");

		ck_assert_int_eq(g_unlink(der), 0);
		ck_assert_int_eq(g_unlink(key), 0);
	}
}

/* The token is there and says it has nothing: nobody can tell that from a token that has been
   reset by its driver, so nothing goes. */
START_TEST(test_emptied)
{
	g_autofree char *card = NULL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	world_configure(_i == 0 ? "" : JOB_REMOVE);
	world_start();
	card = job_card(0, &(const Deal){.certs = JOB_CERTS, .guid = JOB_GUID_A});
	before = rig_db_state(world.database);
	if (_i == 0)
		job_out(0);
	empty(card);
	job_reload(0);
	if (_i == 0)
		job_in(0);
	else
		job_look();
	job_settle(0, "read");
	g_free(job_ctl(0, "sync", NULL));
	after = rig_db_state(world.database);
	ck_assert_str_eq(before, after);
}
END_TEST

static void renew_all(const char *card)
{
	for (unsigned i = 0; i < JOB_CERTS; i++)
		job_renew(card, i, false);
	job_reload(0);
}

static const struct {
	const char *fault;
	unsigned percent;  /* of what a whole read takes */
	const char *state; /* of the card, afterwards */
	const char *end;   /* of the reader, when the daemon has seen that it failed */
} failures[] = {
	{"pull-after", 25, "removed", "empty"},
	{"pull-after", 60, "removed", "empty"},
	{"pull-after", 90, "removed", "empty"},
	{"hang-after", 60, "hanging", "waiting"},
};

/* Everything on the card is new, but it cannot be read to its end: the old ones stay, until it
   can. */
START_TEST(test_failed_scan)
{
	g_autofree char *card = NULL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;
	g_autoptr(GBytes) old = NULL;
	unsigned apdus;

	world_configure("[limits]\nscan-seconds=3\n");
	world_start();
	card = job_card(0, &(const Deal){.certs = JOB_CERTS, .guid = JOB_GUID_A});
	/* It was read twice: what is written is confirmed. */
	apdus = rig_card_count(world.cards[0], -1) / 2;
	old = rig_dealt_der(card, 0);
	before = rig_db_state(world.database);
	job_out(0);
	renew_all(card);
	g_free(rig_card_command(
		world.cards[0], "%s %u", failures[_i].fault, apdus * failures[_i].percent / 100));
	rig_card_insert(world.cards[0]);
	rig_card_wait_state(world.cards[0], failures[_i].state);
	world_wait_reader(0, failures[_i].end);
	if (strcmp(failures[_i].state, "hanging") == 0)
		job_out(0);
	job_rest();
	after = rig_db_state(world.database);
	ck_assert_str_eq(before, after);

	job_in(0);
	job_check_whole(card, JOB_CERTS, JOB_SERIAL_A, 0);
	ck_assert(!job_has(old));
}
END_TEST

static char *unknown_card(unsigned reader)
{
	char *card = rig_deal_simple(1, JOB_GUID_B);

	world.cards[reader] = rig_card_new(world.pcscd, reader, card);
	g_free(rig_card_command(world.cards[reader], "applet off"));
	g_free(rig_card_command(world.cards[reader], "atr 3B80800101"));
	rig_card_insert(world.cards[reader]);
	job_settle(reader, "unrecognised");
	return card;
}

/* In the other reader it changes nothing; it does not keep the certificates of one that goes. */
START_TEST(test_unknown_beside)
{
	g_autofree char *card = NULL;
	g_autofree char *unknown = NULL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	world_configure(JOB_REMOVE);
	world_start();
	card = job_card(0, &(const Deal){.certs = JOB_CERTS, .guid = JOB_GUID_A});
	before = rig_db_state(world.database);
	unknown = unknown_card(1);
	job_look();
	g_free(job_ctl(0, "sync", NULL));
	after = rig_db_state(world.database);
	ck_assert_str_eq(before, after);
	job_out(0);
	ck_assert_uint_eq(job_rows(), 0);
}
END_TEST

/* In the same reader, where the other one's certificates are to be kept. */
START_TEST(test_unknown_instead)
{
	g_autofree char *card = NULL;
	g_autofree char *unknown = NULL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	world_start();
	card = job_card(0, &(const Deal){.certs = JOB_CERTS, .guid = JOB_GUID_A});
	before = rig_db_state(world.database);
	job_out(0);
	g_clear_pointer(&world.cards[0], rig_card_free);
	unknown = unknown_card(0);
	g_free(job_ctl(0, "sync", NULL));
	after = rig_db_state(world.database);
	ck_assert_str_eq(before, after);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("mainjob-leave");
	TCase *tcase;

	rig_enter();
	tcase = job_case(suite, "readers");
	tcase_add_loop_test(tcase, test_reader_gone, 0, 2);
	tcase_add_loop_test(tcase, test_pcscd_gone, 0, 2);
	tcase_add_loop_test(tcase, test_logout, 0, G_N_ELEMENTS(logouts));
	tcase = job_case(suite, "nothing");
	tcase_add_loop_test(tcase, test_emptied, 0, 2);
	tcase_add_loop_test(tcase, test_failed_scan, 0, G_N_ELEMENTS(failures));
	tcase_add_test(tcase, test_unknown_beside);
	tcase_add_test(tcase, test_unknown_instead);
	return harness_run(suite, argc, argv);
}
