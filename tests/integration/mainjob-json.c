/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What certpropctl says, as scripts read it: each document keeps its contract, each value in it is
 * what SQL, openssl, p11-kit and pcscd say, and it is the same with a daemon and without one.
 */
#include "mainjob.h"

#include <p11-kit/uri.h>
#include <string.h>

#include "ctlbench.h"
#include "harness.h"

#define ADA    (&(const Deal){.certs = 6, .guid = JOB_GUID_A, .expired = 1u << 4, .ca = 1u << 5})
#define STORED 5u /* the expired one is not */
#define BORIS  (&(const Deal){.certs = 2, .guid = JOB_GUID_B, .cn = "Boris"})
#define OTHERS 2u

typedef P11KitUri Uri;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Uri, p11_kit_uri_free)

static char *ada, *boris, *own;

static JsonNode *ask(const char *contract, const char *verb, const char *word)
{
	g_autofree char *text = job_ctl(0, verb, "--json", word, NULL);

	return contract_check(text, contract);
}

static const char *text_of(JsonObject *object, const char *member)
{
	return contract_text(object, member);
}

static guint number_of(JsonObject *object, const char *member)
{
	return (guint)json_object_get_int_member(object, member);
}

static bool bool_of(JsonObject *object, const char *member)
{
	return json_object_get_boolean_member(object, member);
}

/* A database with all there is: a card that is in, one that is out, an adopted certificate, one of
   the user's own. A daemon runs. */
static void arrange(void)
{
	g_autofree char *der = NULL;
	g_autofree char *sql = job_sql();
	g_autofree char *nickname = NULL;

	rig_db_create(world.database);
	own = rig_deal(&(const Deal){.certs = 1, .cn = "Somebody Else"});
	der = job_file(own, 0, "der");
	rig_db_import(world.database, "my own", der, ",,");
	world_start();
	ada = job_card(0, ADA);
	boris = job_card(1, BORIS);
	job_out(1);
	nickname = job_label(boris, 0);

	const char *argv[] = {
		"certutil", "--rename", "-d", sql, "-n", nickname, "--new-n", "Bob", NULL};
	g_free(rig_run_ok(argv, NULL));
}

static void tidy(void)
{
	g_clear_pointer(&ada, g_free);
	g_clear_pointer(&boris, g_free);
	g_clear_pointer(&own, g_free);
}

/* What openssl says of a certificate, the value after "KEY=". */
static char *openssl_says(GBytes *der, const char *option, const char *key)
{
	g_autofree char *path = g_build_filename(rig_directory(), "asked.der", NULL);
	const char *argv[] = {"openssl", "x509", "-inform", "DER", "-in", path, "-noout", option,
		"-dateopt", "iso_8601", "-nameopt", "RFC2253", NULL};
	g_autofree char *output = NULL;

	ck_assert(g_file_set_contents(
		path, g_bytes_get_data(der, NULL), (gssize)g_bytes_get_size(der), NULL));
	output = g_strchomp(rig_run_ok(argv, NULL));
	ck_assert_msg(g_str_has_prefix(output, key), "%s", output);
	return g_strdup(output + strlen(key));
}

static void check_certificate(JsonObject *entry, GBytes *der)
{
	g_autofree char *sha256 = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, der);
	g_autofree char *subject = openssl_says(der, "-subject", "subject=");
	g_autofree char *issuer = openssl_says(der, "-issuer", "issuer=");
	g_autofree char *number = openssl_says(der, "-serial", "serial=");
	g_autofree char *serial = g_ascii_strdown(number, -1);
	g_autofree char *start = openssl_says(der, "-startdate", "notBefore=");
	g_autofree char *end = openssl_says(der, "-enddate", "notAfter=");
	g_autoptr(GBytes) authority = rig_dealt_der(ada, 5);

	ck_assert_str_eq(text_of(entry, "sha256"), sha256);
	ck_assert_str_eq(text_of(entry, "subject"), subject);
	ck_assert_str_eq(text_of(entry, "issuer"), issuer);
	/* Without leading zeros. */
	ck_assert_str_eq(text_of(entry, "serial"), serial + strspn(serial, "0"));
	ck_assert_str_eq(text_of(entry, "not_before"), g_strdelimit(start, " ", 'T'));
	ck_assert_str_eq(text_of(entry, "not_after"), g_strdelimit(end, " ", 'T'));
	ck_assert(bool_of(entry, "ca") == g_bytes_equal(der, authority));
}

