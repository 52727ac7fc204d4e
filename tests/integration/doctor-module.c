/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor says of modules and of the time, and what comes of doing it. apt-get and
 * timedatectl are stand-ins; no clock is set.
 */
#include "ward.h"

#include <sys/mount.h>

#include "build.h"
#include "harness.h"
#include "maker.h"

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
	ward_heal("modules", bad_modules[_i].words);

	ward_configure(beside);
	commands = ward_expect("modules", "wrong", bad_modules[_i].words);
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
	ward_heal("modules", "there is none");
}
END_TEST

/* A card that could be read, if any module could. */
START_TEST(no_module_for_card)
{
	ward_configure("[propagation]\nmodules=/nowhere/at/all.so\n");
	rig_card_insert_seen(ward.card);
	g_free(ward_expect("cards", "wrong", "see the step modules"));
	ward_heal("modules", "no such file");
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
	commands = ward_expect("modules", "wrong", "not whole");
	ward_mend_by(commands, ward_is_debian() ? "apt-get install -y --reinstall opensc-pkcs11\n"
						: "dnf reinstall -y opensc\n");
	ck_assert_int_eq(umount(OPENSC), 0);
	ward_expect_well("modules", false);
}
END_TEST

/*
 * Time
 */

/* The card is dealt anew, valid from so many days ago (less than 0: in so many days) on. */
static void renew(int days)
{
	gint64 now = g_get_real_time() / G_USEC_PER_SEC;
	static const char *const names[] = {"9a.der", "9c.der"};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(ward.card_dir, names[i], NULL);
		g_autoptr(GBytes) der = maker_der(&(const MakerSpec){.cn = "Ada Lovelace",
			.serial = i + 7,
			.not_before = now - days * (gint64)86400,
			.not_after = now + 900 * (gint64)86400,
			.eku = "clientAuth"});
		gsize len;
		const char *data = g_bytes_get_data(der, &len);

		ck_assert(g_file_set_contents(path, data, (gssize)len, NULL));
	}
	g_free(rig_card_command(ward.card, "reload"));
}

/* No clock is set: the card is put right instead. Not every system has timedatectl. */
START_TEST(clock_by_certificates)
{
	g_autofree char *real = g_find_program_in_path("timedatectl");
	g_autofree char *commands = NULL;

	ward_own_mounts();
	if (real != NULL)
		ward_hide(real, "/dev/null");
	renew(-10);
	rig_card_insert_seen(ward.card);
	ward_expect_words("clock", "wrong", "Set the clock");
	ward_stand_in("timedatectl", WARD_ASK);
	commands = ward_expect("clock", "wrong", "not yet valid");
	ward_mend_by(commands, "timedatectl set-ntp true\n");
	rig_card_remove_seen(ward.card);
	renew(10);
	rig_card_insert_seen(ward.card);
	ward_expect_well("clock", false);
}
END_TEST

/* A program that was made the day after tomorrow: its copy is given another date instead. */
START_TEST(clock_by_program)
{
	g_autofree char *copy = ward_path("bin/certpropctl");
	g_autofree char *make =
		g_strdup_printf("cp %s %s && touch -d '2 days' %s", ward.ctl, copy, copy);
	g_autofree char *mend = g_strdup_printf("touch %s", copy);

	g_free(ward_sh(make));
	g_free(ward.ctl);
	ward.ctl = g_strdup(copy);
	ward_stand_in("timedatectl", mend);
	ward_heal("clock", "This program was made on");
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
	ward_case(suite, "clock-certificates", clock_by_certificates, 1);
	ward_case(suite, "clock-program", clock_by_program, 1);
	return harness_run(suite, argc, argv);
}
