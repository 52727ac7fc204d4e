/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl without a daemon, on real cards, readers and databases: what it says is compared with
 * what stands in cert9.db, read by SQL.
 */

#include <check.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>

#include "ctlbench.h"
#include "harness.h"

/*
 * Without a daemon
 */

START_TEST(list_is_the_database)
{
	ctl_sync_card();
	g_autoptr(GPtrArray) rows = rig_db_certificates(bench.database);
	ck_assert_uint_eq(rig_db_marked(rows), CTL_CERTS);
	/* the user's own: not ctl_listed */
	g_autofree char *own = rig_deal_simple(1, CTL_GUID_B);
	g_autoptr(GBytes) der = rig_dealt_der(own, 0);
	g_autofree char *file = g_build_filename(own, "own.der", NULL);
	ck_assert(g_file_set_contents(
		file, g_bytes_get_data(der, NULL), (gssize)g_bytes_get_size(der), NULL));
	rig_db_import(bench.database, "my own", file, ",,");

	g_autoptr(JsonNode) root = ctl_json(0, ctl_list_contract, "list", NULL);
	ctl_assert_list(root, "present");

	g_autofree char *text = NULL;
	ck_assert_int_eq(ctl_run(&text, NULL, "list", NULL, NULL), 0);
	ck_assert_ptr_null(strstr(text, "my own"));
	ck_assert_ptr_null(strchr(text, '\033')); /* a pipe is no terminal */
}
END_TEST

START_TEST(key_follows_the_card)
{
	ctl_sync_card();
	rig_card_remove_seen(bench.card);
	g_autoptr(JsonNode) gone = ctl_json(0, ctl_list_contract, "list", NULL);
	ctl_assert_list(gone, "absent");

	rig_pcscd_stop(bench.pcscd);
	g_autoptr(JsonNode) blind = ctl_json(0, ctl_list_contract, "list", NULL);
	ctl_assert_list(blind, "unknown");

	rig_pcscd_start(bench.pcscd);
	rig_card_insert_seen(bench.card);
	g_autoptr(JsonNode) back = ctl_json(0, ctl_list_contract, "list", NULL);
	ctl_assert_list(back, "present");
}
END_TEST

