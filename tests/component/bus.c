/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clients of certpropd's own socket that behave badly: that come and go faster than they can be
 * served, that say nothing, that are stopped. What a good one gets is daemon.c's and
 * ctl-daemon.c's; here it only has to go on getting it.
 */

#include <check.h>
#include <poll.h>
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

/* Gets in, and says no more. -1 if it is not let in. */
static int enter(void)
{
	g_autofree char *user = g_strdup_printf("%u", (unsigned)geteuid());
	g_autoptr(GString) hello = g_string_new_len("", 1);
	int fd = knock();

	g_string_append(hello, "AUTH EXTERNAL ");
	for (const char *p = user; *p != '\0'; p++)
		g_string_append_printf(hello, "%02x", (unsigned char)*p);
	g_string_append(hello, "\r\n");
	if (ask(fd, hello->str, hello->len) &&
		send(fd, "BEGIN\r\n", strlen("BEGIN\r\n"), MSG_NOSIGNAL) > 0)
		return fd;
	(void)close(fd);
	return -1;
}

#define HAMMERS        6u
#define HAMMER_STROKES 1500u

static gpointer hammer(gpointer data)
{
	for (unsigned i = 0; i < HAMMER_STROKES; i++) {
		int fd = enter();

		if (fd >= 0)
			(void)close(fd);
	}
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

#define SILENT 70u /* more than there are threads to hear them */

static bool is_shown_out(gpointer data)
{
	struct pollfd end = {.fd = *(const int *)data, .events = POLLIN};
	char byte;

	return poll(&end, 1, 0) == 1 && recv(end.fd, &byte, sizeof byte, 0) <= 0;
}

/* Who connects and says nothing holds nobody up for long, and is not waited for without end. */
START_TEST(test_silent)
{
	int silent[SILENT];

	world_start();
	world_wait_reader(0, "empty");
	for (unsigned i = 0; i < SILENT; i++)
		silent[i] = knock();
	/* One that is in, and one that comes after them. */
	world_wait_reader(0, "empty");
	world_connect();
	world_wait_reader(0, "empty");
	for (unsigned i = 0; i < SILENT; i++) {
		rig_wait_until(is_shown_out, &silent[i], WAIT_MS, "a silent client is shown out");
		(void)close(silent[i]);
	}
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

#define SERVED 32u

static GDBusConnection *visit(void)
{
	g_autofree char *address = g_strdup_printf(
		"unix:path=%s/%s/%s", world.home->runtime, NAME_RUNTIME_DIR, NAME_RUNTIME_BUS);
	g_autoptr(GError) error = NULL;
	GDBusConnection *connection = g_dbus_connection_new_for_address_sync(
		address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL, &error);

	ck_assert_msg(connection != NULL, "%s", error != NULL ? error->message : "");
	return connection;
}

static bool is_answered(GDBusConnection *connection, GError **error)
{
	g_autoptr(GVariant) answer = g_dbus_connection_call_sync(connection, NULL, NAME_BUS_PATH,
		NAME_BUS_IFACE, "GetStatus", NULL, G_VARIANT_TYPE("(a{sv})"),
		G_DBUS_CALL_FLAGS_NONE, WAIT_MS, NULL, error);

	return answer != NULL;
}

static bool is_closed(gpointer data)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
	return g_dbus_connection_is_closed(data);
}

static bool has_place(gpointer data)
{
	g_autoptr(GDBusConnection) connection = visit();

	return is_answered(connection, NULL);
}

/* So many are served; the next one is told why it is not, and has to go. */
START_TEST(test_crowd)
{
	g_autofree char *program = rig_program("ctl/" NAME_CTL);
	const char *argv[] = {program, "status", NULL};
	GDBusConnection *guests[SERVED];
	g_autoptr(GDBusConnection) surplus = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *said = NULL;
	g_autofree char *complaint = NULL;

	world_start();
	world_wait_reader(0, "empty");
	guests[0] = world.bus;
	for (unsigned i = 1; i < SERVED; i++) {
		guests[i] = visit();
		ck_assert(is_answered(guests[i], NULL));
	}
	surplus = visit();
	ck_assert(!is_answered(surplus, &error));
	ck_assert(g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_LIMITS_EXCEEDED));
	(void)rig_run(argv, world.environment, &said, &complaint);
	ck_assert_msg(strstr(said, "serves 32 clients") != NULL, "%s%s", said, complaint);
	rig_wait_until(is_closed, surplus, WAIT_MS, "who is too many is shown out");
	for (unsigned i = 1; i < SERVED; i++) {
		ck_assert(is_answered(guests[i], NULL));
		g_object_unref(guests[i]);
	}
	rig_wait_until(has_place, NULL, WAIT_MS, "a place that is free again is given");
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

/* kB that may wait for one that takes nothing, and then some. AddressSanitizer keeps what was
 * freed. */
#if defined(__SANITIZE_ADDRESS__)
#define GROWTH_KB 1048576u
#else
#define GROWTH_KB 16384u
#endif

static bool is_there(gpointer data)
{
	return g_file_test(data, G_FILE_TEST_EXISTS);
}

typedef struct Leaving {
	unsigned descriptors;
	unsigned events;
} Leaving;

/* One event more; true once somebody has been shown out. */
static bool is_left(gpointer data)
{
	Leaving *leaving = data;

	for (unsigned i = 0; i < 100; i++) {
		g_variant_unref(world_call("Reload"));
		leaving->events++;
	}
	return rig_descriptors(rig_process_pid(world.daemon)) < leaving->descriptors;
}

static bool has_spoken(gpointer data)
{
	g_autofree char *said = rig_process_output(data, NULL);

	return said[0] != '\0';
}

static bool has_complained(gpointer data)
{
	g_autofree char *said = rig_process_errors(data);

	return strstr(said, "has gone") != NULL;
}

static void on_event(GDBusConnection *connection, const char *sender, const char *path,
	const char *interface, const char *signal, GVariant *parameters, gpointer data)
{
	(*(unsigned *)data)++;
}

static unsigned heard;

static bool has_heard(gpointer data)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
	return heard >= *(const unsigned *)data;
}