static void check_field(JsonObject *claim, const char *member, const void *field, gsize size)
{
	g_autofree char *text = g_strchomp(g_strndup(field, size));

	ck_assert_str_eq(text_of(claim, member), text);
}

static void check_attribute(JsonObject *claim, const char *member, Uri *uri, gulong type, bool hex)
{
	CK_ATTRIBUTE *attribute = p11_kit_uri_get_attribute(uri, type);
	g_autoptr(GString) text = g_string_new(NULL);

	ck_assert_ptr_nonnull(attribute);
	for (gulong i = 0; i < attribute->ulValueLen; i++)
		g_string_append_printf(
			text, hex ? "%02x" : "%c", ((const guint8 *)attribute->pValue)[i]);
	ck_assert_str_eq(text_of(claim, member), text->str);
}

static void check_claim(JsonObject *claim, const char *line)
{
	static const char *const members[][2] = {{"endpoint", "x-endpoint"}, {"reader", "x-reader"},
		{"host", "x-host"}, {"since", "x-since"}};
	g_autoptr(Uri) uri = p11_kit_uri_new();
	const CK_TOKEN_INFO *token;

	ck_assert_str_eq(text_of(claim, "uri"), line);
	ck_assert_int_eq(p11_kit_uri_parse(line, P11_KIT_URI_FOR_ANY, uri), P11_KIT_URI_OK);
	token = p11_kit_uri_get_token_info(uri);
	check_field(claim, "manufacturer", token->manufacturerID, sizeof(token->manufacturerID));
	check_field(claim, "model", token->model, sizeof(token->model));
	check_field(claim, "serial", token->serialNumber, sizeof(token->serialNumber));
	check_field(claim, "label", token->label, sizeof(token->label));
	check_attribute(claim, "id", uri, CKA_ID, true);
	check_attribute(claim, "object", uri, CKA_LABEL, false);
	ck_assert_str_eq(text_of(claim, "module"), p11_kit_uri_get_module_path(uri));
	for (gsize i = 0; i < G_N_ELEMENTS(members); i++)
		ck_assert_str_eq(text_of(claim, members[i][0]),
			p11_kit_uri_get_vendor_query(uri, members[i][1]));
}

static void check_claims(JsonObject *entry, const char *url)
{
	g_auto(GStrv) lines = g_strsplit(url, "\n", -1);
	guint n = 0;

	for (char **line = lines; *line != NULL; line++) {
		g_strchomp(*line);
		if (**line != '\0')
			check_claim(contract_element(entry, "claims", n++), *line);
	}
	ck_assert_uint_eq(contract_length(entry, "claims"), n);
}

/* Boris's card is out, and one of his certificates was renamed. */
static void check_state(JsonObject *entry, const RigDbRow *row)
{
	bool is_his = strstr(row->url, JOB_SERIAL_B) != NULL;

	ck_assert_str_eq(text_of(entry, "nickname"), row->label);
	ck_assert_str_eq(text_of(entry, "key"), is_his ? "absent" : "present");
	ck_assert(bool_of(entry, "adopted") == (strcmp(row->label, "Bob") == 0));
}

static void check_database(JsonObject *database)
{
	g_autofree char *sql = job_sql();

	ck_assert_str_eq(text_of(database, "path"), sql);
	ck_assert_str_eq(text_of(database, "application"), "shared");
	ck_assert_str_eq(text_of(database, "status"), "ok");
}

