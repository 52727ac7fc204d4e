/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A store's frames, well-formed, misplaced and ill-formed, against what becomes of them.
 */

#include <check.h>

#include "harness.h"
#include "report.h"

static Report *report;

static void setup(void)
{
	report = report_new();
}

static void teardown(void)
{
	report = report_free(report);
}

/* Adds one frame (taken) as it comes off the wire. */
static bool add(GBytes *frame, GError **error)
{
	g_autoptr(WireReader) reader = wire_reader_new();
	gsize len;
	const void *data = g_bytes_get_data(frame, &len);

	wire_reader_push(reader, data, len);
	g_bytes_unref(frame);
	ck_assert_int_eq(wire_reader_next(reader, NULL), 1);
	return report_add_frame(report, reader, error);
}

static void must(GBytes *frame)
{
	g_autoptr(GError) error = NULL;

	ck_assert_msg(add(frame, &error), "%s", error != NULL ? error->message : "");
}

static void must_not(GBytes *frame)
{
	g_autoptr(GError) error = NULL;

	ck_assert(!add(frame, &error));
	ck_assert(g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL));
}

static GBytes *database(const char *path)
{
	return wire_pack(WIRE_REPORT_DATABASE, "ttttt", path, "shared", "work", "ok", "fine");
}

static GBytes *cert(const char *sha256)
{
	return wire_pack(WIRE_REPORT_CERT, "tttttnnn", sha256, "nick", "CN=s", "CN=i", "0a",
		(guint64)-5, (guint64)4000000000, (guint64)WIRE_CERT_OURS);
}

static GBytes *claim(const char *uri)
{
	return wire_pack(WIRE_REPORT_CLAIM, "tttttttttttt", uri, "maker", "model", "serial",
		"label", "01", "object", "/m.so", "local", "Reader", "host", "since");
}

static GBytes *step(const char *action)
{
	return wire_pack(WIRE_REPORT_STEP, "ttttn", action, "00ff", "nick", "why", (guint64)1);
}

static GBytes *end(void)
{
	return wire_pack(WIRE_REPORT_END, "n", (guint64)0);
}

START_TEST(test_whole)
{
	const ReportToken *token;
	const ReportDatabase *db;
	const ReportCert *c;
	const ReportClaim *cl;

	must(wire_pack(WIRE_REPORT_TOKEN, "tttttn", "maker", "model", "serial", "label", "/m.so",
		(guint64)4));
	must(database("sql:/a"));
	must(cert("aa"));
	must(claim("pkcs11:one"));
	must(claim("pkcs11:two"));
	must(cert("bb"));
	must(database("sql:/b"));
	must(step("create"));
	must(end());

	ck_assert(report->ended);
	ck_assert_uint_eq(report->tokens->len, 1);
	token = g_ptr_array_index(report->tokens, 0);
	ck_assert_str_eq(token->token->serial, "serial");
	ck_assert_str_eq(token->token->label, "label");
	ck_assert_str_eq(token->module, "/m.so");
	ck_assert_uint_eq(token->n_certs, 4);

	ck_assert_uint_eq(report->databases->len, 2);
	db = g_ptr_array_index(report->databases, 0);
	ck_assert_str_eq(db->path, "sql:/a");
	ck_assert_str_eq(db->application, "shared");
	ck_assert_str_eq(db->profile, "work");
	ck_assert_str_eq(db->status, "ok");
	ck_assert_str_eq(db->reason, "fine");
	ck_assert_uint_eq(db->certs->len, 2);
	ck_assert_uint_eq(db->steps->len, 0);
	c = g_ptr_array_index(db->certs, 0);
	ck_assert_str_eq(c->sha256, "aa");
	ck_assert_str_eq(c->subject, "CN=s");
	ck_assert_str_eq(c->issuer, "CN=i");
	ck_assert_str_eq(c->serial, "0a");
	ck_assert_int_eq(c->not_before, -5);
	ck_assert_int_eq(c->not_after, 4000000000);
	ck_assert_uint_eq(c->flags, WIRE_CERT_OURS);
	ck_assert_uint_eq(c->claims->len, 2);
	cl = g_ptr_array_index(c->claims, 1);
	ck_assert_str_eq(cl->uri, "pkcs11:two");
	ck_assert_str_eq(cl->token->manufacturer, "maker");
	ck_assert_str_eq(cl->id, "01");
	ck_assert_str_eq(cl->object, "object");
	ck_assert_str_eq(cl->module, "/m.so");
	ck_assert_str_eq(cl->endpoint, "local");
	ck_assert_str_eq(cl->reader, "Reader");
	ck_assert_str_eq(cl->host, "host");
	ck_assert_str_eq(cl->since, "since");
	/* The second certificate got none of the first one's claims. */
	c = g_ptr_array_index(db->certs, 1);
	ck_assert_uint_eq(c->claims->len, 0);
	db = g_ptr_array_index(report->databases, 1);
	ck_assert_uint_eq(db->steps->len, 1);
}
END_TEST

