/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting for the service's socket, on a real file system. What is done before the wait is queued
 * by the kernel, so that no test needs a second thread; LONG is only reached by a test that fails.
 */

#include <check.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"
#include "service.h"

#define LONG_MS  20000u
#define SHORT_MS 50u

static char *root;
static int output[2];

static void setup(void)
{
	root = g_dir_make_tmp("watch-XXXXXX", NULL);
	ck_assert_ptr_nonnull(root);
	ck_assert_int_eq(pipe(output), 0);
}

static void remove_tree(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *below = g_build_filename(path, name, NULL);

		remove_tree(below);
	}
	ck_assert_int_eq(g_remove(path), 0);
}

static void teardown(void)
{
	remove_tree(root);
	g_clear_pointer(&root, g_free);
	(void)close(output[0]);
	(void)close(output[1]);
}

static char *below(const char *name)
{
	return g_build_filename(root, name, NULL);
}

static void make_directory(const char *name)
{
	g_autofree char *path = below(name);

	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void make_socket(const char *name)
{
	g_autofree char *path = below(name);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_uint_lt(strlen(path), sizeof address.sun_path);
	strcpy(address.sun_path, path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(close(fd), 0);
}

static void make_file(const char *name)
{
	g_autofree char *path = below(name);

	ck_assert(g_file_set_contents(path, "", 0, NULL));
}

static void move(const char *from, const char *to)
{
	g_autofree char *old = below(from), *new = below(to);

	ck_assert_int_eq(rename(old, new), 0);
}

static void remove_one(const char *name)
{
	g_autofree char *path = below(name);

	ck_assert_int_eq(g_remove(path), 0);
}

static Service *new_service(const char *name)
{
	g_autofree char *path = below(name);

	return service_new(path, output[1]);
}

START_TEST(appears)
{
	g_autoptr(Service) service = NULL;

	make_directory("run");
	service = new_service("run/sock");
	ck_assert_int_eq(service_wait(service, SHORT_MS), WATCH_WAKE_TIMEOUT);
	make_socket("run/sock");
	ck_assert_int_eq(service_wait(service, LONG_MS), WATCH_WAKE_CHANGED);
	ck_assert_int_eq(service_wait(service, SHORT_MS), WATCH_WAKE_TIMEOUT);
}
END_TEST

/* Nothing of the path is there at first, and it comes in one go or bit by bit. */
START_TEST(whole_path)
{
	g_autoptr(Service) service = new_service("a/b/c/sock");
	bool bit_by_bit = _i == 1;

	make_directory("a");
	if (bit_by_bit)
		ck_assert_int_eq(service_wait(service, SHORT_MS), WATCH_WAKE_TIMEOUT);
	make_directory("a/b");
	if (bit_by_bit)
		ck_assert_int_eq(service_wait(service, SHORT_MS), WATCH_WAKE_TIMEOUT);
	make_directory("a/b/c");
	make_socket("a/b/c/sock");
	ck_assert_int_eq(service_wait(service, LONG_MS), WATCH_WAKE_CHANGED);
}
END_TEST

/* Killed and started again: the old socket is removed and a new one bound. Also a whole new
   directory, also one that is moved into place. */
START_TEST(again)
{
	g_autoptr(Service) service = NULL;

	make_directory("run");
	make_socket("run/sock");
	service = new_service("run/sock");
	for (int i = 0; i < 10; i++) {
		remove_one("run/sock");
		make_socket("run/sock");
		ck_assert_int_eq(service_wait(service, LONG_MS), WATCH_WAKE_CHANGED);
	}

	remove_one("run/sock");
	remove_one("run");
	make_directory("run");
	make_socket("run/sock");
	ck_assert_int_eq(service_wait(service, LONG_MS), WATCH_WAKE_CHANGED);

	move("run", "gone");
	make_directory("new");
	make_socket("new/sock");
	move("new", "run");
	ck_assert_int_eq(service_wait(service, LONG_MS), WATCH_WAKE_CHANGED);
	remove_one("run/sock");
	make_socket("run/sock");
	ck_assert_int_eq(service_wait(service, LONG_MS), WATCH_WAKE_CHANGED);
}
END_TEST

/* pcscd's chmod() after its listen() is the moment when a connection succeeds. */
START_TEST(mode)
{
	g_autoptr(Service) service = NULL;
	g_autofree char *path = below("sock");

	make_socket("sock");
	service = new_service("sock");
	ck_assert_int_eq(chmod(path, 0600), 0);
	ck_assert_int_eq(service_wait(service, LONG_MS), WATCH_WAKE_CHANGED);
}
END_TEST

START_TEST(others_do_not_matter)
{
	g_autoptr(Service) service = NULL;

	make_directory("run");
	service = new_service("run/sock");
	make_file("run/other");
	make_file("run/sock2");
	make_file("sock");
	ck_assert_int_eq(service_wait(service, SHORT_MS), WATCH_WAKE_TIMEOUT);
}
END_TEST

/* What was written to standard error since `saved` was. */
static char *written(int file, int saved)
{
	char text[1024] = "";

	ck_assert_int_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	ck_assert_int_ge(pread(file, text, sizeof text - 1, 0), 0);
	(void)close(saved);
	(void)close(file);
	return g_strdup(text);
}

/* The kernel gives nothing to watch with: that is said once, with the limit that may be behind it,
   and a wait ends with its time. */
START_TEST(blind)
{
	g_autoptr(Service) service = NULL;
	g_autofree char *path = below("said"), *said = NULL;
	struct rlimit limit, none = {0};
	int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int saved = dup(STDERR_FILENO);

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(dup2(file, STDERR_FILENO), STDERR_FILENO);
	none.rlim_max = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	service = new_service("sock");
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(service_wait(service, SHORT_MS), WATCH_WAKE_TIMEOUT);
	said = written(file, saved);
	ck_assert_msg(strstr(said, "fs.inotify.max_user_instances") != NULL, "%s", said);
	ck_assert_uint_eq(strlen(strchr(said, '\n')), 1);
}
END_TEST

/* More events than the kernel keeps: something may have been lost, so it is worth an attempt. */
START_TEST(overflow)
{
	g_autoptr(Service) service = NULL;
	g_autofree char *one = below("one"), *two = below("two"), *limit = NULL;
	guint64 n;

	ck_assert(
		g_file_get_contents("/proc/sys/fs/inotify/max_queued_events", &limit, NULL, NULL));
	n = g_ascii_strtoull(limit, NULL, 10);
	service = new_service("sock");
	make_file("one");
	for (guint64 i = 0; i < n; i++)
		ck_assert_int_eq(rename(i % 2 == 0 ? one : two, i % 2 == 0 ? two : one), 0);
	ck_assert_int_eq(service_wait(service, LONG_MS), WATCH_WAKE_CHANGED);
}
END_TEST

START_TEST(nobody_listens)
{
	g_autoptr(Service) service = new_service("sock");

	ck_assert_int_eq(close(output[0]), 0);
	ck_assert_int_eq(service_wait(service, LONG_MS), WATCH_WAKE_CLOSED);
}
END_TEST

static guint32 refuse(gpointer data)
{
	return 0x8010001d;
}

static WatchWake no_pause(gpointer data, guint32 ms)
{
	ck_abort_msg("it must not wait for anything any more");
	return WATCH_WAKE_CLOSED;
}

/* And when the first picture cannot be delivered, that is an error. */
START_TEST(nobody_ever_listened)
{
	const PcscOps ops = {.establish = refuse};
	Watch watch = {.ops = &ops, .pause = no_pause, .endpoint = "local", .fd = output[1]};
	g_autoptr(GError) error = NULL;

	(void)signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(close(output[0]), 0);
	ck_assert(!watch_run(&watch, &error));
	ck_assert_ptr_nonnull(error);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("watch-service");
	TCase *tcase = tcase_create("service");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, appears);
	tcase_add_loop_test(tcase, whole_path, 0, 2);
	tcase_add_test(tcase, again);
	tcase_add_test(tcase, mode);
	tcase_add_test(tcase, others_do_not_matter);
	tcase_add_test(tcase, blind);
	tcase_add_test(tcase, overflow);
	tcase_add_test(tcase, nobody_listens);
	tcase_add_test(tcase, nobody_ever_listened);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
