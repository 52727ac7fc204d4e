/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor says of cards, modules and the time, and what comes of doing it. apt-get and
 * timedatectl are stand-ins; no clock is set.
 */
#include "ward.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "build.h"
#include "harness.h"
#include "maker.h"

#define OPENSC   CERTPROP_P11_MODULE_DIR "/opensc-pkcs11.so"
#define PATIENCE "[limits]\nscan-seconds=4\n" /* with a card that hangs */

static char *fake_module(const char *vice)
{
	g_autofree char *settings = g_strdup_printf("[module]\nvice=%s\n", vice);

	rig_home_write(ward.home, ".fake-module", settings);
	return rig_program("tests/fake/fake-module.so");
}

/* The one whose card the fake module knows, in the first reader; behind `others`. */
static void use_fake(const char *vice, const char *others)
{
	g_autofree char *module = fake_module(vice);
	g_autofree char *conf = g_strdup_printf("[propagation]\nmodules=%s%s\n", others, module);
	g_autofree char *settings =
		g_strdup_printf("[module]\nvice=%s\nreader=%s\ncert=%s/9a.der\n", vice,
			rig_pcscd_reader(ward.pcscd, 0), ward.card_dir);

	rig_home_write(ward.home, ".fake-module", settings);
	ward_configure(conf);
}

START_TEST(no_card)
{
	g_autofree char *commands = ward_expect("cards", "note", "no card is in");

	ck_assert_str_eq(commands, "");
	rig_card_insert_seen(ward.card);
	ward_expect_well("cards", false);
	ward_expect_well("certificates", false);
	ward_expect_well("keys", false);
}
END_TEST

/* Nothing but another card, or a module of its maker's, would do. */
START_TEST(unknown_card)
{
	g_free(rig_card_command(ward.card, "applet off"));
	rig_card_insert_seen(ward.card);
	ward_expect_words("cards", "wrong", "no module knows this card (ATR 3b");
	ward_expect_words("cards", "wrong", "name it in [propagation] modules");
	if (_i == 0) {
		rig_card_remove_seen(ward.card);
		g_free(rig_card_command(ward.card, "applet on"));
		rig_card_insert_seen(ward.card);
	} else {
		use_fake("", "opensc-pkcs11.so;");
	}
	ward_expect_well("cards", false);
	ward_expect_well("certificates", false);
}
END_TEST

static bool is_suspected(gpointer data)
{
	g_autoptr(JsonNode) root = ward_ask();

	return ward_find(root, "cards", "wrong", data) != NULL;
}

/* Any program that keeps it; and one of the name of GNOME's, which its own unit stops. */
START_TEST(held)
{
	g_autofree char *fake = rig_program("tests/fake/fake-holder");
	g_autofree char *program = ward_path(_i == 0 ? "bin/some-client" : "bin/gsd-smartcard");
	g_autofree char *copy = g_strdup_printf("cp %s %s", fake, program);
	const char *argv[] = {program, rig_pcscd_reader(ward.pcscd, 0), NULL};
	g_autoptr(RigProcess) holder = NULL;
	g_autofree char *kill = NULL;
	g_autofree char *commands = NULL;

	g_free(ward_sh(copy));
	rig_card_insert_seen(ward.card);
	holder = rig_process_start(argv, NULL);
	ward_wait_said(holder, "held\n");
	kill = g_strdup_printf("kill %d\n", (int)rig_process_pid(holder));
	ward_stand_in("systemctl", kill);
	commands =
		ward_expect("cards", "wrong", _i == 0 ? "some-client (process" : "gsd-smartcard (");
	if (_i == 0)
		ck_assert_str_eq(commands, kill);
	else
		ck_assert_str_eq(commands,
			"systemctl --user stop org.gnome.SettingsDaemon.Smartcard.target\n");
	ward_mend(commands, NULL, NULL);
	(void)rig_process_wait(holder, WARD_WAIT_MS);
	ward_expect_well("cards", false);
}
END_TEST

