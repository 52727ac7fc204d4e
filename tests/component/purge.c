/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl purge on a real NSS database: what each selector takes away, and that nothing else
 * changes by a byte. Read by raw SQL, before and after.
 */

#include <string.h>
#include <sys/stat.h>

#include "harness.h"
#include "maker.h"
#include "purgebench.h"

#define TOKEN                                                                        \
	"{\"manufacturer\": \"text+\", \"model\": \"text+\", \"serial\": \"text+\"," \
	"\"label\": \"text+\", \"endpoint\": \"text+\", \"host\": \"hex\","          \
	"\"key\": \"=present|absent|unknown\"}"
static const char purge_contract[] =
	"{\"dry_run\": \"bool\", \"tokens\": [" TOKEN "], \"databases\": [{\"path\": \"text+\","
	"\"application\": \"text+\", \"status\": \"text+\", \"reason\": \"text\","
	"\"created\": \"int\", \"claimed\": \"int\", \"released\": \"int\","
	"\"deleted\": \"int\", \"kept\": \"int\","
	"\"skipped\": [{\"sha256\": \"sha256\", \"reason\": \"text+\"}],"
	"\"steps\": [{\"action\": \"=release|delete\", \"sha256\": \"sha256\","
	"\"nickname\": \"text+\", \"reason\": \"=purged|adopted|unmarked\", \"done\": \"bool\"}],"
	"\"certificates\": [{\"sha256\": \"sha256\", \"subject\": \"text+\","
	"\"claims\": [{\"uri\": \"text+\"}]}],"
	"\"errors\": [\"text+\"]}], \"backup\": \"text\", \"warnings\": [\"text+\"],"
	"\"errors\": [\"text+\"]}";

/* What stays of each certificate: its claims, or -1 when it is gone. */
static const struct {
	const char *words[4];
	int ada[3], bob[2];
	const char *why;
} selections[] = {
	{{"--all"}, {-1, -1, -1}, {-1, -1}, "everything"},
	{{"--token", "A1"}, {-1, -1, 1}, {1, 1}, "by serial number; the other one holds the third"},
	{{"--token", "ada"}, {-1, -1, 1}, {1, 1}, "by label"},
	{{"--token", "A"}, {1, 1, 2}, {1, 1}, "a part is not it"},
	{{"--subject", "lovelace"}, {-1, -1, 2}, {1, 1}, "by subject"},
	{{"--issuer", "test ca"}, {-1, -1, -1}, {-1, -1}, "by issuer"},
	{{"--issuer", "own"}, {1, 1, 2}, {1, 1}, "the user's own is not ours"},
	{{"--endpoint", "xrdp:10"}, {1, 1, 1}, {-1, -1}, "by endpoint"},
	{{"--endpoint", "xrdp"}, {1, 1, 1}, {-1, -1}, "by kind of endpoint"},
	{{"--endpoint", "xrdp:1"}, {1, 1, 2}, {1, 1}, "a part is not it"},
	{{"--expired"}, {1, 1, 2}, {1, 1}, "none has"},
	{{"--older-than", "2026-01-01"}, {1, 1, 2}, {1, 1}, "none is"},
	{{"--older-than", "2100-01-01"}, {-1, -1, -1}, {-1, -1}, "all are"},
	{{"--subject", "shared", "--token", "B2"}, {1, 1, 1}, {1, 1}, "and means and"},
	{{"--subject", "shared", "--all"}, {1, 1, -1}, {1, 1}, "all claims of it"},
};

static void expect(GBytes *der, int claims, const char *why)
{
	if (claims < 0)
		ck_assert_msg(!purge_has(der), "%s: it is still there", why);
	else
		ck_assert_msg(purge_has(der) && purge_claims(der) == claims, "%s: %d claims", why,
			purge_claims(der));
}

static char *others(void)
{
	return purge_rows_without(purge_cert(bench.ada, 0), purge_cert(bench.ada, 1),
		purge_cert(bench.ada, 2), purge_cert(bench.bob, 0), purge_cert(bench.bob, 1), NULL);
}

START_TEST(selectors)
{
	const char *const *w = selections[_i].words;
	const char *why = selections[_i].why;
	g_autofree char *rows = others();
	g_autofree char *modules = purge_file("pkcs11.txt");
	g_autofree char *rows_after = NULL, *modules_after = NULL;
	g_autofree char *before = home_state(bench.home, NULL);
	g_autofree char *keys = purge_keys();
	g_autofree char *keys_after = NULL;
	g_autofree char *dry_after = NULL, *after = NULL, *idle_after = NULL;
	g_autoptr(JsonNode) plan = NULL;
	g_autoptr(JsonNode) root = NULL;
	g_autoptr(JsonNode) again = NULL;
	bool any;

	plan = purge_json(0, "purge", "--dry-run", w[0], w[1], w[2], w[3], NULL);
	dry_after = home_state(bench.home, NULL);
	ck_assert_str_eq(before, dry_after);
	root = purge_json(0, "purge", w[0], w[1], w[2], w[3], NULL);
	purge_check(root, purge_contract);
	ck_assert_int_eq(purge_number(plan, "deleted"), purge_number(root, "deleted"));
	ck_assert_int_eq(purge_number(plan, "released"), purge_number(root, "released"));

	for (guint i = 0; i < 3; i++)
		expect(purge_cert(bench.ada, i), selections[_i].ada[i], why);
	for (guint i = 0; i < 2; i++)
		expect(purge_cert(bench.bob, i), selections[_i].bob[i], why);
	rows_after = others();
	ck_assert_str_eq(rows, rows_after);
	modules_after = purge_file("pkcs11.txt");
	ck_assert_str_eq(modules, modules_after);
	any = purge_number(root, "deleted") + purge_number(root, "released") > 0;
	after = home_state(bench.home, NULL);
	ck_assert_msg(any || strcmp(before, after) == 0, "%s: something was written", why);
	ck_assert_int_eq(
		*json_object_get_string_member(json_node_get_object(root), "backup") != '\0', any);

	again = purge_json(0, "purge", w[0], w[1], w[2], w[3], NULL);
	ck_assert_int_eq(purge_number(again, "deleted") + purge_number(again, "released"), 0);
	idle_after = home_state(bench.home, NULL);
	ck_assert_str_eq(after, idle_after);
	keys_after = purge_keys();
	ck_assert_str_eq(keys, keys_after);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("purge");
	TCase *tcase = tcase_create("purge");

	tcase_add_checked_fixture(tcase, purge_set_up, purge_tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, selectors, 0, G_N_ELEMENTS(selections));
	suite_add_tcase(suite, tcase);

	return harness_run(suite, argc, argv);
}
