/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl's pure parts: whether a key is here, what becomes of a certificate, which certificate
 * is meant, what several batches add up to, what happened between two views.
 */

#include <string.h>

#include "change.h"
#include "fate.h"
#include "harness.h"
#include "key.h"
#include "match.h"
#include "outcome.h"

#define HERE  "00112233445566778899aabbccddeeff"
#define THERE "ffeeddccbbaa99887766554433221100"
#define SHA_A "aaaa567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef"
#define SHA_B "aaaa667890abcdef1234567890abcdef1234567890abcdef1234567890abcdef"
#define SHA_C "cccc567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef"

/*
 * Reports are built by the frames that make them, so that nothing here knows how they are
 * allocated.
 */

static void add_frame(Report *report, GBytes *frame)
{
	g_autoptr(WireReader) reader = wire_reader_new();
	g_autoptr(GError) error = NULL;
	gsize len;
	const void *data = g_bytes_get_data(frame, &len);

	wire_reader_push(reader, data, len);
	ck_assert_int_eq(wire_reader_next(reader, NULL), 1);
	ck_assert_msg(report_add_frame(report, reader, &error), "%s",
		error != NULL ? error->message : "");
	g_bytes_unref(frame);
}

static ReportDatabase *add_database(Report *report, const char *path, const char *status)
{
	add_frame(report, wire_pack(WIRE_REPORT_DATABASE, "ttttt", path, "shared", "", status, ""));

	return g_ptr_array_index(report->databases, report->databases->len - 1);
}

static ReportCert *add_cert(Report *report, const char *sha256, const char *nickname,
	const char *subject, const char *serial, guint64 flags)
{
	add_frame(report, wire_pack(WIRE_REPORT_CERT, "tttttnnn", sha256, nickname, subject,
				  "CN=CA", serial, (guint64)1000, (guint64)2000, flags));

	ReportDatabase *database = g_ptr_array_index(report->databases, report->databases->len - 1);
	return g_ptr_array_index(database->certs, database->certs->len - 1);
}

static void add_claim(Report *report, const char *serial, const char *endpoint, const char *host)
{
	add_frame(report, wire_pack(WIRE_REPORT_CLAIM, "tttttttttttt", "pkcs11:x", "maker", "model",
				  serial, "label", "01", "object", "/m.so", endpoint, "Reader 0",
				  host, "2026-11-22T09:00:00Z"));
}

static void add_step(Report *report, const char *action, const char *sha256, const char *reason)
{
	add_frame(report,
		wire_pack(WIRE_REPORT_STEP, "ttttn", action, sha256, "nick", reason, (guint64)1));
}

/*
 * key
 */

static GPtrArray *seen(const char *state, bool settled, const char *serial)
{
	GPtrArray *endpoints = g_ptr_array_new_with_free_func((GDestroyNotify)seen_endpoint_free);
	SeenEndpoint *local = seen_endpoint_new("local");
	SeenReader *reader = seen_reader_new("Reader 0", 0);

	g_free(local->state);
	local->state = g_strdup(state);
	local->settled = settled;
	if (serial != NULL) {
		g_autoptr(Token) token = token_new("maker", "model", serial, "another label");

		g_ptr_array_add(reader->tokens, seen_token_new(token, "/m.so", 1));
	}
	g_ptr_array_add(local->readers, reader);
	g_ptr_array_add(endpoints, local);

	return endpoints;
}

