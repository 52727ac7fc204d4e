/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nobody reads what certpropd says: not the journal, not the other end of a pipe, not a terminal,
 * not the service manager. It goes on with its work, and says what was lost when there is somebody
 * again.
 */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "ear.h"
#include "harness.h"
#include "names.h"
#include "world.h"

#define WAIT_MS 20000
#define CERTS   2u
#define LOST    "could not be written"

static void serve_a_card(void)
{
	g_autofree char *card = world_deal(0, CERTS, NULL);

	rig_card_insert_seen(world.cards[0]);
	world_wait_reader(0, "read");
	world_check_stored(card, CERTS);
}

/* Something to say, now that there is somebody. */
static void take_out(void)
{
	rig_card_remove_seen(world.cards[0]);
	world_wait_reader(0, "empty");
}

/* What the journal has been sent, until it is told of what was not. */
static void hear_journal(const Journal *journal)
{
	gint64 deadline = g_get_monotonic_time() + WAIT_MS * G_TIME_SPAN_MILLISECOND;

	while (g_get_monotonic_time() < deadline) {
		g_autofree char *entry = ear_receive(journal->entries, NULL);

		if (strstr(entry, LOST) == NULL)
			continue;
		ck_assert_ptr_nonnull(strstr(entry, "PRIORITY=4\n"));
		ck_assert_ptr_nonnull(strstr(entry, "SYSLOG_IDENTIFIER=" NAME_DAEMON "\n"));
		return;
	}

	ck_abort_msg("that entries were lost was not said within %d ms", WAIT_MS);
}

static void drain(const Journal *journal)
{
	char byte;

	while (recv(journal->entries, &byte, sizeof byte, MSG_DONTWAIT) >= 0)
		;
}

START_TEST(test_journal_stopped)
{
	Journal journal = ear_journal();

	ear_fill(EAR_JOURNAL);
	world_start();
	serve_a_card();
	drain(&journal);
	take_out();
	hear_journal(&journal);
	ck_assert_int_eq(world_stop(), 0);
	ear_end(&journal);
}
END_TEST

/* Without the journal's socket all of it goes into the stream, and that is full as well. */
START_TEST(test_stream_stopped)
{
	Journal journal = ear_journal();

	ck_assert_int_eq(unlink(EAR_JOURNAL), 0);
	while (send(journal.ours, "x\n", 2, MSG_DONTWAIT) > 0)
		;
	ck_assert_int_eq(errno, EAGAIN);
	world_start();
	serve_a_card();
	ck_assert_int_eq(world_stop(), 0);
	ear_end(&journal);
}
END_TEST

/* Reads until it has been told of what was lost. */
static void hear(int fd)
{
	gint64 deadline = g_get_monotonic_time() + WAIT_MS * G_TIME_SPAN_MILLISECOND;
	g_autoptr(GString) heard = g_string_new(NULL);

	while (strstr(heard->str, LOST) == NULL) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		char chunk[4096];
		ssize_t n;

		ck_assert_msg(poll(&wait, 1, WAIT_MS) == 1 && g_get_monotonic_time() < deadline,
			"that messages were lost was not said within %d ms", WAIT_MS);
		n = read(fd, chunk, sizeof chunk);
		ck_assert_int_gt(n, 0);
		g_string_append_len(heard, chunk, n);
	}
}

static void empty(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	char chunk[4096];

	while (poll(&ready, 1, 0) == 1)
		ck_assert_int_gt(read(fd, chunk, sizeof chunk), 0);
}

/* A description of its own, which alone does not block: it fills what certpropd has of it. */
static void fill(int fd)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
	int own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	ck_assert_int_ge(own, 0);
	while (write(own, "x\n", 2) > 0)
		;
	ck_assert_int_eq(errno, EAGAIN);
	close(own);
}

/* Nothing more goes into it; or everything does again. A terminal is stopped as Ctrl-S does it: it
   would pass on what it is filled with in its own time. */
