/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What all of this is for: NSS's own tools sign, decrypt and log in to a server with the key on the
 * card, through the certificate that was propagated and the module that was registered; and with
 * the card out, mail can still be encrypted to its holder, who is found by his address.
 *
 * The PIN is given to these tools in a file. Nothing of ours ever sees it.
 */

#include <check.h>
#include <gio/gio.h>
#include <string.h>

#include "ctlbench.h"
#include "harness.h"

#define CERTS   3
#define MAIL    "ada@example.org"
#define MESSAGE "Meet me at the usual place.\n"
#define PIN     "123456\n"

static char *work; /* a directory for messages */
static char *spec; /* the database, as NSS's tools want it */
static char *pin;  /* a file */

static char *path_of(const char *name)
{
	return g_build_filename(work, name, NULL);
}

static void put(const char *path, const char *text)
{
	ck_assert(g_file_set_contents(path, text, -1, NULL));
}

/* A card of three certificates, which all have the address and may do everything; its issuer is
   trusted by the user. Propagated, and the module registered. */
static void prepare(void)
{
	const Deal deal = {.certs = CERTS, .guid = CTL_GUID_B, .keys = DEAL_RSA, .email = MAIL};
	g_autofree char *ca = NULL;

	work = rig_make_directory("work");
	spec = g_strconcat("sql:", bench.database, NULL);
	pin = path_of("pin");
	put(pin, PIN);
	g_free(bench.directory);
	bench.directory = rig_deal(&deal);
	rig_card_free(bench.card);
	bench.card = rig_card_new(bench.pcscd, 0, bench.directory);
	ca = g_build_filename(bench.directory, "ca.der", NULL);
	rig_db_import(bench.database, "the authority", ca, "C,C,C");

	rig_card_insert_seen(bench.card);
	ck_assert_int_eq(ctl_run(NULL, NULL, "sync", NULL, NULL), 0);
	ck_assert_int_eq(ctl_run(NULL, NULL, "module", "enable", NULL), 0);
}

static int cmsutil(
	const char *mode, const char *option, const char *value, const char *in, const char *out)
{
	const char *argv[] = {
		"cmsutil", mode, "-d", spec, "-f", pin, "-i", in, "-o", out, option, value, NULL};

	return rig_run(argv, bench.environment, NULL, NULL);
}

static char *first_nickname(void)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(bench.database);
	g_autoptr(GBytes) der = rig_dealt_der(bench.directory, 0);
	const RigDbRow *row = rig_db_find(rows, der);

	ck_assert_ptr_nonnull(row);
	ck_assert_ptr_nonnull(row->url);
	return g_strdup(row->label);
}

/* OpenSSL, which knows nothing of NSS or of us, finds the message under a signature by one of the
   card's certificates (of several with one subject NSS takes which it likes). */
static void assert_signed(const char *signed_file)
{
	g_autofree char *ca = g_build_filename(bench.directory, "ca.der", NULL);
	g_autofree char *ca_pem = path_of("ca.pem");
	g_autofree char *signer = path_of("signer.pem");
	g_autofree char *signer_der = path_of("signer.der");
	const char *convert_ca[] = {
		"openssl", "x509", "-inform", "DER", "-in", ca, "-out", ca_pem, NULL};
	const char *verify[] = {"openssl", "cms", "-verify", "-inform", "DER", "-in", signed_file,
		"-CAfile", ca_pem, "-signer", signer, NULL};
	const char *convert[] = {
		"openssl", "x509", "-in", signer, "-outform", "DER", "-out", signer_der, NULL};
	g_autofree char *der = NULL;
	gsize len;
	bool known = false;

	g_free(rig_run_ok(convert_ca, bench.environment));
	g_autofree char *message = rig_run_ok(verify, bench.environment);
	ck_assert_str_eq(message, MESSAGE);
	g_free(rig_run_ok(convert, bench.environment));
	ck_assert(g_file_get_contents(signer_der, &der, &len, NULL));
	for (unsigned i = 0; i < CERTS; i++) {
		g_autoptr(GBytes) dealt = rig_dealt_der(bench.directory, i);

		known = known || (g_bytes_get_size(dealt) == len &&
					 memcmp(g_bytes_get_data(dealt, NULL), der, len) == 0);
	}
	ck_assert(known);
}

