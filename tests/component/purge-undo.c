/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl undo: after a purge, whatever it was and however it ended, every row of the database
 * is as it was, attribute by attribute; and what came meanwhile stays.
 */

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "maker.h"
#include "purgebench.h"

static const char undo_contract[] =
	"{\"dry_run\": \"bool\", \"backup\": \"text+\", \"databases\": [{\"path\": \"text+\","
	"\"status\": \"text+\", \"reason\": \"text\", \"created\": \"int\", \"claimed\": \"int\","
	"\"released\": \"int\", \"deleted\": \"int\", \"kept\": \"int\","
	"\"skipped\": [{\"sha256\": \"sha256\", \"reason\": \"=users-own|conflict\"}],"
	"\"steps\": [{\"action\": \"=create|claim\", \"reason\": \"=restored\","
	"\"done\": \"bool\"}], \"errors\": [\"text+\"]}], \"errors\": [\"text+\"]}";

/* Runs undo, of the newest backup or of `file`, and returns what it says. */
static JsonNode *undo(int status, char *file)
{
	JsonNode *root = purge_json(status, "undo", file, NULL);

	purge_check(root, undo_contract);
	return root;
}

static char *backup_of(JsonNode *root)
{
	return g_strdup(json_object_get_string_member(json_node_get_object(root), "backup"));
}

/* What is compared before and after. */
typedef struct Picture {
	char *rows, *keys, *modules;
} Picture;

static Picture picture(void)
{
	return (Picture){purge_rows(), purge_keys(), purge_file("pkcs11.txt")};
}

static void picture_same(Picture *then)
{
	Picture now = picture();

	ck_assert_str_eq(then->rows, now.rows);
	ck_assert_str_eq(then->keys, now.keys);
	ck_assert_str_eq(then->modules, now.modules);
	for (Picture *each = then; each != NULL; each = each == then ? &now : NULL) {
		g_free(each->rows);
		g_free(each->keys);
		g_free(each->modules);
	}
}

static const char *const purges[][4] = {
	{"--all"},
	{"--token", "A1"},
	{"--endpoint", "xrdp"},
	{"--subject", "shared"},
	{"--issuer", "Test CA", "--token", "Bob"},
};

START_TEST(as_it_was)
{
	const char *const *w = purges[_i];
	Picture before = picture();
	Picture again;
	g_autoptr(JsonNode) purged = purge_json(0, "purge", w[0], w[1], w[2], w[3], NULL);
	gint64 gone = purge_number(purged, "deleted");
	gint64 released = purge_number(purged, "released");
	g_autofree char *after = home_state(bench.home, NULL);
	g_autofree char *dry_after = NULL, *idle_before = NULL, *idle_after = NULL;
	g_autoptr(JsonNode) dry = purge_json(0, "undo", "--dry-run", NULL);
	g_autoptr(JsonNode) done = NULL;
	g_autoptr(JsonNode) idle = NULL;

	ck_assert_int_gt(gone + released, 0);
	dry_after = home_state(bench.home, NULL);
	ck_assert_str_eq(after, dry_after);
	ck_assert_int_eq(purge_number(dry, "created"), gone);
	ck_assert_int_eq(purge_number(dry, "claimed"), released);

	done = undo(0, NULL);
	ck_assert_int_eq(purge_number(done, "created"), gone);
	ck_assert_int_eq(purge_number(done, "claimed"), released);
	again = picture();
	picture_same(&before);
	before = again;

	idle_before = home_state(bench.home, NULL);
	idle = undo(0, NULL);
	ck_assert_int_eq(purge_number(idle, "kept"), gone + released);
	idle_after = home_state(bench.home, NULL);
	ck_assert_str_eq(idle_before, idle_after);
	picture_same(&before);
}
END_TEST

static char *spec(void)
{
	return g_strconcat("sql:", bench.home->db, NULL);
}

/* The label in the database. */
static char *label_of(GBytes *der)
{
	g_autofree char *row = purge_column(der, "CAST(a3 AS TEXT)");

	return g_strchomp(g_steal_pointer(&row));
}

