/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor says of databases and of the way to the keys, and what comes of doing it. All
 * commands are the real ones: chmod, mv, kill, modutil, certpropctl.
 */
#include "ward.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "build.h"
#include "harness.h"

#define OPENSC CERTPROP_P11_MODULE_DIR "/opensc-pkcs11.so"
#define ONEPIN CERTPROP_P11_MODULE_DIR "/onepin-opensc-pkcs11.so"
#define FLAGS  "NSS=slotParams={0x00000000=[slotFlags=PublicCerts ] }\n"
#define PROXY  "library=" CERTPROP_P11_MODULE_DIR "/../libp11-kit.so.0\nname=p11\n"

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
	const char *words;
} modes[] = {
	{".", 0500, "read-only"},
	{"cert9.db", 0400, "read-only"},
	{"key4.db", 0400, "read-only"},
	{"cert9.db", 0, "may not be read"},
	{".", 0, "may not be read"},
	{".", 0777, "foreign"},
};

START_TEST(wrong_mode)
{
	change_mode(modes[_i].file, modes[_i].mode);
	ward_heal("databases", modes[_i].words);
}
END_TEST

/* Root can give a directory away, and take it back. */
START_TEST(other_owner)
{
	if (geteuid() != 0) /* nobody else can bring it about */
		return;
	ck_assert_int_eq(chown(ward.database, 65534, (gid_t)-1), 0);
	ward_heal("databases", "foreign");
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
	ward_expect_words("databases", "wrong", "put the file itself in its place");
	ck_assert_int_eq(g_unlink(file), 0);
	ck_assert_int_eq(g_rename(other, file), 0);
	ward_heal("databases", "foreign"); /* it is still somebody else's */
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
	ward_heal("databases", "mounted read-only, at /");
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
	commands = ward_expect("databases", "wrong", "name it in [databases] include");
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
	commands = ward_expect("databases", "wrong", "put it aside");
	ward_mend(commands, NULL, NULL);
	ward_expect_well("databases", true);
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
		commands = ward_expect("databases", "wrong", "put it aside");
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
	commands = ward_expect("databases", "wrong", "sqlite3 (process");
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
	commands = ward_expect("databases", "wrong", "it is another user's");
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
	commands = ward_expect("databases", "wrong", "none that certificates could go to");
	ward_mend(commands, NULL, NULL);
	ward_expect_well("databases", true);
}
END_TEST

START_TEST(not_propagated)
{
	rig_card_insert_seen(ward.card);
	ward_heal("propagation", "2 changes of the databases have not been made");
}
END_TEST

/*
 * pkcs11.txt
 */

static const struct {
	const char *block, *more; /* in the file */
	bool enable;              /* and ours */
	const char *words;
} lists[] = {
	/* not there at all */
	{NULL, NULL, false, "do not come to"},
	/* somebody's own, and ours */
	{"library=" OPENSC "\nname=OpenSC\n" FLAGS, NULL, true, "by several ways"},
	/* twice, and none is ours */
	{"library=" OPENSC "\nname=OpenSC\n" FLAGS, "library=" ONEPIN "\nname=Card\n" FLAGS, false,
		"by several ways"},
	{"library=" OPENSC "\nname=OpenSC\n" FLAGS, PROXY FLAGS, false, "by several ways"},
	{PROXY FLAGS, NULL, true, "by several ways"},
	/* of a library that is gone */
	{"library=/opt/gone/opensc-pkcs11.so\nname=Old card\n" FLAGS, NULL, true, "not there"},
	/* without the flag */
	{"library=" OPENSC "\nname=OpenSC\n", NULL, false, "PublicCerts"},
	{PROXY, NULL, false, "PublicCerts"},
};

START_TEST(registration)
{
	g_autofree char *list = g_strdup_printf("modutil -dbdir %s -list", ward.sql);

	/* It would do nothing where there is another way, so it comes first. */
	if (lists[_i].enable)
		g_free(ward_sh("certpropctl module enable"));
	if (lists[_i].block != NULL)
		ward_add_block(lists[_i].block);
	if (lists[_i].more != NULL)
		ward_add_block(lists[_i].more);
	ward_heal("registration", lists[_i].words);
	g_free(ward_sh(list));
}
END_TEST