START_TEST(sign)
{
	prepare();
	g_autofree char *plain = path_of("plain"), *out = path_of("signed");
	g_autofree char *nickname = first_nickname();

	put(plain, MESSAGE);
	unsigned used = rig_card_used(bench.card);
	ck_assert_int_eq(cmsutil("-S", "-N", nickname, plain, out), 0);
	assert_signed(out);
	ck_assert_uint_gt(rig_card_used(bench.card), used);

	/* it was the card */
	rig_card_remove_seen(bench.card);
	ck_assert_int_ne(cmsutil("-S", "-N", nickname, plain, out), 0);
	rig_card_insert_seen(bench.card);
	/* and it was the module */
	ck_assert_int_eq(ctl_run(NULL, NULL, "module", "disable", NULL), 0);
	ck_assert_int_ne(cmsutil("-S", "-N", nickname, plain, out), 0);
	/* and it was the propagated certificate */
	ck_assert_int_eq(ctl_run(NULL, NULL, "module", "enable", NULL), 0);
	ck_assert_int_eq(cmsutil("-S", "-N", nickname, plain, out), 0);
	ck_assert_int_eq(ctl_run(NULL, NULL, "purge", "--all", NULL), 0);
	ck_assert_int_ne(cmsutil("-S", "-N", nickname, plain, out), 0);
}
END_TEST

START_TEST(encrypt_and_decrypt)
{
	g_autofree char *read = NULL;

	prepare();
	g_autofree char *plain = path_of("plain"), *out = path_of("encrypted");
	g_autofree char *back = path_of("back");

	put(plain, MESSAGE);
	rig_card_remove_seen(bench.card);
	ck_assert_int_eq(cmsutil("-E", "-r", MAIL, plain, out), 0);
	ck_assert_int_ne(cmsutil("-E", "-r", "nobody@example.org", plain, back), 0);
	ck_assert_int_ne(cmsutil("-D", NULL, NULL, out, back), 0);

	rig_card_insert_seen(bench.card);
	unsigned used = rig_card_used(bench.card);
	ck_assert_int_eq(cmsutil("-D", NULL, NULL, out, back), 0);
	ck_assert(g_file_get_contents(back, &read, NULL, NULL));
	ck_assert_str_eq(read, MESSAGE);
	ck_assert_uint_gt(rig_card_used(bench.card), used);

	/* The address leads to him through the propagated certificates, and through nothing else.
	 */
	rig_card_remove_seen(bench.card);
	ck_assert_int_eq(ctl_run(NULL, NULL, "purge", "--all", NULL), 0);
	ck_assert_int_ne(cmsutil("-E", "-r", MAIL, plain, out), 0);
}
END_TEST

/*
 * A server that wants a certificate
 */

/* Returns what the server has answered. */
static char *visit(const RigTls *server, const char *nickname)
{
	g_autofree char *request = path_of("request");
	const char *argv[] = {"tstclnt", "-h", "127.0.0.1", "-p", rig_tls_port(server), "-d", spec,
		"-o", "-W", pin, "-n", nickname, NULL};
	RigProcessOptions options = {.environment = bench.environment, .input = request};

	put(request, "GET / HTTP/1.0\r\n\r\n");
	g_autoptr(RigProcess) process = rig_process_start(argv, &options);
	(void)rig_process_wait(process, CTL_LONG_MS);
	return rig_process_output(process, NULL);
}

START_TEST(log_in_to_a_server)
{
	prepare();
	g_autoptr(RigTls) server = rig_tls_start();
	g_autofree char *nickname = first_nickname();

	g_autofree char *answer = visit(server, nickname);
	ck_assert_msg(strstr(answer, "200 OK") != NULL, "%s", answer);
	rig_card_remove_seen(bench.card);
	g_autofree char *refusal = visit(server, nickname);
	ck_assert_ptr_null(strstr(refusal, "200 OK"));
}
END_TEST

int main(int argc, char **argv)
{
	rig_enter();

	const TTest *const tests[] = {sign, encrypt_and_decrypt, log_in_to_a_server};
	Suite *suite = suite_create("smime");

	ctl_add_case(suite, "smime", tests, G_N_ELEMENTS(tests));

	return harness_run(suite, argc, argv);
}