static const struct {
	const char *name;
	const char *state;
	bool settled;
	const char *token;        /* serial of the one that is here, or NULL */
	const char *claims[2][3]; /* serial, endpoint, host */
	Key key;
} keys[] = {
	{"the token is here", "ok", true, "12", {{"12", "local", HERE}}, KEY_PRESENT},
	{"here, though not all were read", "ok", false, "12", {{"12", "local", HERE}}, KEY_PRESENT},
	{"another token is here", "ok", true, "13", {{"12", "local", HERE}}, KEY_ABSENT},
	{"no token is here", "ok", true, NULL, {{"12", "local", HERE}}, KEY_ABSENT},
	{"not all were read", "ok", false, NULL, {{"12", "local", HERE}}, KEY_UNKNOWN},
	{"no pcscd", "absent", true, NULL, {{"12", "local", HERE}}, KEY_UNKNOWN},
	{"no pcscd, but a token of before", "absent", true, "12", {{"12", "local", HERE}},
		KEY_UNKNOWN},
	{"another host's", "ok", true, NULL, {{"12", "local", THERE}}, KEY_UNKNOWN},
	{"another host's card is here now", "ok", true, "12", {{"12", "local", THERE}},
		KEY_PRESENT},
	{"an endpoint that is not there", "ok", true, NULL, {{"12", "forwarded:x", HERE}},
		KEY_UNKNOWN},
	{"its card came in locally", "ok", true, "12", {{"12", "forwarded:x", HERE}}, KEY_PRESENT},
	{"no serial, one of its kind is here", "ok", true, "", {{"", "local", HERE}}, KEY_UNKNOWN},
	{"a serial of zeros is none", "ok", true, "0000", {{"0000", "local", HERE}}, KEY_UNKNOWN},
	{"no serial, none of its kind is here", "ok", true, "12", {{"", "local", HERE}},
		KEY_ABSENT},
	{"two claims, one present", "ok", true, "12",
		{{"13", "local", THERE}, {"12", "local", HERE}}, KEY_PRESENT},
	{"two claims, one unknown", "ok", true, NULL,
		{{"12", "local", HERE}, {"13", "local", THERE}}, KEY_UNKNOWN},
	{"two claims, both absent", "ok", true, NULL,
		{{"12", "local", HERE}, {"13", "local", HERE}}, KEY_ABSENT},
	{"not ours: no claim", "ok", true, "12", {{NULL}}, KEY_UNKNOWN},
};

START_TEST(key_presence)
{
	g_autoptr(Report) report = report_new();
	g_autoptr(GPtrArray) endpoints = seen(keys[_i].state, keys[_i].settled, keys[_i].token);

	add_database(report, "sql:/a", "ok");
	ReportCert *cert = add_cert(report, SHA_A, "nick", "CN=x", "1", WIRE_CERT_OURS);
	for (gsize i = 0; i < 2 && keys[_i].claims[i][0] != NULL; i++)
		add_claim(report, keys[_i].claims[i][0], keys[_i].claims[i][1],
			keys[_i].claims[i][2]);

	Key key = key_of_cert(cert, endpoints, HERE);
	ck_assert_msg(key == keys[_i].key, "%s: %s", keys[_i].name, key_word(key));
}
END_TEST

/*
 * fate
 */

static const struct {
	const char *name;
	const char *settings[2][3]; /* group, key, value */
	guint flags;
	const char *claims[2][2]; /* endpoint, host; the first is asked about */
	Fate removal, logout, renewal, expiry;
} fates[] = {
	{"defaults", {{NULL}}, 0, {{"local", HERE}}, FATE_STAYS, FATE_STAYS, FATE_DELETED,
		FATE_DELETED},
	{"removal", {{"local", "on-removal", "remove"}}, 0, {{"local", HERE}}, FATE_DELETED,
		FATE_STAYS, FATE_DELETED, FATE_DELETED},
	{"log-out", {{"local", "on-logout", "remove"}}, 0, {{"local", HERE}}, FATE_STAYS,
		FATE_DELETED, FATE_DELETED, FATE_DELETED},
	{"expired ones allowed", {{"filter", "time-invalid", "allow"}}, 0, {{"local", HERE}},
		FATE_STAYS, FATE_STAYS, FATE_DELETED, FATE_STAYS},
	{"adopted", {{"local", "on-removal", "remove"}}, WIRE_CERT_ADOPTED, {{"local", HERE}},
		FATE_HANDED, FATE_STAYS, FATE_HANDED, FATE_HANDED},
	{"two cards", {{"local", "on-removal", "remove"}, {"local", "on-logout", "remove"}}, 0,
		{{"local", HERE}, {"local", HERE}}, FATE_SHARED, FATE_DELETED, FATE_SHARED,
		FATE_SHARED},
	{"two hosts", {{"local", "on-removal", "remove"}, {"local", "on-logout", "remove"}}, 0,
		{{"local", HERE}, {"local", THERE}}, FATE_SHARED, FATE_SHARED, FATE_SHARED,
		FATE_SHARED},
	{"another host's", {{"local", "on-removal", "remove"}}, 0, {{"local", THERE}},
		FATE_ELSEWHERE, FATE_ELSEWHERE, FATE_ELSEWHERE, FATE_ELSEWHERE},
	{"redirected", {{NULL}}, 0, {{"xrdp:10", HERE}}, FATE_DELETED, FATE_DELETED, FATE_DELETED,
		FATE_DELETED},
	{"redirected, kept", {{"redirected", "policy", "keep"}}, 0, {{"xrdp:10", HERE}}, FATE_STAYS,
		FATE_STAYS, FATE_DELETED, FATE_DELETED},
	{"an authority", {{"local", "on-removal", "remove"}, {"local", "on-logout", "remove"}},
		WIRE_CERT_CA, {{"local", HERE}}, FATE_DELETED, FATE_DELETED, FATE_DELETED,
		FATE_DELETED},
	{"an authority, kept", {{"local", "on-removal", "remove"}, {"ca", "cleanup", "keep"}},
		WIRE_CERT_CA, {{"local", HERE}}, FATE_STAYS, FATE_STAYS, FATE_DELETED,
		FATE_DELETED},
};

