/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readers with names that pcscd lets through, and cards with certificates that are none. A reader's
 * name goes into the configuration that OpenSC is given, on command lines, into markers and onto
 * terminals; two readers with one card each must both be read whatever they are called, and the
 * card of the one must not be taken for the other's. A malformed certificate costs nobody but
 * itself.
 */
#include "harness.h"
#include "names.h"
#include "safe.h"
#include "world.h"

#include <string.h>

#define GUID_A   "00112233445566778899aabbccddee0a"
#define GUID_B   "00112233445566778899aabbccddee0b"
#define SERIAL_A "8899aabbccddee0a"
#define SERIAL_B "8899aabbccddee0b"
#define N_BOTH   4

/* Two drivers' names: the readers with the cards are the first and the third. */
static const char *const readers[][2] = {
	{"x'; } app default { ignored_readers = A, B; } #", "Good"},
	{"back\\slash\\", "back\\slash"},
	{"%s%n%p ignored_readers = \\\\", "--help"},
	{"\xc3\x89t\xc3\xa9 \xe2\x80\xaeredaer \xe2\x80\x8b", "\x1b[31mred\x1b]0;owned\x07"},
	{"Reader 1", "Reader 10"},
	{"R", "Reader R"},
	{"A reader with a name of one hundred bytes, which is far more than the 64 of a slot's "
	 "description 0001",
		"A reader"},
	{"{", "}"},
	{"$(reboot)`reboot`;reboot|reboot&", "a,b"},
};

static void set_readers(const char *const *names)
{
	rig_pcscd_free(world.pcscd);
	world.pcscd = rig_pcscd_new_named(4, names);
	rig_pcscd_start(world.pcscd);
}

static RigCard *deal(unsigned reader, const char *guid, char **ret_directory)
{
	*ret_directory = rig_deal_simple(2, guid);
	return rig_card_new(world.pcscd, reader, *ret_directory);
}

/* The first two of the card are there, from this token. */
static void assert_from(const char *directory, const char *serial)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(world.database);

	for (unsigned i = 0; i < 2; i++) {
		g_autoptr(GBytes) der = rig_dealt_der(directory, i);
		const RigDbRow *row = rig_db_find(rows, der);

		ck_assert_ptr_nonnull(row);
		safe_assert_nickname(row->label);
		safe_assert_marker(row->url, serial);
	}
}

static void assert_safe_words(SafeWhere where)
{
	g_autofree char *ctl = rig_program("ctl/" NAME_CTL);
	g_autofree char *scan = rig_program("daemon/" NAME_SCAN);
	/* The doctor finds that the module is not registered here. */
	const char *const all[][4] = {
		{ctl, "doctor", NULL},
		{ctl, "doctor", "--json", NULL},
		{ctl, "status", NULL},
		{ctl, "status", "--json", NULL},
		{ctl, "sync", NULL},
		{ctl, "list", NULL},
		{ctl, "list", "--json", NULL},
		{scan, "--print", NULL},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
		int status;
		g_autofree char *text = safe_run(all[i], world.environment, where, &status);

		ck_assert_msg(status == (i < 2 ? 1 : 0), "%s %s: %d: %s", all[i][0], all[i][1],
			status, text);
		safe_assert_text(text, where, all[i][1]);
	}
}

START_TEST(names_of_readers)
{
	g_autofree char *a = NULL;
	g_autofree char *b = NULL;
	g_autofree char *log = NULL;
	g_autoptr(RigCard) second = NULL;

	set_readers(readers[_i]);
	world.cards[0] = deal(0, GUID_A, &a);
	second = deal(2, GUID_B, &b);
	rig_card_insert_seen(world.cards[0]);
	rig_card_insert_seen(second);
	world_configure("[local]\non-removal=remove\n");
	world_start();
	world_wait_marked(N_BOTH);
	world_wait_reader(0, "read");
	world_wait_reader(2, "read");
	world_wait_quiet();
	assert_from(a, SERIAL_A);
	assert_from(b, SERIAL_B);
	assert_safe_words(_i % 2 == 0 ? SAFE_FILES : SAFE_TERMINAL);
	/* What leaves with one card is that card's. */
	rig_card_remove(world.cards[0]);
	world_wait_marked(2);
	assert_from(b, SERIAL_B);
	ck_assert_int_eq(world_stop(), 0);
	log = rig_process_errors(world.daemon);
	safe_assert_text(log, SAFE_FILES, "certpropd");
}
END_TEST

