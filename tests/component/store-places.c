/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certprop-store where databases are missing, half there, locked, damaged, protected, or bait; and
 * when it is killed.
 */

#include <check.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

#include "harness.h"
#include "maker.h"
#include "store-rig.h"

#define CERTS "SELECT count(*) FROM nssPublic WHERE a0=x'00000001'"

static Home *home;
static char *xdg; /* where the shared database is created */

static void setup(void)
{
	home = home_new();
	xdg = home_path(home, ".local/share/pki/nssdb");
}

static void teardown(void)
{
	g_free(xdg);
	home_free(home);
}

static bool exists(const char *dir, const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);

	return g_file_test(path, G_FILE_TEST_EXISTS);
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static Job insertion(const Card *card)
{
	return (Job){.mode = WIRE_STORE_APPLY, .card = card};
}

static void insert(const Card *card, const char *steps)
{
	Job job = insertion(card);

	job_expect(home, &job, steps);
}

/* NSS's own tools take it for what it is, and ask for nothing. */
static void check_usable(const char *dir, int certs)
{
	g_autofree char *spec = g_strconcat("sql:", dir, NULL);
	g_autofree char *list = home_run(home, "certutil", "-L", "-d", spec, NULL);
	g_autofree char *keys = NULL;
	g_autofree char *modules = NULL;
	g_autofree char *noise = home_path(home, "noise");
	g_autofree char *made = NULL;

	ck_assert_ptr_nonnull(strstr(list, "Trust Attributes"));
	ck_assert_int_eq(home_count(home, dir, "cert9.db", CERTS), certs);
	modules = home_run(home, "modutil", "-dbdir", spec, "-list", NULL);
	ck_assert_ptr_nonnull(strstr(modules, "NSS Internal PKCS #11 Module"));
	/* A new key needs the password to be none. */
	ck_assert(g_file_set_contents(noise, "0123456789012345678901234567890123456789", -1, NULL));
	made = home_run(home, "certutil", "-S", "-d", spec, "-n", "self", "-s", "CN=self", "-x",
		"-t", ",,", "-z", noise, "-k", "ec", "-q", "nistp256", NULL);
	keys = home_run(home, "certutil", "-K", "-d", spec, NULL);
	ck_assert_ptr_nonnull(strstr(keys, "self"));
}

/* The database as the report has it. */
static void check_status(const Job *job, const char *dir, const char *status, guint n_errors)
{
	Outcome outcome = job_run(home, job);
	const ReportDatabase *database = report_database(outcome.report, dir);

	ck_assert_ptr_nonnull(database);
	ck_assert_str_eq(database->status, status);
	ck_assert_int_eq(database->reason[0] == '\0', strcmp(status, "ok") == 0);
	ck_assert_uint_eq(database->errors->len, n_errors);
	report_free(outcome.report);
}

static const Job list = {.mode = WIRE_STORE_LIST};

START_TEST(created_where_chromium_would)
{
	Card *card = card_with("0123", 4);
	g_autofree char *parent = home_path(home, ".local/share/pki");
	g_autofree char *left = NULL;
	g_autofree char *cert = g_build_filename(xdg, "cert9.db", NULL);

	check_status(&list, xdg, "missing", 0);
	ck_assert(!exists(home->dir, ".local"));
	insert(card, "create=4");
	insert(card, "keep=4");
	ck_assert(!exists(home->dir, ".pki"));
	ck_assert_uint_eq(mode_of(xdg), 0700);
	ck_assert_uint_eq(mode_of(cert), 0600);
	ck_assert_uint_eq(mode_of(parent), 0700);
	check_status(&list, xdg, "ok", 0);
	left = home_run(home, "ls", "-A", parent, NULL);
	ck_assert_str_eq(left, "nssdb\n");
	check_usable(xdg, 4);
	card_free(card);
}
END_TEST

/* The classic place if that directory exists: 0 empty, 1 with something in it. */
START_TEST(created_in_the_classic_place)
{
	Card *card = card_with("0123", 1);

	ck_assert_int_eq(g_mkdir_with_parents(home->db, 0755), 0);
	if (_i == 1) {
		g_autofree char *path = g_build_filename(home->db, "notes.txt", NULL);

		ck_assert(g_file_set_contents(path, "mine", -1, NULL));
	}
	insert(card, "create=1");
	ck_assert(!exists(home->dir, ".local/share/pki/nssdb"));
	ck_assert_int_eq(exists(home->db, "notes.txt"), _i == 1);
	check_usable(home->db, 1);
	card_free(card);
}
END_TEST

