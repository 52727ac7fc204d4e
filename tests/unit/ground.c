/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * On this machine's own file systems a path leads where the kernel's stat() leads, whether or not
 * there are mounts and links on the way. What is on others: component/hung.c.
 */

#include "ground.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "harness.h"

static char *home; /* made anew for each test */

static char *path(const char *name)
{
	return g_path_is_absolute(name) ? g_strdup(name) : g_build_filename(home, name, NULL);
}

static void put_link(const char *name, const char *target)
{
	g_autofree char *full = path(name);

	ck_assert_int_eq(symlink(target, full), 0);
}

static void setup(void)
{
	g_autofree char *sub = path("sub");
	g_autofree char *file = path("sub/file");

	ck_assert_int_eq(g_mkdir(home, 0700), 0);
	ck_assert_int_eq(g_mkdir(sub, 0700), 0);
	ck_assert(g_file_set_contents(file, "x", -1, NULL));
	put_link("near", "sub/file");
	put_link("far", "/proc/sys/kernel");
	put_link("chain", "far/../../version");
	put_link("nowhere", "/proc/nonexistent/x");
	put_link("loop", "loop");
}

static void teardown(void)
{
	const char *argv[] = {"rm", "-rf", home, NULL};

	ck_assert(g_spawn_sync(NULL, (char **)(void *)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
		NULL, NULL, NULL, NULL));
}

static const char *const paths[] = {"", ".", "sub", "sub/", "sub/file", "sub/file/x", "sub/../near",
	"near", "far", "far/ostype", "chain", "nowhere", "loop", "loop/x", "missing", "missing/x",
	"..", "../..", "/", "//proc//version", "/proc", "/proc/version", "/proc/version/x",
	"/proc/nonexistent", "/proc/../dev/null", "/dev/null", "/dev/fd", "/nonexistent/x",
	"/proc/self/status/.."};

static void check_like(const char *full, bool follow)
{
	struct stat expected = {0}, st = {0};
	int result = follow ? stat(full, &expected) : lstat(full, &expected), error = errno;

	ck_assert_msg(ground_stat(full, follow, &st) == result, "%s", full);
	if (result < 0)
		ck_assert_msg(errno == error, "%s: %s, not %s", full, g_strerror(errno),
			g_strerror(error));
	ck_assert_msg(st.st_ino == expected.st_ino && st.st_dev == expected.st_dev &&
			      st.st_mode == expected.st_mode,
		"%s", full);
}

START_TEST(leads_where_the_kernel_does)
{
	g_autofree char *full = path(paths[_i]);

	check_like(full, true);
	check_like(full, false);
}
END_TEST

START_TEST(watches)
{
	g_autofree char *sub = path("sub");
	g_autofree char *file = path("sub/new");
	_Alignas(struct inotify_event) char buffer[4096];
	int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int watch = ground_watch(inotify, sub, IN_CREATE | IN_ONLYDIR);

	ck_assert_int_ge(watch, 0);
	ck_assert_int_eq(inotify_add_watch(inotify, sub, IN_CREATE | IN_ONLYDIR), watch);
	ck_assert(g_file_set_contents(file, "", 0, NULL));
	ck_assert_int_gt(read(inotify, buffer, sizeof buffer), 0);
	ck_assert_int_lt(ground_watch(inotify, file, IN_CREATE | IN_ONLYDIR), 0);
	ck_assert_int_eq(errno, ENOTDIR);
	(void)close(inotify);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("ground");
	TCase *tcase = tcase_create("ground");
	g_autofree char *own = g_strdup_printf("%s/certprop-ground-%d", g_get_tmp_dir(), getpid());

	home = own;
	g_setenv("HOME", home, TRUE);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, leads_where_the_kernel_does, 0, G_N_ELEMENTS(paths));
	tcase_add_test(tcase, watches);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