START_TEST(fate)
{
	g_autoptr(Config) config = config_new();
	g_autoptr(Report) report = report_new();

	for (gsize i = 0; i < 2 && fates[_i].settings[i][0] != NULL; i++)
		ck_assert(config_set(config, fates[_i].settings[i][0], fates[_i].settings[i][1],
			fates[_i].settings[i][2], "test", NULL));
	add_database(report, "sql:/a", "ok");
	ReportCert *cert =
		add_cert(report, SHA_A, "nick", "CN=x", "1", WIRE_CERT_OURS | fates[_i].flags);
	for (gsize i = 0; i < 2 && fates[_i].claims[i][0] != NULL; i++) {
		g_autofree char *serial = g_strdup_printf("%zu", 10 + i);

		add_claim(report, serial, fates[_i].claims[i][0], fates[_i].claims[i][1]);
	}

	const ReportClaim *claim = g_ptr_array_index(cert->claims, 0);
	Fate removal = fate_of_claim(config, cert, claim, HERE, FATE_ON_REMOVAL);
	Fate logout = fate_of_claim(config, cert, claim, HERE, FATE_ON_LOGOUT);
	ck_assert_msg(
		removal == fates[_i].removal, "%s: removal %s", fates[_i].name, fate_word(removal));
	ck_assert_msg(
		logout == fates[_i].logout, "%s: log-out %s", fates[_i].name, fate_word(logout));

	Fate renewal = fate_of_claim(config, cert, claim, HERE, FATE_ON_RENEWAL);
	Fate expiry = fate_of_claim(config, cert, claim, HERE, FATE_ON_EXPIRY);
	ck_assert_msg(
		renewal == fates[_i].renewal, "%s: renewal %s", fates[_i].name, fate_word(renewal));
	ck_assert_msg(
		expiry == fates[_i].expiry, "%s: expiry %s", fates[_i].name, fate_word(expiry));
}
END_TEST

/*
 * match
 */

static const struct {
	const char *text;
	guint n, distinct;
	const char *first; /* SHA-256, or NULL */
} lookups[] = {
	{"Jane", 2, 1, SHA_A},     /* a full nickname, in two databases */
	{"jane", 3, 2, SHA_A},     /* else a part, in any case */
	{"cccc", 1, 1, SHA_C},     /* the beginning of a fingerprint */
	{"CC:CC:56", 1, 1, SHA_C}, /* as tools print it */
	{"ccc", 0, 0, NULL},       /* too short, and in no subject */
	{"aaaa", 3, 2, SHA_A},     /* ambiguous */
	{"aaaa6", 1, 1, SHA_B},
	{"0x00BEEF", 1, 1, SHA_C}, /* a serial */
	{"7", 2, 1, SHA_A},
	{"o=ümlaut", 1, 1, SHA_C}, /* case of letters beyond ASCII */
	{"nothing like it", 0, 0, NULL},
	{"", 0, 0, NULL},
};

START_TEST(lookup)
{
	g_autoptr(Report) report = report_new();

	add_database(report, "sql:/a", "ok");
	add_cert(report, SHA_A, "Jane", "CN=Jane Doe", "7", WIRE_CERT_OURS);
	add_cert(report, SHA_B, "Jane (2)", "CN=J. Doe", "8", WIRE_CERT_OURS);
	add_cert(report, SHA_C, "Kim", "CN=Kim,O=ÜMLAUT", "beef", 0);
	add_database(report, "sql:/b", "ok");
	add_cert(report, SHA_A, "Jane", "CN=Jane Doe", "7", WIRE_CERT_OURS);

	g_autoptr(GPtrArray) matches = match_text(report, lookups[_i].text);
	ck_assert_uint_eq(matches->len, lookups[_i].n);
	ck_assert_uint_eq(match_distinct(matches), lookups[_i].distinct);
	if (lookups[_i].first != NULL)
		ck_assert_str_eq(
			((Match *)g_ptr_array_index(matches, 0))->cert->sha256, lookups[_i].first);

	g_autoptr(GPtrArray) exact = match_sha256(report, SHA_A);
	ck_assert_uint_eq(exact->len, 2);
}
END_TEST

#define DER       "\x30\x03\x02\x01\x05"
#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END   "-----END CERTIFICATE-----"

