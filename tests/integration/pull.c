/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The card is pulled at every APDU of a look, one after the other, the whole range. A card that
 * leaves half-way gives a list that is too short and says success, or makes OpenSC wait for ever:
 * whoever believes the one deletes wrongly, whoever waits for the other is stuck.
 *
 * Another card stays in the second reader all the time; nothing may ever happen to what it has
 * brought.
 */
#include "evidence.h"

#include <check.h>
#include <string.h>

#include "harness.h"

#define REMOVE    "[local]\non-removal=remove\n"
#define IMPATIENT "[limits]\nscan-seconds=3\n"
/* The last APDUs of a look only say good-bye, and there may be one less of them. */
#define GOODBYE 3
#define TRIES   20 /* to be faster than pcscd's poll */
static Evidence *card, *other, *witness;
static unsigned apdus; /* of a whole look at the card */

/* Both cards are in and read. */
static void begin(const char *configuration)
{
	unsigned before;

	world_configure(configuration);
	card = evidence_deal();
	other = evidence_deal();
	witness = evidence_deal();
	evidence_seat(card, 0);
	evidence_seat(witness, 1);
	rig_card_insert_seen(world.cards[0]);
	rig_card_insert_seen(world.cards[1]);
	world_start();
	evidence_wait(card, witness, NULL);
	evidence_wait_rest(0, "read");

	before = rig_card_count(world.cards[0], -1);
	evidence_look();
	evidence_wait_rest(0, "read");
	apdus = rig_card_count(world.cards[0], -1) - before;
	g_printerr("# a look takes %u APDUs\n", apdus);
	ck_assert_uint_gt(apdus, 20);
	ck_assert_uint_lt(apdus, 200);
}

static void end(void)
{
	ck_assert(rig_process_alive(world.daemon));
	ck_assert_int_eq(world_stop(), 0);
}

/* Looks, and the card leaves after so many APDUs of that. */
static void pull_in_look(unsigned k)
{
	if (k > 0)
		g_free(rig_card_command(world.cards[0], "pull-after %u", k));
	evidence_look();
	if (k == 0)
		rig_card_remove(world.cards[0]);
	rig_card_wait_state(world.cards[0], "removed");
}

static void insert_and_rest(void)
{
	rig_card_insert(world.cards[0]);
	evidence_wait_rest(0, "read");
}

static void assert_same(const char *before, unsigned k)
{
	g_autofree char *now = evidence_rows();

	ck_assert_msg(strcmp(now, before) == 0, "at APDU %u the database was written", k);
}

/* Its certificates are there already: nothing is written, neither then nor when it is back. */
START_TEST(keep_known)
{
	g_autofree char *before = NULL;

	begin("");
	before = evidence_rows();
	for (unsigned k = 0; k <= apdus; k++) {
		pull_in_look(k);
		evidence_wait_rest(0, "empty");
		assert_same(before, k);
		insert_and_rest();
		assert_same(before, k);
	}
	evidence_check(card, witness, NULL);
	end();
}
END_TEST

/* None is there: all come, or none from a read that was cut short (which of them, near its end, is
   a matter of when pcscd looks), and all when the card is back. */
START_TEST(keep_new)
{
	begin("");
	for (unsigned k = 0; k <= apdus; k++) {
		evidence_wipe();
		pull_in_look(k);
		evidence_wait_rest(0, "empty");
		if (evidence_holds(card))
			evidence_check(card, witness, NULL);
		else
			evidence_check(witness, NULL);
		insert_and_rest();
		evidence_check(card, witness, NULL);
	}
	end();
}
END_TEST

/* How often what was added was taken back, so far. */
static unsigned taken_back(void)
{
	g_autofree char *said = rig_process_errors(world.daemon);
	unsigned n = 0;

	for (const char *at = said; (at = strstr(at, "unconfirmed")) != NULL; at++)
		n++;
	return n;
}

/* None is there, all come, and the card is pulled while it is read a second time for that: nothing
   that was added stays. */
START_TEST(confirm_new)
{
	begin("");
	for (unsigned part = 1; part <= 3; part++) {
		unsigned before;

		evidence_wipe();
		before = taken_back();
		pull_in_look(apdus + part * apdus / 4);
		evidence_wait_rest(0, "empty");
		evidence_check(witness, NULL);
		ck_assert_uint_gt(taken_back(), before);
		insert_and_rest();
		evidence_check(card, witness, NULL);
	}
	end();
}
END_TEST

/* What is known goes with the card, and only that. */
START_TEST(remove_known)
{
	begin(REMOVE);
	for (unsigned k = 0; k <= apdus; k++) {
		pull_in_look(k);
		evidence_wait_rest(0, "empty");
		/* The removal comes when the reader has settled. */
		evidence_wait(witness, NULL);
		insert_and_rest();
		evidence_check(card, witness, NULL);
	}
	end();
}
END_TEST