/* A card that hangs in the one reader is not touched for the other: the name that is to be ignored
   must reach OpenSC as it is. */
START_TEST(other_reader_is_ignored)
{
	g_autofree char *a = NULL;
	g_autofree char *b = NULL;
	g_autoptr(RigCard) second = NULL;

	/* OpenSC ignores by parts of names, so what is a part of the wanted name cannot be. */
	if (strstr(readers[_i][1], readers[_i][0]) != NULL)
		return;
	set_readers(readers[_i]);
	world.cards[0] = deal(0, GUID_A, &a);
	second = deal(2, GUID_B, &b);
	world_configure("[limits]\nscan-seconds=60\n");
	world_start();
	world_wait_reader(0, "empty");
	g_free(rig_card_command(world.cards[0], "hang-after 10"));
	rig_card_insert(world.cards[0]);
	rig_card_wait_state(world.cards[0], "hanging");
	rig_card_insert(second);
	world_wait_reader(2, "read");
	world_wait_marked(2);
	assert_from(b, SERIAL_B);
	rig_card_remove(world.cards[0]);
	world_wait_reader(0, "empty");
}
END_TEST

typedef struct Flawed {
	const char *kind;
	unsigned stored; /* of three */
} Flawed;

static const Flawed flaws[] = {
	{"garbage", 2},
	{"truncated", 2},
	{"empty", 2},
	{"unknown-algorithm", 2},
	{"gzip-flag", 2},
	{"bad-signature", 3},
	{"trailing-zeros", 3},
};

/* Two good ones and one that is none: before, then with, then without the flaw. What the card
   cannot show for a moment is not taken away for it unless the card was read to its end. */
START_TEST(malformed)
{
	const Flawed *flaw = &flaws[_i];
	g_autofree char *card = world_deal(0, 3, GUID_A);
	g_autofree char *log = NULL;
	g_autoptr(GPtrArray) rows = NULL;
	g_autofree char *integrity = NULL;

	g_free(rig_card_command(world.cards[0], "malformed 2 %s", flaw->kind));
	rig_card_insert_seen(world.cards[0]);
	world_start();
	world_wait_marked(flaw->stored);
	world_wait_reader(0, "read");
	world_wait_quiet();
	rows = rig_db_certificates(world.database);
	ck_assert_uint_eq(rows->len, flaw->stored);
	for (guint i = 0; i < rows->len; i++) {
		const RigDbRow *row = g_ptr_array_index(rows, i);

		safe_assert_nickname(row->label);
		safe_assert_marker(row->url, SERIAL_A);
	}
	assert_safe_words(SAFE_TERMINAL);

	rig_card_remove(world.cards[0]);
	world_wait_reader(0, "empty");
	g_free(rig_card_command(world.cards[0], "malformed 2 none"));
	rig_card_insert(world.cards[0]);
	world_wait_reader(0, "read");
	world_wait_quiet();
	/* The two with the same issuer and serial number that differ in the signature are one
	   certificate to NSS: one look takes the old one away, the next one stores the new one. */
	rig_card_remove(world.cards[0]);
	world_wait_reader(0, "empty");
	rig_card_insert(world.cards[0]);
	world_wait_reader(0, "read");
	world_check_stored(card, 3);
	integrity = rig_db_integrity(world.database);
	ck_assert_str_eq(integrity, "ok");
	ck_assert_int_eq(world_stop(), 0);
	log = rig_process_errors(world.daemon);
	safe_assert_text(log, SAFE_FILES, "certpropd");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("hostile-readers");
	TCase *names = tcase_create("readers");
	TCase *certificates = tcase_create("certificates");

	rig_enter();
	tcase_add_checked_fixture(names, world_setup, world_teardown);
	tcase_set_timeout(names, 300);
	tcase_add_loop_test(names, names_of_readers, 0, (int)G_N_ELEMENTS(readers));
	tcase_add_loop_test(names, other_reader_is_ignored, 0, (int)G_N_ELEMENTS(readers));
	suite_add_tcase(suite, names);
	tcase_add_checked_fixture(certificates, world_setup, world_teardown);
	tcase_set_timeout(certificates, 300);
	tcase_add_loop_test(certificates, malformed, 0, (int)G_N_ELEMENTS(flaws));
	suite_add_tcase(suite, certificates);
	return harness_run(suite, argc, argv);
}