/* modutil is hidden, until it is "installed". */
START_TEST(no_modutil)
{
	g_autofree char *modutil = g_find_program_in_path("modutil");
	g_autofree char *commands = NULL;
	g_auto(GStrv) lines = NULL;

	ck_assert_ptr_nonnull(modutil);
	ward_stand_in("apt-get", WARD_ASK);
	ward_stand_in("dnf", WARD_ASK);
	g_free(ward_sh("certpropctl module enable"));
	ward_add_block("library=/opt/gone/opensc-pkcs11.so\nname=Old card\n" FLAGS);
	ck_assert_int_eq(mount("/dev/null", modutil, NULL, MS_BIND, NULL), 0);
	commands = ward_expect("registration", "wrong", "not there");
	lines = g_strsplit(commands, "\n", 2);
	ward_mend_by(lines[0], ward_is_debian() ? "apt-get install -y libnss3-tools\n"
						: "dnf install -y nss-tools\n");
	ck_assert_int_eq(umount(modutil), 0);
	ward_mend(lines[1], NULL, NULL);
	ward_expect_well("registration", false);
}
END_TEST

static const struct {
	const char *spoil; /* in the database's directory */
	bool aside;        /* it is put aside, and ours is registered then */
} spoiled[] = {
	{"chmod 0 pkcs11.txt", false},
	{"mv pkcs11.txt ../mine && ln -s ../mine pkcs11.txt", true},
	{"rm pkcs11.txt && mkdir pkcs11.txt", true},
};

/* The list itself cannot be read: what it is nobody can tell then. */
START_TEST(list_is_unreadable)
{
	g_autofree char *spoil = g_strdup_printf("cd ~/.pki/nssdb && %s", spoiled[_i].spoil);
	g_autofree char *commands = NULL;

	g_free(ward_sh("certpropctl module enable"));
	g_free(ward_sh(spoil));
	commands = ward_expect("registration", "wrong", "do not come to any module");
	ward_mend(commands, NULL, NULL);
	if (spoiled[_i].aside)
		ward_heal("registration", "its programs do not come to /");
	ward_expect_well("registration", false);
}
END_TEST

/* Our own block, whose library has gone: the configured module is another one by now. */
START_TEST(own_is_stale)
{
	g_autofree char *library = ward_path("opensc-pkcs11.so");
	g_autofree char *copy = g_strdup_printf("cp %s %s", OPENSC, library);
	g_autofree char *conf = g_strdup_printf("[propagation]\nmodules=%s\n", library);
	g_autofree char *commands = NULL;

	g_free(ward_sh(copy));
	ward_configure(conf);
	g_free(ward_sh("certpropctl module enable"));
	ward_configure("");
	ck_assert_int_eq(g_unlink(library), 0);
	commands = ward_expect("registration", "wrong", "not there");
	ward_mend(commands, NULL, NULL);
	ward_heal("registration", "do not come to");
}
END_TEST

/* Our own block, from which another program has taken the flag. */
START_TEST(own_without_flag)
{
	g_free(ward_sh("certpropctl module enable"));
	g_free(ward_sh("sed -i s/PublicCerts//g ~/.pki/nssdb/pkcs11.txt"));
	ward_heal("registration", "PublicCerts");
}
END_TEST

/* modutil would take another block, whose name begins like it: so it is not named. */
static const struct {
	const char *first, *second;
	const char *edit; /* as people do */
} prefixes[] = {
	{"library=/usr/lib/other.so\nname=OpenSC of mine\n",
		"library=/opt/gone/opensc-pkcs11.so\nname=OpenSC\n" FLAGS,
		"sed -i '/^library=.opt.gone/,/^NSS/d' ~/.pki/nssdb/pkcs11.txt"},
	{PROXY, "library=/usr/lib/other.so\nname=p11 of mine\n",
		"sed -i 's/^name=p11$/&\\nNSS=slotParams={0x00000000=[slotFlags=PublicCerts ] }/' "
		"~/.pki/nssdb/pkcs11.txt"},
};

START_TEST(name_is_a_prefix)
{
	if (_i == 0)
		g_free(ward_sh("certpropctl module enable"));
	ward_add_block(prefixes[_i].first);
	ward_add_block(prefixes[_i].second);
	ward_expect_words("registration", "wrong", "with an editor");
	g_free(ward_sh(prefixes[_i].edit));
	ward_expect_well("registration", false);
}
END_TEST

