/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor says of the configuration and of the time, and what comes of doing it.
 * timedatectl is a stand-in: no clock is set.
 */
#include "ward.h"

#include <glib/gstdio.h>
#include <unistd.h>

#include "harness.h"
#include "maker.h"

#define CONFIG ".config/certprop/certprop.conf"

/*
 * The configuration
 */

static const struct {
	const char *text, *id, *verdict, *words;
} faults[] = {
	{"[local]\non-removal=maybe\n", "configuration/faulty-line", "wrong",
		"on-removal cannot be"},
	{"[local]\nnonsense\n", "configuration/faulty-line", "wrong", "is neither"},
	{"[filter]\nno-such-key=1\n", "configuration/ignored", "note", "no-such-key"},
	{"[propagation]\nenabled=false\n", "configuration/disabled", "wrong", "switched off"},
};

START_TEST(configuration)
{
	g_autofree char *commands = NULL;

	ward_configure(faults[_i].text);
	commands = ward_expect(faults[_i].id, faults[_i].verdict, faults[_i].words);
	ck_assert(g_str_has_prefix(commands, "sed -i '2s/^/#/' "));
	ward_mend(commands, NULL, NULL);
	ward_expect_well("configuration", false);
}
END_TEST

/* More than one thing at a time, and lines that change what those after them mean: it is asked
   again until there is nothing left to mend. */
static const char *const heaps[] = {
	"[local\non-removal=keep\n[limits]\nscan-seconds=x\n\nscan-seconds=5\n",
	"enabled=true\n[nowhere]\nkey=1\n[filter]\ncertificates=2\nissuers=Zo\xeb\n",
	"[filter]\necc=true\necc=false\r\n\tecc=\n=\n[]\n\\\n\x1b[2J\n",
	"[databases]\ninclude=a/b;/c\nexclude=\\q\n[redirected]\nforwarded=desk\ngrace=1y\n",
	"[ca]\ntrusted-roots=00\n[keys]\nregister-module=maybe\n[lock]\nkeys=local.on-removal\n",
};

START_TEST(heap)
{
	g_autofree char *commands = NULL;

	ward_configure(heaps[_i]);
	for (unsigned turn = 0; turn < 12; turn++) {
		g_autoptr(JsonNode) root = ward_ask();
		const char *verdict =
			ward_find(root, "configuration", "wrong", "") != NULL ? "wrong" : "note";

		if (ward_find(root, "configuration", verdict, "") == NULL)
			break;
		g_free(commands);
		commands = ward_commands(root, "configuration", verdict, "");
		ward_mend(commands, NULL, NULL);
	}
	ward_expect_well("configuration", false);
}
END_TEST

/* A file of which nothing can be read is put aside; one that is kept elsewhere is mended there. */
START_TEST(configuration_file)
{
	g_autofree char *path = ward_path(CONFIG);
	g_autofree char *text = NULL;

	ward_configure("");
	ck_assert_int_eq(g_unlink(path), 0);
	ck_assert_int_eq(g_mkdir(path, 0700), 0);
	ward_heal("configuration/faulty-file", "not a regular file");

	rig_home_write(ward.home, "dot files/certprop.conf", "[local]\non-removal=maybe\n");
	ck_assert_int_eq(symlink("../../dot files/certprop.conf", path), 0);
	ward_heal("configuration/faulty-line", "on-removal cannot be");
	ck_assert(g_file_test(path, G_FILE_TEST_IS_SYMLINK));
	text = ward_read("dot files/certprop.conf");
	ck_assert_str_eq(text, "[local]\n#on-removal=maybe\n");
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
	ward_expect_words("clock/early", "wrong", "Set the clock");
	ward_stand_in("timedatectl", WARD_ASK);
	commands = ward_expect("clock/early", "wrong", "not yet valid");
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
	ward_heal("clock/early", "This program was made on");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("doctor-setting");

	rig_enter();
	ward_case(suite, "configuration", configuration, G_N_ELEMENTS(faults));
	ward_case(suite, "heap", heap, G_N_ELEMENTS(heaps));
	ward_case(suite, "configuration-file", configuration_file, 1);
	ward_case(suite, "clock-certificates", clock_by_certificates, 1);
	ward_case(suite, "clock-program", clock_by_program, 1);
	return harness_run(suite, argc, argv);
}
