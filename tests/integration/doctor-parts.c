/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor says when it is a program of certprop's own that is not there or does not work,
 * and nothing of the system's: no service, card or module is to be blamed for it. Where programs
 * are installed, the test mounts those that were built, in mounts of its own.
 */
#include "ward.h"

#include <string.h>
#include <sys/mount.h>

#include "build.h"
#include "harness.h"
#include "names.h"

static const struct {
	const char *program, *missing, *unloadable, *variable; /* the step, and the id */
} parts[] = {
	{NAME_WATCH, "service/not-whole", "service/own-program", "service/own-variable"},
	{NAME_WATCH, "endpoints/not-whole", "endpoints/own-program", "endpoints/own-variable"},
	{NAME_SCAN, "modules/not-whole", "modules/own-program", "modules/own-variable"},
	{NAME_STORE, "databases/not-whole", "databases/own-program", "databases/own-variable"},
	{NAME_STORE, "registration/not-whole", "registration/own-program",
		"registration/own-variable"},
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

/* All is well at each step, with a forwarded reader and a card. */
static RigForward *set_up(void)
{
	g_autofree char *socket = ward_path("desk.comm");
	g_autofree char *conf = g_strdup_printf("[redirected]\nforwarded=desk:%s\n", socket);

	install_programs();
	ward_configure(conf);
	g_free(ward_sh("certpropctl module enable"));
	rig_card_insert_seen(ward.card);
	return rig_forward_new(socket);
}

/* It is wrong there, in these words; and none of the steps blames a card, a module or pcscd for it.
   Returns the commands. */
static char *blame(const char *id, const char *words)
{
	g_autoptr(JsonNode) root = ward_ask();

	ck_assert_ptr_null(ward_find(root, "cards", "wrong", "put it in again"));
	ck_assert_ptr_null(ward_find(root, "modules", "wrong", "OpenSC"));
	ck_assert_ptr_null(ward_find(root, "service", "wrong", "pcscd.socket"));
	return ward_commands(root, id, "wrong", words);
}

START_TEST(missing)
{
	g_autofree char *path = g_build_filename(CERTPROP_LIBEXECDIR, parts[_i].program, NULL);
	g_autoptr(RigForward) forward = set_up();
	g_autofree char *commands = NULL;

	ward_setenv(NAME_ENV_LIBEXECDIR, NULL);
	ward_hide(path, "/dev/null");
	commands = blame(parts[_i].missing, "certprop is not installed whole");
	ck_assert_str_eq(commands, "");
	if (strcmp(parts[_i].program, NAME_STORE) == 0)
		ward_expect_words("cards/no-store", "wrong", "see the step databases");
	ward_show(path);
	ward_expect_well(parts[_i].missing, false);
	ward_expect_well("cards", false);
}
END_TEST

/* One is there, and cannot run: a library of its is not there. */
START_TEST(unloadable)
{
	g_autofree char *path = g_build_filename(CERTPROP_LIBEXECDIR, parts[_i].program, NULL);
	g_autofree char *broken = ward_path("bin/broken");
	g_autoptr(RigForward) forward = set_up();
	g_autofree char *commands = NULL;

	ward_setenv(NAME_ENV_LIBEXECDIR, NULL);
	ward_stand_in("broken", "echo 'libgone.so: cannot open shared object file' >&2\nexit 127");
	ward_hide(path, broken);
	commands = blame(parts[_i].unloadable, "install certprop anew, whole");
	ck_assert_str_eq(commands, "");
	g_free(blame(parts[_i].unloadable, "libgone.so: cannot open"));
	ward_show(path);
	ward_expect_well(parts[_i].unloadable, false);
	ward_expect_well("cards", false);
}
END_TEST

/* A variable of somebody who has tried a build of his own. */
START_TEST(variable)
{
	g_autoptr(RigForward) forward = set_up();
	g_autofree char *commands = NULL;

	ward_setenv(NAME_ENV_LIBEXECDIR, "/nowhere");
	commands = blame(parts[_i].variable, "The variable " NAME_ENV_LIBEXECDIR);
	ck_assert_str_eq(commands, "unset " NAME_ENV_LIBEXECDIR "\n");
	ward_heal_in_shell(parts[_i].variable, "The variable " NAME_ENV_LIBEXECDIR);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("doctor-parts");

	rig_enter();
	ward_case(suite, "missing", missing, G_N_ELEMENTS(parts));
	ward_case(suite, "unloadable", unloadable, G_N_ELEMENTS(parts));
	ward_case(suite, "variable", variable, G_N_ELEMENTS(parts));
	return harness_run(suite, argc, argv);
}
