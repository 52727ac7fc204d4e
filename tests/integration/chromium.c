/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A real Chromium on the shared database: it logs in to a server that demands a certificate, with
 * the card's key.
 *
 * An administrator's policy chooses the certificate. In one case that of the key for which the card
 * wants a PIN (9A), which is typed into Chromium's own dialog on a screen. In the other that of the
 * key for card authentication (9E), the one key of a PIV card that works without a PIN, so that the
 * card can come and go in a Chromium without a screen.
 */
#include <string.h>

#include "chromium.h"
#include "harness.h"
#include "mainjob.h"

#define CN      "Ada Lovelace"
#define CN_PIN  "Ada with PIN"
#define CERTS   2u
#define TRIES   6u
#define IDLE_MS 1200u

/* 9A, which would ask for a PIN, and 9E. */
static const Deal deal = {.certs = 4,
	.empty = 0x6,
	.guid = JOB_GUID_A,
	.cn = CN,
	.token_cn = CN_PIN,
	.token_cn_length = -1};

static unsigned marked(void)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(world.database);

	return rig_db_marked(rows);
}

typedef struct {
	RigChromium *chromium;
	unsigned certificates;
} List;

static bool is_list(gpointer data)
{
	const List *list = data;

	return rig_chromium_listed(list->chromium) == list->certificates;
}

static void wait_list(RigChromium *chromium, unsigned certificates)
{
	List list = {.chromium = chromium, .certificates = certificates};
	g_autofree char *what = g_strdup_printf("Chromium lists %u certificates", certificates);

	rig_wait_until(is_list, &list, JOB_WAIT_MS, what);
}

typedef struct {
	RigChromium *chromium;
	RigTls *server;
} Visit;

static bool is_successful(gpointer data)
{
	const Visit *visit = data;
	g_autofree char *error = rig_chromium_visit(visit->chromium, rig_tls_url(visit->server));

	return error[0] == '\0' || rig_chromium_crashed(visit->chromium);
}

/* He tries again: NSS looks only once a second whether a card has come, and Chromium also keeps
   connections in store that it has opened without the card. */
static void check_admitted(RigChromium *chromium, RigTls *server)
{
	Visit visit = {.chromium = chromium, .server = server};
	unsigned admitted = rig_tls_admitted(server);
	unsigned used = rig_card_used(world.cards[0]);

	rig_wait_until(is_successful, &visit, JOB_WAIT_MS, "Chromium is let in");
	if (rig_chromium_crashed(chromium))
		return;
	ck_assert_uint_gt(rig_tls_admitted(server), admitted);
	ck_assert_uint_gt(rig_card_used(world.cards[0]), used);
}

/* It has nothing to send. */
static void check_refused(RigChromium *chromium, RigTls *server)
{
	unsigned admitted = rig_tls_admitted(server);
	unsigned turned_away = rig_tls_turned_away(server);
	g_autofree char *error = rig_chromium_visit(chromium, rig_tls_url(server));

	ck_assert_str_ne(error, "");
	if (!rig_chromium_crashed(chromium))
		rig_tls_wait_turned_away(server, turned_away);
	ck_assert_uint_eq(rig_tls_admitted(server), admitted);
}

/* The database is where Chromium itself would make it, and the server's certificate is good only
   because of what the user has put there. */
static void prepare(const char *cn)
{
	g_autofree char *card = NULL;
	g_autofree char *ca = NULL;

	rig_chromium_policy(RIG_TLS_HOST, cn);
	world_configure(JOB_REMOVE);
	world_start();
	card = job_card(0, &deal);
	ca = g_build_filename(card, "ca.der", NULL);
	ck_assert_uint_eq(marked(), CERTS);
	rig_db_import(world.database, "ca", ca, "C,,");
}

/* The certificate is there, but nothing leads to its key. */
static void without_module(RigTls *server)
{
	g_autoptr(RigChromium) chromium = rig_chromium_start(world.home, NULL);

	wait_list(chromium, 0);
	check_refused(chromium, server);
	rig_chromium_quit(chromium);
}

/* But not while Chromium is using it. OpenSC 0.23 would then leave a mutex locked for ever, and
   with it every thread of Chromium that asks for certificates (tests/README.md). For NSS a card is
   in use for one second more: so long it relies on what it has seen last. */
static void pull_card_out(void)
{
	rig_card_wait_still(world.cards[0], IDLE_MS);
	job_out(0);
	ck_assert_uint_eq(marked(), 0);
}

/* The card leaves, and comes again, while Chromium runs. Now and then Chromium crashes when it
   looks and the card has gone, also without certprop (tests/README.md): then false. */
static bool out_and_in(RigTls *server)
{
	g_autoptr(RigChromium) chromium = rig_chromium_start(world.home, NULL);

	wait_list(chromium, CERTS);
	check_admitted(chromium, server);
	ck_assert_uint_eq(marked(), CERTS);
	rig_chromium_may_crash(chromium);
	pull_card_out();
	wait_list(chromium, 0);
	if (!rig_chromium_crashed(chromium))
		check_refused(chromium, server);
	job_in(0);
	ck_assert_uint_eq(marked(), CERTS);
	if (!rig_chromium_crashed(chromium))
		check_admitted(chromium, server);
	if (rig_chromium_crashed(chromium))
		return false;
	rig_chromium_quit(chromium);
	return true;
}

START_TEST(test_day)
{
	g_autoptr(RigTls) server = rig_tls_start();
	unsigned tries = 1;

	prepare(CN);
	without_module(server);
	g_free(job_ctl(0, "module", "enable", NULL));
	while (!out_and_in(server))
		ck_assert_msg(tries++ < TRIES, "Chromium has crashed %u times", TRIES);
}
END_TEST

/* Chromium asks for the PIN, once, and is let in. */
START_TEST(test_pin)
{
	g_autoptr(RigTls) server = rig_tls_start();
	g_autoptr(RigScreen) screen = rig_screen_new(NULL);
	g_autoptr(RigChromium) chromium = NULL;
	g_autofree char *error = NULL;
	unsigned used;

	prepare(CN_PIN);
	g_free(job_ctl(0, "module", "enable", NULL));
	used = rig_card_used(world.cards[0]);
	chromium = rig_chromium_start(world.home, screen);
	wait_list(chromium, CERTS);
	error = rig_chromium_visit_with_pin(chromium, rig_tls_url(server), JOB_PIN);
	ck_assert_str_eq(error, "");
	ck_assert_uint_gt(rig_tls_admitted(server), 0);
	ck_assert_uint_gt(rig_card_used(world.cards[0]), used);
	rig_chromium_quit(chromium);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("chromium");

	rig_enter();
	tcase_add_test(job_case(suite, "chromium"), test_day);
	tcase_add_test(job_case(suite, "pin"), test_pin);
	return harness_run(suite, argc, argv);
}
