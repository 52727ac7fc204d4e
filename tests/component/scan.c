/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The real certprop-scan against a module with one vice after the other, and against SoftHSM as an
 * honest one. What a vicious module may cost is that scan: never a wrong "complete".
 */

#include <check.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "build.h"
#include "error.h"
#include "harness.h"
#include "maker.h"
#include "scanrun.h"

#define READER "Fake Reader 00 00"
#define OTHER  "Fake Reader 00 01"
#define MODULE CERTPROP_BUILD_ROOT "/tests/fake/fake-module.so"

static char *directory;
static GBytes *der;

static void setup(void)
{
	g_autofree char *path = NULL;

	directory = g_dir_make_tmp("scan-XXXXXX", NULL);
	ck_assert_ptr_nonnull(directory);
	der = maker_der(&(MakerSpec){.cn = "Ada Lovelace"});
	path = g_build_filename(directory, "cert.der", NULL);
	ck_assert(g_file_set_contents(
		path, g_bytes_get_data(der, NULL), (gssize)g_bytes_get_size(der), NULL));
}

static void remove_tree(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *below = g_build_filename(path, name, NULL);

		remove_tree(below);
	}
	ck_assert_int_eq(g_remove(path), 0);
}

static void teardown(void)
{
	remove_tree(directory);
	g_clear_pointer(&directory, g_free);
	g_clear_pointer(&der, g_bytes_unref);
}

/* What the module's certificate number `n` is. */
static GBytes *nth_der(guint32 n)
{
	gsize len;
	guint8 *own = g_memdup2(g_bytes_get_data(der, NULL), g_bytes_get_size(der));

	len = g_bytes_get_size(der);
	n = GUINT32_TO_BE(n);
	memcpy(own + len - sizeof n, &n, sizeof n);
	return g_bytes_new_take(own, len);
}

static ScanRun *start_with(const char *vice, const char *const *arguments)
{
	g_autofree char *vice_setting = g_strconcat("FAKE_MODULE_VICE=", vice, NULL);
	g_autofree char *cert = g_strconcat("FAKE_MODULE_CERT=", directory, "/cert.der", NULL);
	const char *settings[] = {vice_setting, cert, "FAKE_MODULE_READER=" READER, NULL};

	return scan_run_start(arguments, settings);
}

static ScanRun *start(const char *vice)
{
	const char *arguments[] = {"--reader", READER, "--module", MODULE, "--ignore", OTHER, NULL};

	return start_with(vice, arguments);
}

static ScanRun *run(const char *vice)
{
	ScanRun *run = start(vice);

	scan_run_finish(run);
	return run;
}

static void assert_complete(const ScanRun *run, guint tokens, guint certs)
{
	ck_assert_msg(run->ended, "no END: %s", run->errors->str);
	ck_assert_msg(run->code == 0, "failed: %s", run->reason);
	ck_assert_uint_eq(run->tokens->len, tokens);
	ck_assert_uint_eq(run->certs->len, certs);
	ck_assert(run->exited);
	ck_assert_int_eq(run->status, 0);
}

static void assert_failed(const ScanRun *run, CertpropError code, const char *reason)
{
	ck_assert(run->ended);
	ck_assert_uint_eq(run->code, (guint)code + 1);
	ck_assert_msg(strstr(run->reason, reason) != NULL, "the reason is: %s", run->reason);
	ck_assert(run->exited);
	ck_assert_int_eq(run->status, 1);
}

/* The three certificates of the honest module, in the order of their ids. */
static void assert_the_three(const ScanRun *run)
{
	for (guint i = 0; i < 3; i++) {
		const ScanCert *cert = scan_run_cert(run, i);
		const guint8 id[] = {0, (guint8)(i + 1)};
		g_autoptr(GBytes) want = nth_der(i + 1);

		ck_assert_mem_eq(g_bytes_get_data(cert->id, NULL), id, sizeof id);
		ck_assert_uint_eq(g_bytes_get_size(cert->id), sizeof id);
		ck_assert(g_bytes_equal(cert->der, want));
	}
}