START_TEST(test_list)
{
	g_autoptr(JsonNode) root = NULL;
	g_autoptr(GPtrArray) rows = NULL;
	JsonObject *database;
	guint n = 0;

	arrange();
	if (_i == 1)
		ck_assert_int_eq(world_stop(), 0);
	root = ask(ctl_list_contract, "list", NULL);
	rows = rig_db_certificates(world.database);
	ck_assert_uint_eq(contract_length(json_node_get_object(root), "databases"), 1);
	database = contract_member(root, "databases", 0);
	check_database(database);
	for (guint i = 0; i < rows->len; i++) {
		const RigDbRow *row = g_ptr_array_index(rows, i);
		g_autofree char *sha256 = ctl_sha256(row->der);
		JsonObject *entry = ctl_listed(database, sha256);

		if (row->url == NULL) {
			ck_assert_ptr_null(entry);
			continue;
		}
		ck_assert_ptr_nonnull(entry);
		check_certificate(entry, row->der);
		check_claims(entry, row->url);
		check_state(entry, row);
		n++;
	}
	ck_assert_uint_eq(n, STORED + OTHERS);
	ck_assert_uint_eq(contract_length(database, "certificates"), n);
	tidy();
}
END_TEST

/* By the SHA-256 of each row, the user's own included. */
START_TEST(test_show)
{
	g_autoptr(GPtrArray) rows = NULL;

	arrange();
	if (_i == 1)
		ck_assert_int_eq(world_stop(), 0);
	rows = rig_db_certificates(world.database);
	for (guint i = 0; i < rows->len; i++) {
		const RigDbRow *row = g_ptr_array_index(rows, i);
		g_autofree char *sha256 = ctl_sha256(row->der);
		g_autoptr(JsonNode) root = ask(ctl_show_contract, "show", sha256);
		JsonObject *database = contract_member(root, "databases", 0);

		check_certificate(json_node_get_object(root), row->der);
		check_database(database);
		ck_assert_str_eq(text_of(database, "nickname"), row->label);
		ck_assert(bool_of(database, "propagated") == (row->url != NULL));
		check_claims(database, row->url != NULL ? row->url : "");
		if (row->url != NULL)
			check_state(database, row);
	}
	tidy();
}
END_TEST

static void check_token(JsonObject *token, guint certificates)
{
	ck_assert_str_eq(text_of(token, "manufacturer"), "piv_II");
	ck_assert_str_eq(text_of(token, "model"), "PKCS#15 emulated");
	ck_assert_str_eq(text_of(token, "serial"), JOB_SERIAL_A);
	ck_assert_str_eq(text_of(token, "label"), "Ada Lovelace");
	ck_assert_uint_eq(number_of(token, "certificates"), certificates);
}

static void check_reader(JsonObject *entry, const char *name)
{
	RigReader seen = rig_reader_look(name);
	g_autoptr(GString) atr = g_string_new(NULL);

	for (gsize i = 0; i < seen.atr_length; i++)
		g_string_append_printf(atr, "%02x", seen.atr[i]);
	ck_assert_str_eq(text_of(entry, "name"), name);
	ck_assert_str_eq(text_of(entry, "state"), seen.present ? "read" : "empty");
	ck_assert_str_eq(text_of(entry, "atr"), atr->str);
	ck_assert_uint_eq(number_of(entry, "counter"), seen.counter);
	ck_assert_uint_eq(contract_length(entry, "tokens"), seen.present ? 1 : 0);
	if (seen.present)
		check_token(contract_element(entry, "tokens", 0), 6);
}

static void check_daemon(JsonObject *daemon, bool running)
{
	ck_assert(bool_of(daemon, "running") == running);
	ck_assert(bool_of(daemon, "answers") == running);
	if (running)
		ck_assert_uint_eq(number_of(daemon, "pid"), (guint)rig_process_pid(world.daemon));
}

