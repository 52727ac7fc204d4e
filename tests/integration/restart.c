/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pcscd that goes and comes, a card that hangs, another program that keeps the card for itself, and
 * cards that come and go faster than anybody can look. Everything ends in the right state, and at
 * the end certpropd and certprop-watch are no larger than before.
 */
#include "evidence.h"

#include <PCSC/winscard.h>
#include <check.h>
#include <signal.h>
#include <string.h>

#include "harness.h"
#include "names.h"

#define REMOVE   "[local]\non-removal=remove\n"
#define WAIT_MS  30000u
#define RESTARTS 10
#define STORM    100 /* times out and in: as many as vpcd takes in a minute */
#define SEEN     20  /* so often it is slow enough for pcscd */
/* kB by which private memory may differ: heaps and the dynamic linker's late relocations move by
   some pages. AddressSanitizer keeps what was freed. */
#ifdef __SANITIZE_ADDRESS__
#define SLACK 8192u
#else
#define SLACK 128u
#endif

/* What the daemon and its watcher use, at rest. */
typedef struct Size {
	pid_t watch;
	unsigned daemon_fds, watch_fds;
	guint64 daemon_kb, watch_kb;
} Size;

static Size measure(void)
{
	pid_t daemon = rig_process_pid(world.daemon);
	g_autoptr(GArray) children = rig_children(daemon);
	pid_t watch;

	ck_assert_uint_eq(children->len, 1);
	watch = g_array_index(children, pid_t, 0);
	return (Size){
		.watch = watch,
		.daemon_fds = rig_descriptors(daemon),
		.watch_fds = rig_descriptors(watch),
		.daemon_kb = rig_memory(daemon).private_dirty,
		.watch_kb = rig_memory(watch).private_dirty,
	};
}

static void check_level(const Size *before)
{
	Size now = measure();

	g_printerr("# certpropd %u fds, %" G_GUINT64_FORMAT " kB, then %u, %" G_GUINT64_FORMAT
		   "; certprop-watch %u, %" G_GUINT64_FORMAT ", then %u, %" G_GUINT64_FORMAT "\n",
		before->daemon_fds, before->daemon_kb, now.daemon_fds, now.daemon_kb,
		before->watch_fds, before->watch_kb, now.watch_fds, now.watch_kb);
	ck_assert_int_eq(now.watch, before->watch);
	ck_assert_uint_eq(now.daemon_fds, before->daemon_fds);
	ck_assert_uint_eq(now.watch_fds, before->watch_fds);
	ck_assert_uint_le(now.daemon_kb, before->daemon_kb + SLACK);
	ck_assert_uint_le(now.watch_kb, before->watch_kb + SLACK);
}

/* Each time another card is in when pcscd is back; with on-removal=remove the one that was there
   before takes its certificates along. */