START_TEST(test_honest)
{
	g_autoptr(ScanRun) it = run("");
	const ScanToken *token;

	assert_complete(it, 1, 3);
	assert_the_three(it);
	token = scan_run_token(it, 0);
	ck_assert_str_eq(token->manufacturer, "certprop");
	ck_assert_str_eq(token->model, "fake");
	ck_assert_str_eq(token->serial, "1111");
	ck_assert_str_eq(token->label, "Fake token");
	ck_assert_uint_eq(token->initialized, 1);
	ck_assert_str_eq(scan_run_cert(it, 2)->label, "Certificate 3");
	ck_assert_uint_eq(scan_run_cert(it, 0)->key, WIRE_KEY_UNKNOWN);
	ck_assert_uint_eq(it->notes->len, 0);
}
END_TEST

/* What does not keep the certificates from being read. */
static const char *const harmless[] = {"stdout", "fork", "hang-unload", "no-label", "two-slots",
	"two-names", "other-name", "keys-all"};

START_TEST(test_harmless)
{
	g_autoptr(ScanRun) it = run(harmless[_i]);

	assert_complete(it, 1, 3);
	assert_the_three(it);
}
END_TEST

static const struct {
	const char *vice;
	CertpropError code;
	const char *reason;
} failures[] = {
	{"refuse", CERTPROP_ERROR_FAILED, "CKR_GENERAL_ERROR"},
	{"slots-error", CERTPROP_ERROR_FAILED, "CKR_DEVICE_ERROR"},
	{"token-error", CERTPROP_ERROR_FAILED, "CKR_DEVICE_ERROR"},
	{"no-slots", CERTPROP_ERROR_MISSING, READER},
	{"two-other-names", CERTPROP_ERROR_FAILED, "Cannot tell which slot"},
	{"odd-type", CERTPROP_ERROR_FAILED, "Listing the certificates"},
	{"removed", CERTPROP_ERROR_CHANGED, "taken out or replaced"},
	{"removed-loudly", CERTPROP_ERROR_CHANGED, "CKR_DEVICE_REMOVED"},
	{"swapped", CERTPROP_ERROR_CHANGED, "taken out or replaced"},
};

START_TEST(test_failure)
{
	g_autoptr(ScanRun) it = run(failures[_i].vice);

	assert_failed(it, failures[_i].code, failures[_i].reason);
}
END_TEST

/* It ends without a word: whoever reads takes that for a failure. */
static const char *const deadly[] = {"crash", "exit", "close"};

START_TEST(test_deadly)
{
	g_autoptr(ScanRun) it = run(deadly[_i]);

	ck_assert(!it->ended);
	ck_assert_uint_eq(it->certs->len, 0);
}
END_TEST

static const char *const hanging[] = {
	"hang-initialize", "hang-slots", "hang-find", "no-session", "endless"};

START_TEST(test_hanging)
{
	g_autoptr(ScanRun) it = start(hanging[_i]);

	scan_run_wait_error(it, "hanging");
	scan_run_linger(it, 100);
	/* A libp11 after 0.4.13 does not hang without a session, but fails. */
	ck_assert(!it->ended || (it->code != 0 && strcmp(hanging[_i], "no-session") == 0));
	ck_assert_uint_eq(it->certs->len, 0);
}
END_TEST

START_TEST(test_dies_with_parent)
{
	g_autofree char *nobody = g_strdup_printf("%d", (int)getpid() + 1);
	const char *arguments[] = {
		"--reader", READER, "--module", MODULE, "--parent", nobody, NULL};
	g_autoptr(ScanRun) it = start_with("", arguments);

	scan_run_finish(it);
	ck_assert(!it->ended);
	ck_assert_uint_eq(it->tokens->len, 0);
}
END_TEST