START_TEST(test_status)
{
	g_autoptr(JsonNode) root = NULL;
	JsonObject *local, *database, *keys;

	arrange();
	if (_i == 1)
		ck_assert_int_eq(world_stop(), 0);
	root = ask(ctl_status_contract, "status", NULL);
	check_daemon(json_object_get_object_member(json_node_get_object(root), "daemon"), _i == 0);
	ck_assert(bool_of(json_node_get_object(root), "enabled"));
	ck_assert_uint_eq(contract_length(json_node_get_object(root), "configuration"), 0);
	local = contract_member(root, "endpoints", 0);
	ck_assert_str_eq(text_of(local, "name"), "local");
	ck_assert_str_eq(text_of(local, "state"), "ok");
	ck_assert(bool_of(local, "settled"));
	ck_assert_uint_eq(contract_length(local, "readers"), WORLD_READERS);
	for (guint i = 0; i < WORLD_READERS; i++)
		check_reader(
			contract_element(local, "readers", i), rig_pcscd_reader(world.pcscd, i));

	database = contract_member(root, "databases", 0);
	check_database(database);
	ck_assert_uint_eq(number_of(database, "certificates"), STORED + OTHERS);
	keys = json_object_get_object_member(database, "keys");
	ck_assert_uint_eq(number_of(keys, "present"), STORED);
	ck_assert_uint_eq(number_of(keys, "absent"), OTHERS);
	ck_assert_uint_eq(number_of(keys, "unknown"), 0);
	tidy();
}
END_TEST

static void check_counts(JsonObject *database, guint created, guint deleted, guint kept)
{
	ck_assert_uint_eq(number_of(database, "created"), created);
	ck_assert_uint_eq(number_of(database, "claimed"), 0);
	ck_assert_uint_eq(number_of(database, "released"), 0);
	ck_assert_uint_eq(number_of(database, "deleted"), deleted);
	ck_assert_uint_eq(number_of(database, "kept"), kept);
	ck_assert_uint_eq(contract_length(database, "errors"), 0);
}

static const char *skipped(JsonObject *database, const char *card, unsigned index)
{
	g_autoptr(GBytes) der = rig_dealt_der(card, index);
	g_autofree char *sha256 = ctl_sha256(der);

	for (guint i = 0; i < contract_length(database, "skipped"); i++) {
		JsonObject *entry = contract_element(database, "skipped", i);

		if (strcmp(text_of(entry, "sha256"), sha256) == 0)
			return text_of(entry, "reason");
	}
	return NULL;
}

/* The first on an empty database, one that finds everything done, one that finds the user's own
   and a renewed certificate. */
START_TEST(test_sync)
{
	g_autoptr(JsonNode) first = NULL, second = NULL, third = NULL;
	g_autofree char *der = NULL;
	JsonObject *database;

	ada = rig_deal(ADA);
	world.cards[0] = rig_card_new(world.pcscd, 0, ada);
	rig_card_insert_seen(world.cards[0]);
	first = ask(ctl_sync_contract, "sync", NULL);
	ck_assert_uint_eq(contract_length(json_node_get_object(first), "tokens"), 1);
	check_token(contract_member(first, "tokens", 0), 6);
	database = contract_member(first, "databases", 0);
	check_database(database);
	check_counts(database, STORED, 0, 0);
	ck_assert_uint_eq(contract_length(database, "skipped"), 1);
	ck_assert_str_eq(skipped(database, ada, 4), "expired");
	ck_assert_uint_eq(job_rows(), STORED);

	second = ask(ctl_sync_contract, "sync", NULL);
	check_counts(contract_member(second, "databases", 0), 0, 0, STORED);

	der = job_file(ada, 0, "der");
	rig_db_import(world.database, "my own", der, ",,");
	g_free(job_ctl(0, "sync", NULL)); /* lets go of it */
	g_free(rig_card_command(world.cards[0], "renew 2"));
	third = ask(ctl_sync_contract, "sync", NULL);
	database = contract_member(third, "databases", 0);
	check_counts(database, 1, 1, STORED - 2);
	ck_assert_str_eq(skipped(database, ada, 0), "users-own");
	ck_assert_uint_eq(job_rows(), STORED);
	ck_assert(job_stored(ada, 1));
	tidy();
}
END_TEST

