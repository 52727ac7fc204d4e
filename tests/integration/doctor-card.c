/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor says of cards, and what comes of doing it: with the card that the rig has, or one
 * that a fake module shows. Where a hand is needed, the test is the hand.
 */
#include "ward.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>

#include "harness.h"

#define PATIENCE "[limits]\nscan-seconds=4\n" /* with a card that hangs */

/* The one whose card the fake module knows, in the first reader; behind `others`. */
static void use_fake(const char *vice, const char *others)
{
	g_autofree char *module = ward_fake_module(vice);
	g_autofree char *conf = g_strdup_printf("[propagation]\nmodules=%s%s\n", others, module);
	g_autofree char *settings =
		g_strdup_printf("[module]\nvice=%s\nreader=%s\ncert=%s/9a.der\n", vice,
			rig_pcscd_reader(ward.pcscd, 0), ward.card_dir);

	rig_home_write(ward.home, ".fake-module", settings);
	ward_configure(conf);
}

START_TEST(no_card)
{
	g_autofree char *commands = ward_expect("cards/none", "unknown", "no card is in");

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
	ward_expect_words("cards/unknown", "wrong", "no module knows this card (ATR 3b");
	ward_expect_words("cards/unknown", "wrong", "name it in [propagation] modules");
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

	return ward_find(root, "cards/held", "wrong", data) != NULL;
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
	commands = ward_expect(
		"cards/held", "wrong", _i == 0 ? "some-client (process" : "gsd-smartcard (");
	if (_i == 0)
		ck_assert_str_eq(commands, kill);
	else
		ck_assert_str_eq(commands,
			"systemctl --user stop org.gnome.SettingsDaemon.Smartcard.target\n");
	ward_mend(commands, NULL, NULL);
	(void)rig_process_wait(holder, WARD_WAIT_MS);
	ward_wait_free();
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
	commands = ward_expect("cards/held", "wrong", "End one after the other");
	lines = g_strsplit(commands, "\n", -1);
	ck_assert_uint_eq(g_strv_length(lines), 3); /* with the empty one at the end */
	for (char **line = lines; **line != '\0'; line++)
		ward_mend(*line, NULL, NULL);
	(void)rig_process_wait(holder, WARD_WAIT_MS);
	(void)rig_process_wait(watcher, WARD_WAIT_MS);
	ward_wait_free();
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
	commands = ward_expect("cards/held", "wrong", "It is probably scdaemon (process");
	ck_assert_str_eq(commands, "gpgconf --kill scdaemon\n");
	ward_mend(commands, NULL, NULL);
	ward_wait_free();
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
	ward_expect_words("cards/unread", "wrong", "put it in again");
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
	ward_expect_words("certificates/lost", "wrong", losses[_i].words);
	rig_card_wait_state(ward.card, _i == 0 ? "hanging" : "removed");
	if (_i == 0) { /* asked again, it tells what to do */
		ward_expect_words("cards/unread", "wrong", "put it in again");
		insert_again();
	} else {
		ward_expect_words("cards/none", "unknown", "no card is in");
		rig_card_insert_seen(ward.card);
		ward_expect_well("certificates", false);
	}
}
END_TEST

static const struct {
	const char *vice, *id, *words;
} poor_cards[] = {
	{"uninitialised", "certificates/blank", "not initialised"},
	{"none", "certificates/none", "no certificate can be read"},
	{"garbage-all", "certificates/all-unreadable", "none of the 3 on the card can be read"},
	{"keys-other", "keys/none", "the private key of 3 is not there"},
};

START_TEST(poor_card)
{
	use_fake(poor_cards[_i].vice, "");
	rig_card_insert_seen(ward.card);
	ward_expect_words(poor_cards[_i].id, "wrong", poor_cards[_i].words);
	use_fake("", ""); /* it has been issued */
	ward_expect_well("certificates", false);
	ward_expect_well("keys", false);
}
END_TEST

static const struct {
	const char *vice, *id, *words;
} odd_cards[] = {
	{"garbage", "certificates/unreadable", "no readable X.509"},
	{"keys-some", "keys/missing", "without-key=skip"},
};

/* The card is put right; or nobody wants what is odd about it. */
START_TEST(odd_card)
{
	g_autofree char *conf = NULL;
	g_autofree char *wanted = NULL;

	use_fake(odd_cards[_i].vice, "");
	rig_card_insert_seen(ward.card);
	ward_expect_words(odd_cards[_i].id, "note", odd_cards[_i].words);
	if (_i == 0) {
		use_fake("", "");
	} else {
		conf = ward_read(".config/certprop/certprop.conf");
		wanted = g_strconcat(conf, "[filter]\nwithout-key=skip\n", NULL);
		ward_configure(wanted);
	}
	ward_expect_well(odd_cards[_i].id, false);
	ward_expect_no(odd_cards[_i].id, "note", "");
}
END_TEST

START_TEST(passed_over)
{
	ward_configure("[limits]\ncertificates-per-token=1\n");
	rig_card_insert_seen(ward.card);
	g_free(ward_expect(
		"certificates/passed-over", "note", "more than [limits] certificates-per-token"));
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
	g_free(ward_expect("propagation/left-out", "note", "what the configuration says"));
	ward_configure("");
	root = ward_ask();
	ck_assert_ptr_null(ward_find(root, "propagation", "note", ""));
}
END_TEST

START_TEST(expired)
{
	g_autofree char *card = rig_deal(&(const Deal){
		.certs = 2, .guid = "00112233445566778899aabbccddee0b", .expired = 3});

	g_free(rig_card_command(ward.card, "swap %s", card));
	(void)rig_reader_wait(rig_pcscd_reader(ward.pcscd, 0), true);
	ward_expect_words("propagation/expired", "note", "2 of the cards' certificates are not");
	ward_expect_words("propagation/expired", "note", "time-invalid=allow");
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
	ward_case(suite, "poor", poor_card, G_N_ELEMENTS(poor_cards));
	ward_case(suite, "odd", odd_card, G_N_ELEMENTS(odd_cards));
	ward_case(suite, "passed-over", passed_over, 1);
	ward_case(suite, "left-out", left_out, 1);
	ward_case(suite, "expired", expired, 1);
	return harness_run(suite, argc, argv);
}
