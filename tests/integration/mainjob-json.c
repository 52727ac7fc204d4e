/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What certpropctl lists and shows: each value is what SQL, openssl, p11-kit and pcscd say, with a
 * daemon and without one.
 */
#include "mainjob-ask.h"

#include <p11-kit/uri.h>
#include <string.h>

#include "harness.h"

typedef P11KitUri Uri;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Uri, p11_kit_uri_free)

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
	g_autoptr(GBytes) authority = rig_dealt_der(ask_ada, 5);

	ck_assert_str_eq(contract_text(entry, "sha256"), sha256);
	ck_assert_str_eq(contract_text(entry, "subject"), subject);
	ck_assert_str_eq(contract_text(entry, "issuer"), issuer);
	/* Without leading zeros. */
	ck_assert_str_eq(contract_text(entry, "serial"), serial);
	ck_assert_str_eq(contract_text(entry, "not_before"), g_strdelimit(start, " ", 'T'));
	ck_assert_str_eq(contract_text(entry, "not_after"), g_strdelimit(end, " ", 'T'));
	ck_assert(ask_bool(entry, "ca") == g_bytes_equal(der, authority));
}

static void check_field(JsonObject *claim, const char *member, const void *field, gsize size)
{
	g_autofree char *text = g_strchomp(g_strndup(field, size));

	ck_assert_str_eq(contract_text(claim, member), text);
}

static void check_attribute(JsonObject *claim, const char *member, Uri *uri, gulong type, bool hex)
{
	CK_ATTRIBUTE *attribute = p11_kit_uri_get_attribute(uri, type);
	g_autoptr(GString) text = g_string_new(NULL);

	ck_assert_ptr_nonnull(attribute);
	for (gulong i = 0; i < attribute->ulValueLen; i++)
		g_string_append_printf(
			text, hex ? "%02x" : "%c", ((const guint8 *)attribute->pValue)[i]);
	ck_assert_str_eq(contract_text(claim, member), text->str);
}

