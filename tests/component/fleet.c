/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl list --all-users over homes as people have them and as an enemy would lay them out.
 * Root must come away with nothing but each user's own word about his own home.
 */

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fleetbench.h"
#include "harness.h"

#define LIST_JSON                                     \
	{                                             \
		"list", "--all-users", "--json", NULL \
	}

static guint certificates(GHashTable *lines, const char *home)
{
	JsonArray *databases =
		json_object_get_array_member(g_hash_table_lookup(lines, home), "databases");
	guint n = 0;

	for (guint i = 0; i < json_array_get_length(databases); i++)
		n += json_array_get_length(json_object_get_array_member(
			json_array_get_object_element(databases, i), "certificates"));
	return n;
}

START_TEST(each_in_his_own_home)
{
	const char *words[] = LIST_JSON;
	g_autofree char *ada = fleet_home("ada", FLEET_UID);
	g_autofree char *bob = fleet_home("bob", FLEET_UID + 1);
	g_autofree char *eve = fleet_bare_home("eve", FLEET_UID + 2);
	g_autofree char *before = fleet_sum(fleet.homes);
	g_autofree char *out = NULL;
	g_autofree char *err = NULL;

	ck_assert_msg(fleet_ctl(&out, &err, words) == 0, "%s", err);
	ck_assert_str_eq(err, "");
	g_autoptr(GHashTable) lines = fleet_lines(out);
	ck_assert_uint_eq(g_hash_table_size(lines), 3);
	ck_assert_uint_eq(certificates(lines, "ada"), FLEET_OURS);
	ck_assert_uint_eq(certificates(lines, "bob"), FLEET_OURS);
	ck_assert_uint_eq(certificates(lines, "eve"), 0);
	ck_assert_str_eq(fleet_said(lines, "ada", "user"), "72000");
	ck_assert_int_eq(
		json_object_get_int_member(g_hash_table_lookup(lines, "bob"), "uid"), 72001);
	ck_assert_str_eq(fleet_said(lines, "eve", "status"), "ok");

	/* listing leaves no trace */
	g_autofree char *after = fleet_sum(fleet.homes);
	ck_assert_str_eq(before, after);
}
END_TEST

/* Hostile homes. Each is laid out by one function, and says what must be reported of it. */

static char *in(const char *home, const char *path)
{
	return g_build_filename(home, path, NULL);
}

/* The user's own process would have this owner. */
static void give_to(const char *path, uid_t uid)
{
	ck_assert_int_eq(lchown(path, uid, uid), 0);
}

#define ENEMY (FLEET_UID + 66)

static void empty_database(const char *home)
{
	g_autofree char *dir = in(home, FLEET_DATABASE);
	g_autofree char *pki = in(home, ".pki");

	ck_assert_int_eq(g_mkdir_with_parents(dir, 0700), 0);
	give_to(dir, ENEMY);
	give_to(pki, ENEMY);
}

static void lay_link(const char *home, const char *name, const char *target)
{
	g_autofree char *path = in(home, name);

	ck_assert_int_eq(symlink(target, path), 0);
	give_to(path, ENEMY);
}

static void lay_linked_directory(const char *home)
{
	lay_link(home, ".pki", "../../victims/victim/.pki");
}

static void lay_linked_files(const char *home)
{
	g_autofree char *cert = in(fleet.victims, "victim/" FLEET_DATABASE "/cert9.db");
	g_autofree char *key = in(fleet.victims, "victim/" FLEET_DATABASE "/key4.db");

	empty_database(home);
	lay_link(home, FLEET_DATABASE "/cert9.db", cert);
	lay_link(home, FLEET_DATABASE "/key4.db", key);
}

static void lay_node(const char *home, mode_t type, dev_t device)
{
	g_autofree char *cert = in(home, FLEET_DATABASE "/cert9.db");
	g_autofree char *key = in(home, FLEET_DATABASE "/key4.db");

	empty_database(home);
	ck_assert_int_eq(mknod(cert, type | 0600, device), 0);
	ck_assert_int_eq(mknod(key, type | 0600, device), 0);
	give_to(cert, ENEMY);
	give_to(key, ENEMY);
}

