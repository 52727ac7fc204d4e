/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each rule by which a claim ends, through real pcscd, and what the database then holds. What a
 * failed log-off leaves is made good at the next start; claims of endpoints that are gone are
 * swept; each of several claims goes by its own rule, and the last one decides. The second host is
 * a program with another machine id on the same database.
 *
 * mainjob-leave.c and mainjob-cards.c have the others: the card, the reader, pcscd, the session's
 * end, two cards with one certificate, and the renewed card.
 */
#include "life-host.h"
#include "mainjob.h"

#include <sqlite3.h>
#include <string.h>

#include "harness.h"

#define OTHERS    2u
#define LOGOUT    "[local]\non-logout=remove\n"
#define LOGOUT_US (8 * G_USEC_PER_SEC)
#define SESSION   "xrdp%3A10" /* as a marker has it */
#define DESK      "forwarded%3Adesk"
#define AT_ONCE   "[redirected]\ngrace=0\n" /* nobody is waited for */

/* The claims of a certificate, as lines. */
static char **claims_of(const char *card, unsigned index)
{
	g_autofree char *url = job_url(card, index);

	return g_strsplit(url, "\n", -1);
}

/* A line of the marker with something in it replaced. */
static char *forge(const char *line, const char *what, const char *by)
{
	g_auto(GStrv) parts = g_strsplit(line, what, 2);

	ck_assert_msg(parts[1] != NULL, "%s is not in %s", what, line);
	return g_strconcat(parts[0], by, parts[1], NULL);
}

static void set_url(const char *card, unsigned index, const char *url)
{
	g_autoptr(GBytes) der = rig_dealt_der(card, index);

	rig_db_set_url(world.database, der, url);
}

/* When the only claim was made. */
static char *since_of(const char *card, unsigned index)
{
	g_autofree char *url = job_url(card, index);
	g_autofree char *since = NULL;
	const char *at = strstr(url, "x-since=");

	ck_assert_ptr_nonnull(at);
	ck_assert_ptr_null(strstr(at + 1, "x-since="));
	at += strlen("x-since=");
	since = g_strndup(at, strcspn(at, "&"));
	return g_uri_unescape_string(since, NULL);
}

static bool is_later(gpointer data)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *text = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");

	return strcmp(text, data) > 0;
}

/* kill -9, and the next one is started in a later second than the claims were made in. */
static void crash(const char *card)
{
	g_autofree char *since = since_of(card, 0);

	g_clear_object(&world.bus);
	rig_process_kill(world.daemon);
	rig_wait_until(is_later, since, JOB_WAIT_MS, "another second");
	world_start();
}

static const struct {
	const char *config;
	bool in; /* the card is, at the next start */
	bool kept;
} crashes[] = {
	{LOGOUT, false, false},
	{LOGOUT, true, true},
	{"", false, true},
	{"", true, true},
};

/* Nobody saw to the session's end. */
START_TEST(test_logout_made_good)
{
	g_autofree char *card = NULL;
	g_autofree char *other = NULL;
	g_autofree char *others = NULL;
	g_autofree char *before = NULL;

	world_configure(crashes[_i].config);
	world_start();
	card = job_card(0, &(const Deal){.certs = JOB_CERTS, .guid = JOB_GUID_A});
	other = job_card(1, &(const Deal){.certs = OTHERS, .guid = JOB_GUID_B, .cn = "Boris"});
	others = job_row_without_url(other, 0);
	before = job_row_without_url(card, 0);
	if (!crashes[_i].in)
		job_out(0);
	crash(card);
	world_wait_marked(OTHERS + (crashes[_i].kept ? JOB_CERTS : 0));
	job_settle(1, "read");
	ck_assert_uint_eq(job_rows(), OTHERS + (crashes[_i].kept ? JOB_CERTS : 0));
	/* What was in all the time was not deleted and created. */
	g_autofree char *others_now = job_row_without_url(other, 0);
	ck_assert_str_eq(others, others_now);
	g_autofree char *now = job_row_without_url(card, 0);
	ck_assert_str_eq(crashes[_i].kept ? before : "", now);
}
END_TEST

/* The card that stayed in belongs to the new session: it goes with that, not with the card. */
START_TEST(test_new_session)
{
	g_autofree char *card = NULL;
	g_autofree char *first = NULL;
	g_autofree char *second = NULL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	world_configure(LOGOUT);
	world_start();
	card = job_card(0, &(const Deal){.certs = JOB_CERTS, .guid = JOB_GUID_A});
	first = since_of(card, 0);
	crash(card);
	job_settle(0, "read");
	second = since_of(card, 0);
	ck_assert_int_lt(strcmp(first, second), 0);
	job_check_whole(card, JOB_CERTS, JOB_SERIAL_A, 0);

	before = rig_db_state(world.database);
	job_look();
	job_out(0);
	job_look();
	job_in(0);
	job_out(0);
	after = rig_db_state(world.database);
	ck_assert_str_eq(before, after);
	ck_assert_int_eq(world_stop(), 0);
	ck_assert_uint_eq(job_rows(), 0);
}
END_TEST

