/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropd on a machine with a real xrdp: what stands in the database of a user whose card is in
 * the reader at the other end. As his user manager would do it, certpropd is started before he logs
 * in, and gets nothing of the session's environment.
 */
#include <string.h>

#include "harness.h"
#include "names.h"
#include "redir.h"

#define SHORT  "[redirected]\ngrace=1s\n"
#define MIDDLE "[redirected]\ngrace=10s\n"
#define LONG   "[redirected]\ngrace=60s\n"
#define CASE_S 120

static RigXrdp *xrdp;

static void setup(void)
{
	world_setup();
	redir = (Redir){.card = world_deal(0, REDIR_CERTS, REDIR_GUID_A)};
	world.environment = g_environ_setenv(world.environment, "TMPDIR", "/tmp", TRUE);
}

static void teardown(void)
{
	g_clear_pointer(&xrdp, rig_xrdp_free);
	g_clear_pointer(&redir.card, g_free);
	world_teardown();
}

/* The machine is up, and its user has such a certprop.conf. */
static void boot(const char *configuration)
{
	world_configure(configuration);
	xrdp = rig_xrdp_new(world.home);
	world.where = rig_xrdp_options(xrdp, NULL);
}

/* He is logged in, with his card. */
static void begin(const char *configuration)
{
	boot(configuration);
	world_start();
	redir_wait(REDIR_XRDP, NULL);
	rig_xrdp_connect(xrdp);
	ck_assert_str_eq(rig_xrdp_display(xrdp), REDIR_DISPLAY);
	rig_card_insert_seen(world.cards[0]);
	redir_wait_stored(redir.card, REDIR_CERTS);
	ck_assert_uint_eq(redir_claims(redir.card, REDIR_XRDP), 1);
	ck_assert_uint_eq(redir_claims(redir.card, NULL), 1);
}

static void exchange_card(char **ret_other)
{
	rig_card_remove_seen(world.cards[0]);
	g_clear_pointer(&world.cards[0], rig_card_free);
	*ret_other = world_deal(0, REDIR_CERTS, REDIR_GUID_B);
	rig_card_insert_seen(world.cards[0]);
}

START_TEST(card_comes_and_goes)
{
	begin(LONG);
	rig_card_remove_seen(world.cards[0]);
	redir_wait_stored(redir.card, 0);
	rig_card_insert_seen(world.cards[0]);
	redir_wait_stored(redir.card, REDIR_CERTS);
	ck_assert_int_eq(world_stop(), 0);
	ck_assert_uint_eq(redir_stored(redir.card), 0);
}
END_TEST

START_TEST(client_comes_back_in_time)
{
	g_autofree char *before = NULL, *now = NULL;

	begin(LONG);
	redir_wait_reader(REDIR_XRDP, "read");
	redir_wait_rest(2);
	before = rig_db_state(world.database);
	if (_i == 0)
		rig_xrdp_disconnect(xrdp);
	else
		rig_xrdp_lose(xrdp);
	redir_wait(REDIR_XRDP, "absent");
	rig_xrdp_connect(xrdp);
	redir_wait_reader(REDIR_XRDP, "read");
	redir_wait_rest(2);
	now = rig_db_state(world.database);
	ck_assert_str_eq(now, before);
}
END_TEST

START_TEST(client_comes_back_too_late)
{
	begin(SHORT);
	rig_xrdp_disconnect(xrdp);
	redir_wait_stored(redir.card, 0);
	rig_xrdp_connect(xrdp);
	redir_wait_stored(redir.card, REDIR_CERTS);
}
END_TEST

/* Within the grace or not: what was on the first card goes, at the latest when the grace is over.
   Nobody has seen that card leave, so it might still come up in another of the client's readers. */
START_TEST(client_comes_back_with_another_card)
{
	g_autofree char *other = NULL;

	begin(_i == 0 ? SHORT : MIDDLE);
	rig_xrdp_disconnect(xrdp);
	exchange_card(&other);
	rig_xrdp_connect(xrdp);
	redir_wait_stored(other, REDIR_CERTS);
	redir_wait_stored(redir.card, 0);
	ck_assert_uint_eq(redir_stored(other), REDIR_CERTS);
	ck_assert_uint_eq(redir_claims(other, REDIR_XRDP), 1);
	ck_assert_uint_eq(redir_claims(other, NULL), 1);
}
END_TEST

