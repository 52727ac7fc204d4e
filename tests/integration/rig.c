/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rig itself: many readers, databases read bare, two rigs side by side in either way of having
 * a pcscd of one's own, and that nothing outlives a test program. card.c proves the cards.
 */
#include "harness.h"
#include "stage.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ONE_CARD   "one card"
#define LEAVE      "--leave-behind"
#define OPENSC_ALL "app opensc-pkcs11 { pkcs11 { slots_per_card = 1; } }\n"
#define LONG_MS    60000

START_TEST(sixteen_readers)
{
	g_autoptr(RigHome) home = rig_home_new();
	g_auto(GStrv) environment = NULL;
	g_autofree char *conf = rig_home_path(home, "opensc.conf");
	g_autoptr(RigPcscd) pcscd = rig_pcscd_new(RIG_READERS_MAX);
	RigCard *cards[RIG_READERS_MAX];
	const char *argv[] = {"pkcs11-tool", "-L", NULL};
	g_autofree char *output = NULL;

	rig_pcscd_start(pcscd);
	environment = rig_home_environment(home);
	rig_home_write(home, "opensc.conf", OPENSC_ALL);
	environment = g_environ_setenv(environment, "OPENSC_CONF", conf, TRUE);
	for (unsigned i = 0; i < RIG_READERS_MAX; i++) {
		g_autofree char *guid = g_strdup_printf("001122334455667788990000000000%02x", i);
		g_autofree char *directory = rig_deal_simple(1, guid);

		cards[i] = rig_card_new(pcscd, i, directory);
		rig_card_insert(cards[i]);
	}
	for (unsigned i = 0; i < RIG_READERS_MAX; i++)
		(void)rig_reader_wait(rig_pcscd_reader(pcscd, i), true);
	output = rig_run_ok(argv, environment);
	for (unsigned i = 0; i < RIG_READERS_MAX; i++) {
		g_autofree char *serial = g_strdup_printf("88990000000000%02x", i);

		ck_assert_uint_eq(stage_occurrences(output, serial), 1);
		rig_card_free(cards[i]);
	}
}
END_TEST

START_TEST(database_is_read_bare)
{
	g_autoptr(RigHome) home = rig_home_new();
	g_autofree char *db = rig_home_path(home, "nssdb");
	g_autofree char *directory = rig_deal_simple(2, STAGE_GUID);
	g_autofree char *first = g_build_filename(directory, "9a.der", NULL);
	g_autofree char *second = g_build_filename(directory, "9c.der", NULL);
	g_autofree char *key = g_build_filename(directory, "9c.pem", NULL);
	g_autoptr(GBytes) der = rig_dealt_der(directory, 0);
	g_autoptr(GPtrArray) rows = NULL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;
	g_autofree char *integrity = NULL;

	ck_assert(!rig_db_exists(db));
	rig_db_create(db);
	ck_assert(rig_db_exists(db));
	before = rig_db_state(db);
	rig_db_import(db, "mine", first, "P,,");
	after = rig_db_state(db);
	ck_assert_str_ne(before, after);
	g_clear_pointer(&before, g_free);
	rows = rig_db_certificates(db);
	before = rig_db_state(db);
	ck_assert_str_eq(before, after); /* looking changes nothing */
	ck_assert_uint_eq(rows->len, 1);
	ck_assert_str_eq(rig_db_find(rows, der)->label, "mine");
	ck_assert_ptr_null(rig_db_find(rows, der)->url);
	ck_assert_uint_eq(rig_db_marked(rows), 0);
	ck_assert_uint_ge(rig_db_trust_objects(db), 1);
	ck_assert_uint_eq(rig_db_private_objects(db), 0);
	rig_db_import_key(db, "with key", second, key);
	ck_assert_uint_eq(rig_db_private_objects(db), 1);
	integrity = rig_db_integrity(db);
	ck_assert_str_eq(integrity, "ok");
}
END_TEST

/* `*others` is brought up to date, and has to change by that. */
static void check_others_changed(char **others, const char *db, const char *what)
{
	g_autofree char *before = g_steal_pointer(others);

	*others = rig_db_others(db);
	ck_assert_msg(strcmp(before, *others) != 0, "%s is not seen", what);
}

START_TEST(others_are_compared)
{
	g_autoptr(RigHome) home = rig_home_new();
	g_autofree char *db = rig_home_path(home, "nssdb");
	g_autofree char *sql = g_strconcat("sql:", db, NULL);
	g_autofree char *directory = rig_deal_simple(2, STAGE_GUID);
	g_autofree char *first = g_build_filename(directory, "9a.der", NULL);
	g_autofree char *second = g_build_filename(directory, "9c.der", NULL);
	g_autofree char *key = g_build_filename(directory, "9c.pem", NULL);
	g_autofree char *modules = g_build_filename(db, "pkcs11.txt", NULL);
	const char *trust[] = {"certutil", "-M", "-d", sql, "-n", "mine", "-t", "C,,", NULL};
	g_autofree char *others = NULL;
	g_autofree char *again = NULL;

	rig_db_create(db);
	rig_db_import(db, "mine", first, "P,,");
	others = rig_db_others(db);
	again = rig_db_others(db);
	ck_assert_str_eq(others, again);
	g_free(rig_run_ok(trust, NULL));
	check_others_changed(&others, db, "other trust in the same object");
	rig_db_import_key(db, "with key", second, key);
	check_others_changed(&others, db, "a key");
	ck_assert(g_file_set_contents(modules, "library=\n", -1, NULL));
	check_others_changed(&others, db, "another list of modules");
	ck_assert_int_eq(g_unlink(modules), 0);
	check_others_changed(&others, db, "the lack of a list");
}
END_TEST