static void lay_fifo(const char *home)
{
	lay_node(home, S_IFIFO, 0);
}

static void lay_device(const char *home)
{
	lay_node(home, S_IFCHR, makedev(1, 5)); /* zero */
}

static void lay_socket(const char *home)
{
	lay_node(home, S_IFSOCK, 0);
}

static void lay_empty_file(const char *home)
{
	lay_node(home, S_IFREG, 0);
}

static void lay_dbm(const char *home)
{
	static const char old[] = "\x00\x06\x15\x61 an old one";
	g_autofree char *path = in(home, FLEET_DATABASE "/cert8.db");

	empty_database(home);
	ck_assert(g_file_set_contents(path, old, sizeof old, NULL));
	give_to(path, ENEMY);
}

static void lay_unreadable(const char *home)
{
	ck_assert_int_eq(chmod(home, 0), 0);
}

static void lay_profiles(const char *home)
{
	g_autofree char *ini = in(home, ".mozilla/firefox/profiles.ini");
	g_autofree char *firefox = in(home, ".mozilla/firefox");
	g_autofree char *mozilla = in(home, ".mozilla");
	g_autofree char *text =
		g_strdup_printf("[Profile0]\nName=a\nIsRelative=0\n"
				"Path=%s/victim/" FLEET_DATABASE "\n"
				"[Profile1]\nName=b\nIsRelative=1\n"
				"Path=../../../../victims/victim/" FLEET_DATABASE "\n",
			fleet.victims);

	ck_assert_int_eq(g_mkdir_with_parents(firefox, 0700), 0);
	ck_assert(g_file_set_contents(ini, text, -1, NULL));
	give_to(mozilla, ENEMY);
	give_to(firefox, ENEMY);
	give_to(ini, ENEMY);
}

static void lay_include(const char *home)
{
	g_autofree char *dir = in(home, ".config/certprop");
	g_autofree char *config = in(home, ".config");
	g_autofree char *file = in(dir, "certprop.conf");
	g_autofree char *text = g_strdup_printf(
		"[databases]\ninclude=%s/victim/" FLEET_DATABASE "\n", fleet.victims);

	ck_assert_int_eq(g_mkdir_with_parents(dir, 0700), 0);
	ck_assert(g_file_set_contents(file, text, -1, NULL));
	give_to(config, ENEMY);
	give_to(dir, ENEMY);
	give_to(file, ENEMY);
}

static void lay_strangers_home(const char *home)
{
	/* It is the enemy's; the certificates in it are not. */
	g_autofree char *pki = in(home, ".pki");

	fleet_do("cp", "-a", fleet.model, pki, NULL);
	fleet_do("chown", "-R", "root:root", pki, NULL);
	fleet_do("chmod", "-R", "go+rX", pki, NULL);
}

/* A home like others, whose state directory is the victim's. */
static void lay_state(const char *home)
{
	g_autofree char *local = in(home, ".local");
	g_autofree char *pki = in(home, ".pki");
	g_autofree char *from = in(fleet.model, ".pki");

	ck_assert_int_eq(g_mkdir(local, 0700), 0);
	give_to(local, ENEMY);
	lay_link(home, ".local/state", "../../../victims/victim");
	fleet_do("cp", "-a", from, pki, NULL);
	fleet_do("chown", "-R", "72066:72066", pki, NULL);
}

static const struct {
	void (*lay)(const char *home);
	const char *closed, *open; /* what is complained of; NULL: there is nothing to be seen */
	bool foreign; /* or the database is told as somebody else's, without a complaint */
} traps[] = {
	{lay_linked_directory, NULL, "belongs to user 72007"},
	{lay_linked_files, "is a link", "is a link"},
	{lay_fifo, "not a regular file", "not a regular file"},
	{lay_device, "not a regular file", "not a regular file"},
	{lay_socket, "cert9.db", "cert9.db"},
	{lay_empty_file, NULL, NULL},
	{lay_dbm, NULL, NULL},
	{lay_unreadable, "Permission denied", "Permission denied"},
	{lay_profiles, NULL, NULL, true},
	{lay_include, "Permission denied", "belongs to user 72007"},
	{lay_strangers_home, NULL, NULL},
};