static void check_claim(JsonObject *claim, const char *line)
{
	static const char *const members[][2] = {{"endpoint", "x-endpoint"}, {"reader", "x-reader"},
		{"host", "x-host"}, {"since", "x-since"}};
	g_autoptr(Uri) uri = p11_kit_uri_new();
	const CK_TOKEN_INFO *token;

	ck_assert_str_eq(contract_text(claim, "uri"), line);
	ck_assert_int_eq(p11_kit_uri_parse(line, P11_KIT_URI_FOR_ANY, uri), P11_KIT_URI_OK);
	token = p11_kit_uri_get_token_info(uri);
	check_field(claim, "manufacturer", token->manufacturerID, sizeof(token->manufacturerID));
	check_field(claim, "model", token->model, sizeof(token->model));
	check_field(claim, "serial", token->serialNumber, sizeof(token->serialNumber));
	check_field(claim, "label", token->label, sizeof(token->label));
	check_attribute(claim, "id", uri, CKA_ID, true);
	check_attribute(claim, "object", uri, CKA_LABEL, false);
	ck_assert_str_eq(contract_text(claim, "module"), p11_kit_uri_get_module_path(uri));
	for (gsize i = 0; i < G_N_ELEMENTS(members); i++)
		ck_assert_str_eq(contract_text(claim, members[i][0]),
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

	ck_assert_str_eq(contract_text(entry, "nickname"), row->label);
	ck_assert_str_eq(contract_text(entry, "key"), is_his ? "absent" : "present");
	ck_assert(ask_bool(entry, "adopted") == (strcmp(row->label, "Bob") == 0));
}

START_TEST(test_list)
{
	g_autoptr(JsonNode) root = NULL;
	g_autoptr(GPtrArray) rows = NULL;
	JsonObject *database;
	guint n = 0;

	ask_arrange();
	if (_i == 1)
		ck_assert_int_eq(world_stop(), 0);
	root = ask_json(ctl_list_contract, "list", NULL);
	rows = rig_db_certificates(world.database);
	ck_assert_uint_eq(contract_length(json_node_get_object(root), "databases"), 1);
	database = contract_member(root, "databases", 0);
	ask_check_database(database);
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
	ask_tidy();
}
END_TEST

/* By the SHA-256 of each row, the user's ask_own included. */
START_TEST(test_show)
{
	g_autoptr(GPtrArray) rows = NULL;

	ask_arrange();
	if (_i == 1)
		ck_assert_int_eq(world_stop(), 0);
	rows = rig_db_certificates(world.database);
	for (guint i = 0; i < rows->len; i++) {
		const RigDbRow *row = g_ptr_array_index(rows, i);
		g_autofree char *sha256 = ctl_sha256(row->der);
		g_autoptr(JsonNode) root = ask_json(ctl_show_contract, "show", sha256);
		JsonObject *database = contract_member(root, "databases", 0);

		check_certificate(json_node_get_object(root), row->der);
		ask_check_database(database);
		ck_assert_str_eq(contract_text(database, "nickname"), row->label);
		ck_assert(ask_bool(database, "propagated") == (row->url != NULL));
		check_claims(database, row->url != NULL ? row->url : "");
		if (row->url != NULL)
			check_state(database, row);
	}
	ask_tidy();
}
END_TEST

static void check_reader(JsonObject *entry, const char *name)
{
	RigReader seen = rig_reader_look(name);
	g_autoptr(GString) atr = g_string_new(NULL);

	for (gsize i = 0; i < seen.atr_length; i++)
		g_string_append_printf(atr, "%02x", seen.atr[i]);
	ck_assert_str_eq(contract_text(entry, "name"), name);
	ck_assert_str_eq(contract_text(entry, "state"), seen.present ? "read" : "empty");
	ck_assert_str_eq(contract_text(entry, "atr"), atr->str);
	ck_assert_uint_eq(ctl_number(entry, "counter"), seen.counter);
	ck_assert_uint_eq(contract_length(entry, "tokens"), seen.present ? 1 : 0);
	if (seen.present)
		ask_check_token(contract_element(entry, "tokens", 0), 6);
}

static void check_daemon(JsonObject *daemon, bool running)
{
	ck_assert(ask_bool(daemon, "running") == running);
	ck_assert(ask_bool(daemon, "answers") == running);
	if (running)
		ck_assert_uint_eq(ctl_number(daemon, "pid"), (guint)rig_process_pid(world.daemon));
}

START_TEST(test_status)
{
	g_autoptr(JsonNode) root = NULL;
	JsonObject *local, *database, *keys;

	ask_arrange();
	if (_i == 1)
		ck_assert_int_eq(world_stop(), 0);
	root = ask_json(ctl_status_contract, "status", NULL);
	check_daemon(json_object_get_object_member(json_node_get_object(root), "daemon"), _i == 0);
	ck_assert(ask_bool(json_node_get_object(root), "enabled"));
	ck_assert_uint_eq(contract_length(json_node_get_object(root), "configuration"), 0);
	local = contract_member(root, "endpoints", 0);
	ck_assert_str_eq(contract_text(local, "name"), "local");
	ck_assert_str_eq(contract_text(local, "state"), "ok");
	ck_assert(ask_bool(local, "settled"));
	ck_assert_uint_eq(contract_length(local, "readers"), WORLD_READERS);
	for (guint i = 0; i < WORLD_READERS; i++)
		check_reader(
			contract_element(local, "readers", i), rig_pcscd_reader(world.pcscd, i));

	database = contract_member(root, "databases", 0);
	ask_check_database(database);
	ck_assert_uint_eq(ctl_number(database, "certificates"), STORED + OTHERS);
	keys = json_object_get_object_member(database, "keys");
	ck_assert_uint_eq(ctl_number(keys, "present"), STORED);
	ck_assert_uint_eq(ctl_number(keys, "absent"), OTHERS);
	ck_assert_uint_eq(ctl_number(keys, "unknown"), 0);
	ask_tidy();
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
	return harness_run(suite, argc, argv);
}
