/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor says of the way to the keys, which pkcs11.txt names, and of the programs that go
 * it; and what comes of doing it. All commands are the real ones: modutil, certpropctl, chmod, mv.
 */
#include "ward.h"

#include <glib/gstdio.h>
#include <string.h>

#include "build.h"
#include "harness.h"

#define OPENSC CERTPROP_P11_MODULE_DIR "/opensc-pkcs11.so"
#define ONEPIN CERTPROP_P11_MODULE_DIR "/onepin-opensc-pkcs11.so"
#define FLAGS  "NSS=slotParams={0x00000000=[slotFlags=PublicCerts ] }\n"
#define PROXY  "library=" CERTPROP_P11_MODULE_DIR "/../libp11-kit.so.0\nname=p11\n"

static const struct {
	const char *block, *more; /* in the file */
	bool enable;              /* and ours */
	const char *id, *words;
} lists[] = {
	/* not there at all */
	{NULL, NULL, false, "registration/unreachable", "do not come to"},
	/* somebody's own, and ours */
	{"library=" OPENSC "\nname=OpenSC\n" FLAGS, NULL, true, "registration/twice",
		"by several ways"},
	/* twice, and none is ours */
	{"library=" OPENSC "\nname=OpenSC\n" FLAGS, "library=" ONEPIN "\nname=Card\n" FLAGS, false,
		"registration/twice", "by several ways"},
	{"library=" OPENSC "\nname=OpenSC\n" FLAGS, PROXY FLAGS, false, "registration/twice",
		"by several ways"},
	{PROXY FLAGS, NULL, true, "registration/twice", "by several ways"},
	/* of a library that is gone */
	{"library=/opt/gone/opensc-pkcs11.so\nname=Old card\n" FLAGS, NULL, true,
		"registration/stale", "not there"},
	/* without the flag */
	{"library=" OPENSC "\nname=OpenSC\n", NULL, false, "registration/no-flag", "PublicCerts"},
	{PROXY, NULL, false, "registration/no-flag", "PublicCerts"},
};

START_TEST(registration)
{
	g_autofree char *list = g_strdup_printf("modutil -dbdir %s -list", ward.sql);

	/* It would do nothing where there is another way, so it comes first. */
	if (lists[_i].enable)
		g_free(ward_sh("certpropctl module enable"));
	if (lists[_i].block != NULL)
		ward_add_block(lists[_i].block);
	if (lists[_i].more != NULL)
		ward_add_block(lists[_i].more);
	ward_heal(lists[_i].id, lists[_i].words);
	g_free(ward_sh(list));
}
END_TEST

/* modutil is hidden, until it is "installed". */
START_TEST(no_modutil)
{
	g_autofree char *modutil = g_find_program_in_path("modutil");
	g_autofree char *commands = NULL;
	g_auto(GStrv) lines = NULL;

	ck_assert_ptr_nonnull(modutil);
	ward_stand_in("apt-get", WARD_ASK);
	ward_stand_in("dnf", WARD_ASK);
	g_free(ward_sh("certpropctl module enable"));
	ward_add_block("library=/opt/gone/opensc-pkcs11.so\nname=Old card\n" FLAGS);
	ward_own_mounts();
	ward_hide(modutil, "/dev/null");
	commands = ward_expect("registration/stale", "wrong", "not there");
	lines = g_strsplit(commands, "\n", 2);
	ward_mend_by(lines[0], ward_is_debian() ? "apt-get install -y libnss3-tools\n"
						: "dnf install -y nss-tools\n");
	ward_show(modutil);
	ward_mend(lines[1], NULL, NULL);
	ward_expect_well("registration", false);
}
END_TEST

static const struct {
	const char *spoil; /* in the database's directory */
	bool aside;        /* it is put aside, and ours is registered then */
} spoiled[] = {
	{"chmod 0 pkcs11.txt", false},
	{"mv pkcs11.txt ../mine && ln -s ../mine pkcs11.txt", true},
	{"rm pkcs11.txt && mkdir pkcs11.txt", true},
};