START_TEST(not_created_in_vain)
{
	Card *card = card_with("0123", 1);
	Card *expired = card_new("0123", "Jane");
	g_autoptr(GBytes) der = maker_der(&(const MakerSpec){
		.cn = "Old", .issuer_cn = "CA", .not_before = 1, .not_after = 1000000000});
	Job job = insertion(card);
	Outcome outcome;

	/* forbidden */
	job.config[0][0] = "databases";
	job.config[0][1] = "create-shared";
	job.config[0][2] = "false";
	outcome = job_run(home, &job);
	report_free(outcome.report);
	ck_assert(!exists(home->dir, ".local"));
	/* nothing to put into it */
	card_add_der(expired, der, "Old");
	insert(expired, "skip=1");
	ck_assert(!exists(home->dir, ".local"));
	/* only asked what would be */
	job = insertion(card);
	job.flags = WIRE_STORE_DRY_RUN;
	job_expect(home, &job, "create=1");
	ck_assert(!exists(home->dir, ".local"));
	/* the scan failed, when all was ready */
	job = insertion(card);
	job.scan_code = 1;
	outcome = job_run(home, &job);
	report_free(outcome.report);
	ck_assert(!exists(home->dir, ".local/share/pki/nssdb"));
	card_free(card);
	card_free(expired);
}
END_TEST

static void make_old(const char *path)
{
	const struct utimbuf times = {1000000000, 1000000000};

	ck_assert_int_eq(utime(path, &times), 0);
}

/* What a crash left of a database is completed: key4.db missing, empty; cert9.db missing, empty. */
START_TEST(half_a_database_is_completed)
{
	Card *card = card_with("0123", 2);
	g_autofree char *path = g_build_filename(home->db, _i < 2 ? "key4.db" : "cert9.db", NULL);

	home_make_db(home);
	ck_assert_int_eq(g_unlink(path), 0);
	if (_i % 2 == 1) {
		ck_assert(g_file_set_contents(path, "", 0, NULL));
		make_old(path);
	}
	insert(card, "create=2");
	check_usable(home->db, 2);
	card_free(card);
}
END_TEST

/* A file that is empty just now is being created by somebody. */
START_TEST(fresh_empty_file_is_left_alone)
{
	Card *card = card_with("0123", 1);
	g_autofree char *path = g_build_filename(home->db, "key4.db", NULL);
	Job job = insertion(card);
	struct stat st;

	home_make_db(home);
	ck_assert(g_file_set_contents(path, "", 0, NULL));
	check_status(&job, home->db, "busy", 1);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_size, 0);
	card_free(card);
}
END_TEST

/* Garbage, and a database that is cut off after its header, in either file. */
START_TEST(damaged_is_told_and_left_alone)
{
	Card *card = card_with("0123", 1);
	Job job = insertion(card);
	g_autofree char *path =
		g_build_filename(home->db, _i % 2 == 0 ? "cert9.db" : "key4.db", NULL);
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	home_make_db(home);
	if (_i < 2) {
		g_autofree char *junk = g_strnfill(8192, 'j');

		ck_assert(g_file_set_contents(path, junk, 8192, NULL));
	} else {
		ck_assert_int_eq(truncate(path, 300), 0);
	}
	before = home_state(home, NULL);
	check_status(&job, home->db, "damaged", 1);
	check_status(&list, home->db, "damaged", 1);
	after = home_state(home, NULL);
	ck_assert_str_eq(before, after);
	card_free(card);
}
END_TEST

START_TEST(every_place_is_served)
{
	Card *card = card_with("0123", 2);
	g_autofree char *third = home_path(home, "third");
	g_autofree char *fourth = home_path(home, "fourth");
	g_autofree char *bad = g_build_filename(home->db, "cert9.db", NULL);
	Job job = insertion(card);
	Job sweep = {.mode = WIRE_STORE_APPLY, .absent = true};
	Outcome outcome;

	home_make_db(home);
	home_make_db_at(home, xdg, "");
	home_make_db_at(home, third, "");
	home_make_db_at(home, fourth, "");
	job.config[0][0] = "databases";
	job.config[0][1] = "include";
	job.config[0][2] = "~/third;sql:~/fourth;~/fifth;~/third";
	job.config[1][0] = "databases";
	job.config[1][1] = "exclude";
	job.config[1][2] = "~/four*";
	job_expect(home, &job, "create=6");
	ck_assert_int_eq(home_count(home, home->db, "cert9.db", CERTS), 2);
	ck_assert_int_eq(home_count(home, xdg, "cert9.db", CERTS), 2);
	ck_assert_int_eq(home_count(home, third, "cert9.db", CERTS), 2);
	ck_assert_int_eq(home_count(home, fourth, "cert9.db", CERTS), 0);

	/* One that is damaged stops none of the others. */
	ck_assert(g_file_set_contents(bad, "junk", 4, NULL));
	memcpy(sweep.config, job.config, sizeof job.config);
	sweep.config[2][0] = "local";
	sweep.config[2][1] = "on-removal";
	sweep.config[2][2] = "remove";
	outcome = job_run(home, &sweep);
	ck_assert_uint_eq(outcome.pending, 4);
	ck_assert_uint_eq(outcome.report->databases->len, 4);
	ck_assert_str_eq(report_database(outcome.report, home->db)->status, "damaged");
	ck_assert_int_eq(home_count(home, xdg, "cert9.db", CERTS), 0);
	ck_assert_int_eq(home_count(home, third, "cert9.db", CERTS), 0);
	report_free(outcome.report);
	card_free(card);
}
END_TEST