static bool has_two_children(gpointer data)
{
	g_autoptr(GArray) children = rig_children(rig_process_pid(data));

	return children->len == 2;
}

START_TEST(processes_are_counted)
{
	const char *argv[] = {"sh", "-c", "sleep 600 & sleep 600 & wait", NULL};
	g_autoptr(RigProcess) process = rig_process_start(argv, NULL);
	g_autoptr(GArray) two = NULL;

	rig_wait_until(has_two_children, process, LONG_MS, "two children");
	two = rig_descendants(rig_process_pid(process));
	ck_assert_uint_eq(two->len, 2);
	ck_assert_uint_gt(rig_memory(rig_process_pid(process)).pss, 0);
	for (guint i = 0; i < two->len; i++)
		kill(g_array_index(two, pid_t, i), SIGTERM);
	ck_assert_int_eq(rig_process_wait(process, LONG_MS), 0);
}
END_TEST

static char *own_program(void)
{
	g_autoptr(GError) error = NULL;
	char *path = g_file_read_link("/proc/self/exe", &error);

	ck_assert_msg(path != NULL, "%s", error != NULL ? error->message : "");
	return path;
}

/* Each reads and signs with a card of its own. */
static void run_two(const char *wish, const char *mode)
{
	g_autofree char *self = own_program();
	const char *argv[] = {self, ONE_CARD, NULL};
	g_auto(GStrv) environment = g_get_environ();
	RigProcessOptions options = {0};
	RigProcess *both[2];

	environment = g_environ_setenv(environment, "CERTPROP_RIG", wish, TRUE);
	/* Ours is removed even when a minder in it is killed. */
	environment = g_environ_setenv(environment, "TMPDIR", rig_directory(), TRUE);
	options.environment = environment;
	for (int i = 0; i < 2; i++)
		both[i] = rig_process_start(argv, &options);
	for (int i = 0; i < 2; i++) {
		int status = rig_process_wait(both[i], LONG_MS);
		g_autofree char *output = rig_process_output(both[i], NULL);
		g_autofree char *errors = rig_process_errors(both[i]);

		ck_assert_msg(status == 0 && strstr(output, "1..1") != NULL, "%s", output);
		ck_assert_msg(strstr(errors, mode) != NULL, "%s", errors);
		rig_process_free(both[i]);
	}
}

START_TEST(one_card)
{
	rig_card_insert_seen(stage.card);
	ck_assert_uint_eq(stage_listed(), 4);
	stage_assert_reads_back(stage.directory, 3);
	rig_card_remove_seen(stage.card);
	ck_assert_uint_eq(rig_reader_look(stage_reader()).counter, 2);
}
END_TEST

START_TEST(two_side_by_side)
{
	run_two("", "own namespaces");
}
END_TEST

START_TEST(two_by_activation)
{
	run_two("activation", "socket activation");
}
END_TEST

/* A process that nobody would end: it has left its parent and its session. */
static int leave_behind(void)
{
	if (fork() == 0) {
		(void)setsid();
		if (fork() == 0) {
			printf("%d\n", getpid());
			fflush(stdout);
			for (;;)
				pause();
		}
		_exit(0);
	}
	/* Ends at once, whether or not the orphan has spoken: the minder finds it all the same. */
	return 0;
}

START_TEST(nothing_is_left_behind)
{
	g_autofree char *self = own_program();
	const char *argv[] = {self, LEAVE, NULL};
	g_autoptr(GArray) before = rig_children(getpid());
	g_autoptr(RigProcess) process = rig_process_start(argv, NULL);
	g_autoptr(GArray) left = NULL;
	g_autofree char *output = NULL;
	g_autofree char *errors = NULL;
	const char *directory;

	ck_assert_int_eq(rig_process_wait(process, LONG_MS), 0);
	output = rig_process_output(process, NULL);
	ck_assert_msg(output[0] == '\0' || kill((pid_t)atoi(output), 0) != 0, "%s lives", output);
	left = rig_children(getpid());
	ck_assert_uint_eq(left->len, before->len);
	errors = rig_process_errors(process);
	directory = strrchr(errors, ' ');
	ck_assert_ptr_nonnull(directory);
	g_strchomp(errors);
	ck_assert_msg(!g_file_test(directory + 1, G_FILE_TEST_EXISTS), "%s is left", directory);
}
END_TEST

static void add_one_card(Suite *suite)
{
	TCase *tcase = tcase_create(ONE_CARD);

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, stage_set_up, stage_tear_down);
	tcase_add_test(tcase, one_card);
	suite_add_tcase(suite, tcase);
}

static void add_rig_tests(Suite *suite)
{
	TCase *tcase = tcase_create("rig");

	tcase_set_timeout(tcase, 180);
	tcase_add_checked_fixture(tcase, rig_setup, rig_teardown);
	tcase_add_test(tcase, sixteen_readers);
	tcase_add_test(tcase, database_is_read_bare);
	tcase_add_test(tcase, others_are_compared);
	tcase_add_test(tcase, processes_are_counted);
	tcase_add_test(tcase, two_side_by_side);
	tcase_add_test(tcase, two_by_activation);
	tcase_add_test(tcase, nothing_is_left_behind);
	suite_add_tcase(suite, tcase);
}

int main(int argc, char **argv)
{
	Suite *suite;

	rig_enter();
	if (argc == 2 && strcmp(argv[1], LEAVE) == 0)
		return leave_behind();
	suite = suite_create("rig");
	add_one_card(suite);
	add_rig_tests(suite);
	return harness_run(suite, argc, argv);
}
