/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Redirected readers through the whole product: an xrdp session whose client comes and goes, and
 * what the database holds then. Looked at by raw SQL.
 */
#include "redir.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "names.h"

#define SHORT "grace=1s\n"
#define LONG  "grace=60s\n"

/* A client connects, and its card is read. */
static void connect_with_card(void)
{
	rig_chansrv_connect(redir.chansrv);
	rig_card_insert_seen(world.cards[0]);
	redir_wait_reader(REDIR_XRDP, "read");
	ck_assert_uint_eq(redir_stored(redir.card), REDIR_CERTS);
	ck_assert_uint_eq(redir_claims(redir.card, REDIR_XRDP), 1);
	ck_assert_uint_eq(redir_claims(redir.card, NULL), 1);
}

static void begin(const char *lines)
{
	redir_configure(lines);
	world_start();
}

static char *state(void)
{
	return rig_db_state(world.database);
}

static void check_unwritten(const char *before)
{
	g_autofree char *now = state();

	ck_assert_str_eq(now, before);
}

START_TEST(card_comes_and_goes)
{
	begin(LONG);
	redir_wait(REDIR_XRDP, NULL);
	connect_with_card();
	/* That it left was seen: there is no grace for that. */
	rig_card_remove_seen(world.cards[0]);
	redir_wait_stored(redir.card, 0);
	redir_wait_reader(REDIR_XRDP, "empty");
	rig_card_insert_seen(world.cards[0]);
	redir_wait_stored(redir.card, REDIR_CERTS);
	ck_assert_int_eq(world_stop(), 0);
	ck_assert_uint_eq(redir_stored(redir.card), 0);
}
END_TEST

/* The client's pcscd ends: the connection stays, and shows no reader. */
START_TEST(reader_goes)
{
	begin(LONG);
	connect_with_card();
	redir_wait_rest(2);
	rig_pcscd_stop(world.pcscd);
	redir_wait_stored(redir.card, 0);
	redir_wait(REDIR_XRDP, "ok");
}
END_TEST

START_TEST(client_disconnects)
{
	begin(SHORT);
	connect_with_card();
	rig_chansrv_disconnect(redir.chansrv);
	redir_wait(REDIR_XRDP, "absent");
	ck_assert_uint_eq(redir_stored(redir.card), REDIR_CERTS);
	redir_wait_stored(redir.card, 0);
	redir_wait(REDIR_XRDP, NULL);
	rig_chansrv_connect(redir.chansrv);
	redir_wait_stored(redir.card, REDIR_CERTS);
}
END_TEST

START_TEST(blip_writes_nothing)
{
	g_autofree char *before = NULL;

	begin(LONG);
	connect_with_card();
	redir_wait_rest(2);
	before = state();
	for (unsigned i = 0; i < 2; i++) {
		rig_chansrv_disconnect(redir.chansrv);
		redir_wait(REDIR_XRDP, "absent");
		redir_wait_rest(1);
		check_unwritten(before);
		rig_chansrv_connect(redir.chansrv);
		redir_wait_reader(REDIR_XRDP, "read");
		redir_wait_rest(2);
		check_unwritten(before);
	}
	/* Too fast for anybody to see it go. */
	rig_chansrv_connect(redir.chansrv);
	redir_wait_reader(REDIR_XRDP, "read");
	redir_wait_rest(2);
	check_unwritten(before);
}
END_TEST

/* Puts the card in, and returns when it has been written, and is being read a second time. Returns
   the database's state. */
static char *connect_and_be_confirmed(void)
{
	unsigned n;

	rig_chansrv_connect(redir.chansrv);
	(void)rig_card_command(world.cards[0], "delay 20");
	rig_card_insert_seen(world.cards[0]);
	redir_wait_stored(redir.card, REDIR_CERTS);
	n = rig_card_count(world.cards[0], -1);
	rig_card_wait_count(world.cards[0], n + 5);
	return state();
}

/* That a line breaks says nothing against what has just been read over it. */
START_TEST(blip_while_confirming)
{
	g_autofree char *before = NULL;

	begin(LONG);
	before = connect_and_be_confirmed();
	if (_i == 0)
		rig_chansrv_disconnect(redir.chansrv);
	else
		rig_chansrv_kill(redir.chansrv);
	redir_wait(REDIR_XRDP, "absent");
	redir_wait_rest(_i == 0 ? 1 : 2);
	check_unwritten(before);
	if (_i == 1) {
		g_clear_pointer(&redir.chansrv, rig_chansrv_free);
		redir.chansrv = rig_chansrv_new(world.home->home, REDIR_DISPLAY);
	}
	rig_chansrv_connect(redir.chansrv);
	redir_wait_reader(REDIR_XRDP, "read");
	redir_wait_rest(2);
	check_unwritten(before);
	rig_card_remove_seen(world.cards[0]);
	redir_wait_stored(redir.card, 0);
}
END_TEST