/* As somebody whom file modes bind. */
static void check_plain_status(const Job *job, const char *status, guint n_errors)
{
	Store store = store_start_plain(home, job->card != NULL);
	const ReportDatabase *database;
	Outcome outcome;

	store_request(&store, job);
	if (job->card != NULL) {
		g_autoptr(GByteArray) frames = card_frames(job->card, 0);

		store_send(store.scan, frames->data, frames->len);
	}
	outcome = job_finish(job, &store);
	database = report_database(outcome.report, home->db);
	ck_assert_ptr_nonnull(database);
	ck_assert_str_eq(database->status, status);
	ck_assert_uint_eq(database->errors->len, n_errors);
	report_free(outcome.report);
}

/* 0 the directory, 1 cert9.db, 2 key4.db */
START_TEST(read_only_can_be_listed)
{
	static const char *const names[] = {".", "cert9.db", "key4.db"};
	Card *card = card_with("0123", 1);
	Card *more = card_with("0123", 1);
	g_autofree char *path = g_build_filename(home->db, names[_i], NULL);
	Job job = insertion(more);
	Job again = insertion(card);
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	home_make_db(home);
	insert(card, "create=1");
	ck_assert_int_eq(chmod(path, _i == 0 ? 0555 : 0444), 0);
	before = home_state(home, NULL);
	check_plain_status(&list, "read-only", 0);
	check_plain_status(&again, "ok", 0); /* nothing to write, nothing to complain of */
	check_plain_status(&job, "read-only", 1);
	after = home_state(home, NULL);
	ck_assert_str_eq(before, after);
	card_free(card);
	card_free(more);
}
END_TEST

/* 0 the directory, 1 a file, 2 a directory that everybody may write to */
START_TEST(foreign_is_not_touched)
{
	Card *card = card_with("0123", 1);
	Job job = insertion(card);
	g_autofree char *path = g_build_filename(home->db, "cert9.db", NULL);
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	if (geteuid() != 0 && _i < 2)
		harness_skip("only root can give files away");
	home_make_db(home);
	before = home_state(home, NULL);
	if (_i == 2)
		ck_assert_int_eq(chmod(home->db, 0777), 0);
	else
		ck_assert_int_eq(chown(_i == 0 ? home->db : path, 65534, 65534), 0);
	check_status(&job, home->db, "foreign", 1);
	after = home_state(home, NULL);
	ck_assert_str_eq(before, after);
	card_free(card);
}
END_TEST

/* Somebody's transaction, in this process. */
static sqlite3 *lock_file(const char *file, const char *how)
{
	g_autofree char *path = g_build_filename(home->db, file, NULL);
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, how, NULL, NULL, NULL), SQLITE_OK);
	return db;
}

static const char *const locked_files[] = {"cert9.db", "key4.db"};

START_TEST(locked_for_long_is_busy)
{
	Card *card = card_with("0123", 1);
	Job job = insertion(card);
	sqlite3 *db;

	home_make_db(home);
	db = lock_file(locked_files[_i % 2], _i < 2 ? "BEGIN IMMEDIATE" : "BEGIN EXCLUSIVE");
	check_status(&job, home->db, "busy", 1);
	check_status(&list, home->db, _i < 2 ? "ok" : "busy", _i < 2 ? 0 : 1);
	sqlite3_close(db);
	insert(card, "create=1");
	card_free(card);
}
END_TEST