static const struct {
	const char *data;
	gsize len;
	bool good;
} files[] = {
#define FILE_OF(bytes) bytes, sizeof(bytes) - 1
	{FILE_OF(DER), true},
	{FILE_OF(PEM_BEGIN "\nMAMCAQU=\n" PEM_END "\n"), true},
	{FILE_OF("text before\n" PEM_BEGIN "\r\nMAMC\r\nAQU=\r\n" PEM_END), true},
	{FILE_OF(DER "\x00"), false},         /* something after it */
	{FILE_OF("\x30\x03\x02\x01"), false}, /* cut off */
	{FILE_OF(""), false},
	{FILE_OF("\x30"), false},
	{FILE_OF("\x30\x83\x00\x00"), false},
	{FILE_OF("\x30\x84\x00\x00\x00\x00"), false},
	{FILE_OF(PEM_BEGIN "\nMAMCAQU=\n"), false},
	{FILE_OF("-----BEGIN PRIVATE KEY-----\nMAMCAQU=\n-----END PRIVATE KEY-----\n"), false},
};

START_TEST(certificate_file)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *expected =
		g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)DER, 5);
	/* exactly as long as it is, so that reading beyond it shows */
	g_autofree guint8 *data = g_memdup2(files[_i].data, files[_i].len);
	g_autofree char *sha256 = match_file_sha256(data, files[_i].len, &error);

	if (files[_i].good)
		ck_assert_str_eq(sha256, expected);
	else
		ck_assert_ptr_nonnull(error);
	ck_assert_int_eq(sha256 != NULL, files[_i].good);
}
END_TEST

/*
 * outcome
 */

START_TEST(outcome_of_two_batches)
{
	g_autoptr(Report) one = report_new();
	g_autoptr(Report) two = report_new();
	g_autoptr(GPtrArray) reports = g_ptr_array_new();

	add_database(one, "sql:/a", "ok");
	add_step(one, "create", SHA_A, "new");
	add_step(one, "keep", SHA_B, "known");
	add_step(one, "skip", SHA_C, "expired");
	add_database(two, "sql:/b", "ok");
	add_step(two, "keep", SHA_B, "known");
	add_database(two, "sql:/a", "busy");
	add_step(two, "claim", SHA_A, "new");
	add_step(two, "keep", SHA_B, "known");
	add_step(two, "skip", SHA_C, "expired");
	add_step(two, "skip", SHA_C, "users-own");
	add_step(two, "release", SHA_B, "superseded");
	add_step(two, "delete", SHA_C, "superseded");
	add_frame(two, wire_pack(WIRE_REPORT_ERROR, "nt", (guint64)1, "it is locked"));
	g_ptr_array_add(reports, one);
	g_ptr_array_add(reports, two);

	g_autoptr(GPtrArray) databases = outcome_merge(reports);
	ck_assert_uint_eq(databases->len, 2);
	const OutcomeDatabase *a = g_ptr_array_index(databases, 0);
	ck_assert_str_eq(a->path, "sql:/a");
	ck_assert_str_eq(a->status, "busy");
	ck_assert_uint_eq(a->created, 1);
	ck_assert_uint_eq(a->claimed, 1);
	ck_assert_uint_eq(a->released, 1);
	ck_assert_uint_eq(a->deleted, 1);
	ck_assert_uint_eq(a->kept, 1); /* both batches kept the same one */
	ck_assert_uint_eq(a->skipped->len, 2);
	ck_assert_uint_eq(a->steps->len, 4);
	ck_assert_uint_eq(a->errors->len, 1);
	ck_assert_uint_eq(outcome_writes(a), 4);
	const OutcomeDatabase *b = g_ptr_array_index(databases, 1);
	ck_assert_uint_eq(b->kept, 1);
	ck_assert_uint_eq(outcome_writes(b), 0);
}
END_TEST

/*
 * change
 */

static WatcherView *view_of(WireService service)
{
	WatcherView *view = g_new0(WatcherView, 1);

	view->service = service;
	view->readers = g_ptr_array_new_with_free_func(g_free);

	return view;
}

static WatcherView *view_free(WatcherView *view)
{
	g_ptr_array_unref(view->readers);
	g_free(view);

	return NULL;
}

static void add_reader(WatcherView *view, const char *name, unsigned ordinal, guint32 counter)
{
	WatcherReader *reader = g_new0(WatcherReader, 1);

	reader->name = (char *)name;
	reader->ordinal = ordinal;
	reader->counter = counter;
	reader->flags = counter % 2 != 0 ? WIRE_READER_PRESENT : 0; /* odd: a card is in */
	g_ptr_array_add(view->readers, reader);
}

