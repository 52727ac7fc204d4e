/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The local endpoint and the redirected ones do not get in each other's way: neither by a local
 * pcscd that hangs, nor by what the environment says.
 */
#include "redir.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"

#define SHORT    "grace=1s\n"
#define STRANGER 12345 /* user id */

static void begin(void)
{
	redir_configure(SHORT);
	world_start();
}

/* Listens where the local pcscd would, and never answers. */
static int listen_silently(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_strlcpy(address.sun_path, path, sizeof address.sun_path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	return fd;
}

static bool is_silent(gpointer data)
{
	g_autofree char *detail = redir_word("local", "detail");

	return detail != NULL && strstr(detail, "does not answer") != NULL;
}

/* The local pcscd hangs: that is no reason to keep what came from elsewhere. */
START_TEST(local_hangs)
{
	g_autofree char *path = rig_home_path(world.home, "local.comm");
	int fd = listen_silently(path);

	world.environment = g_environ_setenv(world.environment, "PCSCLITE_CSOCK_NAME", path, TRUE);
	begin();
	rig_chansrv_connect(redir.chansrv);
	rig_card_insert_seen(world.cards[0]);
	redir_wait_reader(REDIR_XRDP, "read");
	ck_assert_uint_eq(redir_stored(redir.card), REDIR_CERTS);
	rig_card_remove_seen(world.cards[0]);
	redir_wait_stored(redir.card, 0);
	rig_wait_until(is_silent, NULL, REDIR_WAIT_MS, "what is wrong with the local pcscd");
	(void)close(fd);
	redir_wait("local", "absent");
}
END_TEST

static bool is_there(gpointer data)
{
	return g_file_test(data, G_FILE_TEST_EXISTS);
}

/* Meant for the programs of an ssh session, and come to the user's service manager. Behind it is a
   pcscd that refuses, so that it can be told from the local one. */
START_TEST(forwarded_is_not_local)
{
	g_autofree char *path = rig_home_path(world.home, "session.comm");
	g_autofree char *program = rig_program("tests/fake/fake-pcscd");
	const char *argv[] = {program, path, "0x8010006A", NULL};
	RigProcess *fake = rig_process_start(argv, NULL);
	g_autofree char *errors = NULL;

	rig_wait_until(is_there, path, REDIR_WAIT_MS, "the socket");
	world.environment = g_environ_setenv(world.environment, "PCSCLITE_CSOCK_NAME", path, TRUE);
	if (_i == 0)
		ck_assert_int_eq(chown(path, STRANGER, (gid_t)-1), 0);
	begin();
	redir_wait("local", _i == 0 ? "ok" : "denied");
	errors = rig_process_errors(world.daemon);
	ck_assert_int_eq(strstr(errors, "is not used") != NULL, _i == 0);
	rig_process_kill(fake);
	rig_process_free(fake);
}
END_TEST

static bool is_later(gpointer data)
{
	return g_get_real_time() / G_USEC_PER_SEC > *(const gint64 *)data;
}

/* A session that nobody ended: the next one begins in another second. */
static void crash(void)
{
	gint64 now = g_get_real_time() / G_USEC_PER_SEC;

	rig_process_kill(world.daemon);
	g_clear_pointer(&world.daemon, rig_process_free);
	rig_wait_until(is_later, &now, REDIR_WAIT_MS, "another second");
}

static gint64 row_of(const char *card)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(world.database);
	g_autoptr(GBytes) der = rig_dealt_der(card, 0);
	const RigDbRow *row = rig_db_find(rows, der);

	return row != NULL ? row->row : 0;
}

/* What an earlier session has left is to go, of a line that is gone and of a card that is in and
   takes long to be read: that one's is not deleted to be made again. */
START_TEST(left_by_another_session)
{
	gint64 row;

	redir_reach_local();
	redir_configure(SHORT "[local]\non-logout=remove\n");
	world_start();
	rig_chansrv_connect(redir.chansrv);
	rig_card_insert_seen(world.cards[0]);
	redir_wait_claims(redir.card, "local", 1);
	redir_wait_claims(redir.card, REDIR_XRDP, 1);
	row = row_of(redir.card);
	crash();
	g_free(rig_card_command(world.cards[0], "delay 200"));
	world_start();
	redir_wait_reader("local", "scanning");
	redir_wait(REDIR_XRDP, "ok");
	rig_chansrv_disconnect(redir.chansrv);
	redir_wait_claims(redir.card, REDIR_XRDP, 0);
	redir_wait_reader("local", "read");
	ck_assert_uint_eq(redir_claims(redir.card, "local"), 1);
	ck_assert_int_eq(row_of(redir.card), row);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("redirected-local");
	TCase *tcase;

	rig_enter();
	tcase = redir_case(suite, "local");
	tcase_add_test(tcase, local_hangs);
	tcase_add_loop_test(tcase, forwarded_is_not_local, 0, 2);
	tcase_add_test(tcase, left_by_another_session);
	return harness_run(suite, argc, argv);
}
