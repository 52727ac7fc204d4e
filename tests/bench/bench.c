/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the wake-up to the last certificate stored, beside what it is made of (the scan alone, a
 * bare loop of creates) and beside the script that people write today; all in one run on one
 * machine, because only ratios mean anything. Prints a table, and exits with 0 whether or not a
 * target is met: a benchmark is not a test.
 *
 *     bench [--quick]
 */
#include <check.h>
#include <string.h>

#include "creates.h"
#include "idle.h"
#include "look.h"
#include "rig.h"
#include "sample.h"

typedef struct {
	RigPcscd *pcscd;
	Look *look;
	bool quick;
} Bench;

/* The environment of this process is what the helpers inherit from, as in the daemon. */
static RigHome *fresh_home(char **ret_db)
{
	RigHome *home = rig_home_new();
	g_auto(GStrv) environment = rig_home_environment(home);

	for (char **e = environment; *e != NULL; e++) {
		g_auto(GStrv) pair = g_strsplit(*e, "=", 2);

		g_setenv(pair[0], pair[1], TRUE);
	}
	*ret_db = g_build_filename(home->data, "pki", "nssdb", NULL);
	rig_db_create(*ret_db);
	return home;
}

static void insert(gpointer card)
{
	rig_card_insert(card);
}

static double time_scan(const Bench *bench)
{
	g_autofree char *scan = rig_program("daemon/certprop-scan");
	const char *argv[] = {scan, "--reader", rig_pcscd_reader(bench->pcscd, 0), "--module",
		"/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so", "--ignore",
		rig_pcscd_reader(bench->pcscd, 1), NULL};
	double start = sample_now();
	int status = rig_run(argv, NULL, NULL, NULL);

	g_assert_cmpint(status, ==, 0);
	return sample_now() - start;
}

/* As people write it: list the objects, read each by its id, convert, import. */
static double time_script(const char *db)
{
	g_autofree char *script = g_strdup_printf(
		"set -e; d=$(mktemp -d); "
		"for id in $(pkcs11-tool -O --type cert 2>/dev/null | sed -n 's/^ *ID: *//p'); do "
		"pkcs11-tool -r --type cert --id $id -o $d/$id 2>/dev/null >/dev/null; "
		"certutil -A -d sql:%s -n card-$id -t ,, -i $d/$id; done; rm -r $d",
		db);
	const char *argv[] = {"sh", "-c", script, NULL};
	double start = sample_now();
	int status = rig_run(argv, NULL, NULL, NULL);

	g_assert_cmpint(status, ==, 0);
	return sample_now() - start;
}

typedef struct {
	Sample *look, *scan, *creates, *script;
} Series;

static void run_once(const Bench *bench, RigCard *card, GPtrArray *ders, bool script, Series *s)
{
	g_autofree char *db = NULL, *other_db = NULL;
	g_autoptr(RigHome) other_home = fresh_home(&other_db);
	g_autoptr(RigHome) home = NULL;
	unsigned created;
	double ms;

	sample_add(s->creates, creates_run(other_db, ders));
	home = fresh_home(&db);
	ms = look_insert(bench->look, 1, insert, card, &created);
	g_assert_cmpuint(created, ==, ders->len);
	sample_add(s->look, ms);
	if (script) {
		g_autofree char *script_db = NULL;
		g_autoptr(RigHome) script_home = fresh_home(&script_db);

		sample_add(s->script, time_script(script_db));
	}
	rig_card_remove(card);
	look_await_cards(bench->look, 0);

	/* As cold as the look: the first to talk to a card pays for what pcscd does with a new one.
	 */
	rig_card_insert(card);
	look_await_cards(bench->look, 1);
	sample_add(s->scan, time_scan(bench));
	rig_card_remove(card);
	look_await_cards(bench->look, 0);
}

/* A known card again: nothing may be written. */
static void run_again(const Bench *bench, RigCard *card)
{
	g_autofree char *db = NULL, *before = NULL, *after = NULL;
	g_autoptr(RigHome) home = fresh_home(&db);
	unsigned created;

	(void)look_insert(bench->look, 1, insert, card, &created);
	rig_card_remove(card);
	look_await_cards(bench->look, 0);
	before = rig_db_state(db);
	(void)look_insert(bench->look, 1, insert, card, &created);
	after = rig_db_state(db);
	rig_card_remove(card);
	look_await_cards(bench->look, 0);
	g_print("  %-44s %8u     (target: 0, files %s)  %s\n",
		"certificates written on re-insertion", created,
		g_str_equal(before, after) ? "untouched" : "CHANGED",
		created == 0 && g_str_equal(before, after) ? "met" : "MISSED");
}

