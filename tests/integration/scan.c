/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certprop-scan, OpenSC and a virtual card: every certificate to the byte, the other reader left
 * alone, and a card that is pulled at every point of a read. A pull may hang the scan, which its
 * caller ends as soon as pcscd has noticed; it may fail it; a short list may be called complete
 * only if pcscd's event counter gives it away afterwards.
 */
#include "rig.h"

#include "harness.h"
#include "scanrun.h"

#include <string.h>

#define GUID_A   "00112233445566778899aabbccddee0a"
#define GUID_B   "00112233445566778899aabbccddee0b"
#define SERIAL_A "8899aabbccddee0a"
#define OPENSC   "opensc-pkcs11.so"
#define CERTS    4u
#define LONG_S   300

static RigPcscd *pcscd;

static void set_up(void)
{
	rig_setup();
	pcscd = rig_pcscd_new(2);
	rig_pcscd_start(pcscd);
}

static void tear_down(void)
{
	g_clear_pointer(&pcscd, rig_pcscd_free);
	rig_teardown();
}

static ScanRun *start(const char *const *settings)
{
	const char *arguments[] = {"--module", OPENSC, "--reader", rig_pcscd_reader(pcscd, 0),
		"--ignore", rig_pcscd_reader(pcscd, 1), NULL};

	return scan_run_start(arguments, settings);
}

static void assert_whole(const ScanRun *run, const char *card, guint certs)
{
	ck_assert_msg(run->ended && run->code == 0, "%s", run->reason);
	ck_assert_uint_eq(run->tokens->len, 1);
	ck_assert_str_eq(scan_run_token(run, 0)->serial, SERIAL_A);
	ck_assert_uint_eq(run->certs->len, certs);
	for (guint i = 0; i < certs; i++) {
		g_autoptr(GBytes) want = rig_dealt_der(card, i);

		ck_assert_msg(g_bytes_equal(scan_run_cert(run, i)->der, want), "number %u", i);
	}
}

static const guint sizes[] = {0, 1, 4, 24};

START_TEST(test_whole)
{
	g_autofree char *directory = rig_deal_simple(sizes[_i], GUID_A);
	g_autoptr(RigCard) card = rig_card_new(pcscd, 0, directory);
	g_autoptr(ScanRun) run = NULL;

	rig_card_insert_seen(card);
	run = start(NULL);
	scan_run_finish(run);
	assert_whole(run, directory, sizes[_i]);
}
END_TEST

/* A card in the other reader is not touched at all, and may hang. */
START_TEST(test_other_reader)
{
	g_autofree char *directory = rig_deal_simple(1, GUID_A);
	g_autofree char *other = rig_deal_simple(1, GUID_B);
	g_autoptr(RigCard) card = rig_card_new(pcscd, 0, directory);
	g_autoptr(RigCard) hanging = rig_card_new(pcscd, 1, other);
	g_autoptr(ScanRun) run = NULL;

	rig_card_insert_seen(card);
	rig_card_insert_seen(hanging);
	g_free(rig_card_command(hanging, "hang-after 0"));
	run = start(NULL);
	scan_run_finish(run);
	assert_whole(run, directory, 1);
	ck_assert_uint_eq(rig_card_count(hanging, -1), 0);
}
END_TEST

/* The administrator's choice of drivers counts: without PIV the card is not recognised. */
START_TEST(test_administrator)
{
	g_autofree char *directory = rig_deal_simple(1, GUID_A);
	g_autoptr(RigCard) card = rig_card_new(pcscd, 0, directory);
	g_autofree char *conf = g_build_filename(rig_directory(), "opensc.conf", NULL);
	g_autofree char *setting = g_strconcat("OPENSC_CONF=", conf, NULL);
	const char *settings[] = {setting, NULL};
	g_autoptr(ScanRun) run = NULL;

	ck_assert(g_file_set_contents(conf, "app default { card_drivers = cac; }\n", -1, NULL));
	rig_card_insert_seen(card);
	run = start(settings);
	scan_run_finish(run);
	ck_assert_msg(run->code == 0, "%s", run->reason);
	ck_assert_uint_eq(run->tokens->len, 0);
}
END_TEST

/* A certificate that was replaced on the same card is seen as it is now, whatever the cache says.
 */
START_TEST(test_no_cache)
{
	g_autofree char *directory = rig_deal_simple(1, GUID_A);
	g_autoptr(RigCard) card = rig_card_new(pcscd, 0, directory);
	g_autofree char *conf = g_build_filename(rig_directory(), "opensc.conf", NULL);
	g_autofree char *setting = g_strconcat("OPENSC_CONF=", conf, NULL);
	g_autofree char *cache = g_strconcat("XDG_CACHE_HOME=", rig_directory(), NULL);
	const char *settings[] = {setting, cache, NULL};

	ck_assert(g_file_set_contents(conf,
		"app default { framework pkcs15 { use_file_caching = public; } }\n", -1, NULL));
	rig_card_insert_seen(card);
	for (int i = 0; i < 2; i++) {
		g_autoptr(ScanRun) run = start(settings);

		scan_run_finish(run);
		assert_whole(run, directory, 1);
		g_free(rig_card_command(card, "renew 1 new-key"));
	}
}
END_TEST

typedef struct {
	ScanRun *run;
	const char *reader;
} Pulled;

/* Until the scan has said END, or pcscd that the card has gone. */
static bool over(gpointer data)
{
	Pulled *pulled = data;

	scan_run_linger(pulled->run, 5);
	return pulled->run->ended || pulled->run->out < 0 ||
	       !rig_reader_look(pulled->reader).present;
}

START_TEST(test_pulled)
{
	g_autofree char *directory = rig_deal_simple(CERTS, GUID_A);
	g_autoptr(RigCard) card = rig_card_new(pcscd, 0, directory);
	const char *reader = rig_pcscd_reader(pcscd, 0);
	unsigned apdus, whole = 0;

	rig_card_insert_seen(card);
	{
		g_autoptr(ScanRun) run = start(NULL);
		unsigned before = rig_card_count(card, -1);

		scan_run_finish(run);
		assert_whole(run, directory, CERTS);
		apdus = rig_card_count(card, -1) - before;
	}
	rig_card_remove_seen(card);
	ck_assert_uint_gt(apdus, 20);

	for (unsigned k = 0; k < apdus; k++) {
		g_autoptr(ScanRun) run = NULL;
		Pulled pulled = {.reader = reader};
		guint counter;

		rig_card_insert_seen(card);
		counter = rig_reader_look(reader).counter;
		g_free(rig_card_command(card, "pull-after %u", k));
		pulled.run = run = start(NULL);
		rig_wait_until(over, &pulled, 20000, "neither END nor the removal came");
		if (run->ended && run->code == 0 && run->certs->len == CERTS)
			whole++;
		else if (run->ended && run->code == 0 && run->certs->len > 0)
			ck_assert_uint_ne(rig_reader_wait(reader, false).counter, counter);
		(void)rig_reader_wait(reader, false);
	}
	/* Only a pull in the last look at the token comes too late to matter. */
	ck_assert_uint_lt(whole, 12);
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("scan-card");
	TCase *tcase = tcase_create("card");

	tcase_set_timeout(tcase, LONG_S);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, test_whole, 0, G_N_ELEMENTS(sizes));
	tcase_add_test(tcase, test_other_reader);
	tcase_add_test(tcase, test_administrator);
	tcase_add_test(tcase, test_no_cache);
	tcase_add_test(tcase, test_pulled);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(int argc, char **argv)
{
	rig_enter();
	return harness_run(suite(), argc, argv);
}