START_TEST(test_databases)
{
	g_autofree char *second = rig_home_path(world.home, "second");
	g_autofree char *third = rig_home_path(world.home, "third");
	g_autofree char *text = g_strdup_printf("[databases]\ninclude=%s;%s\n", second, third);
	g_autofree char *sql = g_strconcat("sql:", second, NULL);
	g_autoptr(JsonNode) root = NULL;
	unsigned found = 0;

	rig_db_create(world.database);
	rig_db_create(second);
	world_configure(text);
	root = ask(ctl_databases_contract, "databases", NULL);
	check_database(contract_member(root, "databases", 0));
	for (guint i = 0; i < contract_length(json_node_get_object(root), "databases"); i++) {
		JsonObject *database = contract_member(root, "databases", i);

		if (strcmp(text_of(database, "path"), sql) == 0) {
			ck_assert_str_eq(text_of(database, "application"), "other");
			ck_assert_str_eq(text_of(database, "status"), "ok");
			found++;
		} else if (g_str_has_suffix(text_of(database, "path"), "/third")) {
			ck_assert_str_eq(text_of(database, "status"), "missing");
			found++;
		}
	}
	ck_assert_uint_eq(found, 2);
}
END_TEST

static JsonObject *find_key(JsonNode *root, const char *group, const char *key)
{
	for (guint i = 0; i < contract_length(json_node_get_object(root), "keys"); i++) {
		JsonObject *entry = contract_member(root, "keys", i);

		if (strcmp(text_of(entry, "group"), group) == 0 &&
			strcmp(text_of(entry, "key"), key) == 0)
			return entry;
	}
	ck_abort_msg("no key [%s] %s", group, key);
}

/* The table of the design: every key, and what it is by default. */
static const char *const defaults[][3] = {
	{"propagation", "enabled", "true"},
	{"propagation", "modules", "opensc-pkcs11.so"},
	{"databases", "discover", "true"},
	{"databases", "include", ""},
	{"databases", "exclude", ""},
	{"databases", "create-shared", "true"},
	{"local", "on-removal", "keep"},
	{"local", "on-logout", "keep"},
	{"redirected", "policy", "session"},
	{"redirected", "grace", "30s"},
	{"filter", "time-invalid", "skip"},
	{"filter", "require-eku", ""},
	{"filter", "issuers", ""},
	{"filter", "ecc", "true"},
	{"filter", "without-key", "allow"},
	{"filter", "duplicates", "all"},
	{"ca", "intermediates", "import"},
	{"ca", "trusted-roots", ""},
	{"ca", "cleanup", "with-owner"},
	{"keys", "register-module", "false"},
	{"limits", "certificates-per-token", "64"},
	{"limits", "certificate-bytes", "32768"},
	{"limits", "scan-seconds", "30"},
	{"renewal", "within", "30d"},
	{"renewal", "notify", "true"},
};

START_TEST(test_config)
{
	g_autoptr(JsonNode) root = NULL;
	JsonObject *changed;

	world_configure("# mine\n[local]\n\non-removal=remove\n");
	root = ask(ctl_config_contract, "config", NULL);
	ck_assert_uint_eq(contract_length(json_node_get_object(root), "faults"), 0);
	for (gsize i = 0; i < G_N_ELEMENTS(defaults); i++) {
		JsonObject *entry = find_key(root, defaults[i][0], defaults[i][1]);

		ck_assert_str_eq(text_of(entry, "default"), defaults[i][2]);
		/* Which roots are trusted is not for the user's file to say. */
		ck_assert(
			bool_of(entry, "locked") == (strcmp(defaults[i][1], "trusted-roots") == 0));
		if (strcmp(defaults[i][1], "on-removal") == 0)
			continue;
		ck_assert_str_eq(text_of(entry, "value"), defaults[i][2]);
		ck_assert_str_eq(text_of(entry, "origin"), "built-in");
	}
	changed = find_key(root, "local", "on-removal");
	ck_assert_str_eq(text_of(changed, "value"), "remove");
	ck_assert(g_str_has_prefix(text_of(changed, "origin"), world.home->config));
	ck_assert(g_str_has_suffix(text_of(changed, "origin"), "/certprop.conf:4"));
}
END_TEST