/* The lock goes while the store waits for it. */
START_TEST(locked_for_a_moment_is_waited_for)
{
	Card *card = card_with("0123", 3);
	Job job = insertion(card);
	g_autoptr(GByteArray) frames = card_frames(card, 0);
	sqlite3 *db;
	Store store;
	Outcome outcome;

	home_make_db(home);
	db = lock_file(locked_files[_i % 2], _i < 2 ? "BEGIN IMMEDIATE" : "BEGIN EXCLUSIVE");
	store = store_start(home, true);
	store_request(&store, &job);
	store_send(store.scan, frames->data, frames->len);
	g_usleep(1200 * 1000); /* where NSS itself begins to go wrong */
	sqlite3_close(db);
	outcome = job_finish(&job, &store);
	ck_assert_uint_eq(outcome.report->errors->len, 0);
	ck_assert_uint_eq(report_count(report_database(outcome.report, home->db), "create"), 3);
	ck_assert_int_eq(home_count(home, NULL, "cert9.db", CERTS), 3);
	report_free(outcome.report);
	card_free(card);
}
END_TEST

/* A transaction that a crash cut short: only who may write can roll it back. */
START_TEST(interrupted_transaction_is_rolled_back)
{
	static const char spill[] = "PRAGMA cache_size=1; PRAGMA cache_spill=1; BEGIN IMMEDIATE; "
				    "CREATE TABLE t(x); "
				    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c "
				    "WHERE n<2000) INSERT INTO t SELECT randomblob(500) FROM c";
	Card *card = card_with("0123", 2);
	g_autofree char *copy = home_path(home, "copy");
	g_autofree char *out = NULL;
	g_autofree char *moved = NULL;
	g_autofree char *check = NULL;
	sqlite3 *db;

	home_make_db(home);
	insert(card, "create=2");
	db = lock_file("cert9.db", spill);
	out = home_run(home, "cp", "-a", home->db, copy, NULL);
	sqlite3_close(db);
	ck_assert(exists(copy, "cert9.db-journal"));
	moved = home_run(home, "sh", "-c", "rm -r .pki/nssdb && mv copy .pki/nssdb", NULL);

	check_status(&list, home->db, "ok", 0);
	insert(card, "keep=2");
	check = home_sql(home, NULL, "cert9.db", "PRAGMA integrity_check");
	ck_assert_str_eq(check, "ok\n");
	card_free(card);
}
END_TEST

/* 0 a master password, 1 FIPS mode */
START_TEST(password_is_not_needed)
{
	Card *card = card_with("0123", 2);
	g_autofree char *spec = g_strconcat("sql:", home->db, NULL);
	g_autofree char *out = NULL;
	Job sweep = {.mode = WIRE_STORE_APPLY,
		.absent = true,
		.config = {{"local", "on-removal", "remove"}}};

	home_make_db_at(home, home->db, "A-secret-0815\n");
	if (_i == 1)
		out = home_run(home, "modutil", "-force", "-dbdir", spec, "-fips", "true", NULL);
	insert(card, "create=2");
	insert(card, "keep=2");
	sweep.host = "host-b";
	job_expect(home, &sweep, "");
	sweep.host = NULL;
	job_expect(home, &sweep, "delete=2");
	ck_assert_int_eq(home_count(home, NULL, "cert9.db", CERTS), 0);
	card_free(card);
}
END_TEST

START_TEST(bait_is_not_taken)
{
	Card *card = card_with("0123", 1);
	g_autofree char *spec = g_strconcat("sql:", home->db, NULL);
	g_autofree char *path = g_build_filename(home->db, "pkcs11.txt", NULL);
	g_autofree char *trace = home_path(home, "trapped");
	g_autofree char *out = NULL;
	FILE *file;

	home_make_db(home);
	file = fopen(path, "ae");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "library=%s\nname=Bait\n\n", STORE_TRAP);
	fclose(file);
	/* It does spring, where modules are loaded. */
	out = home_run(home, "certutil", "-L", "-d", spec, NULL);
	ck_assert(g_file_test(trace, G_FILE_TEST_EXISTS));
	ck_assert_int_eq(g_unlink(trace), 0);

	check_status(&list, home->db, "ok", 0);
	insert(card, "create=1");
	ck_assert(!g_file_test(trace, G_FILE_TEST_EXISTS));
	card_free(card);
}
END_TEST

