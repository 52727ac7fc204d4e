/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A card that stays where it is and does not answer its driver for a while. OpenSC calls what it
 * finds then a success without a token; nothing may be concluded from that, whatever the policy.
 */
#include "evidence.h"

#include <check.h>
#include <string.h>

#include "harness.h"
#include "names.h"

#define REMOVE   "[local]\non-removal=remove\n"
#define SYNC_MS  60000u
#define MINUTE_S 80 /* for the looks of a minute */

static Evidence *card, *witness;
static char *before;

static void seat(void)
{
	world_configure(REMOVE);
	card = evidence_deal();
	witness = evidence_deal();
	evidence_seat(card, 0);
	evidence_seat(witness, 1);
	rig_card_insert_seen(world.cards[0]);
	rig_card_insert_seen(world.cards[1]);
	world_start();
	evidence_wait(card, witness, NULL);
	evidence_wait_rest(0, "read");
	before = evidence_rows();
}

static void fall_silent(bool silent)
{
	g_free(rig_card_command(world.cards[0], "applet %s", silent ? "off" : "on"));
}

static void check_same(void)
{
	g_autofree char *now = evidence_rows();

	ck_assert_str_eq(now, before);
}

static void end(void)
{
	check_same();
	g_clear_pointer(&before, g_free);
	ck_assert_int_eq(world_stop(), 0);
}

static bool has_waited_long(gpointer data)
{
	g_autofree char *reason = world_reader(0, "reason");

	return reason != NULL && strstr(reason, "no module knows the card any more") != NULL;
}

static void wait_silent(void)
{
	rig_wait_until(has_waited_long, NULL, SYNC_MS, "a look that finds the card silent");
}

START_TEST(read_before)
{
	seat();
	fall_silent(true);
	evidence_look();
	wait_silent();
	/* What goes elsewhere goes all the same, and is no occasion to take this one's. */
	rig_card_remove_seen(world.cards[1]);
	evidence_wait(card, witness, NULL);
	fall_silent(false);
	evidence_wait(card, NULL);
	rig_card_insert_seen(world.cards[1]);
	evidence_wait(card, witness, NULL);
	evidence_wait_rest(0, "read");
	g_clear_pointer(&before, g_free);
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

/* Nobody has seen it since certpropd, or pcscd, was started. It comes round by itself. */
START_TEST(silent_from_the_start)
{
	seat();
	ck_assert_int_eq(world_stop(), 0);
	fall_silent(true);
	world_start();
	evidence_wait_rest(0, "unrecognised");
	check_same();
	evidence_look();
	evidence_wait_rest(0, "unrecognised");
	check_same();
	fall_silent(false);
	evidence_wait_rest(0, "read");
	end();
}
END_TEST

static bool is_gone(gpointer data)
{
	return !evidence_holds(card);
}

/* A minute of silence is the word of a stranger. */
START_TEST(silent_for_good)
{
	seat();
	ck_assert_int_eq(world_stop(), 0);
	fall_silent(true);
	world_start();
	rig_wait_until(is_gone, NULL, MINUTE_S * 1000, "the certificates of a card that is not in");
	evidence_check(witness, NULL);
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

static void sync_now(void)
{
	g_autofree char *program = rig_program("ctl/" NAME_CTL);
	const char *argv[] = {program, "sync", NULL};

	ck_assert_int_eq(rig_run(argv, world.environment, NULL, NULL), 0);
}

START_TEST(synced)
{
	seat();
	ck_assert_int_eq(world_stop(), 0);
	fall_silent(true);
	sync_now();
	check_same();
	fall_silent(false);
	sync_now();
	check_same();
	rig_card_remove_seen(world.cards[0]);
	sync_now();
	evidence_check(witness, NULL);
	g_clear_pointer(&before, g_free);
}
END_TEST

static void add(Suite *suite, const char *name, const TTest *test)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, evidence_setup, evidence_teardown);
	tcase_add_test(tcase, test);
	suite_add_tcase(suite, tcase);
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("silent");

	rig_enter();
	add(suite, "read", read_before);
	add(suite, "start", silent_from_the_start);
	add(suite, "good", silent_for_good);
	add(suite, "sync", synced);
	return harness_run(suite, argc, argv);
}