/* Nor does it speak for it: who does not come back is not there. */
START_TEST(lost_while_confirming)
{
	begin(_i == 0 ? SHORT : "grace=0\n");
	g_free(connect_and_be_confirmed());
	rig_chansrv_disconnect(redir.chansrv);
	redir_wait_stored(redir.card, 0);
}
END_TEST

/* What would stay unseen for ever is not kept on the word of one reading. */
START_TEST(kept_only_if_confirmed)
{
	begin("policy=keep\n" LONG);
	g_free(connect_and_be_confirmed());
	rig_chansrv_disconnect(redir.chansrv);
	redir_wait_stored(redir.card, 0);
}
END_TEST

START_TEST(other_card_after_reconnect)
{
	g_autofree char *other = NULL;

	begin(SHORT);
	connect_with_card();
	rig_chansrv_disconnect(redir.chansrv);
	redir_wait(REDIR_XRDP, "absent");
	rig_card_remove_seen(world.cards[0]);
	g_clear_pointer(&world.cards[0], rig_card_free);
	other = world_deal(0, REDIR_CERTS, REDIR_GUID_B);
	rig_card_insert_seen(world.cards[0]);
	rig_chansrv_connect(redir.chansrv);
	redir_wait_stored(other, REDIR_CERTS);
	redir_wait_stored(redir.card, 0);
	ck_assert_uint_eq(redir_claims(other, REDIR_XRDP), 1);
	ck_assert_uint_eq(redir_stored(other), REDIR_CERTS);
}
END_TEST

/* The socket stays; nobody answers. */
START_TEST(chansrv_is_killed)
{
	begin(SHORT);
	connect_with_card();
	rig_chansrv_kill(redir.chansrv);
	redir_wait_stored(redir.card, 0);
	redir_wait(REDIR_XRDP, "stale");
	redir_wait_rest(1);
	g_clear_pointer(&redir.chansrv, rig_chansrv_free);
	redir.chansrv = rig_chansrv_new(world.home->home, REDIR_DISPLAY);
	rig_chansrv_connect(redir.chansrv);
	redir_wait_stored(redir.card, REDIR_CERTS);
}
END_TEST

/* Helpers of its own for certpropd. Returns the path of certprop-watch. */
static char *link_helpers(void)
{
	static const char *const names[] = {NAME_WATCH, NAME_SCAN, NAME_STORE};
	g_autofree char *dir = rig_home_path(world.home, "helpers");

	ck_assert_int_eq(g_mkdir_with_parents(dir, 0755), 0);
	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *built = g_build_filename("daemon", names[i], NULL);
		g_autofree char *program = rig_program(built);
		g_autofree char *path = g_build_filename(dir, names[i], NULL);

		ck_assert_int_eq(symlink(program, path), 0);
	}
	world.environment = g_environ_setenv(world.environment, NAME_ENV_LIBEXECDIR, dir, TRUE);
	return g_build_filename(dir, NAME_WATCH, NULL);
}

static void kill_watchers(void)
{
	g_autoptr(GArray) watchers = rig_children(rig_process_pid(world.daemon));

	ck_assert_uint_eq(watchers->len, 2);
	for (guint i = 0; i < watchers->len; i++)
		ck_assert_int_eq(kill(g_array_index(watchers, pid_t, i), SIGKILL), 0);
}

static bool has_tried_for_long(gpointer data)
{
	g_autofree char *errors = rig_process_errors(world.daemon);

	return strstr(errors, "starting it again in 4.0 s") != NULL;
}

/* What we cannot hear for our own failure is not gone, however long it takes. */
START_TEST(watcher_fails)
{
	g_autofree char *watch = link_helpers();
	g_autofree char *aside = g_strconcat(watch, ".aside", NULL);
	g_autofree char *before = NULL;

	begin(SHORT);
	connect_with_card();
	redir_wait_rest(2);
	before = state();
	ck_assert_int_eq(rename(watch, aside), 0);
	kill_watchers();
	/* The pauses before that are longer than the grace and what a deletion waits. */
	rig_wait_until(has_tried_for_long, NULL, REDIR_WAIT_MS, "four attempts to start it");
	redir_wait_rest(0);
	check_unwritten(before);

	ck_assert_int_eq(rename(aside, watch), 0);
	redir_wait_reader(REDIR_XRDP, "read");
	redir_wait_rest(2);
	check_unwritten(before);
	rig_card_remove_seen(world.cards[0]);
	redir_wait_stored(redir.card, 0);
}
END_TEST