/* What the user renamed stays, without its marker; and gets it back. */
START_TEST(released)
{
	g_autofree char *db = spec();
	g_autofree char *label = label_of(purge_cert(bench.ada, 0));
	g_autofree char *out = home_run(bench.home, "certutil", "--rename", "-d", db, "-n", label,
		"--new-n", "mine now", NULL);
	Picture before = picture();
	g_autoptr(JsonNode) purged = purge_json(0, "purge", "--token", "A1", NULL);
	g_autoptr(JsonNode) done = NULL;

	/* Both certificates of that subject have been renamed by NSS, or one of them. */
	ck_assert(purge_has(purge_cert(bench.ada, 0)));
	ck_assert_int_eq(purge_claims(purge_cert(bench.ada, 0)), 0);
	done = undo(0, NULL);
	ck_assert_int_ge(purge_number(done, "claimed"), 2);
	picture_same(&before);
}
END_TEST

/* What the user imported himself meanwhile is his. */
START_TEST(imported_meanwhile)
{
	GBytes *der = purge_cert(bench.ada, 0);
	g_autoptr(JsonNode) purged = purge_json(0, "purge", "--all", NULL);
	g_autofree char *row = NULL, *row_after = NULL;
	g_autoptr(JsonNode) done = NULL;

	purge_import(der, "imported", ",,");
	row = home_row(bench.home, NULL, der);
	done = undo(0, NULL);
	row_after = home_row(bench.home, NULL, der);
	ck_assert_str_eq(row, row_after);
	ck_assert_int_eq(purge_number(done, "created"), 4);
	ck_assert_uint_eq(contract_length(contract_member(done, "databases", 0), "skipped"), 1);
	ck_assert_int_eq(purge_claims(purge_cert(bench.ada, 2)), 2);
}
END_TEST

/* A re-import of what was released is an import too. */
START_TEST(imported_over_released)
{
	GBytes *der = purge_cert(bench.ada, 2);
	g_autoptr(JsonNode) first = NULL;
	g_autoptr(JsonNode) second = NULL;
	g_autofree char *row = NULL, *row_after = NULL, *db = spec(), *label = label_of(der);
	g_autofree char *out = NULL;

	out = home_run(bench.home, "certutil", "-M", "-d", db, "-n", label, "-t", "P,,", NULL);
	first = purge_json(0, "purge", "--subject", "shared", NULL);
	ck_assert_int_eq(purge_number(first, "released"), 1);
	ck_assert_int_eq(purge_claims(der), 0);
	purge_import(der, label, "P,,");
	row = home_row(bench.home, NULL, der);
	second = undo(0, NULL);
	row_after = home_row(bench.home, NULL, der);
	ck_assert_str_eq(row, row_after);
}
END_TEST

/* The card came again: its claims are there, those of the other one come back beside them. */
START_TEST(propagated_meanwhile)
{
	g_autoptr(JsonNode) purged = purge_json(0, "purge", "--all", NULL);
	g_autofree char *row = NULL, *row_after = NULL;
	g_autoptr(JsonNode) done = NULL;

	purge_insert(bench.ada, NULL);
	row = home_row(bench.home, NULL, purge_cert(bench.ada, 0));
	done = undo(0, NULL);
	row_after = home_row(bench.home, NULL, purge_cert(bench.ada, 0));
	ck_assert_str_eq(row, row_after);
	ck_assert_int_eq(purge_number(done, "created"), 2);
	ck_assert_int_eq(purge_number(done, "claimed"), 1);
	ck_assert_int_eq(purge_number(done, "kept"), 2);
	ck_assert_int_eq(purge_claims(purge_cert(bench.ada, 2)), 2);
	ck_assert_int_eq(purge_count(PURGE_CERTS), 6);
}
END_TEST

/* Another certificate of the same issuer and serial number stands in the way. */
START_TEST(conflict)
{
	g_autoptr(GBytes) one =
		maker_der(&(const MakerSpec){.cn = "One", .issuer_cn = "Test CA", .serial = 4711});
	g_autoptr(GBytes) other = maker_der(
		&(const MakerSpec){.cn = "Other", .issuer_cn = "Test CA", .serial = 4711});
	Card *card = card_new("C3", "Conflict");
	g_autoptr(JsonNode) purged = NULL;
	g_autoptr(JsonNode) done = NULL;
	g_autofree char *before = NULL, *after = NULL;

	card_add_der(card, one, "auth");
	purge_insert(card, NULL);
	card_free(card);
	purged = purge_json(0, "purge", "--token", "C3", NULL);
	purge_import(other, "other", ",,");
	before = home_state(bench.home, NULL);
	done = undo(0, NULL);
	after = home_state(bench.home, NULL);
	ck_assert_str_eq(before, after);
	ck_assert_str_eq(
		contract_text(contract_element(contract_member(done, "databases", 0), "skipped", 0),
			"reason"),
		"conflict");
}
END_TEST

