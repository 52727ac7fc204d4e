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

/* One that was propagated although it had expired, beside one that is valid. */
START_TEST(expired_is_ours)
{
	g_autoptr(GBytes) der = maker_der(&(const MakerSpec){.cn = "Cy Expired",
		.issuer_cn = "Test CA",
		.email = "cy@example.org",
		.serial = 99,
		.not_after = 1600000000});
	Card *card = card_new("C3", "Cy");
	const Job job = {.mode = WIRE_STORE_APPLY,
		.host = bench.host,
		.card = card,
		.config = {{"filter", "time-invalid", "allow"}}};
	g_autofree char *rows = NULL, *rows_after = NULL, *before = NULL, *dry_after = NULL;
	g_autoptr(JsonNode) plan = NULL;
	g_autoptr(JsonNode) root = NULL;
	Outcome outcome;

	card_add_der(card, der, "old");
	card_add(card, "Cy Valid", "new");
	outcome = job_run(bench.home, &job);
	report_free(outcome.report);
	card_free(card);
	ck_assert_int_eq(purge_claims(der), 1);
	ck_assert_int_eq(purge_count(PURGE_MARKED), 7);

	rows = purge_rows_without(der, NULL);
	before = home_state(bench.home, NULL);
	plan = purge_json(0, "purge", "--expired", "--dry-run", NULL);
	ck_assert_int_eq(purge_number(plan, "deleted"), 1);
	dry_after = home_state(bench.home, NULL);
	ck_assert_str_eq(before, dry_after);

	root = purge_json(0, "purge", "--expired", NULL);
	ck_assert_int_eq(purge_number(root, "deleted"), 1);
	ck_assert_int_eq(purge_number(root, "released"), 0);
	ck_assert(!purge_has(der));
	rows_after = purge_rows();
	ck_assert_str_eq(rows, rows_after);
}
END_TEST

/* What the user made his own stays, and is told of. */
START_TEST(adopted)
{
	GBytes *der = purge_cert(bench.ada, 2);
	g_autofree char *spec = g_strconcat("sql:", bench.home->db, NULL);
	g_autofree char *label = purge_column(der, "CAST(a3 AS TEXT)");
	g_autofree char *out = NULL;
	g_autoptr(JsonNode) root = NULL;
	JsonObject *step;

	out = home_run(bench.home, "certutil", "-M", "-d", spec, "-n", g_strchomp(label), "-t",
		"P,,", NULL);
	root = purge_json(0, "purge", "--all", NULL);
	ck_assert_int_eq(purge_number(root, "deleted"), 4);
	ck_assert_int_eq(purge_number(root, "released"), 1);
	ck_assert(purge_has(der));
	ck_assert_int_eq(purge_claims(der), 0);
	step = contract_element(contract_member(root, "databases", 0), "steps", 0);
	for (guint i = 1; strcmp(contract_text(step, "action"), "release") != 0; i++)
		step = contract_element(contract_member(root, "databases", 0), "steps", i);
	ck_assert_str_eq(contract_text(step, "reason"), "adopted");
}
END_TEST

/* Nobody's word is enough that a card is not here: the readers could not be asked. */
START_TEST(absent_is_known)
{
	g_autofree char *before = home_state(bench.home, NULL);
	g_autofree char *after = NULL;
	g_autoptr(JsonNode) root = purge_json(0, "purge", "--absent", NULL);

	after = home_state(bench.home, NULL);
	ck_assert_str_eq(before, after);
}
END_TEST

static mode_t mode_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

START_TEST(backup_is_ours_alone)
{
	g_autoptr(JsonNode) root = purge_json(0, "purge", "--all", NULL);
	g_autofree char *file = purge_newest();
	g_autofree char *dir = g_path_get_dirname(file);
	g_autoptr(GDir) entries = g_dir_open(dir, 0, NULL);
	guint n = 0;

	ck_assert_str_eq(json_object_get_string_member(json_node_get_object(root), "backup"), file);
	ck_assert_uint_eq(mode_of(file), 0600);
	ck_assert_uint_eq(mode_of(dir), 0700);
	while (g_dir_read_name(entries) != NULL)
		n++;
	ck_assert_uint_eq(n, 1); /* nothing half-written is left */
}
END_TEST