START_TEST(test_stdout_stays_clean)
{
	g_autoptr(ScanRun) it = run("stdout");

	assert_complete(it, 1, 3);
	ck_assert_ptr_nonnull(strstr(it->errors->str, "printed by the module"));
	ck_assert_ptr_nonnull(strstr(it->errors->str, "written by the module"));
}
END_TEST

static const char *const empty[] = {"empty", "unrecognised"};

START_TEST(test_no_card)
{
	g_autoptr(ScanRun) it = run(empty[_i]);

	assert_complete(it, 0, 0);
}
END_TEST

START_TEST(test_no_certificates)
{
	g_autoptr(ScanRun) it = run("none");

	assert_complete(it, 1, 0);
}
END_TEST

START_TEST(test_uninitialised)
{
	g_autoptr(ScanRun) it = run("uninitialised");

	assert_complete(it, 1, 0);
	ck_assert_uint_eq(scan_run_token(it, 0)->initialized, 0);
	ck_assert_uint_eq(it->notes->len, 1);
}
END_TEST

START_TEST(test_garbage)
{
	g_autoptr(ScanRun) it = run("garbage");
	g_autoptr(GBytes) third = nth_der(3);

	assert_complete(it, 1, 3);
	ck_assert_uint_eq(g_bytes_get_size(scan_run_cert(it, 1)->der), 0);
	ck_assert_str_eq(scan_run_cert(it, 1)->label, "Certificate 2");
	ck_assert(g_bytes_equal(scan_run_cert(it, 2)->der, third));
}
END_TEST

START_TEST(test_labels)
{
	g_autoptr(ScanRun) none = run("no-label");
	g_autoptr(ScanRun) bad = run("bad-label");
	g_autoptr(ScanRun) lengthy = run("long-label");

	assert_complete(none, 1, 3);
	ck_assert_str_eq(scan_run_cert(none, 0)->label, "");
	assert_complete(bad, 1, 3);
	ck_assert(g_utf8_validate(scan_run_cert(bad, 0)->label, -1, NULL));
	ck_assert_int_eq(strncmp(scan_run_cert(bad, 0)->label, "\x1b[2J", 4), 0);
	assert_complete(lengthy, 1, 3);
	ck_assert_uint_eq(strlen(scan_run_cert(lengthy, 0)->label), 60000);
	assert_the_three(lengthy);
}
END_TEST

START_TEST(test_many)
{
	g_autoptr(ScanRun) it = run("many");
	const char *arguments[] = {
		"--reader", READER, "--module", MODULE, "--max-certificates", "2", NULL};
	g_autoptr(ScanRun) two = start_with("", arguments);
	const char *last;

	assert_complete(it, 1, 64);
	assert_the_three(it);
	last = g_ptr_array_index(it->notes, it->notes->len - 1);
	ck_assert_uint_le(it->notes->len, 40);
	ck_assert_msg(strstr(last, "more certificates") != NULL, "%s", last);

	scan_run_finish(two);
	assert_complete(two, 1, 2);
	ck_assert_uint_eq(two->notes->len, 1);
	ck_assert_ptr_nonnull(strstr(g_ptr_array_index(two->notes, 0), "Certificate 3"));
}
END_TEST

START_TEST(test_huge)
{
	gsize size = 2 * 1024 * 1024;
	g_autofree char *email = g_strnfill(size, 'x');
	g_autoptr(GBytes) huge = maker_der(&(MakerSpec){.cn = "Huge", .email = email});
	g_autofree char *path = g_build_filename(directory, "cert.der", NULL);
	g_autoptr(ScanRun) it = NULL;

	ck_assert_uint_gt(g_bytes_get_size(huge), size);
	ck_assert(g_file_set_contents(
		path, g_bytes_get_data(huge, NULL), (gssize)g_bytes_get_size(huge), NULL));
	it = run("");
	assert_complete(it, 1, 0);
	ck_assert_uint_eq(it->notes->len, 3);
	ck_assert_ptr_nonnull(strstr(g_ptr_array_index(it->notes, 0), "larger"));
}
END_TEST

