/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A real Firefox: the profile is its own, what it knows is asked of its own certificate database,
 * and the PIN is typed into its own dialog. A server that demands a certificate says whether the
 * key on the card has really been at work.
 */
#include <string.h>

#include "firefox.h"
#include "harness.h"
#include "mainjob.h"

#define IDLE_MS 1200u

typedef struct {
	RigFirefox *firefox;
	char *card; /* directory */
} Person;

static Person person;

static char *profile_path(void)
{
	return g_strconcat("sql:", rig_firefox_profile(person.firefox), NULL);
}

static bool profile_is_known(gpointer data)
{
	g_autofree char *databases = job_ctl(0, "databases", "--json", NULL);

	return strstr(databases, data) != NULL;
}

/* How many of the card's certificates Firefox lists; with_key: those for which it has the key. */
static unsigned listed(bool with_key)
{
	g_autofree char *list = rig_firefox_certificates(person.firefox);
	g_auto(GStrv) lines = g_strsplit(list, "\n", -1);
	unsigned n = 0;

	for (unsigned i = 0; i < JOB_CERTS; i++) {
		g_autoptr(GBytes) der = rig_dealt_der(person.card, i);
		g_autofree char *sha256 = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, der);
		g_autofree char *upper = g_ascii_strup(sha256, -1);

		for (char **line = lines; *line != NULL; line++)
			n += g_str_has_prefix(*line, upper) &&
			     (!with_key || g_str_has_suffix(*line, " user"));
	}
	return n;
}

typedef struct {
	unsigned certificates;
	bool with_key;
} List;

static bool is_list(gpointer data)
{
	const List *list = data;

	return listed(list->with_key) == list->certificates;
}

static void wait_list(unsigned certificates, bool with_key)
{
	List list = {.certificates = certificates, .with_key = with_key};
	g_autofree char *what = g_strdup_printf(
		"Firefox lists %u certificates%s", certificates, with_key ? " with their key" : "");

	rig_wait_until(is_list, &list, JOB_WAIT_MS, what);
}

static unsigned marked(void)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(rig_firefox_profile(person.firefox));

	return rig_db_marked(rows);
}

/* Somebody works with Firefox and puts his card in; Firefox goes on running. */
static void put_card_in(void)
{
	g_autofree char *profile = NULL;

	person.firefox = rig_firefox_new(world.home, JOB_PIN);
	profile = profile_path();
	rig_firefox_start(person.firefox);
	rig_wait_until(profile_is_known, profile, JOB_WAIT_MS, "the profile is found");
	person.card = rig_deal_simple(JOB_CERTS, JOB_GUID_A);
	ck_assert_uint_eq(listed(false), 0);

	world.cards[0] = rig_card_new(world.pcscd, 0, person.card);
	rig_card_insert(world.cards[0]);
	wait_list(JOB_CERTS, false);
	ck_assert_uint_eq(marked(), JOB_CERTS);
	ck_assert_uint_eq(listed(true), 0);
	job_settle(0, "read");
}

/* The module comes with Firefox's next start. That he trusts the server is for the user to say. */
static void make_keys_usable(void)
{
	g_autofree char *ca = g_build_filename(person.card, "ca.der", NULL);

	g_free(job_ctl(0, "module", "enable", NULL));
	rig_firefox_quit(person.firefox);
	rig_db_import(rig_firefox_profile(person.firefox), "ca", ca, "C,,");
	rig_firefox_start(person.firefox);
	ck_assert_uint_eq(listed(true), JOB_CERTS);
	ck_assert_uint_eq(marked(), JOB_CERTS);
}

static bool is_successful(gpointer data)
{
	return rig_firefox_visit(person.firefox, rig_tls_url(data));
}

/* He types the PIN, once, and is let in; at the second try if NSS, which looks once a second, has
   not yet seen that the card has come. */
static void check_admitted(RigTls *server)
{
	unsigned admitted = rig_tls_admitted(server);
	unsigned used = rig_card_used(world.cards[0]);
	unsigned prompts = rig_firefox_prompts(person.firefox);

	rig_wait_until(is_successful, server, JOB_WAIT_MS, "Firefox is let in");
	ck_assert_uint_eq(rig_firefox_prompts(person.firefox), prompts + 1);
	ck_assert_uint_gt(rig_tls_admitted(server), admitted);
	ck_assert_uint_gt(rig_card_used(world.cards[0]), used);
}

/* Firefox has nothing to send, and asks for no PIN. */
static void check_refused(RigTls *server)
{
	unsigned admitted = rig_tls_admitted(server);
	unsigned turned_away = rig_tls_turned_away(server);
	unsigned prompts = rig_firefox_prompts(person.firefox);

	ck_assert(!rig_firefox_visit(person.firefox, rig_tls_url(server)));
	ck_assert_uint_eq(rig_firefox_prompts(person.firefox), prompts);
	rig_tls_wait_turned_away(server, turned_away);
	ck_assert_uint_eq(rig_tls_admitted(server), admitted);
}

/* Firefox is running all the time, but does not use the card when it leaves: OpenSC 0.23 could then
   lock it up, with or without certprop (tests/README.md). */
static void check_out_and_in(RigTls *server)
{
	rig_card_wait_still(world.cards[0], IDLE_MS);
	job_out(0);
	ck_assert_uint_eq(marked(), 0);
	wait_list(0, false);
	check_refused(server);

	job_in(0);
	ck_assert_uint_eq(marked(), JOB_CERTS);
	wait_list(JOB_CERTS, true);
	check_admitted(server);
}

START_TEST(test_day)
{
	g_autoptr(RigTls) server = rig_tls_start();

	world_configure(JOB_REMOVE);
	world_start();
	put_card_in();
	job_out(0);
	wait_list(0, false);
	job_in(0);
	wait_list(JOB_CERTS, false);

	make_keys_usable();
	check_admitted(server);
	check_out_and_in(server);
	rig_firefox_quit(person.firefox);
	rig_firefox_free(person.firefox);
	g_free(person.card);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("firefox");

	rig_enter();
	tcase_add_test(job_case(suite, "firefox"), test_day);
	return harness_run(suite, argc, argv);
}