START_TEST(daemon_is_killed)
{
	begin(SHORT);
	connect_with_card();
	rig_process_kill(world.daemon);
	ck_assert_uint_eq(redir_stored(redir.card), REDIR_CERTS);
	rig_chansrv_disconnect(redir.chansrv);
	world_start();
	redir_wait_stored(redir.card, 0);
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

/* After a crash the client is there, or is back within the grace. */
START_TEST(daemon_is_killed_and_the_card_stays)
{
	g_autofree char *before = NULL;

	begin(LONG);
	connect_with_card();
	redir_wait_rest(2);
	rig_process_kill(world.daemon);
	before = state();
	if (_i == 1)
		rig_chansrv_disconnect(redir.chansrv);
	world_start();
	if (_i == 1) {
		redir_wait_rest(1);
		check_unwritten(before);
		rig_chansrv_connect(redir.chansrv);
	}
	redir_wait_reader(REDIR_XRDP, "read");
	redir_wait_rest(2);
	check_unwritten(before);
}
END_TEST

START_TEST(session_ends)
{
	begin(LONG);
	connect_with_card();
	ck_assert_int_eq(world_stop(), 0);
	ck_assert_uint_eq(redir_stored(redir.card), 0);
}
END_TEST

START_TEST(kept)
{
	g_autofree char *before = NULL;

	begin("policy=keep\n" SHORT);
	connect_with_card();
	redir_wait_rest(2);
	before = state();
	rig_card_remove_seen(world.cards[0]);
	redir_wait_reader(REDIR_XRDP, "empty");
	rig_chansrv_disconnect(redir.chansrv);
	redir_wait(REDIR_XRDP, NULL);
	redir_wait_rest(1);
	ck_assert_int_eq(world_stop(), 0);
	check_unwritten(before);
	world_start();
	redir_wait_rest(1);
	ck_assert_int_eq(world_stop(), 0);
	check_unwritten(before);
}
END_TEST

/* It is the same card, and it does not answer just now. */
START_TEST(silent_after_reconnect)
{
	g_autofree char *before = NULL;

	begin(SHORT);
	connect_with_card();
	redir_wait_rest(2);
	before = state();
	rig_chansrv_disconnect(redir.chansrv);
	redir_wait(REDIR_XRDP, "absent");
	g_free(rig_card_command(world.cards[0], "applet off"));
	rig_chansrv_connect(redir.chansrv);
	redir_wait_reader(REDIR_XRDP, "unrecognised");
	redir_wait_rest(2);
	check_unwritten(before);
	g_free(rig_card_command(world.cards[0], "applet on"));
	redir_wait_reader(REDIR_XRDP, "read");
	redir_wait_rest(2);
	check_unwritten(before);
}
END_TEST

/* The administrator's prevention switch: nothing comes in, and what was there goes. */
START_TEST(ignored)
{
	begin("policy=keep\n" LONG);
	connect_with_card();
	redir_configure("policy=ignore\n" LONG);
	g_variant_unref(world_call("Reload"));
	redir_wait_stored(redir.card, 0);
	redir_wait(REDIR_XRDP, NULL);
	redir_wait(REDIR_DESK, NULL);
	redir_wait_rest(1);
	rig_chansrv_disconnect(redir.chansrv);
	rig_chansrv_connect(redir.chansrv);
	redir_wait_rest(1);
	ck_assert_uint_eq(rig_chansrv_requests(redir.chansrv) > 0, true);
	ck_assert_uint_eq(redir_stored(redir.card), 0);
	redir_configure(LONG);
	g_variant_unref(world_call("Reload"));
	redir_wait_stored(redir.card, REDIR_CERTS);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("redirected");
	TCase *tcase;

	rig_enter();
	tcase = redir_case(suite, "client");
	tcase_add_test(tcase, card_comes_and_goes);
	tcase_add_test(tcase, reader_goes);
	tcase_add_test(tcase, client_disconnects);
	tcase_add_test(tcase, blip_writes_nothing);
	tcase_add_loop_test(tcase, blip_while_confirming, 0, 2);
	tcase_add_loop_test(tcase, lost_while_confirming, 0, 2);
	tcase_add_test(tcase, kept_only_if_confirmed);
	tcase_add_test(tcase, other_card_after_reconnect);
	tcase_add_test(tcase, chansrv_is_killed);
	tcase_add_test(tcase, watcher_fails);
	tcase_add_test(tcase, silent_after_reconnect);
	tcase = redir_case(suite, "policy");
	tcase_add_test(tcase, daemon_is_killed);
	tcase_add_loop_test(tcase, daemon_is_killed_and_the_card_stays, 0, 2);
	tcase_add_test(tcase, session_ends);
	tcase_add_test(tcase, kept);
	tcase_add_test(tcase, ignored);
	return harness_run(suite, argc, argv);
}
