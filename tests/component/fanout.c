/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certprop-store over many databases, some of which are in trouble; and beside other writers.
 */

#include <check.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "maker.h"
#include "store-rig.h"

#define PROFILES    20u
#define LOCKED      3u
#define READ_ONLY   7u
#define DAMAGED     11u
#define CERTS       "SELECT count(*) FROM nssPublic WHERE a0=x'00000001'"
#define SECONDS     10 /* beside other writers; CERTPROP_TEST_SECONDS says otherwise */
#define CARD_CERTS  2u
#define NEIGHBOUR_N 4u  /* of its certificates stay for good */
#define TRIES       10u /* for a lock */

static Home *home;
static char *dirs[PROFILES];

static void setup(void)
{
	g_autofree char *base = NULL;
	g_autofree char *template = NULL;
	g_autofree char *from = NULL;
	GString *ini = g_string_new(NULL);
	g_autofree char *ini_path = NULL;

	home = home_new();
	home_make_db(home);
	base = home_path(home, ".mozilla/firefox");
	template = home_path(home, "template");
	from = g_strconcat(template, "/.", NULL);
	ini_path = g_build_filename(base, "profiles.ini", NULL);
	home_make_db_at(home, template, "");
	for (unsigned i = 0; i < PROFILES; i++) {
		g_autofree char *name = g_strdup_printf("p%02u", i);
		g_autofree char *out = NULL;

		dirs[i] = g_build_filename(base, name, NULL);
		ck_assert_int_eq(g_mkdir_with_parents(dirs[i], 0700), 0);
		out = home_run(home, "cp", "-a", from, dirs[i], NULL);
		g_string_append_printf(
			ini, "[Profile%u]\nName=%s\nIsRelative=1\nPath=%s\n", i, name, name);
	}
	ck_assert(g_file_set_contents(ini_path, ini->str, -1, NULL));
	g_string_free(ini, TRUE);
}

static void teardown(void)
{
	for (unsigned i = 0; i < PROFILES; i++)
		g_free(dirs[i]);
	home_free(home);
}

static int certs_in(const char *dir)
{
	return home_count(home, dir, "cert9.db", CERTS);
}

/* A connection that holds the lock until it is closed. */
static sqlite3 *lock_db(const char *dir, const char *how)
{
	g_autofree char *path = g_build_filename(dir, "cert9.db", NULL);
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, how, NULL, NULL, NULL), SQLITE_OK);
	return db;
}

static void make_read_only(const char *dir)
{
	static const char *const names[] = {"cert9.db", "key4.db"};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(dir, names[i], NULL);

		ck_assert_int_eq(chmod(path, 0400), 0);
	}
}

static void damage(const char *dir)
{
	g_autofree char *path = g_build_filename(dir, "cert9.db", NULL);

	ck_assert(g_file_set_contents(path, "no database at all", -1, NULL));
}

/* As who may not write where the modes say so, whoever runs the test. */
static Outcome run_plain(const Job *job)
{
	Store store = store_start_plain(home, true);
	g_autoptr(GByteArray) frames = card_frames(job->card, 0);

	store_request(&store, job);
	store_send(store.scan, frames->data, frames->len);
	close(store.scan);
	store.scan = -1;
	return job_finish(job, &store);
}

static const char *expected_status(guint i)
{
	if (i == LOCKED)
		return "busy";
	if (i == READ_ONLY)
		return "read-only";
	return i == DAMAGED ? "damaged" : "ok";
}