/* "kind reader, kind reader" */
static char *update(Change *change, WatcherView *view)
{
	g_autoptr(GPtrArray) events = change_update(change, view);
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < events->len; i++) {
		const char *kind = "?", *about = "?";
		GVariant *event = g_ptr_array_index(events, i);

		ck_assert(g_variant_lookup(event, "kind", "&s", &kind));
		if (!g_variant_lookup(event, "reader", "&s", &about))
			ck_assert(g_variant_lookup(event, "reason", "&s", &about));
		g_string_append_printf(text, "%s%s %s", i > 0 ? ", " : "", kind, about);
	}
	view_free(view);

	return g_string_free(text, FALSE);
}

static void expect(Change *change, WatcherView *view, const char *expected)
{
	g_autofree char *text = update(change, view);

	ck_assert_str_eq(text, expected);
}

START_TEST(changes_in_a_row)
{
	g_autoptr(Change) change = change_new("local");
	WatcherView *view;

	view = view_of(WIRE_SERVICE_OK);
	add_reader(view, "A 0", 0, 1);
	add_reader(view, "B", 0, 0);
	expect(change, view, "service ok, card-in A 0");

	view = view_of(WIRE_SERVICE_OK); /* nothing new */
	add_reader(view, "A 0", 0, 1);
	add_reader(view, "B", 0, 0);
	expect(change, view, "");

	view = view_of(WIRE_SERVICE_OK); /* a swap between two looks, and a card in the other */
	add_reader(view, "A 0", 0, 3);
	add_reader(view, "B", 0, 1);
	expect(change, view, "card-out A 0, card-in A 0, card-in B");

	view = view_of(WIRE_SERVICE_OK); /* a twin of A, with the same counter */
	add_reader(view, "A 0", 0, 3);
	add_reader(view, "A 0", 1, 3);
	add_reader(view, "B", 0, 2);
	expect(change, view, "card-out B, card-in A 0");

	expect(change, view_of(WIRE_SERVICE_ABSENT), "card-out A 0, card-out A 0, service absent");
	expect(change, view_of(WIRE_SERVICE_ABSENT), "");
	expect(change, view_of(WIRE_SERVICE_OK), "service ok");
}
END_TEST

/*
 * seen
 */

START_TEST(status_of_a_strange_peer)
{
	g_autoptr(GVariant) status = g_variant_ref_sink(g_variant_new_parsed(
		"{'endpoints': <[{'name': <'local'>, 'state': <'ok'>, 'settled': <true>,"
		" 'readers': <[{'name': <'R'>, 'ordinal': <uint32 1>, 'tokens': <[{"
		"'serial': <'12'>, 'model': <'model'>, 'manufacturer': <'maker'>,"
		" 'certificates': <uint32 4>}]>}]>},"
		" {'name': <uint32 3>, 'settled': <'yes'>, 'readers': <'none'>}]>}"));
	g_autoptr(GPtrArray) endpoints = seen_from_status(status);
	g_autoptr(Token) token = token_new("maker", "model", "12", "");

	ck_assert_uint_eq(endpoints->len, 2);
	const SeenReader *reader = seen_find_token(endpoints, token);
	ck_assert_ptr_nonnull(reader);
	ck_assert_uint_eq(reader->ordinal, 1);
	ck_assert_str_eq(reader->retry_at, "");
	const SeenToken *seen_token = g_ptr_array_index(reader->tokens, 0);
	ck_assert_uint_eq(seen_token->n_certs, 4);

	const SeenEndpoint *strange = g_ptr_array_index(endpoints, 1);
	ck_assert_str_eq(strange->name, "");
	ck_assert(!strange->settled);
	ck_assert(!seen_endpoint_live(strange));
	ck_assert_uint_eq(strange->readers->len, 0);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("ctl-facts");
	TCase *tcase = tcase_create("facts");

	tcase_add_loop_test(tcase, key_presence, 0, G_N_ELEMENTS(keys));
	tcase_add_loop_test(tcase, fate, 0, G_N_ELEMENTS(fates));
	tcase_add_loop_test(tcase, lookup, 0, G_N_ELEMENTS(lookups));
	tcase_add_loop_test(tcase, certificate_file, 0, G_N_ELEMENTS(files));
	tcase_add_test(tcase, outcome_of_two_batches);
	tcase_add_test(tcase, changes_in_a_row);
	tcase_add_test(tcase, status_of_a_strange_peer);
	suite_add_tcase(suite, tcase);

	return harness_run(suite, argc, argv);
}
