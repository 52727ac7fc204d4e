/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What helpers have of their daemon while they run: no descriptor, no variable, no privilege, no
 * library that is not theirs; and what is left when one of them, or the daemon, goes at a bad
 * moment. The card hangs in the middle of a scan, so that all of them are there to be looked at.
 */
#include "harness.h"
#include "names.h"
#include "safe.h"
#include "world.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GUID    "00112233445566778899aabbccddee0a"
#define OTHER   "00112233445566778899aabbccddee0b"
#define WAIT_MS 30000u
#define LEAKED  77 /* a descriptor that the daemon's starter forgot to close */

typedef enum { WATCH, SCAN, STORE, N_HELPERS } Role;

static const char *const programs[N_HELPERS] = {NAME_WATCH, NAME_SCAN, NAME_STORE};

/* Variables that change what libraries do or where they write, and a secret. */
static const char *const bad_variables[][2] = {
	{"SECRET_TOKEN", "hunter2"},
	{"OPENSC_CONF", "/nowhere/opensc.conf"},
	{"OPENSC_DEBUG", "9"},
	{"NSS_DEFAULT_DB_TYPE", "dbm"},
	{"NSS_SDB_USE_CACHE", "yes"},
	{"SSLKEYLOGFILE", "/nowhere/keys"},
	{"LD_LIBRARY_PATH", "/nowhere/lib"},
	{"P11_KIT_STRICT", "yes"},
	{"SOFTHSM2_CONF", "/nowhere/softhsm2.conf"},
	{"OPENSSL_CONF", "/nowhere/openssl.cnf"},
	{"GIO_EXTRA_MODULES", "/nowhere/gio"},
	{"G_MESSAGES_DEBUG", "all"},
	{"SQLITE_TMPDIR", "/nowhere/tmp"},
	{"BASH_ENV", "/nowhere/rc"},
};

/* All that a helper may see. */
static const char *const known_variables[] = {"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE",
	"TZ", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME",
	"XDG_CONFIG_HOME", "PCSCLITE_CSOCK_NAME"};

static char *proc_read(pid_t pid, const char *name, gsize *ret_len)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/%s", (int)pid, name);
	char *text;

	ck_assert_msg(g_file_get_contents(path, &text, ret_len, NULL), "cannot read %s", path);
	return text;
}

/* The running helper, or 0. */
static pid_t find_helper(Role role)
{
	g_autoptr(GArray) all = rig_descendants(rig_process_pid(world.daemon));

	for (guint i = 0; i < all->len; i++) {
		pid_t pid = g_array_index(all, pid_t, i);
		g_autofree char *link = g_strdup_printf("/proc/%d/exe", (int)pid);
		g_autofree char *exe = g_file_read_link(link, NULL);

		if (exe != NULL && g_str_has_suffix(exe, programs[role]))
			return pid;
	}
	return 0;
}

static bool maps_contain(pid_t pid, const char *library)
{
	g_autofree char *maps = proc_read(pid, "maps", NULL);

	return strstr(maps, library) != NULL;
}

static bool all_run(gpointer data)
{
	pid_t *pids = data;

	for (int role = 0; role < N_HELPERS; role++) {
		pids[role] = find_helper((Role)role);
		if (pids[role] == 0)
			return false;
	}
	/* The store has opened its first database: read-only, while the scan is on. */
	return maps_contain(pids[STORE], "libsoftokn3");
}

/* A database whose list of modules names a library that must never be loaded. */
static char *make_bait(void)
{
	g_autofree char *list = g_build_filename(world.database, "pkcs11.txt", NULL);
	g_autofree char *trap = rig_program("tests/fake/fake-module.so");
	g_autofree char *old = NULL;
	g_autofree char *text = NULL;

	rig_db_create(world.database);
	ck_assert(g_file_get_contents(list, &old, NULL, NULL));
	text = g_strdup_printf("%slibrary=%s\nname=Trap\nNSS=trustOrder=1\n\nlibrary=\nname=Also\n"
			       "parameters=tokenDescription='x' library='%s'\n\n",
		old, trap, trap);
	ck_assert(g_file_set_contents(list, text, -1, NULL));
	return g_steal_pointer(&list);
}