/* Two that are connected: which of them it is cannot be seen, so one after the other has to end. */
START_TEST(held_by_one_of_two)
{
	g_autofree char *fake = rig_program("tests/fake/fake-holder");
	g_autofree char *watch = rig_program("daemon/certprop-watch");
	g_autofree char *copied = ward_path("bin/some-watch");
	g_autofree char *copy = g_strdup_printf("cp %s %s", watch, copied);
	const char *holding[] = {fake, rig_pcscd_reader(ward.pcscd, 0), NULL};
	const char *watching[] = {copied, NULL};
	g_autofree char *pipe = ward_path("pipe"); /* it ends when its input does */
	g_autoptr(RigProcess) holder = NULL;
	g_autoptr(RigProcess) watcher = NULL;
	g_autofree char *commands = NULL;
	g_auto(GStrv) lines = NULL;

	g_free(ward_sh(copy));
	rig_card_insert_seen(ward.card);
	holder = rig_process_start(holding, NULL);
	ward_wait_said(holder, "held\n");
	ck_assert_int_eq(mkfifo(pipe, 0600), 0);
	ck_assert_int_ge(open(pipe, O_RDWR | O_CLOEXEC), 0);
	watcher = rig_process_start(
		watching, &(RigProcessOptions){.environment = ward.environment, .input = pipe});
	rig_wait_until(
		is_suspected, (gpointer) "some-watch (process", WARD_WAIT_MS, "both are named");
	commands = ward_expect("cards", "wrong", "End one after the other");
	lines = g_strsplit(commands, "\n", -1);
	ck_assert_uint_eq(g_strv_length(lines), 3); /* with the empty one at the end */
	for (char **line = lines; **line != '\0'; line++)
		ward_mend(*line, NULL, NULL);
	(void)rig_process_wait(holder, WARD_WAIT_MS);
	(void)rig_process_wait(watcher, WARD_WAIT_MS);
	ward_expect_well("cards", false);
}
END_TEST

/* The real GnuPG, which keeps the card once somebody has asked it for one. */
START_TEST(held_by_gnupg)
{
	g_autofree char *dir = ward_path(".gnupg");
	g_autofree char *commands = NULL;

	ck_assert_int_eq(g_mkdir(dir, 0700), 0);
	rig_home_write(ward.home, ".gnupg/scdaemon.conf", "disable-ccid\n");
	rig_card_insert_seen(ward.card);
	g_free(ward_sh("gpg-connect-agent 'SCD SERIALNO undefined' /bye | grep '^OK$'"));
	commands = ward_expect("cards", "wrong", "It is probably scdaemon (process");
	ck_assert_str_eq(commands, "gpgconf --kill scdaemon\n");
	ward_mend(commands, NULL, NULL);
	ward_expect_well("cards", false);
	g_free(ward_sh("gpgconf --kill all"));
}
END_TEST

static void insert_again(void)
{
	rig_card_remove_seen(ward.card);
	ward_configure(""); /* a busy machine may need longer */
	rig_card_insert_seen(ward.card);
	ward_expect_well("cards", false);
	ward_expect_well("certificates", false);
}

/* The card hangs, and is taken out and put in. */
START_TEST(hanging)
{
	ward_configure(PATIENCE);
	g_free(rig_card_command(ward.card, "hang-after 20"));
	rig_card_insert_seen(ward.card);
	ward_expect_words("cards", "wrong", "put it in again");
	rig_card_wait_state(ward.card, "hanging");
	insert_again();
}
END_TEST

static const struct {
	const char *command; /* of the card's, so many APDUs after the look */
	unsigned more;
	const char *words;
} losses[] = {
	{"hang-after", 20, "It could be read a moment ago"},
	{"pull-after", 8, "no module sees the card any more"},
};

/* A look has found it in order, and then it fails: a bad contact. */
START_TEST(lost_after_look)
{
	unsigned n;

	ward_configure(PATIENCE);
	rig_card_insert_seen(ward.card);
	g_free(ward_sh("certpropctl status")); /* one look */
	n = rig_card_count(ward.card, -1);
	ck_assert_uint_gt(n, losses[_i].more);
	g_free(rig_card_command(ward.card, "%s %u", losses[_i].command, n + losses[_i].more));
	ward_expect_words("certificates", "wrong", losses[_i].words);
	rig_card_wait_state(ward.card, _i == 0 ? "hanging" : "removed");
	if (_i == 0) { /* asked again, it tells what to do */
		ward_expect_words("cards", "wrong", "put it in again");
		insert_again();
	} else {
		ward_expect_words("cards", "note", "no card is in");
		rig_card_insert_seen(ward.card);
		ward_expect_well("certificates", false);
	}
}
END_TEST