/* Without a backup nothing goes. */
START_TEST(no_backup)
{
	g_autofree char *before = home_state(bench.home, NULL);
	g_autofree char *place = home_path(bench.home, ".local");
	g_autofree char *after = NULL, *err = NULL;

	ck_assert(g_file_set_contents(place, "in the way", -1, NULL));
	ck_assert_int_ne(purge_ctl(NULL, &err, "purge", "--all", NULL), 0);
	ck_assert_ptr_nonnull(strstr(err, "nothing was taken away"));
	after = home_state(bench.home, NULL);
	ck_assert_str_eq(before, after);
	ck_assert_int_eq(purge_count(PURGE_MARKED), 5);
}
END_TEST

/* A database that cannot be written is told, and the exit status says that something is left. */
START_TEST(locked)
{
	g_autofree char *path = g_build_filename(bench.home->db, "cert9.db", NULL);
	g_autofree char *before = home_state(bench.home, NULL);
	g_autofree char *after = NULL;
	g_autoptr(JsonNode) root = NULL;
	g_autoptr(JsonNode) again = NULL;
	PurgeLock *lock = purge_lock(path);

	root = purge_json(1, "purge", "--all", NULL);
	purge_unlock(lock);
	after = home_state(bench.home, NULL);
	ck_assert_str_eq(before, after);
	ck_assert_str_eq(contract_text(contract_member(root, "databases", 0), "status"), "busy");
	again = purge_json(0, "purge", "--all", NULL);
	ck_assert_int_eq(purge_number(again, "deleted"), 5);
}
END_TEST

/* --unmarked */

static GBytes *make(const char *cn, MakerSpec spec)
{
	static guint64 serial = 1000;

	spec.cn = cn;
	spec.serial = ++serial;
	if (spec.issuer_cn == NULL)
		spec.issuer_cn = "Alike CA";
	return maker_der(&spec);
}

/* A certificate with its key, made by NSS's own tool. */
static void make_with_key(void)
{
	g_autofree char *spec = g_strconcat("sql:", bench.home->db, NULL);
	g_autofree char *noise = home_path(bench.home, "noise");
	g_autofree char *out = NULL;

	ck_assert(g_file_set_contents(noise, "0123456789012345678901234567890123456789", -1, NULL));
	out = home_run(bench.home, "certutil", "-S", "-x", "-d", spec, "-n", "keyed", "-s",
		"CN=Alike Keyed", "-t", ",,", "-z", noise, "-k", "ec", "-q", "nistp256", NULL);
}

static int count_named(const char *nickname)
{
	g_autofree char *query =
		g_strdup_printf(PURGE_CERTS " AND CAST(a3 AS TEXT)='%s'", nickname);

	return purge_count(query);
}

