/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What leads a helper to its endpoint: of the daemon's own environment, which may be that of any
 * session, only the way to the local pcscd counts.
 */

#include "environment.h"

#include <string.h>
#include <unistd.h>

#include "harness.h"

#define SOCKET "/home/ada/.pcsc10/pcscd.comm"

/* Of another session, or by somebody who means it ill. */
static void pollute(void)
{
	g_setenv("HOME", "/home/ada", TRUE);
	g_setenv("DISPLAY", ":99", TRUE);
	g_setenv("XRDP_SESSION", "77", TRUE);
	g_setenv("LD_LIBRARY_PATH", "/tmp/evil", TRUE);
	g_setenv("LD_PRELOAD_TEST", "/tmp/evil.so", TRUE);
	g_setenv("LIBPCSCLITE_DELEGATE", "/tmp/evil.so", TRUE);
	g_setenv("OPENSC_CONF", "/tmp/evil.conf", TRUE);
	g_setenv("PCSCLITE_CSOCK_NAME", "/run/own.comm", TRUE);
	g_setenv("CERTPROP_PCSCDIR", "/opt/certprop", TRUE);
}

static const struct {
	const char *endpoint, *socket;
	const char *home, *pcsc, *session, *display, *path, *delegate;
} ways[] = {
	{NULL, NULL, "/home/ada", NULL, NULL, NULL, NULL, NULL},
	{"local", NULL, "/home/ada", "/run/own.comm", NULL, NULL, NULL, NULL},
	{"forwarded:desk", "/run/desk.comm", "/home/ada", "/run/desk.comm", NULL, NULL, NULL, NULL},
	{"forwarded:desk", NULL, "/home/ada", NULL, NULL, NULL, NULL, NULL},
	{"xrdp:10", SOCKET, "/home/ada", SOCKET, "1", ":10", "/opt/certprop/pcsc",
		"/opt/certprop/libpcsc-xrdp.so"},
	{"xrdp:10", "/srv/ada/.pcsc10/pcscd.comm", "/srv/ada", "/srv/ada/.pcsc10/pcscd.comm", "1",
		":10", "/opt/certprop/pcsc", "/opt/certprop/libpcsc-xrdp.so"},
};

static void check(char **env, const char *name, const char *value)
{
	ck_assert_pstr_eq(g_environ_getenv(env, name), value);
}

START_TEST(ways_to_an_endpoint)
{
	g_auto(GStrv) env = NULL;

	pollute();
	env = environment_for_helper(ways[_i].endpoint, ways[_i].socket);
	check(env, "HOME", ways[_i].home);
	check(env, "PCSCLITE_CSOCK_NAME", ways[_i].pcsc);
	check(env, "XRDP_SESSION", ways[_i].session);
	check(env, "DISPLAY", ways[_i].display);
	check(env, "LD_LIBRARY_PATH", ways[_i].path);
	check(env, "LIBPCSCLITE_DELEGATE", ways[_i].delegate);
	check(env, "LD_PRELOAD_TEST", NULL);
	check(env, "OPENSC_CONF", NULL);
	check(env, "CERTPROP_PCSCDIR", NULL);
}
END_TEST

/* Root's is the local pcscd's; anybody else's is forwarded, and its cards are not local. */
START_TEST(stray_socket)
{
	g_autofree char *path = g_build_filename(g_get_tmp_dir(), "certprop-stray-XXXXXX", NULL);
	g_auto(GStrv) env = NULL;
	int fd = g_mkstemp(path);

	ck_assert_int_ge(fd, 0);
	if (geteuid() == 0)
		ck_assert_int_eq(fchown(fd, _i == 0 ? 12345 : 0, 0), 0);
	g_setenv("PCSCLITE_CSOCK_NAME", path, TRUE);
	env = environment_for_helper("local", NULL);
	if (_i == 0 || geteuid() != 0) {
		ck_assert_str_eq(environment_stray_socket(), path);
		check(env, "PCSCLITE_CSOCK_NAME", NULL);
	} else {
		ck_assert_ptr_null(environment_stray_socket());
		check(env, "PCSCLITE_CSOCK_NAME", path);
	}
	(void)unlink(path);
	(void)close(fd);
}
END_TEST

START_TEST(where_the_library_is)
{
	g_autofree char *named = NULL;
	g_autofree char *relative = NULL;
	g_autofree char *usual = NULL;

	g_setenv("CERTPROP_PCSCDIR", "/opt/certprop", TRUE);
	named = environment_provider();
	ck_assert_str_eq(named, "/opt/certprop/libpcsc-xrdp.so");
	g_unsetenv("CERTPROP_PCSCDIR");
	usual = environment_provider();
	ck_assert(g_path_is_absolute(usual));
	g_setenv("CERTPROP_PCSCDIR", "build", TRUE);
	relative = environment_provider();
	ck_assert_str_eq(relative, usual);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("environment");
	TCase *tcase = tcase_create("environment");

	tcase_add_loop_test(tcase, ways_to_an_endpoint, 0, G_N_ELEMENTS(ways));
	tcase_add_loop_test(tcase, stray_socket, 0, 2);
	tcase_add_test(tcase, where_the_library_is);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