/* Who does not take his events is let go, and the others get all of theirs. */
START_TEST(test_stopped)
{
	g_autofree char *program = rig_program("ctl/" NAME_CTL);
	const char *argv[] = {program, "monitor", NULL};
	const RigProcessOptions options = {.environment = world.environment};
	g_autoptr(RigProcess) monitor = NULL;
	Leaving leaving = {0};
	guint64 before;
	pid_t pid;

	world_start();
	world_wait_reader(0, "empty");
	world_wait_quiet();
	(void)g_dbus_connection_signal_subscribe(world.bus, NULL, NAME_BUS_IFACE, "Event", NULL,
		NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_event, &heard, NULL);
	monitor = rig_process_start(argv, &options);
	rig_wait_until(has_spoken, monitor, WAIT_MS, "the monitor speaks");
	pid = rig_process_pid(world.daemon);
	leaving.descriptors = rig_descriptors(pid);
	before = rig_memory(pid).private_dirty;
	ck_assert_int_eq(kill(rig_process_pid(monitor), SIGSTOP), 0);
	rig_wait_until(is_left, &leaving, 3 * WAIT_MS, "the stopped monitor is let go");
	ck_assert_uint_lt(rig_memory(pid).private_dirty, before + GROWTH_KB);
	rig_wait_until(has_heard, &leaving.events, WAIT_MS, "the other one hears all events");
	ck_assert_int_eq(kill(rig_process_pid(monitor), SIGCONT), 0);
	rig_wait_until(has_complained, monitor, WAIT_MS, "the monitor says that it is alone");
	ck_assert_int_eq(rig_process_stop(monitor, WAIT_MS), 0);
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

static bool has_name(gpointer data)
{
	const char *argv[] = {"dbus-send", data, "--dest=" NAME_BUS, "--print-reply", NAME_BUS_PATH,
		NAME_BUS_IFACE ".GetStatus", NULL};

	return rig_run(argv, world.environment, NULL, NULL) == 0;
}

/* A session bus that is stopped grows nothing either, and does not keep the daemon from ending. */
START_TEST(test_session_stopped)
{
	g_autofree char *address = g_strdup_printf("unix:path=%s/bus", world.home->runtime);
	g_autofree char *option = g_strdup_printf("--address=%s", address);
	g_autofree char *there = g_strdup_printf("--bus=%s", address);
	const char *argv[] = {"dbus-daemon", "--session", "--nofork", "--nopidfile", option, NULL};
	g_autoptr(RigProcess) session = rig_process_start(argv, NULL);
	g_autofree char *path = g_build_filename(world.home->runtime, "bus", NULL);
	Leaving leaving = {0};

	rig_wait_until(is_there, path, WAIT_MS, "a session bus");
	world_start();
	rig_wait_until(has_name, there, WAIT_MS, "certpropd on the session bus");
	world_wait_reader(0, "empty");
	world_wait_quiet();
	leaving.descriptors = rig_descriptors(rig_process_pid(world.daemon));
	ck_assert_int_eq(kill(rig_process_pid(session), SIGSTOP), 0);
	if (_i == 1)
		rig_wait_until(is_left, &leaving, 3 * WAIT_MS, "the stopped bus is let go");
	ck_assert_int_eq(world_stop(), 0);
	rig_process_kill(session);
}
END_TEST

#define CALLS 20000u

/* Nor can it ask for answers without taking them, be it that it wants none. */
START_TEST(test_deaf)
{
	g_autoptr(GDBusMessage) call =
		g_dbus_message_new_method_call(NULL, NAME_BUS_PATH, NAME_BUS_IFACE, "GetStatus");
	g_autofree guchar *bytes = NULL;
	gsize size = 0;
	unsigned sent = 0;
	int fd;

	world_start();
	world_wait_reader(0, "empty");
	if (_i == 1)
		g_dbus_message_set_flags(call, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
	g_dbus_message_set_serial(call, 1);
	bytes = g_dbus_message_to_blob(call, &size, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
	ck_assert_ptr_nonnull(bytes);
	fd = enter();
	ck_assert_int_ge(fd, 0);
	while (sent < CALLS && send(fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size)
		sent++;
	ck_assert_uint_lt(sent, CALLS);
	(void)close(fd);
	world_wait_reader(0, "empty");
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

#define UNANSWERED 200u /* more than may wait for an answer */

/* Calls that want no answer are done with some time, too. */
START_TEST(test_unanswered)
{
	world_start();
	world_wait_reader(0, "empty");
	for (unsigned i = 0; i < UNANSWERED; i++) {
		g_autoptr(GDBusMessage) call = g_dbus_message_new_method_call(
			NULL, NAME_BUS_PATH, NAME_BUS_IFACE, "GetStatus");

		g_dbus_message_set_flags(call, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
		ck_assert(g_dbus_connection_send_message(
			world.bus, call, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL));
		ck_assert(is_answered(world.bus, NULL));
	}
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
	tcase_add_test(tc, test_crowd);
	tcase_add_test(tc, test_stopped);
	tcase_add_loop_test(tc, test_session_stopped, 0, 2);
	tcase_add_loop_test(tc, test_deaf, 0, 2);
	tcase_add_test(tc, test_unanswered);
	suite_add_tcase(suite, tc);
	return harness_run(suite, argc, argv);
}