/* certpropd lives on, as it does when the user has another session. */
START_TEST(session_ends)
{
	begin(SHORT);
	rig_xrdp_log_out(xrdp);
	redir_wait_stored(redir.card, 0);
	rig_xrdp_connect(xrdp);
	redir_wait_stored(redir.card, REDIR_CERTS);
}
END_TEST

/* Its socket stays, and nobody is behind it. */
START_TEST(chansrv_is_killed)
{
	begin(SHORT);
	rig_xrdp_kill_chansrv(xrdp);
	redir_wait(REDIR_XRDP, "stale");
	redir_wait_stored(redir.card, 0);
	rig_xrdp_log_out(xrdp);
	rig_xrdp_connect(xrdp);
	redir_wait_stored(redir.card, REDIR_CERTS);
}
END_TEST

/* In peace, or while the card is being read for the second time. chansrv may leave its socket. */
START_TEST(all_is_killed)
{
	begin(SHORT);
	if (_i == 0) {
		redir_wait_reader(REDIR_XRDP, "read");
		redir_wait_rest(2);
	}
	rig_process_kill(world.daemon);
	rig_xrdp_log_out(xrdp);
	if (_i == 0)
		ck_assert_uint_eq(redir_stored(redir.card), REDIR_CERTS);
	world_start();
	redir_wait_stored(redir.card, 0);
}
END_TEST

/* In a terminal of the session. */
static char *ctl(const char *verb)
{
	static const char *const built[] = {"CERTPROP_LIBEXECDIR", "CERTPROP_PCSCDIR"};
	g_autofree char *program = rig_program("ctl/" NAME_CTL);
	const char *argv[] = {program, verb, "--json", NULL};
	g_auto(GStrv) environment = rig_xrdp_environment(xrdp);
	g_autoptr(RigProcess) process = NULL;
	RigProcessOptions options;

	for (gsize i = 0; i < G_N_ELEMENTS(built); i++)
		environment = g_environ_setenv(
			environment, built[i], g_environ_getenv(world.environment, built[i]), TRUE);
	options = rig_xrdp_options(xrdp, environment);
	process = rig_process_start(argv, &options);
	if (rig_process_wait(process, REDIR_WAIT_MS) != 0) {
		g_autofree char *errors = rig_process_errors(process);

		ck_abort_msg("%s has failed: %s", verb, errors);
	}
	return rig_process_output(process, NULL);
}

START_TEST(without_a_daemon)
{
	g_autofree char *synced = NULL, *listed = NULL;

	boot(SHORT);
	rig_xrdp_connect(xrdp);
	rig_card_insert_seen(world.cards[0]);
	synced = ctl("sync");
	ck_assert_ptr_nonnull(strstr(synced, "\"endpoint\":\"" REDIR_XRDP "\""));
	ck_assert_uint_eq(redir_stored(redir.card), REDIR_CERTS);
	ck_assert_uint_eq(redir_claims(redir.card, REDIR_XRDP), 1);
	listed = ctl("list");
	ck_assert_ptr_nonnull(strstr(listed, "\"endpoint\":\"" REDIR_XRDP "\""));
	ck_assert_ptr_nonnull(strstr(listed, "\"key\":\"present\""));
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("redirected-real");
	TCase *tcase = tcase_create("real");

	rig_enter();
	tcase_set_timeout(tcase, CASE_S);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, card_comes_and_goes);
	tcase_add_loop_test(tcase, client_comes_back_in_time, 0, 2);
	tcase_add_test(tcase, client_comes_back_too_late);
	tcase_add_loop_test(tcase, client_comes_back_with_another_card, 0, 2);
	tcase_add_test(tcase, session_ends);
	tcase_add_test(tcase, chansrv_is_killed);
	tcase_add_loop_test(tcase, all_is_killed, 0, 2);
	tcase_add_test(tcase, without_a_daemon);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