/* Everything is on its way: the daemon, and three helpers in the middle of their work. */
static void start_and_hang(pid_t pids[N_HELPERS])
{
	g_autofree char *daemon = rig_program("daemon/" NAME_DAEMON);
	g_autofree char *secret = rig_home_path(world.home, "secret");
	const char *argv[] = {daemon, NULL};
	int fd;

	ck_assert(g_file_set_contents(secret, "secret", -1, NULL));
	fd = open(secret, O_RDONLY | O_CLOEXEC);
	for (gsize i = 0; i < G_N_ELEMENTS(bad_variables); i++)
		world.environment = g_environ_setenv(
			world.environment, bad_variables[i][0], bad_variables[i][1], TRUE);
	world_configure("[limits]\nscan-seconds=120\n");
	g_free(world_deal(0, 4, GUID));
	g_free(rig_card_command(world.cards[0], "hang-after 20"));
	rig_card_insert_seen(world.cards[0]);
	world.daemon = rig_process_start(argv,
		&(const RigProcessOptions){.environment = world.environment, .fds = {fd, LEAKED}});
	close(fd);
	rig_card_wait_state(world.cards[0], "hanging");
	rig_wait_until(all_run, pids, WAIT_MS, "all helpers at work");
}

/* Number to target. */
static GHashTable *descriptors_of(pid_t pid)
{
	GHashTable *all = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	g_autofree char *path = g_strdup_printf("/proc/%d/fd", (int)pid);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	ck_assert_ptr_nonnull(dir);
	while ((name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *link = g_build_filename(path, name, NULL);
		char *target = g_file_read_link(link, NULL);

		if (target != NULL)
			g_hash_table_insert(all, GINT_TO_POINTER(atoi(name)), target);
	}
	return all;
}

static bool is_held(GHashTable *descriptors, const char *target)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, descriptors);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		if (strcmp(value, target) == 0)
			return true;
	}
	return false;
}

/* Beyond its three (the store: four) streams, a helper holds nothing that the daemon holds. */
static void assert_own_descriptors(pid_t pid, const char *program)
{
	g_autoptr(GHashTable) daemons = descriptors_of(rig_process_pid(world.daemon));
	g_autoptr(GHashTable) helpers = descriptors_of(pid);
	GHashTableIter iter;
	gpointer key, value;

	ck_assert(g_hash_table_contains(daemons, GINT_TO_POINTER(LEAKED)));
	ck_assert_uint_ge(g_hash_table_size(helpers), 3);
	g_hash_table_iter_init(&iter, helpers);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		bool anonymous = g_str_has_prefix(value, "anon_inode:");

		ck_assert_msg(GPOINTER_TO_INT(key) <= STDERR_FILENO || anonymous ||
				      !is_held(daemons, value),
			"%s holds %s as %d", program, (char *)value, GPOINTER_TO_INT(key));
		ck_assert_msg(
			strstr(value, "/secret") == NULL, "%s holds %s", program, (char *)value);
	}
}

static void assert_known_variables(pid_t pid, const char *program)
{
	gsize len;
	g_autofree char *block = proc_read(pid, "environ", &len);

	ck_assert_uint_gt(len, 0);
	for (const char *at = block; at < block + len; at += strlen(at) + 1) {
		g_autofree char *name = g_strndup(at, strcspn(at, "="));
		bool known = g_str_has_prefix(name, "LC_");

		for (gsize i = 0; i < G_N_ELEMENTS(known_variables); i++)
			known = known || strcmp(name, known_variables[i]) == 0;
		ck_assert_msg(known, "%s was given %s", program, at);
	}
}