static void bench_card(const Bench *bench, unsigned certs, unsigned delay)
{
	g_autofree char *directory = rig_deal_simple(certs, NULL);
	g_autoptr(RigCard) card = rig_card_new(bench->pcscd, 0, directory);
	g_autoptr(GPtrArray) ders = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	g_autoptr(Sample) look = sample_new("wake-up to last certificate stored");
	g_autoptr(Sample) scan = sample_new("certprop-scan alone");
	g_autoptr(Sample) creates = sample_new("bare C_CreateObject loop, database open");
	g_autoptr(Sample) script = sample_new("pkcs11-tool + certutil script");
	Series series = {look, scan, creates, script};
	unsigned rounds = bench->quick ? 3 : delay > 0 ? 5 : 15;

	for (unsigned i = 0; i < certs; i++)
		g_ptr_array_add(ders, rig_dealt_der(directory, i));
	g_free(rig_card_command(card, "delay %u", delay));
	g_print("\n%u certificate%s, %u ms an APDU\n", certs, certs == 1 ? "" : "s", delay);
	for (unsigned i = 0; i < rounds; i++)
		run_once(bench, card, ders, delay == 0 && i < 3, &series);

	sample_print(look);
	sample_print(scan);
	sample_print(creates);
	ratio_print("look / (scan + creates)",
		sample_median(look) / (sample_median(scan) + sample_median(creates)),
		delay > 0 ? 1.05 : 1.10, TRUE);
	if (delay > 0)
		return;
	sample_print(script);
	ratio_print("script / look", sample_median(script) / sample_median(look),
		certs >= 24 ? 15 : 5, FALSE);
	run_again(bench, card);
}

static void insert_both(gpointer data)
{
	RigCard **cards = data;

	rig_card_insert(cards[0]);
	rig_card_insert(cards[1]);
}

/* Two cards at once, slow enough to be read at the same time although pcscd notices them up to one
   poll apart: the slowest counts, not the sum. */
static void bench_two(const Bench *bench)
{
	g_autofree char *a = rig_deal_simple(4, "0102030405060708090a0b0c0d0e0f10");
	g_autofree char *b = rig_deal_simple(4, "1112131415161718191a1b1c1d1e1f20");
	g_autoptr(RigCard) first = rig_card_new(bench->pcscd, 0, a);
	g_autoptr(RigCard) second = rig_card_new(bench->pcscd, 1, b);
	RigCard *both[] = {first, second};
	g_autoptr(Sample) one = sample_new("one card, 20 ms an APDU");
	g_autoptr(Sample) two = sample_new("two cards at once, the slowest");
	unsigned created;

	g_print("\nTwo cards at once\n");
	for (unsigned i = 0; i < (bench->quick ? 1 : 5); i++) {
		g_autofree char *db = NULL, *other = NULL;
		g_autoptr(RigHome) home = fresh_home(&db);
		g_autoptr(RigHome) next = NULL;

		g_free(rig_card_command(first, "delay 20"));
		g_free(rig_card_command(second, "delay 20"));
		sample_add(one, look_insert(bench->look, 1, insert, first, &created));
		rig_card_remove(first);
		look_await_cards(bench->look, 0);
		next = fresh_home(&other);
		sample_add(two, look_insert(bench->look, 2, insert_both, both, &created));
		rig_card_remove(first);
		rig_card_remove(second);
		look_await_cards(bench->look, 0);
	}
	sample_print(one);
	sample_print(two);
	ratio_print("two / one", sample_median(two) / sample_median(one), 1.10, TRUE);
}

static bool quick;

/* The rig asserts, so it has to run inside a test; of the test's verdict nobody takes note. */
START_TEST(everything)
{
	static const unsigned certs[] = {1, 4, 24};
	Bench bench = {.quick = quick};
	g_autoptr(RigHome) home = NULL;
	g_autofree char *db = NULL;

	bench.pcscd = rig_pcscd_new(2);
	rig_pcscd_start(bench.pcscd);
	home = fresh_home(&db);
	bench.look = look_new();
	look_await_cards(bench.look, 0);
	for (guint i = 0; i < G_N_ELEMENTS(certs); i++)
		bench_card(&bench, certs[i], 0);
	for (guint i = 1; i < G_N_ELEMENTS(certs); i++)
		bench_card(&bench, certs[i], 10);
	bench_two(&bench);
	look_free(bench.look);
	idle_run(bench.pcscd, bench.quick ? 5 : 60);
	rig_pcscd_free(bench.pcscd);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("bench");
	TCase *tcase = tcase_create("bench");
	SRunner *runner;
	int failed;

	quick = argc > 1 && g_str_equal(argv[1], "--quick");
	rig_enter();
	tcase_add_test(tcase, everything);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_MINIMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