/* Of the enemy's databases one is said to be somebody else's. */
static bool tells_foreign(GHashTable *lines)
{
	JsonArray *databases =
		json_object_get_array_member(g_hash_table_lookup(lines, "enemy"), "databases");

	for (guint i = 0; i < json_array_get_length(databases); i++) {
		if (strcmp(json_object_get_string_member(
				   json_array_get_object_element(databases, i), "status"),
			    "foreign") == 0)
			return true;
	}

	return false;
}

static void check_trap(GHashTable *lines, const char *reason, int status)
{
	ck_assert_str_eq(fleet_said(lines, "zoe", "status"), "ok");
	ck_assert_str_eq(fleet_said(lines, "enemy", "status"), reason != NULL ? "failed" : "ok");
	ck_assert_int_eq(status, reason != NULL ? 3 : 0);
	if (reason != NULL)
		ck_assert_msg(strstr(fleet_said(lines, "enemy", "reason"), reason) != NULL, "%s",
			fleet_said(lines, "enemy", "reason"));
}

/* Beside an honest home, and with a victim who has his closed or open: the enemy's is told, the
   run goes on, and the victim's files are as they were. */
static void spring(int i, bool open)
{
	const char *list[] = LIST_JSON;
	const char *purge[] = {"purge", "--all", "--all-users", "--json", NULL};
	const char *reason = open ? traps[i].open : traps[i].closed;
	g_autofree char *victim = fleet_victim(open);
	g_autofree char *honest = fleet_home("zoe", FLEET_UID + 1);
	g_autofree char *enemy = fleet_bare_home("enemy", ENEMY);
	g_autofree char *out = NULL;
	g_autofree char *purged = NULL;
	int status;

	traps[i].lay(enemy);
	g_autofree char *victim_before = fleet_sum(victim);
	g_autofree char *before = fleet_sum(fleet.homes);
	status = fleet_ctl(&out, NULL, list);
	g_autoptr(GHashTable) lines = fleet_lines(out);
	check_trap(lines, reason, status);
	ck_assert(!traps[i].foreign || tells_foreign(lines));
	ck_assert_uint_eq(certificates(lines, "zoe"), FLEET_OURS);
	ck_assert_uint_eq(certificates(lines, "enemy"), 0);
	g_autofree char *after = fleet_sum(fleet.homes);
	ck_assert_str_eq(before, after);

	status = fleet_ctl(&purged, NULL, purge);
	g_autoptr(GHashTable) purge_lines = fleet_lines(purged);
	check_trap(purge_lines, reason, status);
	ck_assert(!traps[i].foreign || tells_foreign(purge_lines));
	ck_assert_int_eq(fleet_marked(honest), 0);
	ck_assert_int_eq(fleet_unmarked(honest), FLEET_FOREIGN);
	g_autofree char *victim_after = fleet_sum(victim);
	ck_assert_str_eq(victim_before, victim_after);
}

START_TEST(hostile_home)
{
	spring(_i, false);
}
END_TEST

START_TEST(hostile_home_of_an_open_victim)
{
	spring(_i, true);
}
END_TEST