START_TEST(test_errors)
{
	const ReportDatabase *db;

	must(wire_pack(WIRE_REPORT_ERROR, "nt", (guint64)CERTPROP_ERROR_BUSY, "the batch"));
	must(wire_pack(WIRE_REPORT_ERROR, "nt", (guint64)CERTPROP_ERROR_DENIED, "the batch again"));
	must(database("sql:/a"));
	must(wire_pack(WIRE_REPORT_ERROR, "nt", (guint64)CERTPROP_ERROR_READ_ONLY, "this one"));
	db = g_ptr_array_index(report->databases, 0);
	ck_assert_uint_eq(report->errors->len, 2);
	ck_assert_int_eq(report->code, CERTPROP_ERROR_BUSY);
	ck_assert_uint_eq(db->errors->len, 1);
	ck_assert_str_eq(g_ptr_array_index(db->errors, 0), "this one");
}
END_TEST

/* A code that we do not know is a failure, not an enum out of its range. */
START_TEST(test_unknown_code)
{
	must(wire_pack(WIRE_REPORT_ERROR, "nt", G_MAXUINT64, "what"));
	ck_assert_int_eq(report->code, CERTPROP_ERROR_FAILED);
}
END_TEST

START_TEST(test_misplaced)
{
	must_not(cert("aa"));
	must_not(claim("pkcs11:x"));
	must_not(step("create"));
	must_not(wire_pack(WIRE_REPORT_PENDING, "nn", (guint64)1, (guint64)0));
	must_not(wire_pack(WIRE_SCAN_TOKEN, "ttttn", "a", "b", "c", "d", (guint64)1));
	must_not(wire_pack((WireType)0xffffffff, ""));
	must(database("sql:/a"));
	must_not(claim("pkcs11:x"));
	must(cert("aa"));
	must(database("sql:/b"));
	/* The claim would be of a certificate of the database before. */
	must_not(claim("pkcs11:x"));
}
END_TEST

START_TEST(test_after_the_end)
{
	must(end());
	must_not(end());
	must_not(database("sql:/a"));
	ck_assert(report->ended);
	ck_assert_uint_eq(report->databases->len, 0);
}
END_TEST

START_TEST(test_ill_formed)
{
	must_not(wire_pack(WIRE_REPORT_DATABASE, "tttt", "sql:/a", "shared", "", "ok"));
	must_not(wire_pack(WIRE_REPORT_DATABASE, "tttttt", "sql:/a", "shared", "", "ok", "", ""));
	must_not(wire_pack(WIRE_REPORT_TOKEN, "tttttt", "a", "b", "c", "d", "e", "not a number"));
	must_not(wire_pack(WIRE_REPORT_END, "t", "x"));
	ck_assert(!report->ended);
	must_not(wire_pack(WIRE_REPORT_END, "nn", (guint64)0, (guint64)0));
	ck_assert(!report->ended);
}
END_TEST