START_TEST(dry_run_writes_nothing)
{
	g_autofree char *before = rig_db_state(bench.database);

	rig_card_insert_seen(bench.card);
	g_autoptr(JsonNode) root = ctl_json(0, ctl_sync_contract, "sync", "--dry-run");
	JsonObject *database = contract_member(root, "databases", 0);
	ck_assert(json_object_get_boolean_member(json_node_get_object(root), "dry_run"));
	ck_assert_uint_eq(ctl_number(database, "created"), CTL_CERTS);
	ck_assert_uint_eq(contract_length(database, "steps"), CTL_CERTS);
	ck_assert(!json_object_get_boolean_member(contract_element(database, "steps", 0), "done"));

	g_autofree char *after = rig_db_state(bench.database);
	ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(sync_again_changes_nothing)
{
	ctl_sync_card();
	g_autofree char *before = rig_db_state(bench.database);

	g_autoptr(JsonNode) root = ctl_json(0, ctl_sync_contract, "sync", NULL);
	JsonObject *database = contract_member(root, "databases", 0);
	ck_assert_uint_eq(ctl_number(database, "created"), 0);
	ck_assert_uint_eq(ctl_number(database, "kept"), CTL_CERTS);
	JsonObject *token = contract_member(root, "tokens", 0);
	ck_assert_str_eq(contract_text(token, "serial"), CTL_SERIAL);
	ck_assert_uint_eq(ctl_number(token, "certificates"), CTL_CERTS);

	g_autofree char *after = rig_db_state(bench.database);
	ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(sync_takes_away_what_was_renewed)
{
	ctl_sync_card();
	g_autoptr(GBytes) old = rig_dealt_der(bench.directory, 0);
	rig_card_remove_seen(bench.card);
	ck_assert(deal_renew(bench.directory, 0, true, NULL));
	g_autoptr(GBytes) new = rig_dealt_der(bench.directory, 0);
	rig_card_swap(bench.card, bench.directory); /* goes in with it */
	(void)rig_reader_wait(rig_pcscd_reader(bench.pcscd, 0), true);

	g_autoptr(JsonNode) root = ctl_json(0, ctl_sync_contract, "sync", NULL);
	JsonObject *database = contract_member(root, "databases", 0);
	ck_assert_uint_eq(ctl_number(database, "created"), 1);
	ck_assert_uint_eq(ctl_number(database, "deleted"), 1);
	ck_assert_uint_eq(ctl_number(database, "kept"), CTL_CERTS - 1);
	g_autoptr(GPtrArray) rows = rig_db_certificates(bench.database);
	ck_assert_ptr_null(rig_db_find(rows, old));
	ck_assert_ptr_nonnull(rig_db_find(rows, new));
}
END_TEST

START_TEST(sync_honours_on_removal)
{
	rig_home_write(
		bench.home, ".config/certprop/certprop.conf", "[local]\non-removal=remove\n");
	ctl_sync_card();
	rig_card_remove_seen(bench.card);

	g_autoptr(JsonNode) plan = ctl_json(0, ctl_sync_contract, "sync", "--dry-run");
	ck_assert_uint_eq(ctl_number(contract_member(plan, "databases", 0), "deleted"), CTL_CERTS);
	g_autoptr(GPtrArray) rows = rig_db_certificates(bench.database);
	ck_assert_uint_eq(rig_db_marked(rows), CTL_CERTS);

	g_autoptr(JsonNode) root = ctl_json(0, ctl_sync_contract, "sync", NULL);
	ck_assert_uint_eq(ctl_number(contract_member(root, "databases", 0), "deleted"), CTL_CERTS);
	g_autoptr(GPtrArray) left = rig_db_certificates(bench.database);
	ck_assert_uint_eq(left->len, 0);
}
END_TEST

START_TEST(sync_without_pcscd_fails)
{
	g_autofree char *out = NULL, *err = NULL;
	g_autofree char *before = rig_db_state(bench.database);

	rig_pcscd_stop(bench.pcscd);
	ck_assert_int_eq(ctl_run(&out, &err, "sync", NULL, NULL), 1);
	ck_assert(g_str_has_prefix(err, "certpropctl: cannot ask the readers: "));

	g_autofree char *after = rig_db_state(bench.database);
	ck_assert_str_eq(before, after);
}
END_TEST

/*
 * Hostile and strange content
 */

static void rename_row(const char *database, gint64 row, const char *label)
{
	g_autofree char *file = g_build_filename(database, "cert9.db", NULL);
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;

	ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(
				 db, "UPDATE nssPublic SET a3=? WHERE id=?", -1, &statement, NULL),
		SQLITE_OK);
	sqlite3_bind_blob(statement, 1, label, (int)strlen(label), SQLITE_TRANSIENT);
	sqlite3_bind_int64(statement, 2, row);
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_DONE);
	ck_assert_int_eq(sqlite3_changes(db), 1);
	sqlite3_finalize(statement);
	sqlite3_close(db);
}

static unsigned lines_of(const char *text)
{
	unsigned n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n' ? 1 : 0;

	return n;
}

START_TEST(hostile_nickname_is_harmless)
{
	static const char hostile[] = "\033]0;owned\a\033[2J\nsecond line\r\xc2\x9b"
				      "31m \xe2\x80\xae"
				      "gpj.exe";
	g_autofree char *plain = NULL, *text = NULL, *shown = NULL;

	ctl_sync_card();
	ck_assert_int_eq(ctl_run(&plain, NULL, "list", NULL, NULL), 0);
	g_autoptr(GPtrArray) rows = rig_db_certificates(bench.database);
	const RigDbRow *row = g_ptr_array_index(rows, 0);
	rename_row(bench.database, row->row, hostile);

	ck_assert_int_eq(ctl_run(&text, NULL, "list", NULL, NULL), 0);
	ck_assert_ptr_nonnull(strstr(text, "gpj.exe"));
	ck_assert_uint_eq(lines_of(text), lines_of(plain));
	g_autofree char *sha256 = ctl_sha256(row->der);
	ck_assert_int_eq(ctl_run(&shown, NULL, "show", sha256, NULL), 0);
	const char *outputs[] = {text, shown};
	for (gsize i = 0; i < 2; i++) {
		ck_assert(g_utf8_validate(outputs[i], -1, NULL));
		ck_assert_ptr_null(strchr(outputs[i], '\033'));
		ck_assert_ptr_null(strchr(outputs[i], '\a'));
		ck_assert_ptr_null(strchr(outputs[i], '\r'));
		ck_assert_ptr_null(strstr(outputs[i], "\xc2\x9b"));
		ck_assert_ptr_null(strstr(outputs[i], "\xe2\x80\xae"));
	}

	/* JSON says exactly what stands there; renamed means adopted */
	g_autoptr(JsonNode) root = ctl_json(0, ctl_list_contract, "list", NULL);
	JsonObject *cert = ctl_listed(contract_member(root, "databases", 0), sha256);
	ck_assert_ptr_nonnull(cert);
	ck_assert_str_eq(contract_text(cert, "nickname"), hostile);
	ck_assert(json_object_get_boolean_member(cert, "adopted"));
}
END_TEST

