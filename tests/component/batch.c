/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The store alone, held up by another program's lock after it was told that it may delete, and a
 * card that comes back meanwhile. What is in the databases is read as bare SQLite.
 *
 * The store is stopped by a signal while it waits, so that nothing here depends on how long the
 * card takes.
 */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness.h"
#include "names.h"
#include "world.h"

#define GUID    "00112233445566778899aabbccddee0a"
#define CERTS   3u
#define WAIT_MS 20000u

static char *make_profile(void)
{
	char *dir = rig_home_path(world.home, ".mozilla/firefox/held-up");

	ck_assert_int_eq(g_mkdir_with_parents(dir, 0700), 0);
	rig_db_create(dir);
	rig_home_write(world.home, ".mozilla/firefox/profiles.ini",
		"[Profile0]\nName=held-up\nIsRelative=1\nPath=held-up\n");
	return dir;
}

static sqlite3 *lock_database(const char *dir)
{
	g_autofree char *path = g_build_filename(dir, "cert9.db", NULL);
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return db;
}

static bool is_served(gpointer data)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(data);

	return rig_db_marked(rows) == CERTS;
}

/* With the card out it is the only one. */
static pid_t find_store(void)
{
	g_autoptr(GArray) children = rig_descendants(rig_process_pid(world.daemon));

	for (guint i = 0; i < children->len; i++) {
		pid_t pid = g_array_index(children, pid_t, i);
		g_autofree char *path = g_strdup_printf("/proc/%d/comm", (int)pid);
		g_autofree char *comm = NULL;

		if (g_file_get_contents(path, &comm, NULL, NULL) &&
			strcmp(g_strchomp(comm), NAME_STORE) == 0)
			return pid;
	}
	return 0;
}

/* Under the writers' lock: one that is stopped while it has that would keep all others waiting. */
static pid_t stop_store(void)
{
	g_autofree char *path =
		g_build_filename(world.home->runtime, NAME_RUNTIME_DIR, NAME_LOCK_WRITER, NULL);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	pid_t pid;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	pid = find_store();
	ck_assert_msg(pid > 0, "the store has not waited");
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	close(fd);
	return pid;
}

static bool is_gone(gpointer data)
{
	return kill(*(const pid_t *)data, 0) != 0 && errno == ESRCH;
}

static bool has_deleted_from(const char *dir)
{
	g_autofree char *text = g_strdup_printf("\" from sql:%s", dir);
	g_autofree char *errors = rig_process_errors(world.daemon);

	return strstr(errors, text) != NULL;
}

/* Confirmed while the card was out; then it is in again, and is seen to have everything in the
   database that the store has not come to yet. */
START_TEST(test_card_is_back_before_the_store_ends)
{
	g_autofree char *dir = make_profile();
	g_autofree char *card = world_deal(0, CERTS, GUID);
	sqlite3 *lock;
	pid_t store;

	world_configure("[local]\non-removal=remove\n");
	rig_card_insert_seen(world.cards[0]);
	world_start();
	world_wait_reader(0, "read");
	world_wait_quiet();
	ck_assert(is_served(dir));

	lock = lock_database(dir);
	rig_card_remove(world.cards[0]);
	world_wait_marked(0);
	store = stop_store();
	/* A look that met a lock would be repeated when it goes. */
	ck_assert_int_eq(sqlite3_close(lock), SQLITE_OK);
	rig_card_insert(world.cards[0]);
	world_wait_reader(0, "read");
	world_check_stored(card, CERTS);
	ck_assert(is_served(dir));

	ck_assert_int_eq(kill(store, SIGCONT), 0);
	rig_wait_until(is_gone, &store, WAIT_MS, "the store has ended");
	world_wait_quiet();
	ck_assert(has_deleted_from(dir));
	rig_wait_until(is_served, dir, WAIT_MS, "the second database has them again");
	world_check_stored(card, CERTS);
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("batch");
	TCase *tcase = tcase_create("batch");

	rig_enter();
	tcase_add_checked_fixture(tcase, world_setup, world_teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, test_card_is_back_before_the_store_ends);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