/* What other tools left, row for row. */
START_TEST(unmarked)
{
	g_autoptr(GBytes) alike = maker_der(&(const MakerSpec){
		.cn = "Alike", .issuer_cn = "Other CA", .serial = 8, .email = "a@example.org"});
	Picture before;
	g_autoptr(JsonNode) purged = NULL;
	g_autoptr(JsonNode) done = NULL;

	purge_import(alike, "left over", ",,");
	before = picture();
	purged = purge_json(0, "purge", "--subject", "alike", "--unmarked", "--yes", NULL);
	ck_assert(!purge_has(alike));
	done = undo(0, NULL);
	picture_same(&before);
}
END_TEST

/* Killed half-way */

#define MANY    16u
#define KILL_MS 60000

/* Each deletion takes long enough to be seen. */
#define SLOW                                                                              \
	"CREATE TRIGGER slow BEFORE DELETE ON nssPublic BEGIN SELECT max(n) FROM ("       \
	"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n < 400000) " \
	"SELECT n FROM c); END"

static pid_t start_purge(void)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		(void)dup2(null, 1);
		(void)dup2(null, 2);
		purge_exec((char *[]){
			(char[]){"certpropctl"}, (char[]){"purge"}, (char[]){"--all"}, NULL});
	}
	return pid;
}

/* Kills the store when some, and not all, is gone. Returns what is left. */
static int kill_half_way(int n)
{
	gint64 deadline = g_get_monotonic_time() + KILL_MS * 1000;
	pid_t pid = start_purge();
	int left = n, status;

	while ((left = purge_count(PURGE_MARKED)) == n)
		ck_assert_msg(g_get_monotonic_time() < deadline, "nothing was deleted");
	ck_assert(purge_kill_child(pid));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_msg(WEXITSTATUS(status) == 3 || WEXITSTATUS(status) == 1, "exit status %d",
		WEXITSTATUS(status));
	return purge_count(PURGE_MARKED);
}

START_TEST(killed)
{
	Card *card = card_with("D4", MANY);
	g_autoptr(JsonNode) rest = NULL;
	g_autoptr(JsonNode) done = NULL;
	g_autofree char *slow = NULL, *quick = NULL, *first = NULL;
	g_autofree char *check = NULL;
	Picture before;
	int n, left;

	purge_insert(card, NULL);
	card_free(card);
	before = picture();
	n = purge_count(PURGE_MARKED);
	slow = home_sql(bench.home, NULL, "cert9.db", SLOW);
	left = kill_half_way(n);
	quick = home_sql(bench.home, NULL, "cert9.db", "DROP TRIGGER slow");
	check = home_sql(bench.home, NULL, "cert9.db", "PRAGMA integrity_check");
	ck_assert_str_eq(check, "ok\n");
	ck_assert_int_lt(left, n);
	ck_assert_int_gt(left, 0);
	first = purge_newest();

	rest = purge_json(0, "purge", "--all", NULL);
	ck_assert_int_eq(purge_number(rest, "deleted"), left);
	ck_assert_int_eq(purge_count(PURGE_MARKED), 0);
	/* The first backup was written before the first deletion: it has all of it. */
	done = undo(0, first);
	ck_assert_int_eq(purge_number(done, "created"), n);
	picture_same(&before);
}
END_TEST

/* Files that are no backup, or none of ours */

/* Replaces the first occurrence. */
static char *altered(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	GString *out = g_string_new(NULL);

	ck_assert_msg(at != NULL, "no %s in it", from);
	g_string_append_len(out, text, at - text);
	g_string_append(out, to);
	g_string_append(out, at + strlen(from));
	return g_string_free(out, FALSE);
}

