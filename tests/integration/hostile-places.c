/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropd where the ground is not as it should be: configuration files that are none, variables
 * that lead nowhere or to somebody else, databases that are bait. What must hold: a clear word,
 * nothing made or changed in other people's places, and the daemon goes on.
 */
#include "harness.h"
#include "names.h"
#include "safe.h"
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define GUID     "00112233445566778899aabbccddee0a"
#define WAIT_MS  30000u
#define STRANGER 65534
#define BIG      (1024u * 1024u)

static char *config_path(void)
{
	return rig_home_path(world.home, ".config/certprop/certprop.conf");
}

static void need_root(void)
{
	if (geteuid() != 0)
		harness_skip("only root can give files away");
}

typedef enum {
	CONF_FIFO,
	CONF_DIRECTORY,
	CONF_BIG,
	CONF_DEVICE,
	CONF_LOOP,
	CONF_STRANGERS,
	N_CONF,
} Conf;

static const char *const conf_words[N_CONF] = {
	[CONF_FIFO] = "not a regular file",
	[CONF_DIRECTORY] = "not a regular file",
	[CONF_BIG] = "larger than",
	[CONF_DEVICE] = "not a regular file",
	[CONF_LOOP] = "symbolic links",
	[CONF_STRANGERS] = "belongs to user 65534",
};

/* The user's file becomes this. */
static void spoil_config(Conf kind)
{
	g_autofree char *path = config_path();
	g_autofree char *big = g_strnfill(BIG, '#');

	world_configure("[propagation]\nmodules=/nowhere/evil.so\n");
	if (kind != CONF_STRANGERS)
		ck_assert_int_eq(g_unlink(path), 0);

	switch (kind) {
	case CONF_FIFO:
		ck_assert_int_eq(mkfifo(path, 0600), 0);
		break;
	case CONF_DIRECTORY:
		ck_assert_int_eq(g_mkdir(path, 0700), 0);
		break;
	case CONF_BIG:
		ck_assert(g_file_set_contents(path, big, BIG, NULL));
		break;
	case CONF_DEVICE:
		ck_assert_int_eq(symlink("/dev/zero", path), 0);
		break;
	case CONF_LOOP:
		ck_assert_int_eq(symlink("certprop.conf", path), 0);
		break;
	case CONF_STRANGERS:
		need_root();
		ck_assert_int_eq(chown(path, STRANGER, STRANGER), 0);
		break;
	case N_CONF:
		break;
	}
}

START_TEST(config_at_start)
{
	g_autofree char *daemon = rig_program("daemon/" NAME_DAEMON);
	g_autofree char *ctl = rig_program("ctl/" NAME_CTL);
	const char *argv[] = {daemon, NULL};
	const char *sync[] = {ctl, "sync", NULL};
	g_autofree char *errors = NULL;
	g_autofree char *said = NULL;

	spoil_config((Conf)_i);
	ck_assert_int_eq(rig_run(argv, world.environment, NULL, &errors), EXIT_STATUS_CONFIG);
	ck_assert_ptr_nonnull(strstr(errors, "certprop.conf"));
	ck_assert_msg(strstr(errors, conf_words[_i]) != NULL, "%s", errors);
	ck_assert_int_eq(rig_run(sync, world.environment, NULL, &said), EXIT_STATUS_FAILED);
	ck_assert_msg(strstr(said, conf_words[_i]) != NULL, "%s", said);
	ck_assert(!rig_db_exists(world.database));
}
END_TEST