static void assert_line(const char *text, const char *pattern, const char *what)
{
	ck_assert_msg(g_regex_match_simple(pattern, text, G_REGEX_MULTILINE, 0), "%s: no %s in\n%s",
		what, pattern, text);
}

static void assert_limits(pid_t pid, Role role)
{
	g_autofree char *status = proc_read(pid, "status", NULL);
	g_autofree char *limits = proc_read(pid, "limits", NULL);
	const char *program = programs[role];

	assert_line(status, "^NoNewPrivs:\\s+1$", program);
	assert_line(limits, "^Max core file size\\s+0\\s+0\\s", program);
	assert_line(limits, "^Max open files\\s+(64|256)\\s", program);
	assert_line(limits, "^Max address space\\s+[0-9]+\\s+[0-9]+\\s", program);
	if (role == SCAN)
		assert_line(limits, "^Max cpu time\\s+600\\s+600\\s", program);
	if (role != STORE)
		assert_line(limits, "^Max file size\\s+[0-9]+\\s+[0-9]+\\s", program);
}

START_TEST(helpers_are_given_nothing)
{
	pid_t pids[N_HELPERS];

	rig_db_create(world.database);
	start_and_hang(pids);
	for (int role = 0; role < N_HELPERS; role++) {
		assert_own_descriptors(pids[role], programs[role]);
		assert_known_variables(pids[role], programs[role]);
		assert_limits(pids[role], (Role)role);
	}
}
END_TEST

typedef struct Foreign {
	int role; /* N_HELPERS: the daemon */
	const char *library;
	bool own;
} Foreign;

static const Foreign foreigners[] = {
	{N_HELPERS, "libnss3", false},
	{N_HELPERS, "libsoftokn3", false},
	{N_HELPERS, "libpcsclite", false},
	{N_HELPERS, "libcrypto", false},
	{N_HELPERS, "libp11", false},
	{N_HELPERS, "libsqlite3", false},
	{N_HELPERS, "opensc", false},
	{N_HELPERS, "fake-module", false},
	{WATCH, "libpcsclite", true},
	{WATCH, "libnss3", false},
	{WATCH, "libcrypto", false},
	{WATCH, "libp11", false},
	{WATCH, "opensc", false},
	{SCAN, "opensc-pkcs11", true},
	{SCAN, "libnss3", false},
	{SCAN, "libsoftokn3", false},
	{SCAN, "libsqlite3", false},
	{SCAN, "fake-module", false},
	{STORE, "libsoftokn3", true},
	{STORE, "libp11.so", false},
	{STORE, "opensc", false},
	{STORE, "libpcsclite", false},
	{STORE, "libnssckbi", false},
	{STORE, "fake-module", false},
};

/* With a database that would have a foreign library loaded by any program that opens it the usual
   way. */
START_TEST(libraries_stay_apart)
{
	pid_t pids[N_HELPERS + 1];

	g_free(make_bait());
	start_and_hang(pids);
	pids[N_HELPERS] = rig_process_pid(world.daemon);
	for (gsize i = 0; i < G_N_ELEMENTS(foreigners); i++) {
		const Foreign *f = &foreigners[i];

		ck_assert_msg(maps_contain(pids[f->role], f->library) == f->own, "%s and %s",
			f->role == N_HELPERS ? NAME_DAEMON : programs[f->role], f->library);
	}
}
END_TEST

static bool are_gone(gpointer data)
{
	const pid_t *pids = data;

	for (int role = 0; role < N_HELPERS; role++) {
		if (kill(pids[role], 0) == 0)
			return false;
	}
	return true;
}

/* Killed in the middle of it all, the daemon leaves nobody behind; the next one does the work. */
START_TEST(helpers_die_with_the_daemon)
{
	pid_t pids[N_HELPERS];
	g_autofree char *integrity = NULL;

	rig_db_create(world.database);
	start_and_hang(pids);
	rig_process_kill(world.daemon);
	rig_wait_until(are_gone, pids, WAIT_MS, "the end of all helpers");
	integrity = rig_db_integrity(world.database);
	ck_assert_str_eq(integrity, "ok");
	/* In the other reader: pcscd itself may need a while to be rid of the hanging card. */
	rig_card_remove(world.cards[0]);
	g_free(world_deal(1, 3, OTHER));
	rig_card_insert(world.cards[1]);
	world_start();
	world_wait_marked(3);
}
END_TEST

