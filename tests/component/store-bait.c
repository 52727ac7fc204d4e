/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certprop-store and a profile that a sandboxed program has prepared: whatever is in it, the store
 * ends, serves the others, and writes nothing outside.
 */

#include <check.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "store-rig.h"

#define SANDBOX ".var/app/org.mozilla.firefox/.mozilla/firefox"
#define CERTS   "SELECT count(*) FROM nssPublic WHERE a0=x'00000001'"

static Home *home;
static char *profile; /* the sandbox's */

static const Job list = {.mode = WIRE_STORE_LIST};

static void setup(void)
{
	g_autofree char *ini = NULL;

	home = home_new();
	home_make_db(home);
	profile = home_path(home, SANDBOX "/p");
	home_make_db_at(home, profile, "");
	ini = home_path(home, SANDBOX "/profiles.ini");
	ck_assert(g_file_set_contents(ini, "[Profile0]\nName=p\nIsRelative=1\nPath=p\n", -1, NULL));
}

static void teardown(void)
{
	g_free(profile);
	home_free(home);
}

static char *in_profile(const char *name)
{
	return g_build_filename(profile, name, NULL);
}

/* The store says so of the sandbox's database, and the home's own is served. */
static void expect(const Job *job, const char *status, const char *reason)
{
	Outcome outcome = job_run(home, job);
	const ReportDatabase *bad = report_database(outcome.report, profile);
	const ReportDatabase *good = report_database(outcome.report, home->db);

	ck_assert_str_eq(bad->status, status);
	ck_assert_msg(strstr(bad->reason, reason) != NULL, "%s", bad->reason);
	ck_assert_uint_eq(bad->steps->len, 0);
	ck_assert_str_eq(good->status, "ok");
	ck_assert_uint_eq(good->errors->len, 0);
	report_free(outcome.report);
}

/* Whether it is only listed or would be written to. */
static void expect_always(const char *status, const char *reason)
{
	Card *card = card_with("0123", 1);
	const Job insertion = {.mode = WIRE_STORE_APPLY, .card = card};

	expect(&list, status, reason);
	expect(&insertion, status, reason);
	ck_assert_int_eq(home_count(home, NULL, "cert9.db", CERTS), 1);
	card_free(card);
}

static const char *const beside[] = {"cert9.db-journal", "key4.db-journal", "cert9.db-wal",
	"key4.db-wal", "cert9.db-shm", "key4.db-shm"};

/* SQLite would wait at it for ever. */
START_TEST(pipe_beside_a_database)
{
	g_autofree char *path = in_profile(beside[_i]);

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	expect_always("damaged", "is not a regular file");
}
END_TEST

/* Claims, each of another card. */
static char *forge_marker(unsigned claims)
{
	GString *text = g_string_new(NULL);

	for (unsigned i = 0; i < claims; i++)
		g_string_append_printf(text,
			"%spkcs11:manufacturer=m;model=o;serial=%u;token=t;id=%%01;object=o;"
			"type=cert?module-path=/m.so&x-certprop=1&x-endpoint=local&x-reader=r"
			"&x-host=h&x-since=2026-11-22T09:00:00Z",
			i > 0 ? "\n" : "", i);
	return g_string_free(text, FALSE);
}

/* As many rows like that of the first certificate, with such a marker. */
static void forge_rows(unsigned n, unsigned claims)
{
	g_autofree char *marker = forge_marker(claims);
	g_autofree char *columns = home_sql(home, profile, "cert9.db",
		"SELECT group_concat(name) FROM pragma_table_info('nssPublic') "
		"WHERE name NOT IN ('id', 'a89')");
	g_autofree char *query = NULL;

	g_strchomp(columns);
	query = g_strdup_printf("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c "
				"WHERE n<%u) INSERT INTO nssPublic(id,a89,%s) SELECT 1000+n,"
				"CAST('%s' AS BLOB),%s FROM nssPublic,c WHERE id=(SELECT min(id) "
				"FROM nssPublic WHERE a0=x'00000001')",
		n, columns, marker, columns);
	g_free(home_sql(home, profile, "cert9.db", query));
}

/* Too many certificates, and too much in their markers. */
static const struct {
	unsigned rows, claims;
} crowds[] = {{4096, 1}, {5000, 64}, {1000, 64}};

/* More than anybody has cards for: to read it would take all the time that there is for all. */
START_TEST(too_many_markers)
{
	Card *card = card_with("0123", 1);
	const Job insertion = {.mode = WIRE_STORE_APPLY, .card = card};

	job_expect(home, &insertion, "create=2");
	forge_rows(crowds[_i].rows, crowds[_i].claims);
	expect(&list, "damaged", "nobody has so many cards");
	card_free(card);
}
END_TEST

static char *sum(const char *path)
{
	g_autofree char *content = NULL;
	gsize length;

	ck_assert(g_file_get_contents(path, &content, &length, NULL));
	return g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)content, length);
}

/* Another program's database, which has nothing to do with NSS. */
static char *make_strangers(void)
{
	char *path = home_path(home, ".config/app/data.sqlite");
	g_autofree char *dir = g_path_get_dirname(path);
	sqlite3 *db = NULL;

	ck_assert_int_eq(g_mkdir_with_parents(dir, 0700), 0);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, "CREATE TABLE notes (a); INSERT INTO notes VALUES (1)",
				 NULL, NULL, NULL),
		SQLITE_OK);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
	return path;
}

static const char *const files[] = {"cert9.db", "key4.db"};

/* By another name, with a journal that would have it written to as soon as it is opened. */
static void lead_astray(const char *file, bool hard, const char *to)
{
	g_autofree char *path = in_profile(file);
	g_autofree char *journal = g_strconcat(path, "-journal", NULL);

	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(hard ? link(to, path) : symlink(to, path), 0);
	ck_assert(g_file_set_contents(journal, "x", 1, NULL));
}

START_TEST(link_to_another_file)
{
	g_autofree char *strangers = make_strangers();
	g_autofree char *before = sum(strangers);
	g_autofree char *after = NULL;
	bool hard = _i >= 2;

	lead_astray(files[_i % 2], hard, strangers);
	expect_always("foreign", hard ? "several names" : "is a link");
	after = sum(strangers);
	ck_assert_str_eq(before, after);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("store-bait");
	TCase *tcase = tcase_create("beside");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 100);
	tcase_add_loop_test(tcase, pipe_beside_a_database, 0, G_N_ELEMENTS(beside));
	tcase_add_loop_test(tcase, link_to_another_file, 0, 4);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("crowded");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 100);
	tcase_add_loop_test(tcase, too_many_markers, 0, G_N_ELEMENTS(crowds));
	tcase_add_loop_test(tcase, link_to_another_file, 0, 4);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