static sqlite3 *lock_database(void)
{
	g_autofree char *path = g_build_filename(world.database, "cert9.db", NULL);
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return db;
}

/* The end of the session cannot wait for whoever holds the database. */
START_TEST(test_logout_locked_out)
{
	g_autofree char *card = NULL;
	g_autofree char *since = NULL;
	gint64 start;
	sqlite3 *lock;

	world_configure(LOGOUT);
	world_start();
	card = job_card(0, &(const Deal){.certs = JOB_CERTS, .guid = JOB_GUID_A});
	since = since_of(card, 0);
	job_out(0);
	lock = lock_database();
	start = g_get_monotonic_time();
	ck_assert_int_eq(world_stop(), 0);
	ck_assert_int_lt(g_get_monotonic_time() - start, LOGOUT_US);
	ck_assert_uint_eq(job_rows(), JOB_CERTS);
	ck_assert_int_eq(sqlite3_close(lock), SQLITE_OK);

	rig_wait_until(is_later, since, JOB_WAIT_MS, "another second");
	world_start();
	world_wait_marked(0);
	ck_assert_uint_eq(job_rows(), 0);
}
END_TEST

/* Nobody looked while the card was taken out. */
START_TEST(test_pulled_unseen)
{
	g_autofree char *card = NULL;

	world_configure(_i == 0 ? "" : JOB_REMOVE);
	world_start();
	card = job_card(0, &(const Deal){.certs = JOB_CERTS, .guid = JOB_GUID_A});
	ck_assert_int_eq(world_stop(), 0);
	ck_assert_uint_eq(job_rows(), JOB_CERTS);
	rig_card_remove_seen(world.cards[0]);
	world_start();
	job_settle(0, "empty");
	ck_assert_uint_eq(job_rows(), _i == 0 ? JOB_CERTS : 0);
}
END_TEST

/* What a card's look takes away waits for a second, and in that another card comes. That one was
   not in when the look began, and stays all the same. */
START_TEST(test_another_comes_meanwhile)
{
	g_autofree char *card = NULL;
	g_autofree char *other = rig_deal(&(const Deal){
		.certs = OTHERS, .guid = JOB_GUID_B, .cn = "Boris", .keys = DEAL_RSA});

	world_configure(JOB_REMOVE);
	world_start();
	card = job_card(0, &(const Deal){.certs = JOB_CERTS, .guid = JOB_GUID_A});
	world.cards[1] = rig_card_new(world.pcscd, 1, other);
	world_configure(JOB_REMOVE "[filter]\necc=false\n");
	g_variant_unref(world_call("Reload"));
	job_in(1);
	job_settle(0, "read");
	for (unsigned i = 0; i < JOB_CERTS; i++)
		ck_assert_int_eq(job_stored(card, i), i % 2 == 0);
	for (unsigned i = 0; i < OTHERS; i++)
		ck_assert(job_stored(other, i));
}
END_TEST

static const struct {
	const char *endpoint;
	bool here; /* a claim of this host */
	const char *config;
	bool kept;
} sweeps[] = {
	{SESSION, true, AT_ONCE, false},
	{DESK, true, AT_ONCE, false},
	{SESSION, false, AT_ONCE, true},
	{DESK, false, AT_ONCE, true},
	{SESSION, true, AT_ONCE "policy=keep\n", true},
	{SESSION, true, "[redirected]\npolicy=ignore\n", false},
	{SESSION, false, "[redirected]\npolicy=ignore\n", true},
};

/* A connection of which only claims are left: alone on a certificate of a card that is out, and
   beside the claim of the card that is in. */
START_TEST(test_swept)
{
	g_autofree char *card = NULL;
	g_autofree char *other = NULL;
	g_autofree char *endpoint = g_strconcat("x-endpoint=", sweeps[_i].endpoint, NULL);

	world_configure(sweeps[_i].config);
	world_start();
	card = job_card(0, &(const Deal){.certs = 1, .guid = JOB_GUID_A});
	other = job_card(1, &(const Deal){.certs = 2, .guid = JOB_GUID_B, .cn = "Boris"});
	job_out(1);

	g_auto(GStrv) local = claims_of(card, 0);
	g_autofree char *host = sweeps[_i].here ? g_strdup("x-host=") : g_strdup("x-host=f00d");
	g_autofree char *remote = forge(local[0], "x-endpoint=local", endpoint);
	g_autofree char *remotes = forge(remote, "x-host=", host);
	g_autofree char *both = g_strjoin("\n", local[0], remotes, NULL);
	g_auto(GStrv) out = claims_of(other, 0);
	g_autofree char *gone = forge(out[0], "x-endpoint=local", endpoint);
	g_autofree char *left = forge(gone, "x-host=", host);
	g_autofree char *bystander = job_row(other, 1);
	set_url(card, 0, both);
	set_url(other, 0, left);
	job_look();

	g_autofree char *url = job_url(card, 0);
	ck_assert_str_eq(url, sweeps[_i].kept ? both : local[0]);
	ck_assert_int_eq(job_stored(other, 0), sweeps[_i].kept);
	if (sweeps[_i].kept) {
		g_autofree char *now = job_url(other, 0);

		ck_assert_str_eq(now, left);
	}
	g_autofree char *bystander_now = job_row(other, 1);
	ck_assert_str_eq(bystander, bystander_now);
}
END_TEST