/* Pulled while it is read for the first time after it was put in. */
START_TEST(remove_new)
{
	g_autofree char *before = NULL;

	begin(REMOVE);
	rig_card_remove(world.cards[0]);
	evidence_wait_rest(0, "empty");
	before = evidence_rows();
	for (unsigned k = 1; k < apdus; k++) {
		g_free(rig_card_command(world.cards[0], "pull-after %u", k));
		rig_card_insert(world.cards[0]);
		rig_card_wait_state(world.cards[0], "removed");
		evidence_wait_rest(0, "empty");
		assert_same(before, k);
	}
	insert_and_rest();
	evidence_check(card, witness, NULL);
	end();
}
END_TEST

static const char *const configurations[] = {"", REMOVE};

/* Out and in again as soon as pcscd has seen it go, whatever the daemon is doing then: nothing is
   written, also not where a card that stays away would take its certificates along. */
START_TEST(again)
{
	g_autofree char *before = NULL;

	begin(configurations[_i]);
	before = evidence_rows();
	for (unsigned k = 0; k <= apdus; k++) {
		pull_in_look(k);
		(void)rig_reader_wait(rig_pcscd_reader(world.pcscd, 0), false);
		insert_and_rest();
		assert_same(before, k);
	}
	evidence_check(card, witness, NULL);
	end();
}
END_TEST

/* Another card: each certificate is claimed for the token that carries it. */
START_TEST(swap)
{
	begin(configurations[_i]);
	for (unsigned k = 0; k <= apdus; k++) {
		Evidence *was = card;

		pull_in_look(k);
		(void)rig_reader_wait(rig_pcscd_reader(world.pcscd, 0), false);
		g_free(rig_card_command(world.cards[0], "swap %s", evidence_directory(other)));
		evidence_wait_rest(0, "read");
		card = other;
		other = was;
		if (_i == 1)
			evidence_check(card, witness, NULL);
		else
			evidence_check(card, other, witness, NULL);
	}
	end();
}
END_TEST

static const char *const glitches[] = {IMPATIENT, IMPATIENT REMOVE};

/* So short that pcscd notices nothing, as with a bad contact: what is missing from such a look is
   not taken for gone. OpenSC may wait for ever, which only the deadline ends. Every other APDU with
   keep, those between with remove, since that takes its time. */
START_TEST(glitch)
{
	g_autofree char *before = NULL;

	begin(glitches[_i]);
	before = evidence_rows();
	for (unsigned k = 1 + (unsigned)_i; k + GOODBYE <= apdus; k += 2) {
		pull_in_look(k);
		insert_and_rest();
		assert_same(before, k);
	}
	evidence_check(card, witness, NULL);
	end();
}
END_TEST

/* It becomes another card in the middle of the first read of all that is on it, and neither the
   reader nor OpenSC notices: what that look has made of the two must not stand when the daemon
   rests. */
START_TEST(mix)
{
	begin(IMPATIENT);
	for (unsigned k = 1; k <= apdus; k += 3) {
		Evidence *was = card;

		evidence_wipe();
		g_free(rig_card_command(
			world.cards[0], "turn-after %u %s", k, evidence_directory(other)));
		evidence_look();
		evidence_wait_rest(0, "read");
		evidence_check_true();
		card = other;
		other = was;
	}
	end();
}
END_TEST

/* Whether the other card took this one's place between two of pcscd's polls. */
static bool exchange_unseen(void)
{
	const char *reader = rig_pcscd_reader(world.pcscd, 0);
	guint counter = rig_reader_look(reader).counter;

	rig_card_remove(world.cards[0]);
	g_free(rig_card_command(world.cards[0], "swap %s", evidence_directory(other)));
	return rig_reader_look(reader).counter == counter;
}

/* At rest, and pcscd notices nothing: the next look finds out. */
START_TEST(exchanged_unseen)
{
	begin(configurations[_i]);
	for (unsigned i = 0; !exchange_unseen(); i++) {
		ck_assert_uint_lt(i, TRIES);
		rig_card_swap(world.cards[0], evidence_directory(card));
		evidence_wait_rest(0, "read");
		evidence_wipe();
		evidence_look();
		evidence_wait(card, witness, NULL);
		evidence_wait_rest(0, "read");
	}
	evidence_look();
	if (_i == 1)
		evidence_wait(other, witness, NULL);
	else
		evidence_wait(card, other, witness, NULL);
	evidence_wait_rest(0, "read");
	end();
}
END_TEST

static void add(Suite *suite, const char *name, const TTest *test, int from, int to)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, 1200);
	tcase_add_checked_fixture(tcase, evidence_setup, evidence_teardown);
	tcase_add_loop_test(tcase, test, from, to);
	suite_add_tcase(suite, tcase);
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("pull");

	rig_enter();
	add(suite, "keep", keep_known, 0, 1);
	add(suite, "keep-new", keep_new, 0, 1);
	add(suite, "confirm", confirm_new, 0, 1);
	add(suite, "remove", remove_known, 0, 1);
	add(suite, "remove-new", remove_new, 0, 1);
	add(suite, "again", again, 0, 2);
	add(suite, "swap", swap, 0, 2);
	add(suite, "mix", mix, 0, 1);
	add(suite, "glitch", glitch, 0, 2);
	add(suite, "unseen", exchanged_unseen, 0, 2);
	return harness_run(suite, argc, argv);
}