START_TEST(test_keys)
{
	g_autoptr(ScanRun) all = run("keys-all");
	g_autoptr(ScanRun) some = run("keys-some");
	g_autoptr(ScanRun) hidden = run("keys-hidden");

	for (guint i = 0; i < 3; i++) {
		ck_assert_uint_eq(scan_run_cert(all, i)->key, WIRE_KEY_SEEN);
		ck_assert_uint_eq(
			scan_run_cert(some, i)->key, i == 0 ? WIRE_KEY_SEEN : WIRE_KEY_NONE);
		ck_assert_uint_eq(
			scan_run_cert(hidden, i)->key, i == 0 ? WIRE_KEY_SEEN : WIRE_KEY_UNKNOWN);
	}
}
END_TEST

/* A module that is known to name its slots after the readers does not show ours. */
START_TEST(test_reader_absent)
{
	const char *arguments[] = {
		"--reader", "Fake Reader 00 07", "--module", MODULE, "--ignore", READER, NULL};
	g_autoptr(ScanRun) it = start_with("", arguments);

	scan_run_finish(it);
	assert_failed(it, CERTPROP_ERROR_MISSING, "Fake Reader 00 07");
	ck_assert_uint_eq(it->tokens->len, 0);
}
END_TEST

START_TEST(test_all_readers)
{
	const char *arguments[] = {"--module", MODULE, NULL};
	g_autoptr(ScanRun) it = start_with("two-names", arguments);

	scan_run_finish(it);
	assert_complete(it, 2, 6);
	ck_assert_str_eq(scan_run_token(it, 1)->serial, "3333");
	ck_assert_uint_eq(scan_run_cert(it, 3)->token, 1);
}
END_TEST

START_TEST(test_module_missing)
{
	const char *arguments[] = {"--module", "/nowhere/at-all.so", "--reader", READER, NULL};
	g_autoptr(ScanRun) it = start_with("", arguments);

	scan_run_finish(it);
	assert_failed(it, CERTPROP_ERROR_MISSING, "/nowhere/at-all.so");
}
END_TEST

START_TEST(test_module_is_none)
{
	const char *arguments[] = {"--module", "/lib/x86_64-linux-gnu/libm.so.6", NULL};
	g_autoptr(ScanRun) it = NULL;

	if (!g_file_test(arguments[1], G_FILE_TEST_EXISTS))
		arguments[1] = CERTPROP_BUILD_ROOT "/daemon/certprop-scan";
	it = start_with("", arguments);
	scan_run_finish(it);
	ck_assert(it->ended);
	ck_assert_uint_ne(it->code, 0);
}
END_TEST

START_TEST(test_print)
{
	const char *arguments[] = {"--print", "--module", MODULE, NULL};
	g_autoptr(ScanRun) it = start_with("bad-label", arguments);
	g_autofree char *base64 = NULL;
	g_autofree char *first = NULL;
	g_autoptr(GBytes) want = nth_der(1);

	scan_run_finish_text(it);
	ck_assert(it->exited);
	ck_assert_int_eq(it->status, 0);
	base64 = g_base64_encode(g_bytes_get_data(want, NULL), g_bytes_get_size(want));
	first = g_strndup(base64, 64);
	ck_assert_ptr_nonnull(strstr(it->output->str, first));
	ck_assert_ptr_nonnull(strstr(it->output->str, "CN=Ada Lovelace"));
	ck_assert_ptr_null(strchr(it->output->str, '\x1b'));
	ck_assert(g_utf8_validate(it->output->str, -1, NULL));
}
END_TEST

START_TEST(test_print_nothing)
{
	const char *arguments[] = {"--print", "--module", MODULE, NULL};
	g_autoptr(ScanRun) it = start_with("empty", arguments);

	scan_run_finish_text(it);
	ck_assert_int_eq(it->status, 1);
	ck_assert_str_eq(it->output->str, "");
}
END_TEST

/* SoftHSM: an honest module that is not ours, with an uninitialised slot that is always there. */

