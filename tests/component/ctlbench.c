/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One set-up for all: a private pcscd, a virtual card that is not yet in, and a home like a user's.
 */

#include "ctlbench.h"

#include <string.h>

#define CLAIM                                                                                  \
	"\"uri\": \"text+\", \"manufacturer\": \"text+\", \"model\": \"text+\","               \
	"\"serial\": \"text+\", \"label\": \"text+\", \"id\": \"hex\", \"object\": \"text+\"," \
	"\"module\": \"text+\", \"endpoint\": \"=local\", \"reader\": \"text+\","              \
	"\"host\": \"hex\", \"since\": \"time\""
#define CERT                                                                     \
	"\"sha256\": \"sha256\", \"subject\": \"text+\", \"issuer\": \"text+\"," \
	"\"serial\": \"hex\", \"not_before\": \"time\", \"not_after\": \"time\", \"ca\": \"bool\""
#define DATABASE                                                           \
	"\"path\": \"text+\","                                             \
	"\"application\": \"=shared|chromium|firefox|thunderbird|other\"," \
	"\"profile\": \"text\","                                           \
	"\"status\": \"=ok|busy|read-only|missing|damaged|foreign\", \"reason\": \"text\""
#define FATE  "\"=stays|shared|handed-over|deleted|elsewhere\""
#define TRUST "\"trust\": \"=pinned|users|none|unknown\""
#define KEY   "\"key\": \"=present|absent|unknown\""
#define TOKEN                                                                       \
	"\"manufacturer\": \"text+\", \"model\": \"text+\", \"serial\": \"text+\"," \
	"\"label\": \"text+\", \"module\": \"text+\", \"certificates\": \"int\""
#define FAULTS                                                                            \
	"[{\"file\": \"text+\", \"line\": \"int\", \"message\": \"text+\", \"warning\": " \
	"\"bool\"}]"

const char ctl_list_contract[] =
	"{\"databases\": [{" DATABASE ", \"certificates\": [{" CERT ", \"nickname\": \"text\", " KEY
	", \"adopted\": \"bool\", " TRUST ", \"claims\": [{" CLAIM "}]}]}]}";
const char ctl_sync_contract[] =
	"{\"dry_run\": \"bool\", \"tokens\": [{" TOKEN
	", \"reader\": \"text+\", \"endpoint\": \"=local\"}], \"databases\": [{" DATABASE
	", \"created\": \"int\", \"claimed\": \"int\", \"released\": \"int\","
	"\"deleted\": \"int\", \"kept\": \"int\","
	"\"skipped\": [{\"sha256\": \"sha256\", \"reason\": \"text+\"}],"
	"\"steps\": [{\"action\": \"=create|claim|release|delete\", \"sha256\": \"sha256\","
	"\"nickname\": \"text\", \"reason\": \"text+\", \"done\": \"bool\"}],"
	"\"errors\": [\"text+\"]}], \"errors\": [\"text+\"]}";
const char ctl_status_contract[] =
	"{\"daemon\": {\"running\": \"bool\", \"answers\": \"bool\", \"version\": \"text\","
	"\"pid\": \"int\", \"since\": \"text\"}, \"host\": \"hex\", \"enabled\": \"bool\","
	"\"configuration\": " FAULTS ", \"endpoints\": [{\"name\": \"=local\","
	"\"state\": \"=ok|absent|denied|incompatible|failed|unknown\", \"code\": \"int\","
	"\"detail\": \"text\", \"settled\": \"bool\", \"readers\": [{\"name\": \"text+\","
	"\"ordinal\": \"int\", \"state\": "
	"\"=empty|scanning|read|unrecognised|waiting|failed|disabled|twin\","
	"\"reason\": \"text\", \"counter\": \"int\", \"atr\": \"hex\", \"retry_at\": \"text\","
	"\"tokens\": [{" TOKEN "}]}]}], \"databases\": [{" DATABASE
	", \"certificates\": \"int\", \"keys\": {\"present\": \"int\", \"absent\": \"int\","
	"\"unknown\": \"int\"}, \"propagated\": [{\"sha256\": \"sha256\","
	"\"nickname\": \"text\", " KEY "}]}]}";
const char ctl_show_contract[] =
	"{" CERT ", \"databases\": [{" DATABASE
	", \"nickname\": \"text\", \"propagated\": \"bool\", \"adopted\": \"bool\", " TRUST ", " KEY
	", \"claims\": [{" CLAIM ", " KEY ", \"this_host\": \"bool\", \"why\": \"text+\","
	"\"on_removal\": " FATE ", \"on_logout\": " FATE ", \"on_renewal\": " FATE
	", \"on_expiry\": " FATE "}]}]}";
const char ctl_databases_contract[] = "{\"databases\": [{" DATABASE "}]}";
const char ctl_config_contract[] =
	"{\"keys\": [{\"group\": \"text+\", \"key\": \"text+\", \"value\": \"text\","
	"\"default\": \"text\", \"origin\": \"text+\", \"locked\": \"bool\"}],"
	"\"faults\": " FAULTS "}";