START_TEST(one_damaged_database_of_two)
{
	g_autofree char *bad = rig_home_path(bench.home, "bad");
	g_autofree char *conf = g_strdup_printf("[databases]\ninclude=%s\n", bad);
	g_autofree char *err = NULL;

	ctl_sync_card();
	rig_home_write(bench.home, "bad/cert9.db", "this is no database at all\n");
	rig_home_write(bench.home, "bad/key4.db", "nor is this\n");
	rig_home_write(bench.home, ".config/certprop/certprop.conf", conf);

	ck_assert_int_eq(ctl_run(NULL, &err, "list", NULL, NULL), 3);
	ck_assert_ptr_nonnull(strstr(err, bad));
	g_autoptr(JsonNode) root = ctl_json(3, ctl_list_contract, "list", NULL);
	ck_assert_uint_eq(contract_length(json_node_get_object(root), "databases"), 2);
	g_autoptr(JsonNode) status = ctl_json(3, ctl_status_contract, "status", NULL);
	ck_assert_uint_eq(contract_length(json_node_get_object(status), "databases"), 2);
}
END_TEST

/*
 * show
 */

START_TEST(show_finds_by_any_name)
{
	ctl_sync_card();
	g_autoptr(GPtrArray) rows = rig_db_certificates(bench.database);
	const RigDbRow *row = g_ptr_array_index(rows, 1);
	g_autofree char *sha256 = ctl_sha256(row->der);
	g_autofree char *prefix = g_strndup(sha256, 12);
	g_autofree char *der = g_build_filename(bench.directory, "file.der", NULL);
	g_autofree char *pem = g_build_filename(bench.directory, "file.pem", NULL);
	g_autofree char *base64 =
		g_base64_encode(g_bytes_get_data(row->der, NULL), g_bytes_get_size(row->der));
	g_autofree char *text = g_strdup_printf(
		"-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n", base64);
	ck_assert(g_file_set_contents(
		der, g_bytes_get_data(row->der, NULL), (gssize)g_bytes_get_size(row->der), NULL));
	ck_assert(g_file_set_contents(pem, text, -1, NULL));

	g_autoptr(JsonNode) list = ctl_json(0, ctl_list_contract, "list", NULL);
	const char *serial =
		contract_text(ctl_listed(contract_member(list, "databases", 0), sha256), "serial");

	const char *names[] = {row->label, prefix, sha256, serial, der, pem};
	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autoptr(JsonNode) root = ctl_json(0, ctl_show_contract, "show", names[i]);
		JsonObject *database = contract_member(root, "databases", 0);

		ck_assert_str_eq(contract_text(json_node_get_object(root), "sha256"), sha256);
		ck_assert(json_object_get_boolean_member(database, "propagated"));
		ck_assert_str_eq(contract_text(database, "key"), "present");
		JsonObject *claim = contract_element(database, "claims", 0);
		ck_assert(json_object_get_boolean_member(claim, "this_host"));
		ck_assert_str_eq(contract_text(claim, "on_removal"), "stays");
	}
}
END_TEST

START_TEST(show_of_several_and_of_none)
{
	g_autofree char *err = NULL, *none = NULL;

	ctl_sync_card();
	g_autoptr(GPtrArray) rows = rig_db_certificates(bench.database);
	/* all certificates of the card are of one person */
	ck_assert_int_eq(ctl_run(NULL, &err, "show", "ada", NULL), 1);
	for (guint i = 0; i < rows->len; i++)
		ck_assert_ptr_nonnull(
			strstr(err, ((const RigDbRow *)g_ptr_array_index(rows, i))->label));

	ck_assert_int_eq(ctl_run(NULL, &none, "show", "nobody at all", NULL), 1);
	ck_assert_ptr_nonnull(strstr(none, "cannot find"));
}
END_TEST