static void stop(int other, int ours, bool stopped)
{
	if (isatty(ours))
		ck_assert_int_eq(tcflow(ours, stopped ? TCOOFF : TCOON), 0);
	else if (stopped)
		fill(ours);
	else
		empty(other);
}

/* It has `ours` as its standard error, and nothing gets to the other end. */
static void check_deaf(int other, int ours)
{
	int flags = fcntl(ours, F_GETFL);

	stop(other, ours, true);
	world.where.fds[0] = ours;
	world.where.fds[1] = STDERR_FILENO;
	world_start();
	serve_a_card();
	/* It is shared, perhaps with a shell that does not expect that. */
	ck_assert_int_eq(fcntl(ours, F_GETFL), flags);
	stop(other, ours, false);
	take_out();
	hear(other);
	ck_assert_int_eq(world_stop(), 0);
	close(other);
	close(ours);
}

START_TEST(test_pipe_full)
{
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	check_deaf(fds[0], fds[1]);
}
END_TEST

START_TEST(test_terminal_stopped)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios plain;
	int slave;

	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(slave, 0);
	ck_assert_int_eq(tcgetattr(slave, &plain), 0);
	cfmakeraw(&plain);
	ck_assert_int_eq(tcsetattr(slave, TCSANOW, &plain), 0);
	check_deaf(master, slave);
}
END_TEST

#define RELOADS 40u

/* Takes what is said to the service manager, up to this. */
static void wait_state(int fd, const char *state)
{
	g_autofree char *said = NULL;

	do {
		g_free(said);
		said = ear_receive(fd, NULL);
	} while (strcmp(said, state) != 0);
}

START_TEST(test_manager_stopped)
{
	g_autofree char *path = g_build_filename(world.home->runtime, "notify", NULL);
	int fd = ear_bind(path, SOCK_DGRAM);

	ear_fill(path);
	world.environment = g_environ_setenv(world.environment, "NOTIFY_SOCKET", path, TRUE);
	world_start();
	serve_a_card();
	if (_i == 1) {
		/* What it could not take is not lost. */
		wait_state(fd, "READY=1");
		ck_assert_int_eq(kill(rig_process_pid(world.daemon), SIGHUP), 0);
		wait_state(fd, "READY=1\nSTATUS=");
	}
	ck_assert_int_eq(world_stop(), 0);
	close(fd);
}
END_TEST

/* Far more than it keeps: the last word is what counts. */
START_TEST(test_manager_slow)
{
	g_autofree char *path = g_build_filename(world.home->runtime, "notify", NULL);
	int fd = ear_bind(path, SOCK_DGRAM);

	world.environment = g_environ_setenv(world.environment, "NOTIFY_SOCKET", path, TRUE);
	world_start();
	wait_state(fd, "READY=1");
	ear_fill(path);
	for (unsigned i = 0; i < RELOADS; i++) {
		g_autoptr(GVariant) answer = world_call("Reload");

		ck_assert_ptr_nonnull(answer);
	}
	world_configure("[local]\non-removal=perhaps\n");
	g_variant_unref(world_call("Reload"));
	wait_state(fd, "READY=1\nSTATUS=The new configuration is faulty, the one that was in force "
		       "is kept");
	ck_assert_int_eq(world_stop(), 0);
	wait_state(fd, "STOPPING=1");
	close(fd);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("deaf");
	TCase *tc = tcase_create("deaf");

	rig_enter();
	tcase_add_checked_fixture(tc, world_setup, world_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_journal_stopped);
	tcase_add_test(tc, test_stream_stopped);
	tcase_add_test(tc, test_pipe_full);
	tcase_add_test(tc, test_terminal_stopped);
	tcase_add_loop_test(tc, test_manager_stopped, 0, 2);
	tcase_add_test(tc, test_manager_slow);
	suite_add_tcase(suite, tc);
	return harness_run(suite, argc, argv);
}