static const char *softhsm(void)
{
	static const char *const paths[] = {"/usr/lib/softhsm/libsofthsm2.so",
		"/usr/lib64/pkcs11/libsofthsm2.so", "/usr/lib/pkcs11/libsofthsm2.so"};

	for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
		if (g_file_test(paths[i], G_FILE_TEST_EXISTS))
			return paths[i];
	}
	harness_skip("SoftHSM is not installed");
}

static void must_run(const char *const *argv)
{
	g_autoptr(GError) error = NULL;
	int status;

	if (!g_spawn_sync(NULL, (char **)argv, NULL,
		    G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL,
		    &status, &error))
		ck_abort_msg("%s: %s", argv[0], error->message);
	ck_assert_msg(status == 0, "%s failed", argv[0]);
}

START_TEST(test_softhsm)
{
	const char *module = softhsm();
	g_autofree char *conf = g_build_filename(directory, "softhsm2.conf", NULL);
	g_autofree char *text =
		g_strdup_printf("directories.tokendir = %s\nlog.level = ERROR\n", directory);
	g_autofree char *cert = g_build_filename(directory, "cert.der", NULL);
	const char *init[] = {"softhsm2-util", "--init-token", "--free", "--label", "Honest",
		"--pin", "1234", "--so-pin", "1234", NULL};
	const char *import[] = {"pkcs11-tool", "--module", module, "--token-label", "Honest",
		"--login", "--pin", "1234", "-w", cert, "-y", "cert", "-d", "c0ffee", "-a", "Ada's",
		NULL};
	const char *arguments[] = {"--module", module, NULL};
	g_autoptr(ScanRun) it = NULL;

	ck_assert(g_file_set_contents(conf, text, -1, NULL));
	ck_assert(g_setenv("SOFTHSM2_CONF", conf, TRUE));
	must_run(init);
	must_run(import);

	it = scan_run_start(arguments, NULL);
	scan_run_finish(it);
	assert_complete(it, 2, 1);
	ck_assert_str_eq(scan_run_token(it, 0)->label, "Honest");
	ck_assert_uint_eq(scan_run_token(it, 1)->initialized, 0);
	ck_assert_str_eq(scan_run_cert(it, 0)->label, "Ada's");
	ck_assert(g_bytes_equal(scan_run_cert(it, 0)->der, der));
	ck_assert_mem_eq(g_bytes_get_data(scan_run_cert(it, 0)->id, NULL), "\xc0\xff\xee", 3);
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("scan");
	TCase *tcase = tcase_create("module");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_honest);
	tcase_add_loop_test(tcase, test_harmless, 0, G_N_ELEMENTS(harmless));
	tcase_add_loop_test(tcase, test_failure, 0, G_N_ELEMENTS(failures));
	tcase_add_loop_test(tcase, test_deadly, 0, G_N_ELEMENTS(deadly));
	tcase_add_loop_test(tcase, test_hanging, 0, G_N_ELEMENTS(hanging));
	tcase_add_test(tcase, test_dies_with_parent);
	tcase_add_test(tcase, test_stdout_stays_clean);
	tcase_add_loop_test(tcase, test_no_card, 0, G_N_ELEMENTS(empty));
	tcase_add_test(tcase, test_no_certificates);
	tcase_add_test(tcase, test_uninitialised);
	tcase_add_test(tcase, test_garbage);
	tcase_add_test(tcase, test_labels);
	tcase_add_test(tcase, test_many);
	tcase_add_test(tcase, test_huge);
	tcase_add_test(tcase, test_keys);
	tcase_add_test(tcase, test_reader_absent);
	tcase_add_test(tcase, test_all_readers);
	tcase_add_test(tcase, test_module_missing);
	tcase_add_test(tcase, test_module_is_none);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("print");
	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_print);
	tcase_add_test(tcase, test_print_nothing);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("softhsm");
	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_softhsm);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(int argc, char **argv)
{
	return harness_run(suite(), argc, argv);
}
