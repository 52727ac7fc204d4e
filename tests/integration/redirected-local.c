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

int main(int argc, char **argv)
{
	Suite *suite = suite_create("redirected-local");
	TCase *tcase;

	rig_enter();
	tcase = redir_case(suite, "local");
	tcase_add_test(tcase, local_hangs);
	tcase_add_loop_test(tcase, forwarded_is_not_local, 0, 2);
	return harness_run(suite, argc, argv);
}