START_TEST(unmarked_guards)
{
	g_autoptr(GBytes) plain = make("Alike Plain", (MakerSpec){0});
	g_autoptr(GBytes) old = make("Alike Old", (MakerSpec){.not_after = 1600000000});
	g_autoptr(GBytes) authority = make("Alike Authority", (MakerSpec){.ca = true});
	g_autoptr(GBytes) trusted = make("Alike Trusted", (MakerSpec){0});
	g_autoptr(GBytes) distrusted = make("Alike Distrusted", (MakerSpec){0});
	g_autofree char *keys = NULL, *keys_after = NULL;
	g_autoptr(JsonNode) marked = NULL;
	g_autoptr(JsonNode) expired = NULL;
	g_autoptr(JsonNode) root = NULL;

	purge_import(plain, "plain", ",,");
	purge_import(old, "old", ",,");
	purge_import(authority, "authority", ",,");
	purge_import(trusted, "trusted", "P,,");
	purge_import(distrusted, "distrusted", "p,,");
	make_with_key();
	keys = purge_keys();

	/* Not meant without the word. */
	marked = purge_json(0, "purge", "--subject", "alike", NULL);
	ck_assert_int_eq(purge_number(marked, "deleted"), 0);
	expired = purge_json(
		0, "purge", "--subject", "alike", "--expired", "--unmarked", "--yes", NULL);
	ck_assert_int_eq(purge_number(expired, "deleted"), 1);
	ck_assert_int_eq(count_named("old"), 0);

	root = purge_json(0, "purge", "--subject", "alike", "--unmarked", "--yes", NULL);
	ck_assert_int_eq(purge_number(root, "deleted"), 1);
	ck_assert_int_eq(count_named("plain"), 0);
	ck_assert_int_eq(count_named("authority"), 1);
	ck_assert_int_eq(count_named("trusted"), 1);
	ck_assert_int_eq(count_named("distrusted"), 1);
	ck_assert_int_eq(count_named("keyed"), 1);
	ck_assert(purge_has(bench.own));
	ck_assert_int_eq(purge_count(PURGE_MARKED), 5);
	keys_after = purge_keys();
	ck_assert_str_eq(keys, keys_after);
}
END_TEST

/* Older copies of what the card has, by the card. */
START_TEST(unmarked_of_token)
{
	g_autoptr(GBytes) older =
		make("Ada Lovelace", (MakerSpec){.issuer_cn = "Test CA", .email = "x@example.org"});
	g_autoptr(GBytes) other = make("Ada Lovelace", (MakerSpec){.issuer_cn = "Another CA"});
	g_autoptr(JsonNode) root = NULL;

	purge_import(older, "older", ",,");
	purge_import(other, "other", ",,");
	root = purge_json(0, "purge", "--token", "A1", "--unmarked", "--yes", NULL);
	ck_assert_int_eq(purge_number(root, "deleted"), 3);
	ck_assert(!purge_has(older));
	ck_assert(purge_has(other));
}
END_TEST

/* On a terminal: the answer decides. */
static const struct {
	const char *answer;
	int status;
	bool goes;
} answers[] = {{"n\n", 1, false}, {"\n", 1, false}, {"y\n", 0, true}, {"yes\n", 0, true}};

START_TEST(unmarked_asks)
{
	g_autoptr(GBytes) plain = make("Alike Plain", (MakerSpec){0});
	g_autofree char *screen = NULL;

	purge_import(plain, "plain", ",,");
	ck_assert_int_eq(purge_on_terminal(answers[_i].answer, &screen, "purge", "--subject",
				 "alike", "--unmarked", NULL),
		answers[_i].status);
	ck_assert_msg(strstr(screen, "plain") != NULL, "it was not listed: %s", screen);
	ck_assert(purge_has(plain) == !answers[_i].goes);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("purge");
	TCase *tcase = tcase_create("purge");
	TCase *unmarked = tcase_create("unmarked");

	tcase_add_checked_fixture(tcase, purge_set_up, purge_tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, selectors, 0, G_N_ELEMENTS(selections));
	tcase_add_test(tcase, expired_is_ours);
	tcase_add_test(tcase, adopted);
	tcase_add_test(tcase, absent_is_known);
	tcase_add_test(tcase, backup_is_ours_alone);
	tcase_add_test(tcase, no_backup);
	tcase_add_test(tcase, locked);
	suite_add_tcase(suite, tcase);

	tcase_add_checked_fixture(unmarked, purge_set_up, purge_tear_down);
	tcase_set_timeout(unmarked, 60);
	tcase_add_test(unmarked, unmarked_guards);
	tcase_add_test(unmarked, unmarked_of_token);
	tcase_add_loop_test(unmarked, unmarked_asks, 0, G_N_ELEMENTS(answers));
	suite_add_tcase(suite, unmarked);

	return harness_run(suite, argc, argv);
}