/* A name that a terminal would obey: people are sent to JSON, where the command is whole. */
START_TEST(name_for_terminals)
{
	const char *argv[] = {ward.ctl, "doctor", NULL};
	g_autofree char *out = NULL;

	g_free(ward_sh("certpropctl module enable"));
	ward_add_block("library=/opt/gone/opensc-pkcs11.so\nname=Old \x1b[31mcard; it's\n" FLAGS);
	ck_assert_int_eq(rig_run(argv, ward.environment, &out, NULL), 1);
	ck_assert_ptr_null(strchr(out, '\x1b'));
	ck_assert_ptr_nonnull(strstr(out, "mend: a name in it cannot be shown"));
	ward_heal("registration", "not there");
}
END_TEST

static const struct {
	const char *path, *words;
} boxes[] = {
	{"snap/chromium/current/.pki/nssdb", "A snap has libraries of its own"},
	{".var/app/org.chromium.Chromium/data/pki/nssdb", "A Flatpak has libraries of its own"},
};

/* A browser in a sandbox, and one outside. */
START_TEST(applications)
{
	g_autofree char *boxed = ward_path(boxes[_i].path);
	g_autofree char *profile = ward_path(".mozilla/firefox/ab.default");
	g_autofree char *commands = NULL;

	ck_assert_int_eq(g_mkdir_with_parents(boxed, 0700), 0);
	rig_db_create(boxed);
	ck_assert_int_eq(g_mkdir_with_parents(profile, 0700), 0);
	rig_db_create(profile);
	rig_home_write(ward.home, ".mozilla/firefox/profiles.ini",
		"[Profile0]\nName=mine\nIsRelative=1\nPath=ab.default\n");
	commands = ward_expect("registration", "wrong", "ab.default");
	ward_mend(commands, NULL, NULL);
	g_free(ward_expect("applications", "ok", "firefox (profile mine): sees certificates and"));
	g_free(ward_expect("applications", "note", boxes[_i].words));
	g_free(ward_expect("applications", "note", "no keys"));
	g_free(ward_sh("certpropctl module enable")); /* as the step registration says */
	ward_expect_no("applications", "note", "no keys");
}
END_TEST

/* What is called so, and was there first. */
START_TEST(runs_already)
{
	g_autofree char *profile = ward_path(".mozilla/firefox/ab.default");
	g_autofree char *file = ward_path(".mozilla/firefox/ab.default/pkcs11.txt");
	g_autofree char *program = ward_path("bin/firefox-esr");
	g_autofree char *copy = g_strdup_printf("cp /bin/sleep %s", program);
	g_autofree char *touch = g_strdup_printf("touch -d '1 minute' %s", file);
	g_autofree char *began = NULL;
	g_autofree char *untouch = g_strdup_printf("touch -d '1 minute ago' %s", file);
	const char *argv[] = {program, "60", NULL};
	g_autoptr(RigProcess) process = NULL;

	ck_assert_int_eq(g_mkdir_with_parents(profile, 0700), 0);
	rig_db_create(profile);
	rig_home_write(ward.home, ".mozilla/firefox/profiles.ini",
		"[Profile0]\nName=mine\nIsRelative=1\nPath=ab.default\n");
	g_free(ward_sh(copy));
	process = rig_process_start(argv, NULL);
	g_free(ward_sh(touch));
	ward_expect_words("applications", "note", "has run since before pkcs11.txt");
	rig_process_kill(process);
	g_clear_pointer(&process, rig_process_free);
	g_free(ward_sh(untouch));
	process = rig_process_start(argv, NULL);
	began = g_strdup_printf("(process %d) has run since", (int)rig_process_pid(process));
	ward_expect_no("applications", "note", began);
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
	ward_case(suite, "none", no_database, G_N_ELEMENTS(without));
	ward_case(suite, "propagation", not_propagated, 1);
	ward_case(suite, "registration", registration, G_N_ELEMENTS(lists));
	ward_case(suite, "no-modutil", no_modutil, 1);
	ward_case(suite, "unreadable", list_is_unreadable, G_N_ELEMENTS(spoiled));
	ward_case(suite, "own-stale", own_is_stale, 1);
	ward_case(suite, "own-flag", own_without_flag, 1);
	ward_case(suite, "prefix", name_is_a_prefix, G_N_ELEMENTS(prefixes));
	ward_case(suite, "terminal", name_for_terminals, 1);
	ward_case(suite, "applications", applications, G_N_ELEMENTS(boxes));
	ward_case(suite, "running", runs_already, 1);
	return harness_run(suite, argc, argv);
}