/* A daemon that starts finds what a crash of the connection and of the host has left. */
START_TEST(test_swept_at_start)
{
	g_autofree char *card = NULL;
	g_auto(GStrv) local = NULL;
	g_autofree char *remote = NULL;

	world_configure("[redirected]\ngrace=1s\n");
	world_start();
	card = job_card(0, &(const Deal){.certs = 2, .guid = JOB_GUID_A});
	job_out(0);
	local = claims_of(card, 0);
	remote = forge(local[0], "x-endpoint=local", "x-endpoint=" SESSION);
	g_clear_object(&world.bus);
	rig_process_kill(world.daemon);
	set_url(card, 0, remote);
	if (_i == 1)
		rig_pcscd_stop(world.pcscd);
	world_start();
	world_wait_marked(1);
	ck_assert(!job_stored(card, 0));
	ck_assert(job_stored(card, 1));
}
END_TEST

/* One card, a local claim and one of a connection that is gone, and another host's of both kinds:
   each by its own rule, and the last one decides. */
START_TEST(test_each_by_its_own_rule)
{
	g_autofree char *card = NULL;
	g_auto(GStrv) local = NULL;

	world_configure(AT_ONCE "policy=keep\n");
	world_start();
	card = job_card(0, &(const Deal){.certs = 1, .guid = JOB_GUID_A});
	local = claims_of(card, 0);
	g_autofree char *remote = forge(local[0], "x-endpoint=local", "x-endpoint=" SESSION);
	g_autofree char *foreign = forge(local[0], "x-host=", "x-host=f00d");
	g_autofree char *all = g_strjoin("\n", local[0], remote, foreign, NULL);
	set_url(card, 0, all);
	job_look();
	g_autofree char *first = job_url(card, 0);
	ck_assert_str_eq(first, all);

	job_configure(JOB_REMOVE AT_ONCE "policy=keep\n");
	job_out(0);
	g_autofree char *second = job_url(card, 0);
	g_autofree char *without_local = g_strjoin("\n", remote, foreign, NULL);
	ck_assert_str_eq(second, without_local);

	job_configure(JOB_REMOVE AT_ONCE);
	g_autofree char *third = job_url(card, 0);
	ck_assert_str_eq(third, foreign);

	/* The other host lets go, and was the last. */
	g_autofree char *ours = forge(foreign, "x-host=f00d", "x-host=");
	set_url(card, 0, ours);
	job_look();
	ck_assert_uint_eq(job_rows(), 0);
}
END_TEST

/* Two hosts on one home: each adds its own claim and takes its own away. */
START_TEST(test_two_hosts)
{
	g_autofree char *card = NULL;
	g_autofree char *one = NULL;

	world_start();
	card = job_card(0, &(const Deal){.certs = JOB_CERTS, .guid = JOB_GUID_A});
	one = job_url(card, 0);
	life_host_sync();
	g_autofree char *two = job_url(card, 0);
	ck_assert_msg(g_str_has_prefix(two, one) && strlen(two) > strlen(one), "%s", two);
	ck_assert_uint_eq(job_claims(two), 2);
	job_look();
	g_autofree char *same = job_url(card, 0);
	ck_assert_str_eq(two, same);

	job_configure(JOB_REMOVE);
	job_out(0);
	ck_assert_uint_eq(job_rows(), JOB_CERTS);
	g_autofree char *other = job_url(card, 0);
	ck_assert_uint_eq(job_claims(other), 1);
	ck_assert_str_eq(other, two + strlen(one) + 1);
	job_look();
	ck_assert_uint_eq(job_rows(), JOB_CERTS);
	life_host_sync();
	ck_assert_uint_eq(job_rows(), 0);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("life-rules");
	TCase *tcase;

	rig_enter();
	tcase = job_case(suite, "session");
	tcase_add_loop_test(tcase, test_logout_made_good, 0, G_N_ELEMENTS(crashes));
	tcase_add_test(tcase, test_new_session);
	tcase_add_test(tcase, test_logout_locked_out);
	tcase_add_loop_test(tcase, test_pulled_unseen, 0, 2);
	tcase = job_case(suite, "meanwhile");
	tcase_add_test(tcase, test_another_comes_meanwhile);
	tcase = job_case(suite, "claims");
	tcase_add_loop_test(tcase, test_swept, 0, G_N_ELEMENTS(sweeps));
	tcase_add_loop_test(tcase, test_swept_at_start, 0, 2);
	tcase_add_test(tcase, test_each_by_its_own_rule);
	tcase_add_test(tcase, test_two_hosts);
	return harness_run(suite, argc, argv);
}
