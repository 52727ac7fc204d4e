/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which redirected endpoints there are, and whether their sockets may be used. */

#include "site.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"

static char *home; /* made anew for each test */

static void setup(void)
{
	ck_assert_int_eq(mkdir(home, 0700), 0);
}

static void teardown(void)
{
	const char *argv[] = {"rm", "-rf", home, NULL};

	ck_assert(g_spawn_sync(NULL, (char **)(void *)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
		NULL, NULL, NULL, NULL));
}

static char *path(const char *name)
{
	return g_build_filename(home, name, NULL);
}

static void make_directory(const char *name)
{
	g_autofree char *full = path(name);

	ck_assert_int_eq(mkdir(full, 0700), 0);
}

static int listen_at(const char *name)
{
	g_autofree char *full = path(name);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_uint_lt(g_strlcpy(address.sun_path, full, sizeof(address.sun_path)),
		sizeof(address.sun_path));
	(void)unlink(full);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

/* As one whose owner has been killed leaves it. */
static void make_socket(const char *name)
{
	close(listen_at(name));
}

static void check_found(const Config *config, const char *expected)
{
	g_autoptr(GPtrArray) sites = sites_find(config);
	g_autofree char *text = sites_names(sites, 0);

	ck_assert_str_eq(text, expected);
}

static void set(Config *config, const char *key, const char *text)
{
	ck_assert(config_set(config, "redirected", key, text, "test", NULL));
}

START_TEST(found_in_order)
{
	static const char *const made[] = {".pcsc10", ".pcsc9", ".pcsc100", ".pcsc", ".pcsc01",
		".pcsc1x", "pcsc11", ".pcsc999999"};
	g_autoptr(Config) config = config_new();

	check_found(config, "");
	for (gsize i = 0; i < G_N_ELEMENTS(made); i++)
		make_directory(made[i]);
	set(config, "forwarded", "lab:/run/lab.comm;desk:~/desk.comm");
	check_found(config, "forwarded:lab, forwarded:desk, xrdp:9, xrdp:10, xrdp:100");
	{
		g_autoptr(GPtrArray) sites = sites_find(config);
		g_autofree char *desk = path("desk.comm");
		g_autofree char *display = path(".pcsc9/pcscd.comm");

		ck_assert_str_eq(((const Site *)g_ptr_array_index(sites, 1))->socket, desk);
		ck_assert_str_eq(((const Site *)g_ptr_array_index(sites, 2))->socket, display);
	}
	set(config, "policy", "ignore");
	check_found(config, "");
}
END_TEST

START_TEST(not_all_are_named)
{
	g_autoptr(Config) config = config_new();
	g_autofree char *left_out = NULL;
	g_autofree char *none = NULL;
	g_autoptr(GPtrArray) sites = NULL;

	for (unsigned i = 0; i < 30; i++) {
		g_autofree char *name = g_strdup_printf(".pcsc%u", i);

		make_directory(name);
	}
	sites = sites_find(config);
	ck_assert_uint_eq(sites->len, 30);
	left_out = sites_names(sites, SITES_MAX);
	none = sites_names(sites, 30);
	ck_assert_str_eq(none, "");
	ck_assert_str_eq(left_out, "xrdp:15, xrdp:16, xrdp:17, xrdp:18, xrdp:19, xrdp:20, xrdp:21, "
				   "xrdp:22 and 7 more");
}
END_TEST

static void check_ranks(const Config *config, const char *expected, guint silent_from)
{
	g_autoptr(GPtrArray) sites = sites_find(config);
	g_autofree char *text = NULL;

	sites_rank(sites);
	text = sites_names(sites, 0);
	ck_assert_str_eq(text, expected);
	for (guint i = 2; i < sites->len; i++)
		ck_assert_int_eq(
			((const Site *)g_ptr_array_index(sites, i))->silent, i >= silent_from);
}

/* Who may answer comes before who cannot, and the configuration's before all others. */
START_TEST(ranked)
{
	g_autoptr(Config) config = config_new();
	g_autofree char *library = path("libpcsc-xrdp.so");
	g_autofree char *refused = path(".pcsc3");
	int fds[2];

	for (unsigned i = 1; i <= 6; i++) {
		g_autofree char *name = g_strdup_printf(".pcsc%u", i);

		make_directory(name);
	}
	set(config, "forwarded", "b:/run/b.comm;a:/run/a.comm");
	make_socket(".pcsc2/pcscd.comm"); /* nobody listens */
	make_socket(".pcsc3/pcscd.comm");
	fds[0] = listen_at(".pcsc4/pcscd.comm");
	fds[1] = listen_at(".pcsc6/pcscd.comm");
	/* Without the library nothing can be told of those that have a socket. */
	check_ranks(config,
		"forwarded:b, forwarded:a, xrdp:2, xrdp:3, xrdp:4, xrdp:6, xrdp:1, xrdp:5", 6);
	ck_assert(g_file_set_contents(library, "", 0, NULL));
	check_ranks(config,
		"forwarded:b, forwarded:a, xrdp:4, xrdp:6, xrdp:1, xrdp:2, xrdp:3, xrdp:5", 4);
	close(fds[0]);
	ck_assert_int_eq(chmod(refused, 0777), 0);
	check_ranks(config,
		"forwarded:b, forwarded:a, xrdp:6, xrdp:1, xrdp:2, xrdp:3, xrdp:4, xrdp:5", 3);
	close(fds[1]);
}
END_TEST

static void check_state(const char *endpoint, const char *socket, SiteState expected)
{
	g_autofree char *full = g_path_is_absolute(socket) ? g_strdup(socket) : path(socket);
	Site site = {.endpoint = (char *)endpoint, .socket = full};
	g_autofree char *detail = NULL;
	SiteEpoch epoch;
	SiteState state = site_check(&site, &epoch, &detail);

	ck_assert_msg(state == expected, "%s: %s is %s: %s", endpoint, full, site_state_word(state),
		detail);
	ck_assert((*detail == '\0') == (state == SITE_READY));
}

/* Beside what redirected-many.c does with a real session. */
START_TEST(usable_or_not)
{
	g_autofree char *library = path("libpcsc-xrdp.so");
	g_autofree char *dir = path("d");
	g_autofree char *link = path("link");
	g_autofree char *deep = g_strdup_printf("%s/%0100d", home, 1);

	make_directory("d");
	make_directory(".pcsc1");
	make_socket("d/s");
	make_socket(".pcsc1/pcscd.comm");
	check_state("forwarded:a", "d/s", SITE_READY);
	check_state("forwarded:a", "d/t", SITE_ABSENT);
	check_state("forwarded:a", "e/s", SITE_ABSENT);
	check_state("forwarded:a", "d/s/t", SITE_FOREIGN); /* a socket is no directory */
	check_state("forwarded:a", deep, SITE_FOREIGN);
	check_state("xrdp:1", ".pcsc1/pcscd.comm", SITE_UNSUPPORTED);
	ck_assert(g_file_set_contents(library, "", 0, NULL));
	check_state("xrdp:1", ".pcsc1/pcscd.comm", SITE_READY);
	ck_assert_int_eq(chmod(dir, 0770), 0);
	check_state("forwarded:a", "d/s", SITE_FOREIGN);
	ck_assert_int_eq(chmod(dir, 0755), 0);
	check_state("forwarded:a", "d/s", SITE_READY);
	/* A directory may be reached through a link, but xrdp makes none; and no socket is one. */
	ck_assert_int_eq(symlink(dir, link), 0);
	check_state("forwarded:a", "link/s", SITE_READY);
	check_state("xrdp:1", "link/s", SITE_FOREIGN);
	ck_assert_int_eq(unlink(link), 0);
	ck_assert_int_eq(symlink("d/s", link), 0);
	check_state("forwarded:a", "link", SITE_FOREIGN);
}
END_TEST

static void set_mode(const char *name, mode_t mode)
{
	g_autofree char *full = path(name);

	ck_assert_int_eq(chmod(full, mode), 0);
}

static void make_link(const char *target, const char *name)
{
	g_autofree char *full = path(name);

	ck_assert_int_eq(symlink(target, full), 0);
}

/* Somebody else's; nobody but root can make that so. */
static void give_away(const char *name)
{
	g_autofree char *full = path(name);

	ck_assert_int_eq(lchown(full, 65534, (gid_t)-1), 0);
}

/* What can be exchanged further up, on the way itself or on that of a link, is as good as the
   socket. */
START_TEST(way_there)
{
	g_autofree char *library = path("libpcsc-xrdp.so");

	make_directory("a");
	make_directory("a/b");
	make_directory("a/b/c");
	make_directory("l");
	make_socket("a/b/c/s");
	make_link("../a/b/../b", "l/b");
	check_state("forwarded:a", "a/b/c/s", SITE_READY);
	check_state("forwarded:a", "l/b/c/s", SITE_READY);
	set_mode("a", 0770);
	check_state("forwarded:a", "a/b/c/s", SITE_FOREIGN);
	check_state("forwarded:a", "l/b/c/s", SITE_FOREIGN);
	set_mode("a", 01777);
	check_state("forwarded:a", "a/b/c/s", SITE_READY);
	check_state("forwarded:a", "l/b/c/s", SITE_READY);
	set_mode("l", 0777);
	check_state("forwarded:a", "a/b/c/s", SITE_READY);
	check_state("forwarded:a", "l/b/c/s", SITE_FOREIGN);
	set_mode("l", 01777);
	check_state("forwarded:a", "l/b/c/s", SITE_READY);
	make_directory(".pcsc1");
	make_socket(".pcsc1/pcscd.comm");
	ck_assert(g_file_set_contents(library, "", 0, NULL));
	check_state("xrdp:1", ".pcsc1/pcscd.comm", SITE_READY);
	set_mode(".", 0775);
	check_state("xrdp:1", ".pcsc1/pcscd.comm", SITE_FOREIGN);
	set_mode(".", 0700);
	if (geteuid() == 0) {
		give_away("l/b");
		check_state("forwarded:a", "l/b/c/s", SITE_FOREIGN);
		give_away("a/b");
		check_state("forwarded:a", "a/b/c/s", SITE_FOREIGN);
	}
}
END_TEST

/* Only of xrdp's sockets it is asked whether anybody is behind them. */
START_TEST(nobody_listens)
{
	g_autofree char *full = path(".pcsc7/pcscd.comm");
	const Site site = {.endpoint = (char *)"xrdp:7", .socket = full};
	const Site forwarded = {.endpoint = (char *)"forwarded:a", .socket = full};
	g_autofree char *detail = NULL;
	int fd;

	make_directory(".pcsc7");
	fd = listen_at(".pcsc7/pcscd.comm");
	ck_assert(!site_stale(&site, &detail));
	ck_assert_ptr_null(detail);
	close(fd);
	ck_assert(!site_stale(&forwarded, &detail));
	ck_assert(site_stale(&site, &detail));
	ck_assert_ptr_nonnull(strstr(detail, full));
}
END_TEST

START_TEST(another_socket_of_the_same_name)
{
	g_autofree char *full = path("s");
	Site site = {.endpoint = (char *)"forwarded:a", .socket = full};
	g_autofree char *detail = NULL;
	g_autofree char *again = NULL;
	g_autofree char *other = NULL;
	SiteEpoch one, same, another;

	make_socket("s");
	ck_assert_int_eq(site_check(&site, &one, &detail), SITE_READY);
	ck_assert_int_eq(site_check(&site, &same, &again), SITE_READY);
	ck_assert(site_epoch_equal(&one, &same));
	make_socket("s");
	ck_assert_int_eq(site_check(&site, &another, &other), SITE_READY);
	ck_assert(!site_epoch_equal(&one, &another));
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("site");
	TCase *tcase = tcase_create("site");

	/* One for all tests: GLib keeps the first that it is told. */
	home = g_strdup_printf("%s/site-%d", g_get_tmp_dir(), (int)getpid());
	g_setenv("HOME", home, TRUE);
	g_setenv("CERTPROP_PCSCDIR", home, TRUE);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, found_in_order);
	tcase_add_test(tcase, not_all_are_named);
	tcase_add_test(tcase, ranked);
	tcase_add_test(tcase, usable_or_not);
	tcase_add_test(tcase, way_there);
	tcase_add_test(tcase, nobody_listens);
	tcase_add_test(tcase, another_socket_of_the_same_name);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