/* Started without standard streams, or with a log that nobody reads: nothing is written where it
   does not belong, and the work is done. */
START_TEST(streams_are_closed)
{
	static const char *const ways[] = {"exec \"$0\" -v <&- >&- 2>&-", "exec \"$0\" -v 2>&-"};
	g_autofree char *daemon = rig_program("daemon/" NAME_DAEMON);
	g_autofree char *lock =
		g_build_filename(world.home->runtime, NAME_RUNTIME_DIR, NAME_LOCK_INSTANCE, NULL);
	g_autofree char *card = world_deal(0, 2, GUID);
	g_autofree char *text = NULL;
	g_autofree char *expected = NULL;
	const char *argv[] = {"sh", "-c", ways[_i], daemon, NULL};

	rig_card_insert_seen(world.cards[0]);
	world.daemon = rig_process_start(
		argv, &(const RigProcessOptions){.environment = world.environment});
	world_wait_marked(2);
	world_check_stored(card, 2);
	ck_assert(g_file_get_contents(lock, &text, NULL, NULL));
	expected = g_strdup_printf("%d\n", (int)rig_process_pid(world.daemon));
	ck_assert_str_eq(text, expected);
	ck_assert_int_eq(rig_process_stop(world.daemon, WAIT_MS), 0);
}
END_TEST

START_TEST(nobody_reads_the_log)
{
	g_autofree char *daemon = rig_program("daemon/" NAME_DAEMON);
	g_autofree char *card = world_deal(0, 2, GUID);
	const char *argv[] = {daemon, "-v", NULL};
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	world.daemon = rig_process_start(
		argv, &(const RigProcessOptions){.environment = world.environment,
			      .fds = {fds[1], STDOUT_FILENO, fds[1], STDERR_FILENO}});
	close(fds[1]);
	close(fds[0]);
	rig_card_insert_seen(world.cards[0]);
	world_wait_marked(2);
	world_check_stored(card, 2);
	ck_assert_int_eq(rig_process_stop(world.daemon, WAIT_MS), 0);
}
END_TEST

/* certpropctl with its output closed: says that it failed, and does not write into a database. */
START_TEST(ctl_without_output)
{
	g_autofree char *ctl = rig_program("ctl/" NAME_CTL);
	g_autofree char *card = world_deal(0, 2, GUID);
	g_autofree char *integrity = NULL;
	const char *closed[] = {"sh", "-c", "exec \"$0\" sync <&- >&- 2>&-", ctl, NULL};
	const char *full[] = {"sh", "-c", "exec \"$0\" list >/dev/full", ctl, NULL};

	rig_card_insert_seen(world.cards[0]);
	ck_assert_int_eq(rig_run(closed, world.environment, NULL, NULL), EXIT_STATUS_FAILED);
	world_check_stored(card, 2);
	ck_assert_int_eq(rig_run(full, world.environment, NULL, NULL), EXIT_STATUS_FAILED);
	integrity = rig_db_integrity(world.database);
	ck_assert_str_eq(integrity, "ok");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("hostile-helpers");
	TCase *tc = tcase_create("helpers");

	rig_enter();
	tcase_add_checked_fixture(tc, world_setup, world_teardown);
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, helpers_are_given_nothing);
	tcase_add_test(tc, libraries_stay_apart);
	tcase_add_test(tc, helpers_die_with_the_daemon);
	tcase_add_loop_test(tc, streams_are_closed, 0, 2);
	tcase_add_test(tc, nobody_reads_the_log);
	tcase_add_test(tc, ctl_without_output);
	suite_add_tcase(suite, tc);
	return harness_run(suite, argc, argv);
}