static const struct {
	const char *from, *to;
} alterations[] = {
	{"{", ""},
	{"{", "[[[[[[[[[[[[[[[[[[[[[[[["},
	{"certprop-backup", "something-else"},
	{"\"version\":1", "\"version\":2"},
	{"\"version\":1", "\"version\":\"1\""},
	{"\"path\":\"sql:/", "\"path\":\"dbm:/"},
	{"\"path\":\"sql:/", "\"path\":\"sql:/elsewhere/"},
	{"\"sha256\":\"", "\"sha256\":\"0"},
	{"\"type\":0,\"value\":\"01", "\"type\":0,\"value\":\"03"}, /* CKO_PRIVATE_KEY */
	{"\"type\":0,\"value\":\"0100000000000000", "\"type\":0,\"value\":\"534353ce00000000"},
	{"\"type\":0,\"value\":\"0100000000000000", "\"type\":0,\"value\":\"01"},
	{"\"type\":1,\"value\":\"01", "\"type\":1,\"value\":\"00"}, /* not of the token */
	{"\"type\":2,\"value\":\"00", "\"type\":2,\"value\":\"01"}, /* private */
	{"\"type\":1,", "\"type\":-1,"},
	{"\"type\":1,", "\"type\":1.5,"},
	{"\"type\":1,", "\"type\":99999999999,"},
	{"\"type\":1,", "\"type\":0,"},   /* twice */
	{"\"type\":1,", "\"type\":259,"}, /* CKA_SENSITIVE */
	{"\"type\":1,", "\"type\":134,"}, /* CKA_TRUSTED */
	{"\"value\":\"01", "\"value\":\"1"},
	{"\"value\":\"01", "\"value\":\"0x"},
	{"\"type\":17,\"value\":\"30", "\"type\":17,\"value\":\"31"},
	{"\"type\":129,\"value\":\"30", "\"type\":129,\"value\":\"31"}, /* the issuer */
	{"\"type\":130,\"value\":\"02", "\"type\":130,\"value\":\"03"}, /* the serial number */
	{"\"attributes\":[", "\"attributes\":[7,"},
	{"\"certificates\":[", "\"certificates\":[null,"},
	{"\"databases\":[", "\"databases\":{\"a\":["},
};

START_TEST(altered_files)
{
	g_autoptr(JsonNode) purged = purge_json(0, "purge", "--subject", "shared", NULL);
	g_autofree char *file = backup_of(purged);
	g_autofree char *state = home_state(bench.home, NULL);
	g_autofree char *text = NULL;

	ck_assert(g_file_get_contents(file, &text, NULL, NULL));
	for (gsize i = 0; i < G_N_ELEMENTS(alterations); i++) {
		const char *from = alterations[i].from, *to = alterations[i].to;
		g_autofree char *bad = altered(text, from, to);
		g_autofree char *err = NULL, *after = NULL;
		int status;

		ck_assert(g_file_set_contents(file, bad, -1, NULL));
		status = purge_ctl(NULL, &err, "undo", file, NULL);
		ck_assert_msg(status == 1, "%s → %s: exit status %d", from, to, status);
		ck_assert_msg(*err != '\0', "%s → %s: nothing was said", from, to);
		after = home_state(bench.home, NULL);
		ck_assert_msg(
			strcmp(state, after) == 0, "%s → %s: something was written", from, to);
	}
	/* And unaltered it is good. */
	ck_assert(g_file_set_contents(file, text, -1, NULL));
	ck_assert_int_eq(purge_ctl(NULL, NULL, "undo", file, NULL), 0);
	ck_assert_int_eq(purge_claims(purge_cert(bench.ada, 2)), 2);
}
END_TEST

static void expect_refused(const char *file)
{
	g_autofree char *err = NULL;

	ck_assert_int_eq(purge_ctl(NULL, &err, "undo", file, NULL), 1);
	ck_assert_msg(strstr(err, file) != NULL, "it does not name %s: %s", file, err);
}