/* The documents, without what they say of the daemon itself. */
static char *all_documents(void)
{
	static const char *const verbs[] = {"list", "sync", "databases", "config", "status"};
	GString *text = g_string_new(NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(verbs); i++) {
		g_autofree char *document = job_ctl(0, verbs[i], "--json", NULL);
		g_autoptr(JsonNode) root = json_from_string(document, NULL);
		g_autofree char *rest = NULL;

		ck_assert_ptr_nonnull(root);
		if (strcmp(verbs[i], "status") == 0)
			json_object_remove_member(json_node_get_object(root), "daemon");
		rest = json_to_string(root, true);
		g_string_append_printf(text, "%s %s\n", verbs[i], rest);
	}
	return g_string_free(text, FALSE);
}

START_TEST(test_same_answers)
{
	g_autofree char *with = NULL;
	g_autofree char *without = NULL;
	g_autofree char *list_with = NULL;
	g_autofree char *list_without = NULL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	arrange();
	before = rig_db_state(world.database);
	with = all_documents();
	list_with = job_ctl(0, "list", NULL);
	ck_assert_int_eq(world_stop(), 0);
	without = all_documents();
	list_without = job_ctl(0, "list", NULL);
	after = rig_db_state(world.database);
	ck_assert_str_eq(with, without);
	ck_assert_str_eq(list_with, list_without);
	ck_assert_str_eq(before, after);
	tidy();
}
END_TEST

/* All rows, but for the second in which they were written. */
static char *all_rows(void)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(world.database);
	g_autoptr(GRegex) since = g_regex_new("x-since=[^&]*", 0, 0, NULL);
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < rows->len; i++) {
		const RigDbRow *row = g_ptr_array_index(rows, i);
		g_autofree char *url = g_regex_replace_literal(since, row->url, -1, 0, "", 0, NULL);
		g_autofree char *id = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, row->id);
		g_autofree char *der = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, row->der);

		g_string_append_printf(text, "%s %s %s %s\n", der, id, row->label, url);
	}
	return g_string_free(text, FALSE);
}

/* What sync writes without a daemon is what the daemon writes. */
START_TEST(test_same_rows)
{
	g_autofree char *by_daemon = NULL;
	g_autofree char *by_sync = NULL;

	world_start();
	ada = job_card(0, ADA);
	by_daemon = all_rows();
	ck_assert_int_eq(world_stop(), 0);
	ck_assert_uint_eq(job_rows(), STORED);

	/* Another user, as it were. */
	g_free(world.database);
	world.database = rig_home_path(world.home, ".pki/nssdb");
	ck_assert_int_eq(g_mkdir_with_parents(world.database, 0700), 0);
	world_configure("[databases]\nexclude=*/.local/*\n");
	g_free(job_ctl(0, "sync", NULL));
	by_sync = all_rows();
	ck_assert_str_eq(by_daemon, by_sync);
	tidy();
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("mainjob-json");
	TCase *tcase;

	rig_enter();
	tcase = job_case(suite, "documents");
	tcase_add_loop_test(tcase, test_list, 0, 2);
	tcase_add_loop_test(tcase, test_show, 0, 2);
	tcase_add_loop_test(tcase, test_status, 0, 2);
	tcase_add_test(tcase, test_sync);
	tcase_add_test(tcase, test_databases);
	tcase_add_test(tcase, test_config);
	tcase = job_case(suite, "same");
	tcase_add_test(tcase, test_same_answers);
	tcase_add_test(tcase, test_same_rows);
	return harness_run(suite, argc, argv);
}