/* The list itself cannot be read: what it is nobody can tell then. */
START_TEST(list_is_unreadable)
{
	g_autofree char *spoil = g_strdup_printf("cd ~/.pki/nssdb && %s", spoiled[_i].spoil);
	g_autofree char *commands = NULL;

	g_free(ward_sh("certpropctl module enable"));
	g_free(ward_sh(spoil));
	commands = ward_expect("registration/unreadable", "wrong", "do not come to any module");
	ward_mend(commands, NULL, NULL);
	if (spoiled[_i].aside)
		ward_heal("registration/unreachable", "its programs do not come to /");
	ward_expect_well("registration", false);
}
END_TEST

/* Our own block, whose library has gone: the configured module is another one by now. */
START_TEST(own_is_stale)
{
	g_autofree char *library = ward_path("opensc-pkcs11.so");
	g_autofree char *copy = g_strdup_printf("cp %s %s", OPENSC, library);
	g_autofree char *conf = g_strdup_printf("[propagation]\nmodules=%s\n", library);
	g_autofree char *commands = NULL;

	g_free(ward_sh(copy));
	ward_configure(conf);
	g_free(ward_sh("certpropctl module enable"));
	ward_configure("");
	ck_assert_int_eq(g_unlink(library), 0);
	commands = ward_expect("registration/stale", "wrong", "not there");
	ward_mend(commands, NULL, NULL);
	ward_heal("registration/unreachable", "do not come to");
}
END_TEST

/* Our own block, from which another program has taken the flag. */
START_TEST(own_without_flag)
{
	g_free(ward_sh("certpropctl module enable"));
	g_free(ward_sh("sed -i s/PublicCerts//g ~/.pki/nssdb/pkcs11.txt"));
	ward_heal("registration/no-flag", "PublicCerts");
}
END_TEST

/* modutil would take another block, whose name begins like it: so it is not named. */
static const struct {
	const char *first, *second;
	const char *edit; /* as people do */
	const char *id;
} prefixes[] = {
	{"library=/usr/lib/other.so\nname=OpenSC of mine\n",
		"library=/opt/gone/opensc-pkcs11.so\nname=OpenSC\n" FLAGS,
		"sed -i '/^library=.opt.gone/,/^NSS/d' ~/.pki/nssdb/pkcs11.txt",
		"registration/stale"},
	{PROXY, "library=/usr/lib/other.so\nname=p11 of mine\n",
		"sed -i 's/^name=p11$/&\\nNSS=slotParams={0x00000000=[slotFlags=PublicCerts ] }/' "
		"~/.pki/nssdb/pkcs11.txt",
		"registration/no-flag"},
};

START_TEST(name_is_a_prefix)
{
	if (_i == 0)
		g_free(ward_sh("certpropctl module enable"));
	ward_add_block(prefixes[_i].first);
	ward_add_block(prefixes[_i].second);
	ward_expect_words(prefixes[_i].id, "wrong", "with an editor");
	g_free(ward_sh(prefixes[_i].edit));
	ward_expect_well("registration", false);
}
END_TEST

/* A name that a terminal would obey: the command has it in another form. */
START_TEST(name_for_terminals)
{
	const char *argv[] = {ward.ctl, "doctor", NULL};
	g_autofree char *out = NULL;
	g_autofree char *command = NULL;

	g_free(ward_sh("certpropctl module enable"));
	ward_add_block("library=/opt/gone/opensc-pkcs11.so\nname=Old \x1b[31mcard; it's\n" FLAGS);
	ck_assert_int_eq(rig_run(argv, ward.environment, &out, NULL), 1);
	ck_assert_ptr_null(strchr(out, '\x1b'));
	command = ward_expect("registration/stale", "wrong", "not there");
	ck_assert_ptr_nonnull(strstr(command, "\"$(printf %b 'Old \\0033\\0133"));
	ck_assert_ptr_nonnull(strstr(out, g_strchomp(command)));
	ward_heal("registration/stale", "not there");
}
END_TEST

