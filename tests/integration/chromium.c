/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A real Chromium on the shared database: it logs in to a server that demands a certificate, with
 * the card's key.
 *
 * Without a screen nobody can choose a certificate or type a PIN into Chromium's own dialogs. An
 * administrator's policy chooses; and the certificate is that of the key for card authentication
 * (9E), the one key of a PIV card that works without a PIN. That the same database also serves keys
 * with a PIN is proved with NSS's tstclnt (mainjob-keys) and with Firefox.
 */
#include <string.h>

#include "chromium.h"
#include "harness.h"
#include "mainjob.h"

#define CN    "Ada Lovelace"
#define CERTS 2u

/* 9A, which would ask for a PIN, and 9E. */
static const Deal deal = {.certs = 4,
	.empty = 0x6,
	.guid = JOB_GUID_A,
	.cn = CN,
	.token_cn = "Ada with PIN",
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

	return error[0] == '\0';
}

/* He tries again: NSS looks only once a second whether a card has come, and Chromium also keeps
   connections in store that it has opened without the card. */
static void check_admitted(RigChromium *chromium, RigTls *server)
{
	Visit visit = {.chromium = chromium, .server = server};
	unsigned admitted = rig_tls_admitted(server);
	unsigned used = rig_card_used(world.cards[0]);

	rig_wait_until(is_successful, &visit, JOB_WAIT_MS, "Chromium is let in");
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
	ck_assert_uint_eq(rig_tls_admitted(server), admitted);
	ck_assert_uint_gt(rig_tls_turned_away(server), turned_away);
}

/* The database is where Chromium itself would make it, and the server's certificate is good only
   because of what the user has put there. */
static void prepare(void)
{
	g_autofree char *card = NULL;
	g_autofree char *ca = NULL;

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
	g_autoptr(RigChromium) chromium = rig_chromium_start(world.home);

	wait_list(chromium, 0);
	check_refused(chromium, server);
	rig_chromium_quit(chromium);
}

static void with_card(RigTls *server)
{
	g_autoptr(RigChromium) chromium = rig_chromium_start(world.home);

	wait_list(chromium, CERTS);
	check_admitted(chromium, server);
	ck_assert_uint_eq(marked(), CERTS);
	rig_chromium_quit(chromium);
}

/* And again with the card, which this time comes while Chromium runs. That it leaves while Chromium
   runs is not shown here: OpenSC 0.23 can then lock up the whole program, in C_Sign or between two
   threads of it that ask at the same time what is in the reader. */
static void without_card(RigTls *server)
{
	g_autoptr(RigChromium) chromium = rig_chromium_start(world.home);

	wait_list(chromium, 0);
	check_refused(chromium, server);
	job_in(0);
	ck_assert_uint_eq(marked(), CERTS);
	check_admitted(chromium, server);
	rig_chromium_quit(chromium);
}

START_TEST(test_day)
{
	g_autoptr(RigTls) server = rig_tls_start();

	rig_chromium_policy(RIG_TLS_HOST, CN);
	prepare();
	without_module(server);
	g_free(job_ctl(0, "module", "enable", NULL));
	with_card(server);
	job_out(0);
	ck_assert_uint_eq(marked(), 0);
	without_card(server);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("chromium");

	rig_enter();
	tcase_add_test(job_case(suite, "chromium"), test_day);
	return harness_run(suite, argc, argv);
}
