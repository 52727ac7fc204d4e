/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor says of databases, and what comes of doing it. All commands are the real ones:
 * chmod, chown, mount, mv, kill, certpropctl.
 */
#include "ward.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

static void write_in(const char *file, const char *text)
{
	g_autofree char *path = g_build_filename(ward.database, file, NULL);

	ck_assert(g_file_set_contents(path, text, -1, NULL));
}

static void change_mode(const char *file, mode_t mode)
{
	g_autofree char *path = g_build_filename(ward.database, file, NULL);

	ck_assert_int_eq(g_chmod(path, (int)mode), 0);
}

static const struct {
	const char *file;
	mode_t mode;
	const char *id, *words;
} modes[] = {
	{".", 0500, "databases/read-only", "read-only"},
	{"cert9.db", 0400, "databases/read-only", "read-only"},
	{"key4.db", 0400, "databases/read-only", "read-only"},
	{"cert9.db", 0, "databases/no-access", "may not be read"},
	{".", 0, "databases/no-access", "may not be read"},
	{".", 0777, "databases/foreign", "foreign"},
};

START_TEST(wrong_mode)
{
	change_mode(modes[_i].file, modes[_i].mode);
	ward_heal(modes[_i].id, modes[_i].words);
}
END_TEST

/* Root can give a directory away, and take it back. */
START_TEST(other_owner)
{
	if (geteuid() != 0) /* nobody else can bring it about */
		return;
	ck_assert_int_eq(chown(ward.database, 65534, (gid_t)-1), 0);
	ward_heal("databases/foreign", "foreign");
}
END_TEST

/* Root would give away whatever is behind it: a link, or a second name of a file. */
START_TEST(behind_a_name)
{
	g_autofree char *file = g_build_filename(ward.database, "cert9.db", NULL);
	g_autofree char *other = ward_path("somebody's");

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(g_rename(file, other), 0);
	ck_assert_int_eq(chown(other, 65534, (gid_t)-1), 0);
	ck_assert_int_eq(_i == 0 ? symlink(other, file) : link(other, file), 0);
	ward_expect_words("databases/indirect", "wrong", "put the file itself in its place");
	ck_assert_int_eq(g_unlink(file), 0);
	ck_assert_int_eq(g_rename(other, file), 0);
	ward_heal("databases/foreign", "foreign"); /* it is still somebody else's */
}
END_TEST