/* 0: nobody else may write; 1: nobody else may read. */
START_TEST(trouble_delays_nobody)
{
	Card *card = card_with("0123", CARD_CERTS);
	const Job job = {.mode = WIRE_STORE_APPLY, .card = card};
	sqlite3 *lock = lock_db(dirs[LOCKED], _i == 0 ? "BEGIN IMMEDIATE" : "BEGIN EXCLUSIVE");
	const GPtrArray *databases;
	Outcome outcome;

	make_read_only(dirs[READ_ONLY]);
	damage(dirs[DAMAGED]);
	outcome = run_plain(&job);

	databases = outcome.report->databases;
	ck_assert_uint_eq(databases->len, PROFILES + 1);
	for (guint i = 0; i < PROFILES; i++) {
		const ReportDatabase *database = report_database(outcome.report, dirs[i]);
		bool ok = strcmp(expected_status(i), "ok") == 0;

		ck_assert_str_eq(database->status, expected_status(i));
		ck_assert_uint_eq(database->errors->len, ok ? 0 : 1);
		ck_assert_uint_eq(report_count(database, "create"), ok ? CARD_CERTS : 0);
		if (ok)
			ck_assert_int_eq(certs_in(dirs[i]), CARD_CERTS);
	}
	/* The others did not wait for it. */
	ck_assert_ptr_eq(databases->pdata[PROFILES], report_database(outcome.report, dirs[LOCKED]));
	report_free(outcome.report);

	sqlite3_close(lock);
	ck_assert_int_eq(certs_in(dirs[LOCKED]), 0);
	outcome = run_plain(&job);
	ck_assert_uint_eq(
		report_count(report_database(outcome.report, dirs[LOCKED]), NULL), CARD_CERTS);
	ck_assert_int_eq(certs_in(dirs[LOCKED]), CARD_CERTS);
	report_free(outcome.report);
	card_free(card);
}
END_TEST

/* A lock that goes while the others are served costs nobody anything. */
START_TEST(short_lock_is_waited_for_at_the_end)
{
	Card *card = card_with("0123", CARD_CERTS);
	const Job job = {.mode = WIRE_STORE_APPLY, .card = card};
	sqlite3 *lock = lock_db(dirs[LOCKED], "BEGIN IMMEDIATE");
	Store store = store_start(home, true);
	g_autoptr(GByteArray) frames = card_frames(card, 0);
	Outcome outcome;

	store_request(&store, &job);
	store_send(store.scan, frames->data, frames->len);
	close(store.scan);
	store.scan = -1;
	for (gint64 end = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
		certs_in(dirs[PROFILES - 1]) < (int)CARD_CERTS;) {
		ck_assert_int_lt(g_get_monotonic_time(), end);
		g_usleep(1000);
	}
	sqlite3_close(lock);

	outcome = job_finish(&job, &store);
	ck_assert_str_eq(report_database(outcome.report, dirs[LOCKED])->status, "ok");
	ck_assert_int_eq(certs_in(dirs[LOCKED]), CARD_CERTS);
	report_free(outcome.report);
	card_free(card);
}
END_TEST

/* Taking away goes the same way. */
START_TEST(removal_is_not_delayed_either)
{
	Card *card = card_with("0123", CARD_CERTS);
	const Job in = {.mode = WIRE_STORE_APPLY, .card = card};
	const Job gone = {.mode = WIRE_STORE_APPLY,
		.absent = true,
		.confirm = JOB_CONFIRM_YES,
		.config = {{"local", "on-removal", "remove"}}};
	sqlite3 *lock;
	Outcome outcome;

	outcome = job_run(home, &in);
	report_free(outcome.report);
	lock = lock_db(dirs[LOCKED], "BEGIN IMMEDIATE");
	outcome = job_run(home, &gone);
	ck_assert_uint_eq(outcome.pending, (PROFILES + 1) * CARD_CERTS);
	for (guint i = 0; i < PROFILES; i++)
		ck_assert_int_eq(certs_in(dirs[i]), i == LOCKED ? CARD_CERTS : 0);
	ck_assert_str_eq(report_database(outcome.report, dirs[LOCKED])->status, "busy");
	report_free(outcome.report);
	sqlite3_close(lock);
	card_free(card);
}
END_TEST

/* Beside certutil */

static void certutil(const char *verb, unsigned i)
{
	g_autofree char *spec = g_strconcat("sql:", home->db, NULL);
	g_autofree char *nick = g_strdup_printf("neighbour %u", i);
	g_autofree char *name = g_strdup_printf("neighbour%u.der", i % 8);
	g_autofree char *file = home_path(home, name);
	g_autofree char *out = NULL;

	if (strcmp(verb, "-A") == 0)
		out = home_run(home, "certutil", "-A", "-d", spec, "-n", nick, "-t", ",,", "-i",
			file, NULL);
	else
		out = home_run(home, "certutil", "-D", "-d", spec, "-n", nick, NULL);
}

