/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor says of modules, and what comes of doing it. apt-get is a stand-in.
 */
#include "ward.h"

#include <sys/mount.h>

#include "build.h"
#include "harness.h"

#define OPENSC CERTPROP_P11_MODULE_DIR "/opensc-pkcs11.so"

static const struct {
	const char *path; /* NULL: the fake module, with this vice: */
	const char *vice;
	const char *words;
} bad_modules[] = {
	{"/nowhere/at/all.so", NULL, "no such file"},
	{"/etc/passwd", NULL, "Loading the PKCS#11 module failed"},
	{NULL, "crash", "killed by signal"},
	{NULL, "refuse", "CKR_GENERAL_ERROR"},
	{NULL, "exit", "ended"},
	{NULL, "hang-initialize", "was not done after 2.0 s"},
};

START_TEST(bad_module)
{
	g_autofree char *module = bad_modules[_i].path != NULL
					  ? g_strdup(bad_modules[_i].path)
					  : ward_fake_module(bad_modules[_i].vice);
	g_autofree char *alone =
		g_strdup_printf("[limits]\nscan-seconds=2\n[propagation]\nmodules=%s\n", module);
	g_autofree char *beside = g_strdup_printf("[limits]\nscan-seconds=2\n[propagation]\n"
						  "modules=%s;opensc-pkcs11.so\n",
		module);
	g_autofree char *commands = NULL;
	g_autofree char *text = NULL;

	ward_configure(alone);
	ward_heal("modules/unusable", bad_modules[_i].words);

	ward_configure(beside);
	commands = ward_expect("modules/unusable", "wrong", bad_modules[_i].words);
	ward_mend(commands, NULL, NULL);
	ward_expect_well("modules", false);
	text = ward_read(".config/certprop/certprop.conf");
	ck_assert_str_eq(
		text, "[limits]\nscan-seconds=2\n[propagation]\nmodules=opensc-pkcs11.so\n");
}
END_TEST

START_TEST(no_module)
{
	ward_configure("[propagation]\nmodules=\n");
	ward_heal("modules/none", "there is none");
}
END_TEST

/* A card that could be read, if any module could. */
START_TEST(no_module_for_card)
{
	ward_configure("[propagation]\nmodules=/nowhere/at/all.so\n");
	rig_card_insert_seen(ward.card);
	g_free(ward_expect("cards/no-module", "wrong", "see the step modules"));
	ward_heal("modules/unusable", "no such file");
	ward_expect_well("cards", false);
}
END_TEST

/* It is hidden behind another file, until it is "installed" anew. */
START_TEST(opensc_broken)
{
	g_autofree char *commands = NULL;

	ward_stand_in("dnf", WARD_ASK);
	ward_stand_in("apt-get", WARD_ASK);
	ck_assert_int_eq(mount("/etc/passwd", OPENSC, NULL, MS_BIND, NULL), 0);
	commands = ward_expect("modules/broken", "wrong", "not whole");
	ward_mend_by(commands, ward_is_debian() ? "apt-get install -y --reinstall opensc-pkcs11\n"
						: "dnf reinstall -y opensc\n");
	ck_assert_int_eq(umount(OPENSC), 0);
	ward_expect_well("modules", false);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("doctor-module");

	rig_enter();
	ward_case(suite, "module", bad_module, G_N_ELEMENTS(bad_modules));
	ward_case(suite, "no-module", no_module, 1);
	ward_case(suite, "no-module-card", no_module_for_card, 1);
	ward_case(suite, "opensc", opensc_broken, 1);
	return harness_run(suite, argc, argv);
}