static const struct {
	const char *path, *words;
} boxes[] = {
	{"snap/chromium/current/.pki/nssdb", "A snap has libraries of its own"},
	{".var/app/org.chromium.Chromium/data/pki/nssdb", "A Flatpak has libraries of its own"},
};

/* A browser in a sandbox, and one outside. */
START_TEST(applications)
{
	g_autofree char *boxed = ward_path(boxes[_i].path);
	g_autofree char *profile = ward_path(".mozilla/firefox/ab.default");
	g_autofree char *commands = NULL;

	ck_assert_int_eq(g_mkdir_with_parents(boxed, 0700), 0);
	rig_db_create(boxed);
	ck_assert_int_eq(g_mkdir_with_parents(profile, 0700), 0);
	rig_db_create(profile);
	rig_home_write(ward.home, ".mozilla/firefox/profiles.ini",
		"[Profile0]\nName=mine\nIsRelative=1\nPath=ab.default\n");
	commands = ward_expect("registration/unreachable", "wrong", "ab.default");
	ward_mend(commands, NULL, NULL);
	g_free(ward_expect("applications", "ok", "firefox (profile mine): sees certificates and"));
	g_free(ward_expect("applications/no-keys", "note", boxed));
	g_free(ward_sh("certpropctl module enable")); /* as the step registration says */
	g_free(ward_expect("applications/sandbox", "unknown", boxes[_i].words));
	ward_expect_no("applications/no-keys", "note", "");
}
END_TEST

/* A program that has the database open. */
static RigProcess *start_using(const char *database)
{
	g_autofree char *file = g_build_filename(database, "cert9.db", NULL);
	const char *argv[] = {"sleep", "60", NULL};

	return rig_process_start(
		argv, &(RigProcessOptions){.environment = ward.environment, .input = file});
}

static void touch_list(const char *database, const char *when)
{
	g_autofree char *touch = g_strdup_printf("touch -d '%s' %s/pkcs11.txt", when, database);

	g_free(ward_sh(touch));
}

/* What was there first has to be started anew; unless it has the module, or another profile. */
START_TEST(runs_already)
{
	g_autofree char *other = ward_path("other");
	RigProcess *process = start_using(ward.database);

	ck_assert_int_eq(g_mkdir(other, 0700), 0);
	rig_db_create(other);
	g_free(ward_sh("certpropctl module enable"));
	touch_list(ward.database, "1 minute");
	ward_expect_words("applications/restart", "wrong", "running since before pkcs11.txt was");
	ward_expect_no("applications", "ok", ward.sql);
	rig_process_free(process);

	process = start_using(other);
	ward_expect_well("applications", false);
	rig_process_free(process);

	ward_setenv("LD_PRELOAD", OPENSC);
	process = start_using(ward.database);
	ward_setenv("LD_PRELOAD", NULL);
	ward_expect_well("applications", false);
	rig_process_free(process);

	touch_list(ward.database, "1 minute ago");
	process = start_using(ward.database); /* as it was told */
	ward_expect_well("applications", false);
	rig_process_free(process);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("doctor-registration");

	rig_enter();
	ward_case(suite, "registration", registration, G_N_ELEMENTS(lists));
	ward_case(suite, "no-modutil", no_modutil, 1);
	ward_case(suite, "unreadable", list_is_unreadable, G_N_ELEMENTS(spoiled));
	ward_case(suite, "own-stale", own_is_stale, 1);
	ward_case(suite, "own-flag", own_without_flag, 1);
	ward_case(suite, "prefix", name_is_a_prefix, G_N_ELEMENTS(prefixes));
	ward_case(suite, "terminal", name_for_terminals, 1);
	ward_case(suite, "applications", applications, G_N_ELEMENTS(boxes));
	ward_case(suite, "running", runs_already, 1);
	return harness_run(suite, argc, argv);
}