/* The home is on a file system of its own; of several on one directory the last counts. */
START_TEST(mounted_read_only)
{
	g_autofree char *point = ward_path("my certificates");
	g_autofree char *database = ward_path("my certificates/nssdb");
	g_autofree char *conf = g_strdup_printf("[databases]\ninclude=%s\n", database);

	ward_own_mounts();
	ck_assert_int_eq(g_mkdir(point, 0700), 0);
	ck_assert_int_eq(mount("tmpfs", point, "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(mount("tmpfs", point, "tmpfs", 0, "mode=0700"), 0);
	ck_assert_int_eq(g_mkdir(database, 0700), 0);
	rig_db_create(database);
	ward_configure(conf);
	ward_expect_well("databases", false);
	ck_assert_int_eq(mount(NULL, point, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	ward_heal("databases/read-only-mount", "mounted read-only, at /");
}
END_TEST

/* A profile elsewhere: whether it is to be served is for its user to say. */
START_TEST(elsewhere)
{
	g_autofree char *dir = rig_make_directory("elsewhere");
	g_autofree char *ini =
		g_strdup_printf("[Profile0]\nName=mine\nIsRelative=0\nPath=%s\n", dir);
	g_autofree char *conf = g_strdup_printf("[databases]\ninclude=%s\n", dir);
	g_autofree char *commands = NULL;

	rig_db_create(dir);
	rig_home_write(ward.home, ".mozilla/firefox/profiles.ini", ini);
	commands = ward_expect("databases/elsewhere", "wrong", "name it in [databases] include");
	ck_assert_str_eq(commands, "");
	ward_configure(conf);
	ward_expect_well("databases", false);
}
END_TEST

static const char *const damages[] = {"cert9.db", "key4.db"};

/* Not thrown away, but put aside; then it is as if it had never been there. */
START_TEST(damaged)
{
	g_autofree char *commands = NULL;
	g_autofree char *aside = g_build_filename(ward.database, "damaged", damages[_i], NULL);

	g_autofree char *journal = g_build_filename(ward.database, "cert9.db-journal", NULL);

	write_in(damages[_i], "this is no database");
	write_in("cert9.db-journal", "what it was before");
	commands = ward_expect("databases/damaged", "wrong", "put it aside");
	ward_mend(commands, NULL, NULL);
	ward_expect_well("databases/missing", true);
	ck_assert(g_file_test(aside, G_FILE_TEST_EXISTS));
	ck_assert(!g_file_test(journal, G_FILE_TEST_EXISTS));
	rig_card_insert_seen(ward.card);
	g_free(ward_sh("certpropctl sync"));
	ward_expect_well("databases", false);
}
END_TEST

/* What was put aside the first time stays. */
START_TEST(damaged_again)
{
	g_autofree char *first = g_build_filename(ward.database, "damaged/cert9.db", NULL);
	g_autofree char *second = g_build_filename(ward.database, "damaged-2/cert9.db", NULL);
	g_autofree char *commands = NULL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	write_in("cert9.db", "the first");
	for (unsigned i = 0; i < 2; i++) {
		g_clear_pointer(&commands, g_free);
		commands = ward_expect("databases/damaged", "wrong", "put it aside");
		ward_mend(commands, NULL, NULL);
		ward_expect_well("databases", true);
		if (i == 0)
			write_in("cert9.db", "the second");
	}
	ck_assert(g_file_get_contents(first, &before, NULL, NULL));
	ck_assert(g_file_get_contents(second, &after, NULL, NULL));
	ck_assert_str_eq(before, "the first");
	ck_assert_str_eq(after, "the second");
}
END_TEST

/* Another program locks it and does not let go. */
START_TEST(locked)
{
	g_autofree char *file = g_build_filename(ward.database, "cert9.db", NULL);
	const char *argv[] = {
		"sqlite3", file, "BEGIN EXCLUSIVE", ".shell echo locked; exec sleep 99", NULL};
	g_autoptr(RigProcess) process =
		rig_process_start(argv, &(RigProcessOptions){.environment = ward.environment});
	g_autofree char *commands = NULL;
	g_autofree char *kill = g_strdup_printf("kill %d\n", (int)rig_process_pid(process));

	ward_wait_said(process, "locked\n");
	commands = ward_expect("databases/busy", "wrong", "sqlite3 (process");
	ck_assert_str_eq(commands, kill);
	ward_mend(commands, NULL, NULL);
	(void)rig_process_wait(process, WARD_WAIT_MS);
	ward_expect_well("databases", false);
}
END_TEST

/* Another user's program: it had the file open when it became that user. */
static pid_t lock_as_another(int *ret_ready)
{
	g_autofree char *file = g_build_filename(ward.database, "cert9.db", NULL);
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0x40000000, .l_len = 512};
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		int fd = open(file, O_RDWR | O_CLOEXEC);

		if (setresuid(65534, 65534, 65534) == 0 && fcntl(fd, F_SETLK, &lock) == 0)
			(void)!write(ends[1], "1", 1);
		for (;;)
			pause();
	}
	(void)close(ends[1]);
	*ret_ready = ends[0];
	return pid;
}

START_TEST(locked_by_another_user)
{
	g_autofree char *commands = NULL;
	char byte = 0;
	int ready;
	pid_t pid;

	if (geteuid() != 0) /* nobody else can be another user */
		return;
	pid = lock_as_another(&ready);
	ck_assert_int_eq(read(ready, &byte, 1), 1);
	commands = ward_expect("databases/busy", "wrong", "it is another user's");
	ck_assert_str_eq(commands, "");
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ward_expect_well("databases", false);
}
END_TEST

static void remove_database(void)
{
	g_autofree char *command = g_strdup_printf("rm -r %s/.pki", ward.home->home);

	g_free(ward_sh(command));
}

static const char *const without[] = {
	"[databases]\ncreate-shared=false\n",
	"[databases]\ncreate-shared=false\ndiscover=false\n",
};

START_TEST(no_database)
{
	g_autofree char *commands = NULL;

	remove_database();
	ward_configure(without[_i]);
	commands = ward_expect("databases/none", "wrong", "none that certificates could go to");
	ward_mend(commands, NULL, NULL);
	ward_expect_well("databases", true);
}
END_TEST

/* Says only what is wrong with the database; not also that it has changes to come, or has none. */
static void expect_no_word_of_changes(const char *id, const char *words)
{
	g_free(ward_expect(id, "wrong", words));
	ward_expect_no("propagation", "wrong", "");
	ward_expect_no("propagation", "ok", "");
}

START_TEST(reported_already)
{
	g_autofree char *file = g_build_filename(ward.database, "cert9.db", NULL);
	const char *argv[] = {
		"sqlite3", file, "BEGIN EXCLUSIVE", ".shell echo locked; exec sleep 99", NULL};
	RigProcess *process;

	rig_card_insert_seen(ward.card);
	change_mode("cert9.db", 0400);
	expect_no_word_of_changes("databases/read-only", "read-only");
	change_mode("cert9.db", 0600);
	process = rig_process_start(argv, &(RigProcessOptions){.environment = ward.environment});
	ward_wait_said(process, "locked\n");
	expect_no_word_of_changes("databases/busy", "sqlite3 (process");
	rig_process_free(process);
	ward_heal("propagation/pending", "2 changes of the databases have not been made");
}
END_TEST

START_TEST(not_propagated)
{
	rig_card_insert_seen(ward.card);
	ward_heal("propagation/pending", "2 changes of the databases have not been made");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("doctor-database");

	rig_enter();
	ward_case(suite, "mode", wrong_mode, G_N_ELEMENTS(modes));
	ward_case(suite, "owner", other_owner, 1);
	ward_case(suite, "behind", behind_a_name, 2);
	ward_case(suite, "mounted", mounted_read_only, 1);
	ward_case(suite, "elsewhere", elsewhere, 1);
	ward_case(suite, "damaged", damaged, G_N_ELEMENTS(damages));
	ward_case(suite, "damaged-again", damaged_again, 1);
	ward_case(suite, "locked", locked, 1);
	ward_case(suite, "locked-other-user", locked_by_another_user, 1);
	ward_case(suite, "reported", reported_already, 1);
	ward_case(suite, "none", no_database, G_N_ELEMENTS(without));
	ward_case(suite, "propagation", not_propagated, 1);
	return harness_run(suite, argc, argv);
}