/*
 * Modules
 */

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
	g_autofree char *module = bad_modules[_i].path != NULL ? g_strdup(bad_modules[_i].path)
							       : fake_module(bad_modules[_i].vice);
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

static const struct {
	const char *vice, *words;
} poor_cards[] = {
	{"uninitialised", "not initialised"},
	{"none", "no certificate can be read"},
};

START_TEST(poor_card)
{
	use_fake(poor_cards[_i].vice, "");
	rig_card_insert_seen(ward.card);
	ward_expect_words("certificates", "wrong", poor_cards[_i].words);
	use_fake("", ""); /* it has been issued */
	ward_expect_well("certificates", false);
}
END_TEST

static const struct {
	const char *vice, *step, *words;
} odd_cards[] = {
	{"garbage", "certificates", "no readable X.509"},
	{"keys-some", "keys", "without-key=skip"},
};

/* The card is put right; or nobody wants what is odd about it. */
START_TEST(odd_card)
{
	g_autofree char *conf = NULL;
	g_autofree char *wanted = NULL;

	use_fake(odd_cards[_i].vice, "");
	rig_card_insert_seen(ward.card);
	ward_expect_words(odd_cards[_i].step, "note", odd_cards[_i].words);
	if (_i == 0) {
		use_fake("", "");
	} else {
		conf = ward_read(".config/certprop/certprop.conf");
		wanted = g_strconcat(conf, "[filter]\nwithout-key=skip\n", NULL);
		ward_configure(wanted);
	}
	ward_expect_well(odd_cards[_i].step, false);
	ward_expect_no(odd_cards[_i].step, "note", "");
}
END_TEST

START_TEST(passed_over)
{
	ward_configure("[limits]\ncertificates-per-token=1\n");
	rig_card_insert_seen(ward.card);
	g_free(ward_expect("certificates", "note", "more than [limits] certificates-per-token"));
	ward_configure("");
	ward_expect_well("certificates", false);
}
END_TEST

/* What the configuration leaves out is left out on purpose. */
START_TEST(left_out)
{
	g_autoptr(JsonNode) root = NULL;

	ward_configure("[filter]\nissuers=Nobody\n");
	rig_card_insert_seen(ward.card);
	g_free(ward_expect("propagation", "note", "what the configuration says"));
	ward_configure("");
	root = ward_ask();
	ck_assert_ptr_null(ward_find(root, "propagation", "note", ""));
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

START_TEST(expired)
{
	g_autofree char *card = rig_deal(&(const Deal){
		.certs = 2, .guid = "00112233445566778899aabbccddee0b", .expired = 3});

	g_free(rig_card_command(ward.card, "swap %s", card));
	(void)rig_reader_wait(rig_pcscd_reader(ward.pcscd, 0), true);
	ward_expect_words("propagation", "note", "2 of the cards' certificates are not");
	ward_expect_words("propagation", "note", "time-invalid=allow");
	rig_card_swap(ward.card, ward.card_dir); /* the one with new certificates */
	(void)rig_reader_wait(rig_pcscd_reader(ward.pcscd, 0), true);
	ward_expect_no("propagation", "note", "");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("doctor-card");

	rig_enter();
	ward_case(suite, "no-card", no_card, 1);
	ward_case(suite, "unknown", unknown_card, 2);
	ward_case(suite, "held", held, 2);
	ward_case(suite, "held-by-one", held_by_one_of_two, 1);
	ward_case(suite, "gnupg", held_by_gnupg, 1);
	ward_case(suite, "hanging", hanging, 1);
	ward_case(suite, "lost", lost_after_look, G_N_ELEMENTS(losses));
	ward_case(suite, "module", bad_module, G_N_ELEMENTS(bad_modules));
	ward_case(suite, "no-module", no_module, 1);
	ward_case(suite, "no-module-card", no_module_for_card, 1);
	ward_case(suite, "opensc", opensc_broken, 1);
	ward_case(suite, "poor", poor_card, G_N_ELEMENTS(poor_cards));
	ward_case(suite, "odd", odd_card, G_N_ELEMENTS(odd_cards));
	ward_case(suite, "passed-over", passed_over, 1);
	ward_case(suite, "left-out", left_out, 1);
	ward_case(suite, "clock-certificates", clock_by_certificates, 1);
	ward_case(suite, "clock-program", clock_by_program, 1);
	ward_case(suite, "expired", expired, 1);
	return harness_run(suite, argc, argv);
}
