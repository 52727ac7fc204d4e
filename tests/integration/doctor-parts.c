/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor says when it is a program of certprop's own that is not there or does not work,
 * and nothing of the system's: no service, card or module is to be blamed for it. Where programs
 * are installed, the test mounts those that were built, in mounts of its own.
 */
#include "ward.h"

#include <sys/mount.h>

#include "build.h"
#include "harness.h"
#include "names.h"

static const struct {
	const char *step, *program;
} steps[] = {
	{"service", NAME_WATCH},
	{"modules", NAME_SCAN},
	{"databases", NAME_STORE},
	{"registration", NAME_STORE},
};

/* The nearest directory that is there. */
static char *place_of(const char *dir)
{
	char *place = g_path_get_dirname(dir);

	while (!g_file_test(place, G_FILE_TEST_IS_DIR)) {
		char *above = g_path_get_dirname(place);

		g_free(place);
		place = above;
	}
	return place;
}

/* They are where they were configured to be, with nothing else about. */
static void install_programs(void)
{
	g_autofree char *built = rig_program("daemon");
	g_autofree char *place = place_of(CERTPROP_LIBEXECDIR);

	ward_own_mounts();
	if (!g_file_test(CERTPROP_LIBEXECDIR, G_FILE_TEST_IS_DIR)) {
		ck_assert_int_eq(mount("tmpfs", place, "tmpfs", 0, "mode=0755"), 0);
		ck_assert_int_eq(g_mkdir_with_parents(CERTPROP_LIBEXECDIR, 0755), 0);
	}
	ward_hide(CERTPROP_LIBEXECDIR, built);
}

/* It is wrong there, in these words; and none of the steps blames a card, a module or pcscd for it.
   Returns the commands. */
static char *blame(const char *step, const char *words)
{
	g_autoptr(JsonNode) root = ward_ask();

	ck_assert_ptr_null(ward_find(root, "cards", "wrong", "put it in again"));
	ck_assert_ptr_null(ward_find(root, "modules", "wrong", "OpenSC"));
	ck_assert_ptr_null(ward_find(root, "service", "wrong", "pcscd.socket"));
	return ward_commands(root, step, "wrong", words);
}

START_TEST(missing)
{
	g_autofree char *path = g_build_filename(CERTPROP_LIBEXECDIR, steps[_i].program, NULL);
	g_autofree char *commands = NULL;

	install_programs();
	ward_setenv(NAME_ENV_LIBEXECDIR, NULL);
	g_free(ward_sh("certpropctl module enable"));
	rig_card_insert_seen(ward.card);
	ward_hide(path, "/dev/null");
	commands = blame(steps[_i].step, "certprop is not installed whole");
	ck_assert_str_eq(commands, "");
	ward_show(path);
	ward_expect_well(steps[_i].step, false);
	ward_expect_well("cards", false);
}
END_TEST

/* One is there, and cannot run: a library of its is not there. */
START_TEST(unloadable)
{
	g_autofree char *path = g_build_filename(CERTPROP_LIBEXECDIR, steps[_i].program, NULL);
	g_autofree char *broken = ward_path("bin/broken");
	g_autofree char *commands = NULL;

	install_programs();
	ward_setenv(NAME_ENV_LIBEXECDIR, NULL);
	g_free(ward_sh("certpropctl module enable"));
	rig_card_insert_seen(ward.card);
	ward_stand_in("broken", "echo 'libgone.so: cannot open shared object file' >&2\nexit 127");
	ward_hide(path, broken);
	commands = blame(steps[_i].step, "install certprop anew, whole");
	ck_assert_str_eq(commands, "");
	g_free(blame(steps[_i].step, "libgone.so: cannot open"));
	ward_show(path);
	ward_expect_well(steps[_i].step, false);
	ward_expect_well("cards", false);
}
END_TEST

/* A variable of somebody who has tried a build of his own. */
START_TEST(variable)
{
	g_autofree char *commands = NULL;

	install_programs();
	g_free(ward_sh("certpropctl module enable"));
	rig_card_insert_seen(ward.card);
	ward_setenv(NAME_ENV_LIBEXECDIR, "/nowhere");
	commands = blame(steps[_i].step, "The variable " NAME_ENV_LIBEXECDIR);
	ck_assert_str_eq(commands, "unset " NAME_ENV_LIBEXECDIR "\n");
	ward_heal_in_shell(steps[_i].step, "The variable " NAME_ENV_LIBEXECDIR);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("doctor-parts");

	rig_enter();
	ward_case(suite, "missing", missing, G_N_ELEMENTS(steps));
	ward_case(suite, "unloadable", unloadable, G_N_ELEMENTS(steps));
	ward_case(suite, "variable", variable, G_N_ELEMENTS(steps));
	return harness_run(suite, argc, argv);
}