START_TEST(restarts)
{
	Evidence *cards[] = {evidence_deal(), evidence_deal(), evidence_deal()};
	Evidence *card = cards[0];
	Size before = {0};

	world_configure(REMOVE);
	evidence_seat(card, 0);
	rig_card_insert_seen(world.cards[0]);
	world_start();
	evidence_wait(card, NULL);
	evidence_wait_rest(0, "read"); /* and confirmed */
	for (int i = 0; i < RESTARTS; i++) {
		g_autofree char *rows = evidence_rows();
		g_autofree char *while_away = NULL;

		rig_pcscd_kill(world.pcscd);
		world_wait_service("absent");
		world_wait_quiet();
		/* Nobody knows anything of any card now. */
		while_away = evidence_rows();
		ck_assert_str_eq(while_away, rows);
		g_clear_pointer(&world.cards[0], rig_card_free);
		card = cards[(unsigned)(i + 1) % G_N_ELEMENTS(cards)];
		rig_pcscd_start(world.pcscd);
		evidence_seat(card, 0);
		rig_card_insert(world.cards[0]);
		evidence_wait(card, NULL);
		evidence_wait_rest(0, "read");
		if (i == 2) /* each card was in once */
			before = measure();
	}
	check_level(&before);
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

/* From the command to the last certificate. */
static gint64 time_to_serve(const Evidence *card, unsigned reader)
{
	gint64 start = g_get_monotonic_time();

	rig_card_insert(world.cards[reader]);
	evidence_wait(card, NULL);
	return g_get_monotonic_time() - start;
}

static void take_out(unsigned reader)
{
	rig_card_remove(world.cards[reader]);
	evidence_wait_rest(reader, "empty");
	evidence_wipe();
}

static bool has_failed(gpointer data)
{
	g_autofree char *state = world_reader(0, "state");
	g_autofree char *reason = world_reader(0, "reason");

	return g_strcmp0(state, "waiting") == 0 && reason != NULL &&
	       strstr(reason, "2.0 s") != NULL;
}

static bool is_scanned_again(gpointer data)
{
	g_autofree char *state = world_reader(0, "state");

	return g_strcmp0(state, "scanning") == 0;
}

static const unsigned hangs[] = {0, 1, 5, 12, 20, 28, 33, 38};

/* A card that stops answering: its look is ended at the deadline, said to have failed and tried
   again; the other reader is served as quickly as ever; only the removal frees it. */
START_TEST(hang)
{
	Evidence *stuck = evidence_deal(), *card = evidence_deal();
	gint64 usual = 0, beside;

	world_configure("[limits]\nscan-seconds=2\n");
	evidence_seat(stuck, 0);
	evidence_seat(card, 1);
	world_start();
	world_wait_reader(1, "empty");
	for (int i = 0; i < 3; i++) {
		gint64 took = time_to_serve(card, 1);

		usual = MAX(usual, took);
		take_out(1);
	}

	if (hangs[_i] > 0)
		g_free(rig_card_command(world.cards[0], "hang-after %u", hangs[_i]));
	rig_card_insert(world.cards[0]);
	if (hangs[_i] == 0) {
		(void)rig_reader_wait(rig_pcscd_reader(world.pcscd, 0), true);
		g_free(rig_card_command(world.cards[0], "hang"));
	}
	rig_card_wait_state(world.cards[0], "hanging");
	world_wait_reader(0, "scanning");
	beside = time_to_serve(card, 1);
	g_printerr("# served in at most %" G_GINT64_FORMAT
		   " ms, beside a hanging card in %" G_GINT64_FORMAT " ms\n",
		usual / 1000, beside / 1000);
	ck_assert_int_le(beside, 2 * usual + G_USEC_PER_SEC / 2);

	rig_wait_until(has_failed, NULL, WAIT_MS, "the look is ended at its deadline");
	rig_wait_until(is_scanned_again, NULL, WAIT_MS, "another look");
	rig_card_remove(world.cards[0]);
	evidence_wait_rest(0, "empty");
	evidence_check(card, NULL);
	rig_card_insert(world.cards[0]);
	evidence_wait_rest(0, "read");
	evidence_check(card, stuck, NULL);
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

static bool holder_is_named(gpointer data)
{
	g_autofree char *state = world_reader(0, "state");
	g_autofree char *reason = world_reader(0, "reason");

	/* NULL: the daemon does not know of the reader yet. */
	return g_strcmp0(state, "waiting") == 0 && reason != NULL &&
	       strstr(reason, "held exclusively") != NULL;
}

/* Seconds until the next try, as the status says it. */
static gint64 pause_said(void)
{
	g_autofree char *at = world_reader(0, "retry_at");
	g_autoptr(GDateTime) time = at != NULL ? g_date_time_new_from_iso8601(at, NULL) : NULL;

	return time == NULL ? 0 : g_date_time_to_unix(time) - g_get_real_time() / G_USEC_PER_SEC;
}

static bool pause_is_longer(gpointer data)
{
	return pause_said() > *(gint64 *)data;
}

/* This process keeps the card for itself. Nothing tells when it lets go: the daemon tries again,
   ever less often. */
START_TEST(holder)
{
	Evidence *card = evidence_deal(), *other = evidence_deal();
	SCARDCONTEXT context;
	SCARDHANDLE handle;
	DWORD protocol;
	gint64 pause = 2;

	evidence_seat(card, 0);
	evidence_seat(other, 1);
	rig_card_insert_seen(world.cards[0]);
	ck_assert_int_eq(
		SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context), SCARD_S_SUCCESS);
	ck_assert_int_eq(SCardConnect(context, rig_pcscd_reader(world.pcscd, 0),
				 SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_ANY, &handle, &protocol),
		SCARD_S_SUCCESS);
	world_start();
	rig_wait_until(holder_is_named, NULL, WAIT_MS, "the holder is named");
	/* The other reader does not care. */
	rig_card_insert(world.cards[1]);
	evidence_wait(other, NULL);
	rig_wait_until(pause_is_longer, &pause, WAIT_MS, "the pauses grow");
	rig_wait_until(holder_is_named, NULL, WAIT_MS, "the holder is named again");
	evidence_check(other, NULL);

	ck_assert_int_eq(SCardDisconnect(handle, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	ck_assert_int_eq(SCardReleaseContext(context), SCARD_S_SUCCESS);
	evidence_wait(other, card, NULL);
	evidence_wait_rest(0, "read");
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

/* Most of it pcscd does not see; some it does. */
START_TEST(storm)
{
	Evidence *card = evidence_deal(), *other = evidence_deal();
	Size before;

	world_configure(_i == 1 ? REMOVE : "");
	evidence_seat(card, 0);
	evidence_seat(other, 1);
	rig_card_insert_seen(world.cards[0]);
	rig_card_insert_seen(world.cards[1]);
	world_start();
	evidence_wait(card, other, NULL);
	evidence_wait_rest(0, "read");
	rig_card_remove(world.cards[1]);
	evidence_wait_rest(1, "empty");
	rig_card_insert(world.cards[1]);
	evidence_wait_rest(1, "read");
	before = measure();
	for (int i = 0; i < STORM; i++) {
		RigCard *one = world.cards[i / 2 % 2];

		if (i % SEEN == 0)
			rig_card_remove_seen(one);
		else
			rig_card_remove(one);
		if (i % SEEN == SEEN / 2)
			rig_card_insert_seen(one);
		else
			rig_card_insert(one);
	}
	evidence_wait(card, other, NULL);
	evidence_wait_rest(0, "read");
	evidence_wait_rest(1, "read");
	evidence_check(card, other, NULL);
	check_level(&before);
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

static void add(Suite *suite, const char *name, const TTest *test, int n)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, 600);
	tcase_add_checked_fixture(tcase, evidence_setup, evidence_teardown);
	tcase_add_loop_test(tcase, test, 0, n);
	suite_add_tcase(suite, tcase);
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("restart");

	rig_enter();
	add(suite, "pcscd", restarts, 1);
	add(suite, "hang", hang, (int)G_N_ELEMENTS(hangs));
	add(suite, "holder", holder, 1);
	add(suite, "storm", storm, 2);
	return harness_run(suite, argc, argv);
}
