/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What it is all for: once the module is registered in the database as well, NSS finds the key on
 * the card for a propagated certificate. tstclnt logs in to a selfserv that demands a client's
 * certificate, cmsutil signs, and the card counts that it was its key that did it.
 */
#include "mainjob.h"

#include <string.h>

#include "harness.h"

#define OPENSC "opensc-pkcs11.so"

static const DealKeys kinds[] = {DEAL_RSA, DEAL_EC};
static const char *const versions[] = {"tls1.2:tls1.2", "tls1.3:tls1.3"};

static char *scratch_file(const char *name, const char *text)
{
	char *path = g_build_filename(rig_directory(), name, NULL);

	ck_assert(g_file_set_contents(path, text, -1, NULL));
	return path;
}

/* The card is in, its certificate in the database, and OpenSC registered there under a name of
   which no other is a prefix. */
static char *prepare(const Deal *deal)
{
	g_autofree char *sql = NULL;
	char *card;

	rig_db_create(world.database);
	world_start();
	card = job_card(0, deal);
	sql = job_sql();

	const char *argv[] = {"modutil", "-force", "-dbdir", sql, "-add", "test: card", "-libfile",
		OPENSC, "-mechanisms", "FRIENDLY", NULL};
	g_free(rig_run_ok(argv, world.environment));
	return card;
}

/* Whether the server, which demands a certificate, answers the request. */
static bool log_in(const RigTls *server, const char *nickname, const char *version)
{
	g_autofree char *sql = job_sql();
	g_autofree char *pin = scratch_file("pin", JOB_PIN "\n");
	g_autofree char *request = scratch_file("request", "GET / HTTP/1.0\r\n\r\n");
	g_autofree char *output = NULL;
	const char *argv[] = {"tstclnt", "-h", "127.0.0.1", "-p", rig_tls_port(server), "-d", sql,
		"-o", "-V", version, "-W", pin, "-A", request, "-n", nickname, NULL};
	int status = rig_run(argv, world.environment, &output, NULL);

	return status == 0 && strstr(output, "HTTP/1.0 200 OK") != NULL;
}

START_TEST(test_tls)
{
	DealKeys keys = kinds[_i % 2];
	const char *version = versions[_i / 2];
	g_autofree char *card =
		prepare(&(const Deal){.certs = 1, .guid = JOB_GUID_A, .keys = keys});
	g_autofree char *nickname = job_label(card, 0);
	g_autofree char *before = job_row(card, 0);
	g_autofree char *after = NULL;
	g_autoptr(RigTls) server = rig_tls_start();
	unsigned used = rig_card_used(world.cards[0]);

	ck_assert(log_in(server, nickname, version));
	ck_assert_uint_gt(rig_card_used(world.cards[0]), used);
	after = job_row(card, 0);
	ck_assert_str_eq(before, after);

	/* Neither the certificate alone nor another key gets in. */
	job_out(0);
	ck_assert(job_stored(card, 0));
	ck_assert(!log_in(server, nickname, version));
	job_in(0);
	ck_assert(log_in(server, nickname, version));
}
END_TEST

/* A registered module is nothing to our own use of the database: it is not loaded, the card not
   asked, nothing written. */
START_TEST(test_registered)
{
	g_autofree char *card = prepare(&(const Deal){.certs = JOB_CERTS, .guid = JOB_GUID_A});
	g_autofree char *before = rig_db_state(world.database);
	g_autofree char *after = NULL;
	unsigned asked = rig_card_count(world.cards[0], -1);

	g_free(job_ctl(0, "list", NULL));
	ck_assert_uint_eq(rig_card_count(world.cards[0], -1), asked);
	job_look();
	after = rig_db_state(world.database);
	ck_assert_str_eq(before, after);
	job_check_whole(card, JOB_CERTS, JOB_SERIAL_A, 0);
}
END_TEST

static void verify(const char *card, const char *signature)
{
	g_autofree char *ca = g_build_filename(card, "ca.der", NULL);
	g_autofree char *pem = g_build_filename(rig_directory(), "ca.pem", NULL);
	const char *convert[] = {"openssl", "x509", "-inform", "DER", "-in", ca, "-out", pem, NULL};
	const char *check[] = {"openssl", "cms", "-verify", "-inform", "DER", "-in", signature,
		"-CAfile", pem, NULL};
	g_autofree char *content = NULL;

	g_free(rig_run_ok(convert, NULL));
	content = rig_run_ok(check, NULL);
	ck_assert_str_eq(content, "What was signed.\n");
}

/* Two certificates, since cmsutil takes the key on the card only for the others of the subject that
   it was given; which of them signs is its own business. */
START_TEST(test_signed)
{
	g_autofree char *card =
		prepare(&(const Deal){.certs = 2, .guid = JOB_GUID_A, .keys = kinds[_i]});
	g_autofree char *nickname = job_label(card, 0);
	g_autofree char *sql = job_sql();
	g_autofree char *pin = scratch_file("pin", JOB_PIN "\n");
	g_autofree char *text = scratch_file("text", "What was signed.\n");
	g_autofree char *signature = g_build_filename(rig_directory(), "signature", NULL);
	g_autofree char *ca = g_build_filename(card, "ca.der", NULL);
	const char *argv[] = {"cmsutil", "-S", "-G", "-Y", "NONE", "-N", nickname, "-d", sql, "-f",
		pin, "-i", text, "-o", signature, NULL};
	unsigned used;

	/* That he trusts the authority is for the user to say. */
	rig_db_import(world.database, "ca", ca, "CT,C,C");
	used = rig_card_used(world.cards[0]);
	g_free(rig_run_ok(argv, world.environment));
	ck_assert_uint_gt(rig_card_used(world.cards[0]), used);
	verify(card, signature);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("mainjob-keys");
	TCase *tcase;

	rig_enter();
	tcase = job_case(suite, "tls");
	tcase_add_loop_test(tcase, test_tls, 0, 4);
	tcase = job_case(suite, "keys");
	tcase_add_test(tcase, test_registered);
	tcase_add_loop_test(tcase, test_signed, 0, G_N_ELEMENTS(kinds));
	return harness_run(suite, argc, argv);
}