static void make_neighbours(void)
{
	for (unsigned i = 0; i < 8; i++) {
		g_autofree char *cn = g_strdup_printf("Neighbour %u", i);
		g_autofree char *name = g_strdup_printf("neighbour%u.der", i);
		g_autofree char *file = home_path(home, name);
		g_autoptr(GBytes) der = maker_der(&(const MakerSpec){.cn = cn, .issuer_cn = cn});
		gsize len;
		const char *data = g_bytes_get_data(der, &len);

		ck_assert(g_file_set_contents(file, data, (gssize)len, NULL));
	}
}

static gint64 test_end(void)
{
	const char *seconds = g_getenv("CERTPROP_TEST_SECONDS");

	return g_get_monotonic_time() +
	       (seconds != NULL ? g_ascii_strtoll(seconds, NULL, 10) : SECONDS) * G_USEC_PER_SEC;
}

/* The first few stay, the others come and go. A failure ends the child with a signal or a status.
 */
static pid_t start_neighbour(gint64 end)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;

	for (unsigned i = 0; i < NEIGHBOUR_N; i++)
		certutil("-A", i);
	while (g_get_monotonic_time() < end) {
		for (unsigned i = NEIGHBOUR_N; i < 8; i++)
			certutil("-A", i);
		for (unsigned i = NEIGHBOUR_N; i < 8; i++)
			certutil("-D", i);
	}
	_exit(0);
}

static bool is_locked(const ReportDatabase *database)
{
	for (guint i = 0; i < database->errors->len; i++)
		ck_assert_msg(strstr(g_ptr_array_index(database->errors, i), "locked") != NULL,
			"%s", (char *)g_ptr_array_index(database->errors, i));
	return database->errors->len > 0 || strcmp(database->status, "busy") == 0;
}

/* SQLite's locks have no queue: with bad luck one gets none for two seconds. That is told, and
   comes again, as with certpropd; what counts is that it is done then, and that nothing was lost.
   Returns how often that was so. */
static unsigned expect_in_turn(const Job *job, const char *action, unsigned n)
{
	for (unsigned tries = 0;; tries++) {
		Outcome outcome = job_run(home, job);
		const ReportDatabase *database = report_database(outcome.report, home->db);
		bool locked = is_locked(database);

		ck_assert_uint_lt(tries, TRIES);
		if (!locked && tries == 0)
			ck_assert_uint_eq(report_count(database, action), n);
		report_free(outcome.report);
		if (!locked)
			return tries;
	}
}

START_TEST(beside_certutil)
{
	Card *card = card_with("0123", 4);
	const Job in = {.mode = WIRE_STORE_APPLY,
		.card = card,
		.config = {{"databases", "exclude", "~/.mozilla/*"}}};
	const Job gone = {.mode = WIRE_STORE_APPLY,
		.absent = true,
		.confirm = JOB_CONFIRM_YES,
		.config = {{"databases", "exclude", "~/.mozilla/*"},
			{"local", "on-removal", "remove"}}};
	gint64 end = test_end();
	unsigned rounds = 0, busy = 0;
	pid_t neighbour;
	int status;

	make_neighbours();
	neighbour = start_neighbour(end);
	do {
		busy += expect_in_turn(&in, "create", 4);
		busy += expect_in_turn(&gone, "delete", 4);
		rounds++;
	} while (g_get_monotonic_time() < end);
	busy += expect_in_turn(&in, "create", 4);
	ck_assert_uint_le(busy, rounds);

	ck_assert_int_eq(waitpid(neighbour, &status, 0), neighbour);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_ge(rounds, 2);
	ck_assert_int_eq(certs_in(NULL), 4 + (int)NEIGHBOUR_N);
	ck_assert_int_eq(home_count(home, NULL, "cert9.db",
				 CERTS " AND CAST(a3 AS TEXT) LIKE 'neighbour %' AND a89 IS NULL"),
		(int)NEIGHBOUR_N);
	g_autofree char *cert9 = home_sql(home, NULL, "cert9.db", "PRAGMA integrity_check");
	g_autofree char *key4 = home_sql(home, NULL, "key4.db", "PRAGMA integrity_check");
	ck_assert_str_eq(cert9, "ok\n");
	ck_assert_str_eq(key4, "ok\n");
	card_free(card);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("fanout");
	TCase *tcase = tcase_create("trouble");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, trouble_delays_nobody, 0, 2);
	tcase_add_test(tcase, short_lock_is_waited_for_at_the_end);
	tcase_add_test(tcase, removal_is_not_delayed_either);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("beside");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, beside_certutil);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