START_TEST(strange_files)
{
	g_autoptr(JsonNode) purged = purge_json(0, "purge", "--all", NULL);
	g_autofree char *file = backup_of(purged);
	g_autofree char *state = home_state(bench.home, NULL);
	g_autofree char *link = home_path(bench.home, "link"),
			*fifo = home_path(bench.home, "fifo");
	g_autofree char *empty = home_path(bench.home, "empty");
	g_autofree char *large = home_path(bench.home, "large");
	g_autofree char *after = NULL;
	int fd;

	ck_assert_int_eq(symlink(file, link), 0);
	expect_refused(link);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	expect_refused(fifo);
	expect_refused(bench.home->dir);
	expect_refused("/dev/zero");
	expect_refused("/nowhere/at/all");
	ck_assert(g_file_set_contents(empty, "", 0, NULL));
	expect_refused(empty);
	fd = open(large, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(ftruncate(fd, (off_t)1 << 40), 0);
	close(fd);
	expect_refused(large);
	ck_assert_int_eq(chmod(file, 0660), 0);
	expect_refused(file);
	if (geteuid() == 0) {
		ck_assert_int_eq(chmod(file, 0600), 0);
		ck_assert_int_eq(chown(file, 65534, 65534), 0);
		expect_refused(file);
	}
	after = home_state(bench.home, NULL);
	ck_assert_str_eq(state, after);
}
END_TEST

START_TEST(nothing_to_undo)
{
	g_autofree char *err = NULL;
	g_autoptr(JsonNode) none = NULL;
	g_autoptr(JsonNode) two = NULL;
	g_autoptr(JsonNode) first = NULL;
	g_autoptr(JsonNode) second = NULL;
	g_autofree char *file = NULL;

	ck_assert_int_eq(purge_ctl(NULL, &err, "undo", NULL), 1);
	none = purge_json(0, "undo", "--list", NULL);
	ck_assert_uint_eq(contract_length(json_node_get_object(none), "backups"), 0);
	first = purge_json(0, "purge", "--token", "A1", NULL);
	second = purge_json(0, "purge", "--token", "B2", NULL);
	two = purge_json(0, "undo", "--list", NULL);
	purge_check(two, "{\"backups\": [{\"file\": \"text+\", \"created\": \"time\","
			 "\"certificates\": \"int\", \"databases\": \"int\"}]}");
	ck_assert_uint_eq(contract_length(json_node_get_object(two), "backups"), 2);
	file = backup_of(second);
	ck_assert_str_eq(contract_text(contract_member(two, "backups", 0), "file"), file);
}
END_TEST

#define TRUSTS "SELECT count(*) FROM nssPublic WHERE a0 IN (x'CE534353', x'0000000B')"

/* A root that is trusted because it is pinned: the trust goes with it, and comes again with the
   card. */
START_TEST(pinned_root)
{
	g_autoptr(GBytes) der = maker_der(&(const MakerSpec){
		.cn = "Pinned Root", .ca = true, .serial = 77, .key_usage = "keyCertSign"});
	g_autofree char *pin = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, der);
	Card *card = card_new("C3", "Cara");
	int users = purge_count(TRUSTS);
	const Job job = {.mode = WIRE_STORE_APPLY,
		.host = bench.host,
		.card = card,
		.config = {{"ca", "trusted-roots", pin}}};
	g_autoptr(JsonNode) purged = NULL;
	g_autoptr(JsonNode) done = NULL;

	card_add_der(card, der, "Root");
	job_expect(bench.home, &job, "create=1");
	ck_assert_int_eq(purge_count(TRUSTS), users + 1);
	purged = purge_json(0, "purge", "--token", "C3", NULL);
	ck_assert_int_eq(purge_number(purged, "deleted"), 1);
	ck_assert(!purge_has(der));
	ck_assert_int_eq(purge_count(TRUSTS), users);

	done = undo(0, NULL);
	ck_assert_int_eq(purge_number(done, "created"), 1);
	ck_assert_int_eq(purge_claims(der), 1);
	ck_assert_int_eq(purge_count(TRUSTS), users);
	job_expect(bench.home, &job, "claim=1");
	ck_assert_int_eq(purge_count(TRUSTS), users + 1);
	card_free(card);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("purge-undo");
	TCase *tcase = tcase_create("undo");
	TCase *half = tcase_create("killed");
	TCase *files = tcase_create("files");

	tcase_add_checked_fixture(tcase, purge_set_up, purge_tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, as_it_was, 0, G_N_ELEMENTS(purges));
	tcase_add_test(tcase, released);
	tcase_add_test(tcase, imported_meanwhile);
	tcase_add_test(tcase, imported_over_released);
	tcase_add_test(tcase, propagated_meanwhile);
	tcase_add_test(tcase, conflict);
	tcase_add_test(tcase, unmarked);
	tcase_add_test(tcase, pinned_root);
	tcase_add_test(tcase, nothing_to_undo);
	suite_add_tcase(suite, tcase);

	tcase_add_checked_fixture(half, purge_set_up, purge_tear_down);
	tcase_set_timeout(half, 180);
	tcase_add_test(half, killed);
	suite_add_tcase(suite, half);

	tcase_add_checked_fixture(files, purge_set_up, purge_tear_down);
	tcase_set_timeout(files, 120);
	tcase_add_test(files, altered_files);
	tcase_add_test(files, strange_files);
	suite_add_tcase(suite, files);

	return harness_run(suite, argc, argv);
}
