/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl setup, with a systemctl that writes down what it is asked, and without one.
 */

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctlbench.h"
#include "harness.h"

#define CONFIG ".config/certprop/certprop.conf"
#define NAME   "name=certprop (opensc-pkcs11.so)\n"

/* Says its words to $HOME/asked; fails if there is a file $HOME/refuse. */
static const char systemctl[] =
	"#!/bin/sh\n"
	"echo \"$*\" >>\"$HOME/asked\"\n"
	"[ ! -e \"$HOME/refuse\" ] || { echo 'No such unit.' >&2; exit 1; }\n";

/* A user manager, as far as setup can see. */
static void make_manager(void)
{
	g_autofree char *program = rig_home_path(bench.home, "bin/systemctl");
	g_autofree char *bin = rig_home_path(bench.home, "bin");
	g_autofree char *path =
		g_strconcat(bin, ":", g_environ_getenv(bench.environment, "PATH"), NULL);
	g_autofree char *dir = g_build_filename(bench.home->runtime, "systemd", NULL);
	g_autofree char *socket = g_build_filename(dir, "private", NULL);

	rig_home_write(bench.home, "bin/systemctl", systemctl);
	ck_assert_int_eq(g_chmod(program, 0700), 0);
	bench.environment = g_environ_setenv(bench.environment, "PATH", path, TRUE);
	ck_assert_int_eq(g_mkdir(dir, 0700), 0);
	ck_assert(g_file_set_contents(socket, "", -1, NULL));
}

static char *read_text(const char *path)
{
	g_autofree char *file = rig_home_path(bench.home, path);
	char *text = NULL;

	(void)g_file_get_contents(file, &text, NULL, NULL);
	return text;
}

static char *setup(int status, const char *option)
{
	char *err = NULL;
	int actual = ctl_run(NULL, &err, "setup", option, NULL);

	ck_assert_msg(
		actual == status, "setup %s: %d, %s", option != NULL ? option : "", actual, err);
	return err;
}

START_TEST(all_of_it_and_back)
{
	make_manager();
	g_autofree char *modules = read_text(".pki/nssdb/pkcs11.txt");

	g_free(setup(0, "--dry-run"));
	g_autofree char *untouched = read_text(".pki/nssdb/pkcs11.txt");
	g_autofree char *no_config = read_text(CONFIG);
	g_autofree char *unasked = read_text("asked");
	ck_assert_str_eq(untouched, modules);
	ck_assert_ptr_null(no_config);
	ck_assert_ptr_null(unasked);

	/* it ends with the doctor, whose findings are not its own: the stand-in starts nothing */
	g_autofree char *said = NULL;
	ck_assert_int_eq(ctl_run(&said, NULL, "setup", NULL, NULL), 0);
	ck_assert_ptr_nonnull(strstr(said, "\nok      registration: "));
	ck_assert_ptr_nonnull(strstr(said, "\nwrong   daemon: no certpropd runs"));
	g_autofree char *with = read_text(".pki/nssdb/pkcs11.txt");
	g_autofree char *config = read_text(CONFIG);
	g_autofree char *asked = read_text("asked");
	ck_assert_ptr_nonnull(strstr(with, NAME));
	ck_assert_str_eq(config, "# by certpropctl setup:\n[keys]\nregister-module=true\n");
	ck_assert_str_eq(asked, "--user enable --now certpropd.service\n"
				"--user reload-or-restart certpropd.service\n");

	/* a second time changes nothing */
	g_free(setup(0, NULL));
	g_autofree char *same = read_text(".pki/nssdb/pkcs11.txt");
	g_autofree char *same_config = read_text(CONFIG);
	ck_assert_str_eq(same, with);
	ck_assert_str_eq(same_config, config);

	g_free(setup(0, "--undo"));
	g_autofree char *back = read_text(".pki/nssdb/pkcs11.txt");
	g_autofree char *gone = read_text(CONFIG);
	g_autofree char *last = read_text("asked");
	ck_assert_str_eq(back, modules);
	ck_assert_ptr_null(gone);
	ck_assert(g_str_has_suffix(last, "--user disable --now certpropd.service\n"));
}
END_TEST

START_TEST(without_a_user_manager)
{
	g_autofree char *err = setup(3, NULL);
	ck_assert_ptr_nonnull(strstr(err, "no systemd user manager"));
	g_autofree char *with = read_text(".pki/nssdb/pkcs11.txt");
	ck_assert_ptr_nonnull(strstr(with, NAME));
	g_free(setup(0, "--undo"));
	g_autofree char *back = read_text(".pki/nssdb/pkcs11.txt");
	ck_assert_ptr_null(strstr(back, NAME));
}
END_TEST

START_TEST(a_unit_that_does_not_start)
{
	make_manager();
	rig_home_write(bench.home, "refuse", "");
	g_autofree char *err = setup(3, NULL);
	ck_assert_ptr_nonnull(strstr(err, "No such unit."));
	/* the other steps were taken all the same */
	g_autofree char *with = read_text(".pki/nssdb/pkcs11.txt");
	ck_assert_ptr_nonnull(strstr(with, NAME));
}
END_TEST

/* What the user has said stays, and where his file really is. */
START_TEST(his_own_configuration)
{
	g_autofree char *link = rig_home_path(bench.home, CONFIG);
	static const char off[] = "[keys]\nregister-module=false\n";

	make_manager();
	rig_home_write(bench.home, CONFIG, off);
	g_free(setup(0, NULL));
	g_autofree char *kept = read_text(CONFIG);
	ck_assert_str_eq(kept, off);

	rig_home_write(bench.home, "dotfiles/certprop.conf", "# mine\n");
	ck_assert_int_eq(g_unlink(link), 0);
	ck_assert_int_eq(symlink("../../dotfiles/certprop.conf", link), 0);
	g_free(setup(0, NULL));
	ck_assert(g_file_test(link, G_FILE_TEST_IS_SYMLINK));
	g_autofree char *text = read_text("dotfiles/certprop.conf");
	ck_assert_str_eq(text, "# mine\n# by certpropctl setup:\n[keys]\nregister-module=true\n");
	g_free(setup(0, "--undo"));
	g_autofree char *back = read_text("dotfiles/certprop.conf");
	ck_assert_str_eq(back, "# mine\n");
}
END_TEST

int main(int argc, char **argv)
{
	rig_enter();

	const TTest *const tests[] = {all_of_it_and_back, without_a_user_manager,
		a_unit_that_does_not_start, his_own_configuration};
	Suite *suite = suite_create("setup");

	ctl_add_case(suite, "setup", tests, G_N_ELEMENTS(tests));

	return harness_run(suite, argc, argv);
}