START_TEST(show_of_the_users_own)
{
	g_autofree char *file = NULL;
	g_autoptr(GBytes) der = rig_dealt_der(bench.directory, 0);

	file = g_build_filename(bench.directory, "own.der", NULL);
	ck_assert(g_file_set_contents(
		file, g_bytes_get_data(der, NULL), (gssize)g_bytes_get_size(der), NULL));
	rig_db_import(bench.database, "my own", file, ",,");

	g_autoptr(JsonNode) root = ctl_json(0, ctl_show_contract, "show", "my own");
	JsonObject *database = contract_member(root, "databases", 0);
	ck_assert(!json_object_get_boolean_member(database, "propagated"));
	ck_assert_uint_eq(contract_length(database, "claims"), 0);
}
END_TEST

/*
 * The rest of the contract
 */

START_TEST(contracts_without_a_card)
{
	g_autoptr(JsonNode) list = ctl_json(0, ctl_list_contract, "list", NULL);
	g_autoptr(JsonNode) sync = ctl_json(0, ctl_sync_contract, "sync", NULL);
	g_autoptr(JsonNode) databases = ctl_json(0, ctl_databases_contract, "databases", NULL);
	g_autoptr(JsonNode) config = ctl_json(0, ctl_config_contract, "config", NULL);
	g_autoptr(JsonNode) status = ctl_json(0, ctl_status_contract, "status", NULL);

	ck_assert_uint_eq(contract_length(json_node_get_object(list), "databases"), 1);
	ck_assert_uint_eq(contract_length(json_node_get_object(sync), "tokens"), 0);
	ck_assert_uint_eq(contract_length(json_node_get_object(databases), "databases"), 1);
	ck_assert_uint_ge(contract_length(json_node_get_object(config), "keys"), 20);
	JsonObject *daemon = json_object_get_object_member(json_node_get_object(status), "daemon");
	ck_assert(!json_object_get_boolean_member(daemon, "running"));
	JsonObject *local = contract_member(status, "endpoints", 0);
	ck_assert_str_eq(contract_text(local, "state"), "ok");
	ck_assert(json_object_get_boolean_member(local, "settled"));
	ck_assert_uint_eq(contract_length(local, "readers"), 2);
}
END_TEST

START_TEST(faulty_configuration)
{
	rig_home_write(bench.home, ".config/certprop/certprop.conf",
		"[local]\non-removal=maybe\n[limits]\nscan-seconds=long\n");

	static const char *const failing[] = {"list", "sync", "databases"};
	for (gsize i = 0; i < G_N_ELEMENTS(failing); i++) {
		g_autofree char *out = NULL, *err = NULL;

		ck_assert_int_eq(ctl_run(&out, &err, failing[i], NULL, NULL), 1);
		ck_assert_str_eq(out, "");
		ck_assert_ptr_nonnull(strstr(err, "certprop.conf:2:"));
		ck_assert_ptr_nonnull(strstr(err, "certprop.conf:4:"));
	}

	g_autoptr(JsonNode) config = ctl_json(1, ctl_config_contract, "config", NULL);
	ck_assert_uint_eq(contract_length(json_node_get_object(config), "faults"), 2);
	/* status works when nothing else does */
	g_autoptr(JsonNode) status = ctl_json(0, ctl_status_contract, "status", NULL);
	ck_assert_uint_eq(contract_length(json_node_get_object(status), "configuration"), 2);
}
END_TEST

int main(int argc, char **argv)
{
	rig_enter();

	const TTest *const alone[] = {list_is_the_database, key_follows_the_card,
		dry_run_writes_nothing, sync_again_changes_nothing,
		sync_takes_away_what_was_renewed, sync_honours_on_removal,
		sync_without_pcscd_fails};
	const TTest *const strange[] = {hostile_nickname_is_harmless, one_damaged_database_of_two,
		faulty_configuration, contracts_without_a_card};
	const TTest *const show[] = {
		show_finds_by_any_name, show_of_several_and_of_none, show_of_the_users_own};
	Suite *suite = suite_create("ctl");

	ctl_add_case(suite, "alone", alone, G_N_ELEMENTS(alone));
	ctl_add_case(suite, "strange", strange, G_N_ELEMENTS(strange));
	ctl_add_case(suite, "show", show, G_N_ELEMENTS(show));

	return harness_run(suite, argc, argv);
}