CtlBench bench;

static void set_up(void)
{
	rig_setup();
	bench.home = rig_home_new();
	bench.pcscd = rig_pcscd_new(2);
	rig_pcscd_start(bench.pcscd);
	bench.directory = rig_deal_simple(CTL_CERTS, CTL_GUID_A);
	bench.card = rig_card_new(bench.pcscd, 0, bench.directory);
	bench.environment = rig_home_environment(bench.home);
	bench.database = rig_home_path(bench.home, ".pki/nssdb");
	g_assert_cmpint(g_mkdir_with_parents(bench.database, 0700), ==, 0);
	rig_db_create(bench.database);
	bench.program = rig_program("ctl/certpropctl");
}

static void tear_down(void)
{
	g_clear_pointer(&bench.card, rig_card_free);
	g_clear_pointer(&bench.pcscd, rig_pcscd_free);
	g_clear_pointer(&bench.home, rig_home_free);
	g_clear_pointer(&bench.environment, g_strfreev);
	g_clear_pointer(&bench.directory, g_free);
	g_clear_pointer(&bench.database, g_free);
	g_clear_pointer(&bench.program, g_free);
	rig_teardown();
}

/* Runs certpropctl with up to three words; both outputs where wanted. */
int ctl_run(char **ret_out, char **ret_err, const char *a, const char *b, const char *c)
{
	const char *argv[] = {bench.program, a, b, c, NULL};

	return rig_run(argv, bench.environment, ret_out, ret_err);
}

/* Runs it, asserts the exit status and the contract. */
JsonNode *ctl_json(int status, const char *contract, const char *a, const char *b)
{
	g_autofree char *out = NULL, *err = NULL;
	int actual = ctl_run(&out, &err, a, b != NULL ? b : "--json", b != NULL ? "--json" : NULL);

	ck_assert_msg(actual == status, "%s: exit status %d, %s", a, actual, err);

	return contract_check(out, contract);
}

guint ctl_number(JsonObject *object, const char *member)
{
	return (guint)json_object_get_int_member(object, member);
}

void ctl_sync_card(void)
{
	rig_card_insert_seen(bench.card);

	g_autoptr(JsonNode) root = ctl_json(0, ctl_sync_contract, "sync", NULL);
	JsonObject *database = contract_member(root, "databases", 0);
	ck_assert_uint_eq(ctl_number(database, "created"), CTL_CERTS);
	ck_assert_uint_eq(ctl_number(database, "deleted") + ctl_number(database, "released"), 0);
}

char *ctl_sha256(GBytes *der)
{
	return g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, der);
}

JsonObject *ctl_listed(JsonObject *database, const char *sha256)
{
	JsonObject *found = NULL;

	for (guint i = 0; i < contract_length(database, "certificates"); i++) {
		JsonObject *cert = contract_element(database, "certificates", i);

		if (strcmp(contract_text(cert, "sha256"), sha256) == 0) {
			ck_assert_msg(found == NULL, "%s is ctl_listed twice", sha256);
			found = cert;
		}
	}

	return found;
}

/* Every marked row is ctl_listed, with its own label and marker; nothing else is. */
void ctl_assert_list(JsonNode *root, const char *key)
{
	JsonObject *database = contract_member(root, "databases", 0);
	g_autofree char *path = g_strconcat("sql:", bench.database, NULL);
	g_autoptr(GPtrArray) rows = rig_db_certificates(bench.database);
	unsigned n_marked = 0;

	ck_assert_str_eq(contract_text(database, "path"), path);
	ck_assert_str_eq(contract_text(database, "application"), "shared");
	for (guint i = 0; i < rows->len; i++) {
		const RigDbRow *row = g_ptr_array_index(rows, i);
		g_autofree char *sha256 = ctl_sha256(row->der);
		JsonObject *cert = ctl_listed(database, sha256);

		if (row->url == NULL || *row->url == '\0') {
			ck_assert_msg(cert == NULL, "an unmarked certificate is listed");
			continue;
		}
		n_marked++;
		ck_assert_msg(cert != NULL, "\"%s\" is not listed", row->label);
		ck_assert_str_eq(contract_text(cert, "nickname"), row->label);
		ck_assert_str_eq(contract_text(cert, "key"), key);
		ck_assert_str_eq(
			contract_text(contract_element(cert, "claims", 0), "uri"), row->url);
		ck_assert_str_eq(
			contract_text(contract_element(cert, "claims", 0), "serial"), CTL_SERIAL);
	}
	ck_assert_uint_eq(contract_length(database, "certificates"), n_marked);
}

void ctl_add_fixture(TCase *tcase)
{
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 120);
}

void ctl_add_case(Suite *suite, const char *name, const TTest *const *tests, gsize n)
{
	TCase *tcase = tcase_create(name);

	ctl_add_fixture(tcase);
	for (gsize i = 0; i < n; i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
}