/* The configuration that was in force stays, and work goes on. */
START_TEST(config_at_reload)
{
	g_autofree char *card = world_deal(0, 2, GUID);
	g_autoptr(GVariant) answer = NULL;
	g_auto(GStrv) messages = NULL;
	gboolean taken = TRUE;

	world_start();
	world_wait_reader(0, "empty");
	spoil_config((Conf)_i);
	answer = world_call("Reload");
	g_variant_get(answer, "(b^as)", &taken, &messages);
	ck_assert(!taken);
	ck_assert_uint_eq(g_strv_length(messages), 1);
	ck_assert_msg(strstr(messages[0], conf_words[_i]) != NULL, "%s", messages[0]);
	ck_assert_int_eq(kill(rig_process_pid(world.daemon), SIGHUP), 0);
	rig_card_insert(world.cards[0]);
	world_wait_marked(2);
	world_check_stored(card, 2);
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

/* Environments */

static void setting(const char *name, const char *value)
{
	world.environment = value != NULL ? g_environ_setenv(world.environment, name, value, TRUE)
					  : g_environ_unsetenv(world.environment, name);
}

/* The user database says that our home is the rig's: a test must never find the real one. */
static void move_home(void)
{
	g_autofree char *path = g_build_filename(rig_directory(), "passwd", NULL);
	g_autofree char *text = g_strdup_printf("me:x:%u:%u::%s:/bin/sh\n", (unsigned)geteuid(),
		(unsigned)getegid(), world.home->home);

	if (!rig_isolated())
		harness_skip("the real home is in reach without a mount namespace");
	ck_assert(g_file_set_contents(path, text, -1, NULL));
	(void)umount2("/etc/passwd", MNT_DETACH); /* the last test's */
	ck_assert_msg(
		mount(path, "/etc/passwd", NULL, MS_BIND, NULL) == 0, "%s", g_strerror(errno));
}

static void start_blind(void)
{
	g_autofree char *program = rig_program("daemon/" NAME_DAEMON);
	const char *argv[] = {program, "--verbose", NULL};

	world.daemon = rig_process_start(
		argv, &(const RigProcessOptions){.environment = world.environment});
}

/* certpropctl finds it, wherever it has put its socket. */
static bool is_found(gpointer data)
{
	g_autofree char *ctl = rig_program("ctl/" NAME_CTL);
	g_autofree char *pid = g_strdup_printf("%d", (int)rig_process_pid(world.daemon));
	g_autofree char *said = NULL;
	const char *argv[] = {ctl, "status", NULL};

	ck_assert(rig_process_alive(world.daemon));
	(void)rig_run(argv, world.environment, &said, NULL);
	return strstr(said, pid) != NULL;
}

/* Names, owners and modes of all that is there; of files also size and time. */
static char *listing_of(const char *directory)
{
	const char *argv[] = {"find", directory, "-type", "f", "-printf", "%p %m %U %s %T@\n", "-o",
		"-printf", "%p %y %m %U\n", NULL};

	return rig_run_ok(argv, NULL);
}

typedef enum {
	ENV_HOME_UNSET,
	ENV_HOME_RELATIVE,
	ENV_HOME_EMPTY,
	ENV_ALL_RELATIVE,
	N_ENV,
} Env;

START_TEST(home_is_found_all_the_same)
{
	static const char *const names[] = {
		"XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"};
	g_autofree char *card = world_deal(0, 2, GUID);
	g_autofree char *root_before = NULL;
	g_autofree char *root_after = NULL;
	const char *root[] = {"ls", "-A", "/", NULL};
	Env kind = (Env)_i;

	move_home();
	setting("HOME", kind == ENV_HOME_UNSET ? NULL : kind == ENV_HOME_EMPTY ? "" : "some/where");
	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		setting(names[i], kind == ENV_ALL_RELATIVE ? "else/where" : NULL);
	root_before = rig_run_ok(root, NULL);
	rig_card_insert_seen(world.cards[0]);
	start_blind();
	world_wait_marked(2);
	world_check_stored(card, 2);
	rig_wait_until(is_found, NULL, WAIT_MS, "certpropctl finds certpropd");
	ck_assert_int_eq(rig_process_stop(world.daemon, WAIT_MS), 0);
	root_after = rig_run_ok(root, NULL);
	ck_assert_str_eq(root_before, root_after);
}
END_TEST

/* As after sudo: HOME is the caller's. Nothing there is believed, and nothing left behind. */
START_TEST(home_of_a_stranger)
{
	g_autofree char *card = world_deal(0, 2, GUID);
	g_autofree char *home = rig_make_directory("stranger");
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;
	g_autofree char *errors = NULL;
	const char *give[] = {"chown", "-R", "65534:65534", home, NULL};

	need_root();
	if (_i == 1) {
		g_autofree char *db = g_build_filename(home, ".pki", "nssdb", NULL);

		ck_assert_int_eq(g_mkdir_with_parents(db, 0700), 0);
		rig_db_create(db);
	}
	g_free(rig_run_ok(give, NULL));
	setting("HOME", home);
	setting("XDG_CONFIG_HOME", NULL);
	setting("XDG_DATA_HOME", NULL);
	setting("XDG_STATE_HOME", NULL);
	setting("XDG_CACHE_HOME", NULL);
	before = listing_of(home);
	rig_card_insert_seen(world.cards[0]);
	world_start();
	world_wait_reader(0, "read");
	world_wait_quiet();
	ck_assert_int_eq(world_stop(), 0);
	after = listing_of(home);
	ck_assert_str_eq(before, after);
	errors = rig_process_errors(world.daemon);
	ck_assert_msg(strstr(errors, "user 65534") != NULL, "%s", errors);
}
END_TEST

typedef enum {
	RUN_UNSET,
	RUN_MISSING,
	RUN_RELATIVE,
	RUN_WORLD_WRITABLE,
	RUN_STRANGERS,
	RUN_LINK_TO_OURS,
	RUN_LINK_TO_STRANGERS,
	RUN_IS_A_FILE,
	RUN_IN_IT_A_LINK,
	N_RUN,
} Run;

/* What XDG_RUNTIME_DIR names; in `stranger` nothing may be made. */
static char *make_runtime(Run kind, const char *stranger)
{
	g_autofree char *path = rig_home_path(world.home, "runtime");
	g_autofree char *inside = g_build_filename(path, NAME_RUNTIME_DIR, NULL);

	switch (kind) {
	case RUN_UNSET:
	case RUN_MISSING:
		break;
	case RUN_RELATIVE:
		return g_strdup("some/where");
	case RUN_WORLD_WRITABLE:
		ck_assert_int_eq(g_mkdir(path, 0700), 0);
		ck_assert_int_eq(chmod(path, 0777), 0);
		break;
	case RUN_STRANGERS:
		return g_strdup(stranger);
	case RUN_LINK_TO_OURS:
		ck_assert_int_eq(symlink(world.home->runtime, path), 0);
		break;
	case RUN_LINK_TO_STRANGERS:
		ck_assert_int_eq(symlink(stranger, path), 0);
		break;
	case RUN_IS_A_FILE:
		ck_assert(g_file_set_contents(path, "x", 1, NULL));
		break;
	case RUN_IN_IT_A_LINK:
		/* Others may write there, and one has been quicker. */
		ck_assert_int_eq(g_mkdir(path, 0700), 0);
		ck_assert_int_eq(chmod(path, 01777), 0);
		ck_assert_int_eq(symlink(stranger, inside), 0);
		break;
	case N_RUN:
		break;
	}
	return kind == RUN_UNSET ? NULL : g_steal_pointer(&path);
}

START_TEST(runtime_directory)
{
	g_autofree char *card = world_deal(0, 2, GUID);
	g_autofree char *stranger = rig_make_directory("stranger");
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;
	g_autofree char *runtime = make_runtime((Run)_i, stranger);

	ck_assert_int_eq(chmod(stranger, 0777), 0);
	if (_i == RUN_STRANGERS || _i == RUN_LINK_TO_STRANGERS) {
		need_root();
		ck_assert_int_eq(chown(stranger, STRANGER, STRANGER), 0);
	}
	before = listing_of(stranger);
	setting("XDG_RUNTIME_DIR", runtime);
	rig_card_insert_seen(world.cards[0]);
	start_blind();
	world_wait_marked(2);
	world_check_stored(card, 2);
	rig_wait_until(is_found, NULL, WAIT_MS, "certpropctl finds certpropd");
	ck_assert_int_eq(rig_process_stop(world.daemon, WAIT_MS), 0);
	after = listing_of(stranger);
	ck_assert_str_eq(before, after);
}
END_TEST

/* Databases */

typedef enum {
	DB_LINK_TO_STRANGERS,
	DB_CERT_LINK_TO_STRANGERS,
	DB_STRANGERS_PARENT,
	DB_CERT_FIFO,
	DB_KEY_FIFO,
	DB_CERT_DEVICE,
	DB_BOTH_EMPTY,
	DB_IS_A_FILE,
	DB_DANGLING,
	N_DB,
} Db;

static const char *const db_words[N_DB] = {
	[DB_LINK_TO_STRANGERS] = "foreign",
	[DB_CERT_LINK_TO_STRANGERS] = "foreign",
	[DB_STRANGERS_PARENT] = "foreign",
	[DB_CERT_FIFO] = "damaged",
	[DB_KEY_FIFO] = "damaged",
	[DB_CERT_DEVICE] = "foreign",
	[DB_BOTH_EMPTY] = "busy",
	[DB_IS_A_FILE] = "damaged",
	[DB_DANGLING] = "damaged",
};

static void replace(const char *name, Db kind, const char *stranger)
{
	g_autofree char *path = g_build_filename(world.database, name, NULL);
	g_autofree char *other = g_build_filename(stranger, name, NULL);

	ck_assert_int_eq(g_unlink(path), 0);
	if (kind == DB_CERT_DEVICE)
		ck_assert_int_eq(symlink("/dev/zero", path), 0);
	else if (kind == DB_BOTH_EMPTY)
		ck_assert(g_file_set_contents(path, "", 0, NULL));
	else if (kind == DB_CERT_LINK_TO_STRANGERS)
		ck_assert_int_eq(symlink(other, path), 0);
	else
		ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void spoil_database(Db kind, const char *stranger)
{
	g_autofree char *parent = g_path_get_dirname(world.database);

	ck_assert_int_eq(g_mkdir_with_parents(parent, 0700), 0);
	switch (kind) {
	case DB_LINK_TO_STRANGERS:
		ck_assert_int_eq(symlink(stranger, world.database), 0);
		break;
	case DB_STRANGERS_PARENT:
		ck_assert_int_eq(chown(parent, STRANGER, STRANGER), 0);
		break;
	case DB_CERT_LINK_TO_STRANGERS:
	case DB_CERT_FIFO:
	case DB_CERT_DEVICE:
		rig_db_create(world.database);
		replace("cert9.db", kind, stranger);
		break;
	case DB_KEY_FIFO:
		rig_db_create(world.database);
		replace("key4.db", kind, stranger);
		break;
	case DB_BOTH_EMPTY:
		rig_db_create(world.database);
		replace("cert9.db", kind, stranger);
		replace("key4.db", kind, stranger);
		break;
	case DB_IS_A_FILE:
		ck_assert(g_file_set_contents(world.database, "mine", -1, NULL));
		break;
	case DB_DANGLING:
		ck_assert_int_eq(symlink("/nowhere/at/all", world.database), 0);
		break;
	case N_DB:
		break;
	}
}

static bool is_told(gpointer data)
{
	g_autofree char *errors = rig_process_errors(world.daemon);

	return strstr(errors, data) != NULL;
}

START_TEST(database_is_bait)
{
	g_autofree char *card = world_deal(0, 2, GUID);
	g_autofree char *stranger = rig_make_directory("stranger");
	g_autofree char *good = rig_home_path(world.home, "good");
	g_autofree char *config = g_strdup_printf("[databases]\ninclude=%s\n", good);
	g_autofree char *strangers_before = NULL;
	g_autofree char *strangers_after = NULL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;
	g_autofree char *parent = g_path_get_dirname(world.database);
	const char *give[] = {"chown", "-R", "65534:65534", stranger, NULL};

	need_root();
	rig_db_create(stranger);
	g_free(rig_run_ok(give, NULL));
	rig_db_create(good);
	spoil_database((Db)_i, stranger);
	strangers_before = listing_of(stranger);
	before = listing_of(parent);
	world_configure(config);
	rig_card_insert_seen(world.cards[0]);
	world_start();
	/* The other database gets what it should. */
	g_free(world.database);
	world.database = g_steal_pointer(&good);
	world_wait_marked(2);
	world_check_stored(card, 2);
	rig_wait_until(is_told, (gpointer)db_words[_i], WAIT_MS, db_words[_i]);
	ck_assert(rig_process_alive(world.daemon));
	ck_assert_int_eq(world_stop(), 0);
	strangers_after = listing_of(stranger);
	after = listing_of(parent);
	ck_assert_str_eq(strangers_before, strangers_after);
	/* What a crash has left is completed, in time. */
	if (_i != DB_BOTH_EMPTY)
		ck_assert_str_eq(before, after);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("hostile-places");
	TCase *config = tcase_create("config");
	TCase *environment = tcase_create("environment");
	TCase *databases = tcase_create("databases");
	TCase *const all[] = {config, environment, databases};

	rig_enter();
	tcase_add_loop_test(config, config_at_start, 0, N_CONF);
	tcase_add_loop_test(config, config_at_reload, 0, N_CONF);
	tcase_add_loop_test(environment, home_is_found_all_the_same, 0, N_ENV);
	tcase_add_loop_test(environment, home_of_a_stranger, 0, 2);
	tcase_add_loop_test(environment, runtime_directory, 0, N_RUN);
	tcase_add_loop_test(databases, database_is_bait, 0, N_DB);
	for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
		tcase_add_checked_fixture(all[i], world_setup, world_teardown);
		tcase_set_timeout(all[i], 300);
		suite_add_tcase(suite, all[i]);
	}
	return harness_run(suite, argc, argv);
}