/* What a database loses is told later than what it gets, after other databases. */
START_TEST(test_database_again)
{
	const ReportDatabase *db;

	must(database("sql:/a"));
	must(step("create"));
	must(database("sql:/b"));
	must(database("sql:/a"));
	must(step("delete"));
	ck_assert_uint_eq(report->databases->len, 2);
	db = g_ptr_array_index(report->databases, 1);
	ck_assert_str_eq(db->path, "sql:/a");
	ck_assert_uint_eq(report_count(db, NULL), 2);
	db = g_ptr_array_index(report->databases, 0);
	ck_assert_uint_eq(report_count(db, NULL), 0);
}
END_TEST

START_TEST(test_count)
{
	static const char *const actions[] = {
		"create", "create", "claim", "release", "delete", "keep", "skip", NULL};
	const ReportDatabase *db;

	must(database("sql:/a"));
	for (const char *const *action = actions; *action != NULL; action++)
		must(step(*action));
	db = g_ptr_array_index(report->databases, 0);
	ck_assert_uint_eq(report_count(db, "create"), 2);
	ck_assert_uint_eq(report_count(db, "keep"), 1);
	ck_assert_uint_eq(report_count(db, "nothing"), 0);
	ck_assert_uint_eq(report_count(db, NULL), 5);
}
END_TEST

START_TEST(test_cues)
{
	ReportCue *cue, *copy;

	must(database("sql:/a"));
	must_not(wire_pack(WIRE_REPORT_CUE, "tttn", "/home/ada", "too early", "", (guint64)0));
	must(wire_pack(WIRE_REPORT_CUES, "n", (guint64)1024));
	must_not(wire_pack(WIRE_REPORT_CUES, "n", (guint64)0));
	for (unsigned i = 0; i < 1024; i++)
		must(wire_pack(WIRE_REPORT_CUE, "tttn", "/home/ada", "cert9.db", "stamp",
			(guint64)WIRE_CUE_LOCK));
	must_not(wire_pack(WIRE_REPORT_CUE, "tttn", "/home/ada", "one too many", "", (guint64)0));
	ck_assert_uint_eq(report->cues->len, 1024);
	cue = g_ptr_array_index(report->cues, 1023);
	copy = report_cue_dup(cue);
	ck_assert_str_eq(copy->dir, "/home/ada");
	ck_assert_str_eq(copy->name, "cert9.db");
	ck_assert_str_eq(copy->stamp, "stamp");
	ck_assert_uint_eq(copy->flags, WIRE_CUE_LOCK);
	/* It belongs to the array that it is put into. */
	g_ptr_array_add(report->cues, copy);
}
END_TEST

START_TEST(test_token_dup)
{
	g_autoptr(GPtrArray) copies = report_tokens_new();
	const ReportToken *copy;

	must(wire_pack(WIRE_REPORT_TOKEN, "tttttn", "maker", "model", "serial", "label", "/m.so",
		(guint64)4));
	g_ptr_array_add(copies, report_token_dup(g_ptr_array_index(report->tokens, 0)));
	report = report_free(report);
	copy = g_ptr_array_index(copies, 0);
	ck_assert_str_eq(copy->token->model, "model");
	ck_assert_str_eq(copy->module, "/m.so");
	ck_assert_uint_eq(copy->n_certs, 4);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("report");
	TCase *tc = tcase_create("report");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_whole);
	tcase_add_test(tc, test_errors);
	tcase_add_test(tc, test_unknown_code);
	tcase_add_test(tc, test_misplaced);
	tcase_add_test(tc, test_after_the_end);
	tcase_add_test(tc, test_ill_formed);
	tcase_add_test(tc, test_database_again);
	tcase_add_test(tc, test_count);
	tcase_add_test(tc, test_token_dup);
	tcase_add_test(tc, test_cues);
	suite_add_tcase(suite, tc);
	return harness_run(suite, argc, argv);
}
