/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clients of certpropd's own socket that behave badly: that come and go faster than they can be
 * served, that say nothing, that are stopped. What a good one gets is daemon.c's and
 * ctl-daemon.c's; here it only has to go on getting it.
 */

#include <check.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"
#include "names.h"
#include "world.h"

#define WAIT_MS    20000u
#define ANSWER_MAX 256

/* Connects, as a program that knows no D-Bus does. */
static int knock(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	g_autofree char *path =
		g_build_filename(world.home->runtime, NAME_RUNTIME_DIR, NAME_RUNTIME_BUS, NULL);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_lt(strlen(path), sizeof address.sun_path);
	(void)g_strlcpy(address.sun_path, path, sizeof address.sun_path);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

/* Sends a line of the authentication, and waits for the answer. */
static bool ask(int fd, const char *line, gsize length)
{
	char answer[ANSWER_MAX];

	return send(fd, line, length, MSG_NOSIGNAL) == (ssize_t)length &&
	       recv(fd, answer, sizeof answer, 0) > 0;
}

/* As far as a client gets that is killed at once. */
static void come_and_go(void)
{
	g_autofree char *user = g_strdup_printf("%u", (unsigned)geteuid());
	g_autoptr(GString) hello = g_string_new_len("", 1);
	int fd = knock();

	g_string_append(hello, "AUTH EXTERNAL ");
	for (const char *p = user; *p != '\0'; p++)
		g_string_append_printf(hello, "%02x", (unsigned char)*p);
	g_string_append(hello, "\r\n");
	if (ask(fd, hello->str, hello->len))
		(void)send(fd, "BEGIN\r\n", strlen("BEGIN\r\n"), MSG_NOSIGNAL);
	(void)close(fd);
}

#define HAMMERS        6u
#define HAMMER_STROKES 1500u

static gpointer hammer(gpointer data)
{
	for (unsigned i = 0; i < HAMMER_STROKES; i++)
		come_and_go();
	return NULL;
}

static bool few_descriptors(gpointer data)
{
	return rig_descriptors(rig_process_pid(world.daemon)) <= *(const unsigned *)data;
}

/* Whoever comes and goes leaves nothing behind, and does not take the daemon along. */
START_TEST(test_hammered)
{
	GThread *hammers[HAMMERS];
	unsigned before;

	world_start();
	world_wait_reader(0, "empty");
	world_wait_quiet();
	before = rig_descriptors(rig_process_pid(world.daemon));
	for (unsigned i = 0; i < HAMMERS; i++)
		hammers[i] = g_thread_new("hammer", hammer, NULL);
	for (unsigned i = 0; i < HAMMERS; i++)
		(void)g_thread_join(hammers[i]);
	ck_assert(rig_process_alive(world.daemon));
	world_wait_reader(0, "empty");
	rig_wait_until(few_descriptors, &before, WAIT_MS, "no connection is left over");
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

#define SILENT 100u

/* Who connects and says nothing holds nobody up. */
START_TEST(test_silent)
{
	int silent[SILENT];

	world_start();
	world_wait_reader(0, "empty");
	for (unsigned i = 0; i < SILENT; i++)
		silent[i] = knock();
	/* One that comes after them. */
	world_connect();
	world_wait_reader(0, "empty");
	for (unsigned i = 0; i < SILENT; i++)
		(void)close(silent[i]);
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("bus");
	TCase *tc = tcase_create("bus");

	rig_enter();
	tcase_add_checked_fixture(tc, world_setup, world_teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test_hammered);
	tcase_add_test(tc, test_silent);
	suite_add_tcase(suite, tc);
	return harness_run(suite, argc, argv);
}