/* Killed at any point, the database is whole, and the next look brings what is right. */
START_TEST(killed_at_any_point)
{
	Card *cards[2] = {card_with("0123", 8), card_with("0123", 8)};

	home_make_db(home);
	for (int i = 0; i < 50; i++) {
		const Card *card = cards[i % 2];
		Job job = insertion(card);
		g_autoptr(GByteArray) frames = card_frames(card, 0);
		g_autoptr(GBytes) yes = wire_pack(WIRE_STORE_CONFIRM, "nt", (guint64)1, "");
		g_autofree char *cert = NULL;
		g_autofree char *key = NULL;
		Store store = store_start(home, true);

		store_request(&store, &job);
		store_send(store.in, g_bytes_get_data(yes, NULL), g_bytes_get_size(yes));
		store_send(store.scan, frames->data, frames->len);
		g_usleep((gulong)g_random_int_range(0, 60000));
		(void)kill(store.pid, SIGKILL);
		(void)store_end(&store);
		cert = home_sql(home, NULL, "cert9.db", "PRAGMA integrity_check");
		key = home_sql(home, NULL, "key4.db", "PRAGMA integrity_check");
		ck_assert_str_eq(cert, "ok\n");
		ck_assert_str_eq(key, "ok\n");
	}
	for (int i = 0; i < 2; i++) {
		Job job = insertion(cards[0]);
		Outcome outcome = job_run(home, &job);

		ck_assert_uint_eq(outcome.report->errors->len, 0);
		ck_assert(i == 0 || report_count(outcome.report->databases->pdata[0], NULL) == 0);
		report_free(outcome.report);
	}
	ck_assert_int_eq(home_count(home, NULL, "cert9.db", CERTS), 8);
	card_free(cards[0]);
	card_free(cards[1]);
}
END_TEST

/* Killed while it creates the database: nothing half is ever in its place. */
START_TEST(killed_while_creating)
{
	Card *card = card_with("0123", 1);
	Job job = insertion(card);
	g_autoptr(GByteArray) frames = card_frames(card, 0);

	for (int i = 0; i < 30; i++) {
		g_autofree char *out = NULL;
		Store store = store_start(home, true);

		store_request(&store, &job);
		store_send(store.scan, frames->data, frames->len);
		g_usleep((gulong)g_random_int_range(0, 60000));
		(void)kill(store.pid, SIGKILL);
		(void)store_end(&store);
		if (exists(xdg, "cert9.db") || exists(xdg, "key4.db"))
			(void)home_count(home, xdg, "key4.db", "SELECT count(*) FROM metaData");
		out = home_run(home, "rm", "-rf", xdg, NULL);
	}
	insert(card, "create=1");
	check_usable(xdg, 1);
	card_free(card);
}
END_TEST

/* Ill-formed requests end it, and nothing is written. */
START_TEST(garbage_is_refused)
{
	Card *card = card_with("0123", 1);
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	home_make_db(home);
	before = home_state(home, NULL);
	for (int i = 0; i < 40; i++) {
		guint8 junk[64];
		char answer[16];
		Store store = store_start(home, false);
		int status;

		for (gsize b = 0; b < sizeof junk; b++)
			junk[b] = (guint8)g_random_int();
		/* some with a good head: a RUN first, a CONTEXT without fields */
		memset(junk + 1, 0, 7);
		if (i % 3 == 1)
			junk[0] = WIRE_STORE_RUN;
		if (i % 3 == 2)
			junk[0] = WIRE_STORE_CONTEXT;
		store_send(store.in, junk, sizeof junk);
		close(store.in);
		store.in = -1;
		ck_assert_int_eq(read(store.out, answer, sizeof answer), 0);
		status = store_end(&store);
		ck_assert(WIFEXITED(status));
		ck_assert_int_eq(WEXITSTATUS(status), 1);
	}
	after = home_state(home, NULL);
	ck_assert_str_eq(before, after);
	card_free(card);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("store-places");
	TCase *tcase = tcase_create("places");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, created_where_chromium_would);
	tcase_add_loop_test(tcase, created_in_the_classic_place, 0, 2);
	tcase_add_test(tcase, not_created_in_vain);
	tcase_add_loop_test(tcase, half_a_database_is_completed, 0, 4);
	tcase_add_test(tcase, fresh_empty_file_is_left_alone);
	tcase_add_loop_test(tcase, damaged_is_told_and_left_alone, 0, 4);
	tcase_add_test(tcase, every_place_is_served);
	tcase_add_loop_test(tcase, read_only_can_be_listed, 0, 3);
	tcase_add_loop_test(tcase, foreign_is_not_touched, 0, 3);
	tcase_add_loop_test(tcase, locked_for_long_is_busy, 0, 4);
	tcase_add_loop_test(tcase, locked_for_a_moment_is_waited_for, 0, 4);
	tcase_add_test(tcase, interrupted_transaction_is_rolled_back);
	tcase_add_loop_test(tcase, password_is_not_needed, 0, 2);
	tcase_add_test(tcase, bait_is_not_taken);
	tcase_add_test(tcase, killed_at_any_point);
	tcase_add_test(tcase, killed_while_creating);
	tcase_add_test(tcase, garbage_is_refused);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