/* No place for a backup is no purge, and somebody else's place is none. */
START_TEST(backup_at_a_victims)
{
	const char *words[] = {"purge", "--all", "--all-users", "--json", NULL};
	g_autofree char *victim = fleet_victim(true);
	g_autofree char *enemy = fleet_bare_home("enemy", ENEMY);
	g_autofree char *out = NULL;

	lay_state(enemy);
	if (_i == 1)
		ck_assert_int_eq(chmod(victim, 0777), 0);
	g_autofree char *before = fleet_sum(fleet.victims);
	ck_assert_int_ne(fleet_ctl(&out, NULL, words), 0);
	g_autoptr(GHashTable) lines = fleet_lines(out);
	ck_assert_str_eq(fleet_said(lines, "enemy", "status"), "failed");
	ck_assert_msg(
		strstr(fleet_said(lines, "enemy", "reason"), "nothing was taken away") != NULL,
		"%s", fleet_said(lines, "enemy", "reason"));
	ck_assert_int_eq(fleet_marked(enemy), FLEET_OURS);
	g_autofree char *after = fleet_sum(fleet.victims);
	ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(what_is_no_home)
{
	const char *words[] = LIST_JSON;
	g_autofree char *ada = fleet_home("ada", FLEET_UID);
	g_autofree char *link = in(fleet.homes, "link");
	g_autofree char *file = in(fleet.homes, "lost+found");
	g_autofree char *roots = fleet_bare_home("roots", 0);
	g_autofree char *out = NULL;

	ck_assert_int_eq(symlink(ada, link), 0);
	ck_assert(g_file_set_contents(file, "", 0, NULL));
	ck_assert_int_eq(chown(file, ENEMY, ENEMY), 0);
	ck_assert_int_eq(fleet_ctl(&out, NULL, words), 0);
	g_autoptr(GHashTable) lines = fleet_lines(out);
	ck_assert_uint_eq(g_hash_table_size(lines), 4);
	ck_assert_str_eq(fleet_said(lines, "ada", "status"), "ok");
	ck_assert_str_eq(fleet_said(lines, "link", "status"), "skipped");
	ck_assert_ptr_nonnull(strstr(fleet_said(lines, "link", "reason"), "symbolic link"));
	ck_assert_str_eq(fleet_said(lines, "lost+found", "status"), "skipped");
	ck_assert_str_eq(fleet_said(lines, "roots", "status"), "skipped");
	ck_assert_ptr_nonnull(strstr(fleet_said(lines, "roots", "reason"), "root"));
}
END_TEST

/* What the user's process is made of, as it says itself: the helper is a script of ours. */
static void replace_helper(const char *script)
{
	g_autofree char *path = g_build_filename(fleet.dir, "helpers", "certprop-store", NULL);

	ck_assert_int_eq(g_unlink(path), 0);
	ck_assert(g_file_set_contents(path, script, -1, NULL));
	ck_assert_int_eq(chmod(path, 0755), 0);
}

static void restore_helper(void)
{
	g_autofree char *path = g_build_filename(fleet.dir, "helpers", "certprop-store", NULL);

	fleet_do("install", "-m", "755", STORE_PROGRAM, path, NULL);
}

START_TEST(nothing_of_roots_is_left)
{
	const char *words[] = LIST_JSON;
	g_autofree char *ada = fleet_bare_home("ada", FLEET_UID);
	g_autofree char *said = in(ada, "said");
	g_autofree char *text = NULL;

	replace_helper("#!/bin/bash\n"
		       "exec >\"$HOME/said\" 2>/dev/null\n"
		       "grep -E '^(Uid|Gid|Groups|Cap(Inh|Prm|Eff|Amb)|NoNewPrivs):' "
		       "/proc/self/status | tr -s '\\t ' ' '\n"
		       "read -r pid comm state ppid pgrp session tty rest </proc/$PPID/stat\n"
		       "echo \"tty $tty, leader $((session == PPID)) $((pgrp == PPID))\"\n"
		       "pwd\numask\nenv | sort\n"
		       "(echo x >/dev/tty) 2>/dev/null && echo TERMINAL\n"
		       "exit 1\n");
	ck_assert_int_eq(fleet_ctl(NULL, NULL, words), 1);
	restore_helper();
	ck_assert(g_file_get_contents(said, &text, NULL, NULL));

	static const char *const wanted[] = {"Uid: 72000 72000 72000 72000\n",
		"Gid: 72000 72000 72000 72000\n", "Groups: 72000 \n", "CapInh: 0000000000000000\n",
		"CapPrm: 0000000000000000\n", "CapEff: 0000000000000000\n",
		"CapAmb: 0000000000000000\n", "NoNewPrivs: 1\n", "tty 0, leader 1 1\n", "\n/\n",
		"0077\n"};
	for (gsize i = 0; i < G_N_ELEMENTS(wanted); i++)
		ck_assert_msg(
			strstr(text, wanted[i]) != NULL, "no \"%s\" in:\n%s", wanted[i], text);
	ck_assert_ptr_null(strstr(text, "/nonexistent"));
	ck_assert_ptr_null(strstr(text, "TERMINAL"));
}
END_TEST

/* The user's process is the enemy: whatever it says or does not say, its line tells of a failure.
 */
static const struct {
	const char *script;
	const char *reason;
} liars[] = {
	{"kill -9 $PPID", "killed by signal 9"},
	{"sleep 1000", "not done in time"},
	{"kill -STOP $PPID", "not done in time"},
	{"exec 1>/proc/$PPID/fd/1; printf '%0*d' 9000000 1; exec sleep 1000", NULL},
	{"printf '\\377\\377\\377\\377\\377\\377\\377\\377'", NULL},
};

START_TEST(hostile_process)
{
	const char *words[] = {"list", "--all-users", "--json", "--timeout", "2", NULL};
	g_autofree char *enemy = fleet_bare_home("enemy", ENEMY);
	g_autofree char *script = g_strconcat("#!/bin/bash\n", liars[_i].script, "\n", NULL);
	g_autofree char *out = NULL;

	replace_helper(script);
	ck_assert_int_eq(fleet_ctl(&out, NULL, words), 1);
	restore_helper();
	g_autoptr(GHashTable) lines = fleet_lines(out);
	ck_assert_uint_eq(g_hash_table_size(lines), 1);
	ck_assert_str_eq(fleet_said(lines, "enemy", "status"), "failed");
	if (liars[_i].reason != NULL)
		ck_assert_msg(
			strstr(fleet_said(lines, "enemy", "reason"), liars[_i].reason) != NULL,
			"%s", fleet_said(lines, "enemy", "reason"));
}
END_TEST

START_TEST(as_others_it_is_refused)
{
	const char *argv[] = {"setpriv", "--reuid", "72000", "--regid", "72000", "--clear-groups",
		CTL_PROGRAM, "list", "--all-users", NULL};
	g_autofree char *err = NULL;
	int status = -1;

	ck_assert(g_spawn_sync("/", (char **)argv, fleet.environment, G_SPAWN_SEARCH_PATH, NULL,
		NULL, NULL, &err, &status, NULL));
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) != 0);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("fleet");
	TCase *homes = tcase_create("homes");
	TCase *process = tcase_create("process");
	int status;

	tcase_add_unchecked_fixture(homes, fleet_open, NULL);
	tcase_add_checked_fixture(homes, fleet_setup, NULL);
	tcase_add_test(homes, each_in_his_own_home);
	tcase_add_loop_test(homes, hostile_home, 0, G_N_ELEMENTS(traps));
	tcase_add_loop_test(homes, hostile_home_of_an_open_victim, 0, G_N_ELEMENTS(traps));
	tcase_add_loop_test(homes, backup_at_a_victims, 0, 2);
	tcase_add_test(homes, what_is_no_home);
	tcase_set_timeout(homes, 60);
	suite_add_tcase(suite, homes);

	tcase_add_unchecked_fixture(process, fleet_open, NULL);
	tcase_add_checked_fixture(process, fleet_setup, NULL);
	tcase_add_test(process, nothing_of_roots_is_left);
	tcase_add_loop_test(process, hostile_process, 0, G_N_ELEMENTS(liars));
	tcase_add_test(process, as_others_it_is_refused);
	tcase_set_timeout(process, 60);
	suite_add_tcase(suite, process);

	status = harness_run(suite, argc, argv);
	fleet_close();
	return status;
}
