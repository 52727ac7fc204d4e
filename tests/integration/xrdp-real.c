/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The PC/SC library for xrdp sessions in a real one: Debian's xrdp and xorgxrdp, and rdesktop at
 * the other end, with the card in its reader. What the other tests of the library learn from a
 * chansrv of our own is looked at here with chansrv itself, as far as that can be brought about.
 */
#include <string.h>

#include "calls.h"
#include "harness.h"
#include "stage.h"

#define EVENT_MS   20000
#define AT_ONCE_US (5 * G_USEC_PER_SEC) /* far below the library's own deadlines */

static RigXrdp *xrdp;

static void setup(void)
{
	stage_set_up();
	xrdp = rig_xrdp_new(stage.home);
	rig_xrdp_connect(xrdp);
	g_strfreev(stage.environment);
	stage.environment = rig_xrdp_environment(xrdp);
	stage.where = rig_xrdp_options(xrdp, NULL);
}

static void teardown(void)
{
	g_clear_pointer(&xrdp, rig_xrdp_free);
	stage_tear_down();
}

/* In the place of what sesman.ini gives to every session. */
static void use_library_path(void)
{
	g_autofree char *directory = rig_program("lib/pcsc-xrdp/pcsc");

	stage.environment = g_environ_unsetenv(stage.environment, "OPENSC_CONF");
	stage.environment = g_environ_setenv(stage.environment, "LD_LIBRARY_PATH", directory, TRUE);
}

/* --- OpenSC --- */

START_TEST(opensc_reads_and_signs)
{
	if (_i == 1)
		use_library_path();
	rig_card_insert_seen(stage.card);
	ck_assert_uint_eq(stage_listed(), 4);
	stage_assert_reads_back(stage.directory, 0);
	stage_sign_and_verify(0, "SHA256-RSA-PKCS");
	stage_sign_and_verify(1, "ECDSA-SHA256");
}
END_TEST

/* The stock library sees nothing: what the tests above found did come by ours. */
START_TEST(stock_library_sees_nothing)
{
	const char *argv[] = {"pkcs11-tool", "-L", NULL};
	g_autofree char *output = NULL;
	g_autoptr(RigProcess) process = NULL;

	rig_card_insert_seen(stage.card);
	stage.environment = g_environ_unsetenv(stage.environment, "OPENSC_CONF");
	stage.where.environment = stage.environment;
	process = rig_process_start(argv, &stage.where);
	(void)rig_process_wait(process, EVENT_MS);
	output = rig_process_errors(process);
	ck_assert_msg(strstr(output, "No slots") != NULL, "%s", output);
}
END_TEST

/* The table that was made with a chansrv of our own holds for this one, to the last letter. */
START_TEST(call_by_call)
{
	g_autofree char *made = NULL;

	use_library_path();
	made = calls_made(stage.environment);
	calls_check_page(made);
}
END_TEST

/* --- a program that waits --- */

static RigProcess *start_follower(void)
{
	g_autofree char *program = rig_program("tests/integration/xrdp-follow");
	const char *argv[] = {program, NULL};

	use_library_path();
	stage.where.environment = stage.environment;
	return rig_process_start(argv, &stage.where);
}

typedef struct {
	RigProcess *process;
	const char *text;
} Said;

static bool has_said(gpointer data)
{
	Said *said = data;
	g_autofree char *output = rig_process_output(said->process, NULL);

	ck_assert_msg(rig_process_alive(said->process), "the program has ended: %s", output);
	return strcmp(output, said->text) == 0;
}

/* Waits until the follower has printed just this, from its start on. */
static void wait_said(RigProcess *follower, const char *text)
{
	Said said = {.process = follower, .text = text};
	g_autofree char *what = g_strdup_printf("a program in the session says: %s", text);

	rig_wait_until(has_said, &said, EVENT_MS, what);
}

#define HERE    "reader Virtual PCD A 00 00\n"
#define NOTHING "error 8010001d\n"

START_TEST(events_come)
{
	g_autoptr(RigProcess) follower = start_follower();

	wait_said(follower, HERE "empty\n");
	rig_card_insert_seen(stage.card);
	wait_said(follower, HERE "empty\ncard 17\n");
	rig_card_remove_seen(stage.card);
	wait_said(follower, HERE "empty\ncard 17\nempty\n");
	rig_card_insert_seen(stage.card);
	wait_said(follower, HERE "empty\ncard 17\nempty\ncard 17\n");
}
END_TEST

/* The wait ends, although chansrv neither answers nor hangs up; and the same program goes on when
   the client is back. */
START_TEST(client_comes_back)
{
	g_autoptr(RigProcess) follower = start_follower();
	gint64 start;

	wait_said(follower, HERE "empty\n");
	if (_i == 0)
		rig_xrdp_disconnect(xrdp);
	else
		rig_xrdp_lose(xrdp);
	start = g_get_monotonic_time();
	wait_said(follower, HERE "empty\n" NOTHING);
	ck_assert_int_lt(g_get_monotonic_time() - start, AT_ONCE_US);
	rig_card_insert_seen(stage.card);
	rig_xrdp_connect(xrdp);
	wait_said(follower, HERE "empty\n" NOTHING HERE "card 17\n");
	rig_card_remove_seen(stage.card);
	wait_said(follower, HERE "empty\n" NOTHING HERE "card 17\nempty\n");
}
END_TEST

START_TEST(chansrv_is_killed)
{
	g_autoptr(RigProcess) follower = start_follower();
	gint64 start;

	wait_said(follower, HERE "empty\n");
	rig_xrdp_kill_chansrv(xrdp);
	start = g_get_monotonic_time();
	wait_said(follower, HERE "empty\n" NOTHING);
	ck_assert_int_lt(g_get_monotonic_time() - start, AT_ONCE_US);
	rig_xrdp_log_out(xrdp);
	rig_xrdp_connect(xrdp);
	wait_said(follower, HERE "empty\n" NOTHING HERE "empty\n");
}
END_TEST

START_TEST(session_ends)
{
	g_autoptr(RigProcess) follower = start_follower();

	wait_said(follower, HERE "empty\n");
	rig_xrdp_log_out(xrdp);
	wait_said(follower, HERE "empty\n" NOTHING);
	rig_xrdp_connect(xrdp);
	wait_said(follower, HERE "empty\n" NOTHING HERE "empty\n");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("xrdp-real");
	TCase *opensc = tcase_create("opensc"), *calls = tcase_create("calls"),
	      *waits = tcase_create("waits");

	rig_enter();
	tcase_set_timeout(opensc, 120);
	tcase_add_checked_fixture(opensc, setup, teardown);
	tcase_add_loop_test(opensc, opensc_reads_and_signs, 0, 2);
	tcase_add_test(opensc, stock_library_sees_nothing);
	suite_add_tcase(suite, opensc);
	tcase_set_timeout(calls, 120);
	tcase_add_checked_fixture(calls, setup, teardown);
	tcase_add_test(calls, call_by_call);
	suite_add_tcase(suite, calls);
	tcase_set_timeout(waits, 120);
	tcase_add_checked_fixture(waits, setup, teardown);
	tcase_add_test(waits, events_come);
	tcase_add_loop_test(waits, client_comes_back, 0, 2);
	tcase_add_test(waits, chansrv_is_killed);
	tcase_add_test(waits, session_ends);
	suite_add_tcase(suite, waits);
	return harness_run(suite, argc, argv);
}
