/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What certpropctl does and says by itself: sync without a daemon writes what the daemon writes,
 * every document is the same with a daemon and without one, and the places and settings that it
 * names are those there are.
 */
#include "mainjob-ask.h"

#include <string.h>

#include "harness.h"

static void check_counts(JsonObject *database, guint created, guint deleted, guint kept)
{
	ck_assert_uint_eq(ctl_number(database, "created"), created);
	ck_assert_uint_eq(ctl_number(database, "claimed"), 0);
	ck_assert_uint_eq(ctl_number(database, "released"), 0);
	ck_assert_uint_eq(ctl_number(database, "deleted"), deleted);
	ck_assert_uint_eq(ctl_number(database, "kept"), kept);
	ck_assert_uint_eq(contract_length(database, "errors"), 0);
}

static const char *skipped(JsonObject *database, const char *card, unsigned index)
{
	g_autoptr(GBytes) der = rig_dealt_der(card, index);
	g_autofree char *sha256 = ctl_sha256(der);

	for (guint i = 0; i < contract_length(database, "skipped"); i++) {
		JsonObject *entry = contract_element(database, "skipped", i);

		if (strcmp(contract_text(entry, "sha256"), sha256) == 0)
			return contract_text(entry, "reason");
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

	ask_ada = rig_deal(ADA);
	world.cards[0] = rig_card_new(world.pcscd, 0, ask_ada);
	rig_card_insert_seen(world.cards[0]);
	first = ask_json(ctl_sync_contract, "sync", NULL);
	ck_assert_uint_eq(contract_length(json_node_get_object(first), "tokens"), 1);
	ask_check_token(contract_member(first, "tokens", 0), 6);
	database = contract_member(first, "databases", 0);
	ask_check_database(database);
	check_counts(database, STORED, 0, 0);
	ck_assert_uint_eq(contract_length(database, "skipped"), 1);
	ck_assert_str_eq(skipped(database, ask_ada, 4), "expired");
	ck_assert_uint_eq(job_rows(), STORED);

	second = ask_json(ctl_sync_contract, "sync", NULL);
	check_counts(contract_member(second, "databases", 0), 0, 0, STORED);

	der = job_file(ask_ada, 0, "der");
	rig_db_import(world.database, "my own", der, ",,");
	g_free(job_ctl(0, "sync", NULL)); /* lets go of it */
	g_free(rig_card_command(world.cards[0], "renew 2"));
	third = ask_json(ctl_sync_contract, "sync", NULL);
	database = contract_member(third, "databases", 0);
	check_counts(database, 1, 1, STORED - 2);
	ck_assert_str_eq(skipped(database, ask_ada, 0), "users-own");
	ck_assert_uint_eq(job_rows(), STORED);
	ck_assert(job_stored(ask_ada, 1));
	ask_tidy();
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
	root = ask_json(ctl_databases_contract, "databases", NULL);
	ask_check_database(contract_member(root, "databases", 0));
	for (guint i = 0; i < contract_length(json_node_get_object(root), "databases"); i++) {
		JsonObject *database = contract_member(root, "databases", i);

		if (strcmp(contract_text(database, "path"), sql) == 0) {
			ck_assert_str_eq(contract_text(database, "application"), "other");
			ck_assert_str_eq(contract_text(database, "status"), "ok");
			found++;
		} else if (g_str_has_suffix(contract_text(database, "path"), "/third")) {
			ck_assert_str_eq(contract_text(database, "status"), "missing");
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

		if (strcmp(contract_text(entry, "group"), group) == 0 &&
			strcmp(contract_text(entry, "key"), key) == 0)
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
};

START_TEST(test_config)
{
	g_autoptr(JsonNode) root = NULL;
	JsonObject *changed;

	world_configure("# mine\n[local]\n\non-removal=remove\n");
	root = ask_json(ctl_config_contract, "config", NULL);
	ck_assert_uint_eq(contract_length(json_node_get_object(root), "faults"), 0);
	for (gsize i = 0; i < G_N_ELEMENTS(defaults); i++) {
		JsonObject *entry = find_key(root, defaults[i][0], defaults[i][1]);

		ck_assert_str_eq(contract_text(entry, "default"), defaults[i][2]);
		/* Which roots are trusted is not for the user's file to say. */
		ck_assert(ask_bool(entry, "locked") ==
			  (strcmp(defaults[i][1], "trusted-roots") == 0));
		if (strcmp(defaults[i][1], "on-removal") == 0)
			continue;
		ck_assert_str_eq(contract_text(entry, "value"), defaults[i][2]);
		ck_assert_str_eq(contract_text(entry, "origin"), "built-in");
	}
	changed = find_key(root, "local", "on-removal");
	ck_assert_str_eq(contract_text(changed, "value"), "remove");
	ck_assert(g_str_has_prefix(contract_text(changed, "origin"), world.home->config));
	ck_assert(g_str_has_suffix(contract_text(changed, "origin"), "/certprop.conf:4"));
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

	ask_arrange();
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
	ask_tidy();
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
	ask_ada = job_card(0, ADA);
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
	ask_tidy();
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("mainjob-same");
	TCase *tcase;

	rig_enter();
	tcase = job_case(suite, "documents");
	tcase_add_test(tcase, test_sync);
	tcase_add_test(tcase, test_databases);
	tcase_add_test(tcase, test_config);
	tcase = job_case(suite, "same");
	tcase_add_test(tcase, test_same_answers);
	tcase_add_test(tcase, test_same_rows);
	return harness_run(suite, argc, argv);
}
