/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor says of readers that are not as they should be, and of cards that another user
 * keeps, with the real pcscd; and what comes of doing it. systemctl is a stand-in, which writes
 * down what it was asked; the test starts pcscd anew then. The reader that is lost, or has a card
 * in it that does not answer, has a driver that says so.
 */
#include "ward.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define RESTART "systemctl restart pcscd.socket pcscd.service\n"

typedef struct Wanted {
	const char *step, *verdict, *words;
} Wanted;

static bool is_found(gpointer data)
{
	const Wanted *wanted = data;
	g_autoptr(JsonNode) root = ward_ask();

	return ward_find(root, wanted->step, wanted->verdict, wanted->words) != NULL;
}

/* pcscd looks at a reader several times a second. */
static void wait_found(const char *step, const char *verdict, const char *words)
{
	rig_wait_until(is_found, &(Wanted){step, verdict, words}, WARD_WAIT_MS, words);
}

static void set_mood(const char *mood)
{
	rig_home_write(ward.home, "device", mood);
}

static bool has_reader(gpointer data)
{
	g_auto(GStrv) names = rig_readers_list();

	return g_strv_length(names) == 1;
}

/* A pcscd whose only reader is one of that driver's. */
static RigProcess *start_odd(const char *mood)
{
	g_autofree char *driver = rig_program("tests/fake/fake-ifd.so");
	g_autofree char *device = ward_path("device");
	g_autofree char *path = ward_path("reader.conf");
	g_autofree char *text = g_strdup_printf(
		"FRIENDLYNAME \"Odd Reader\"\nDEVICENAME %s\nLIBPATH %s\nCHANNELID 0x1\n", device,
		driver);
	const char *argv[] = {"pcscd", "-f", "-c", path, NULL};
	RigProcess *pcscd;

	rig_pcscd_stop(ward.pcscd);
	set_mood(mood);
	rig_home_write(ward.home, "reader.conf", text);
	pcscd = rig_process_start(argv, NULL);
	rig_wait_until(has_reader, NULL, WARD_WAIT_MS, "a pcscd with one reader");
	return pcscd;
}

static void end_odd(RigProcess *pcscd)
{
	(void)rig_process_stop(pcscd, WARD_WAIT_MS);
	rig_process_free(pcscd);
}

START_TEST(lost)
{
	RigProcess *pcscd = start_odd("empty");
	g_autofree char *commands = NULL;

	set_mood("lost");
	ward_stand_in("systemctl", WARD_ASK);
	ward_has_systemd();
	wait_found("readers/lost", "wrong", "plug it in again");
	commands = ward_expect("readers/lost", "wrong", "plug it in again");
	ward_mend_by(commands, RESTART);
	end_odd(pcscd);
	pcscd = start_odd("empty");
	ward_expect_well("readers", false);
	end_odd(pcscd);
}
END_TEST

/* Nothing that could be run helps: it is the card that has to be handled. */
START_TEST(mute)
{
	RigProcess *pcscd = start_odd("mute");

	wait_found("cards/mute", "wrong", "wipe its contacts");
	ward_expect_words("cards/mute", "wrong", "wipe its contacts");
	set_mood("empty");
	wait_found("cards/none", "unknown", "no card is in");
	end_odd(pcscd);
	rig_pcscd_start(ward.pcscd);
	rig_card_insert_seen(ward.card);
	ward_expect_well("cards", false);
}
END_TEST

/* They get other names in reader.conf. */
START_TEST(twins)
{
	static const char *const same[] = {"Reader", "Reader"};
	static const char *const own[] = {"Reader", "Another reader"};
	g_autoptr(RigPcscd) twin = rig_pcscd_new_named(4, same);
	g_autoptr(RigPcscd) other = rig_pcscd_new_named(4, own);
	g_autoptr(JsonNode) root = NULL;

	rig_pcscd_stop(ward.pcscd);
	rig_pcscd_start(twin);
	g_free(ward_expect("readers/twin", "note", "give them names in reader.conf"));
	rig_pcscd_stop(twin);
	rig_pcscd_start(other);
	root = ward_ask();
	ck_assert_ptr_null(ward_find(root, "readers", "note", ""));
	ck_assert_ptr_nonnull(ward_find(root, "readers", "ok", "4 can be used"));
	rig_pcscd_stop(other);
}
END_TEST

/* The program is none of this user's, so none can be named; where pcscd is a service, the end of
   that takes the card away from it. */
START_TEST(held_by_another_user)
{
	g_autofree char *fake = rig_program("tests/fake/fake-holder");
	g_autofree char *copy = g_strdup_printf("cp %s /run/holder && chmod 755 /run/holder", fake);
	const char *argv[] = {"/run/holder", rig_pcscd_reader(ward.pcscd, 0), NULL};
	g_autoptr(RigProcess) holder = NULL;
	g_autofree char *commands = NULL;

	if (geteuid() != 0) /* nobody else can be another user */
		return;
	g_free(ward_sh(copy));
	rig_card_insert_seen(ward.card);
	holder = rig_process_start(argv, &(RigProcessOptions){.user = 65534});
	ward_wait_said(holder, "held\n");
	ward_stand_in("systemctl", WARD_ASK);
	ward_has_systemd();
	commands = ward_expect("cards/held-by-others", "wrong", "It is none of yours");
	ward_mend_by(commands, RESTART);
	rig_card_remove(ward.card);
	rig_pcscd_stop(ward.pcscd);
	rig_pcscd_start(ward.pcscd);
	rig_card_insert_seen(ward.card);
	ck_assert(rig_process_alive(holder));
	ward_expect_well("cards", false);
	(void)g_unlink("/run/holder");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("doctor-reader");

	rig_enter();
	ward_case(suite, "lost", lost, 1);
	ward_case(suite, "mute", mute, 1);
	ward_case(suite, "twins", twins, 1);
	ward_case(suite, "other-user", held_by_another_user, 1);
	return harness_run(suite, argc, argv);
}
