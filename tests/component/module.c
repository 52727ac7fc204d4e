/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl module on real databases, with a real card beside it: what counts is what NSS's own
 * tools make of pkcs11.txt afterwards, and that the file is the same one, byte for byte, when the
 * module is taken out again.
 */

#include <check.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build.h"
#include "ctlbench.h"
#include "harness.h"

#define OPENSC CERTPROP_P11_MODULE_DIR "/opensc-pkcs11.so"
#define ONEPIN CERTPROP_P11_MODULE_DIR "/onepin-opensc-pkcs11.so"
#define NAME   "name=certprop (opensc-pkcs11.so)\n"
#define PUBLIC "NSS=slotParams={0x00000000=[slotFlags=PublicCerts ] }  \n" /* as NSS writes it */
#define CROWD  8                                                           /* programs at once */

static const char contract[] =
	"{\"dry_run\": \"bool\", \"databases\": [{\"path\": \"text+\","
	"\"application\": \"=shared|firefox|other\", \"profile\": \"text\","
	"\"status\": \"=ok|missing|read-only|damaged|foreign\", \"reason\": \"text\","
	"\"modules\": [{\"module\": \"text+\", \"state\": \"=absent|reachable|twice\","
	"\"change\": \"text\", \"done\": \"bool\", \"reason\": \"text\","
	"\"through\": [{\"how\": \"=certprop|direct|p11-kit|crypto-policy|broken\","
	"\"name\": \"text\", \"library\": \"text+\", \"file\": \"text\"}]}]}]}";

static char *module_file(void)
{
	return g_build_filename(bench.database, "pkcs11.txt", NULL);
}

static char *read_file(void)
{
	g_autofree char *path = module_file();
	char *text = NULL;

	ck_assert(g_file_get_contents(path, &text, NULL, NULL));
	return text;
}

static void write_file(const char *text, gssize len)
{
	g_autofree char *path = module_file();

	ck_assert(g_file_set_contents(path, text, len, NULL));
}

static void append_to_file(const char *text)
{
	g_autofree char *before = read_file();
	g_autofree char *after = g_strconcat(before, text, NULL);

	write_file(after, -1);
}

static void module(const char *action)
{
	g_autofree char *err = NULL;
	int status = ctl_run(NULL, &err, "module", action, NULL);

	ck_assert_msg(status == 0, "module %s: %d, %s", action, status, err);
}

/* certutil -L -h all, with nobody there to type a PIN. */
static char *list_all(char **ret_errors)
{
	g_autofree char *spec = g_strconcat("sql:", bench.database, NULL);
	const char *argv[] = {"certutil", "-L", "-d", spec, "-h", "all", NULL};
	char *out = NULL;

	ck_assert_int_eq(rig_run(argv, bench.environment, &out, ret_errors), 0);
	return out;
}

static char *list_modules(void)
{
	g_autofree char *spec = g_strconcat("sql:", bench.database, NULL);
	const char *argv[] = {"modutil", "-dbdir", spec, "-list", NULL};

	return rig_run_ok(argv, bench.environment);
}

static unsigned count(const char *text, const char *word)
{
	unsigned n = 0;

	for (; (text = strstr(text, word)) != NULL; text += strlen(word))
		n++;
	return n;
}

/* The only module of the only database. */
static JsonObject *found(JsonNode *root)
{
	JsonObject *database = contract_member(root, "databases", 0);

	ck_assert_uint_eq(contract_length(database, "modules"), 1);
	return contract_element(database, "modules", 0);
}

/* Nothing of ours is left in the directory but the file. */
static void assert_tidy(void)
{
	g_autoptr(GDir) dir = g_dir_open(bench.database, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(dir)) != NULL)
		ck_assert_msg(strcmp(name, "cert9.db") == 0 || strcmp(name, "key4.db") == 0 ||
				      strcmp(name, "pkcs11.txt") == 0,
			"%s was left", name);
}

/*
 * The keys
 */

START_TEST(keys_come_into_reach)
{
	g_autofree char *before = NULL, *after = NULL, *gone = NULL, *last = NULL, *asks = NULL;
	g_autofree char *quiet = NULL, *err = NULL;

	ctl_sync_card();
	before = list_all(NULL);
	ck_assert_uint_eq(count(before, "u,u,u"), 0);
	g_autofree char *original = read_file();

	/* what was propagated, and the same on the card */
	module("enable");
	after = list_all(&quiet);
	ck_assert_uint_eq(count(after, "u,u,u"), 2 * CTL_CERTS);
	ck_assert_ptr_null(strstr(quiet, "input terminal"));

	rig_card_remove_seen(bench.card);
	gone = list_all(NULL);
	ck_assert_uint_eq(count(gone, "u,u,u"), 0);
	ck_assert_uint_eq(count(gone, ",,"), CTL_CERTS);
	rig_card_insert_seen(bench.card);

	/* without the flag it would have asked: it looks for a terminal */
	g_autofree char *text = read_file();
	*strstr(text, "NSS=slotParams") = '#';
	write_file(text, -1);
	g_free(list_all(&asks));
	ck_assert_ptr_nonnull(strstr(asks, "input terminal"));

	module("disable");
	last = list_all(NULL);
	ck_assert_uint_eq(count(last, "u,u,u"), 0);
	/* but for the line that became a comment, which we did not write */
	g_autofree char *left = read_file();
	ck_assert(g_str_has_prefix(left, original));
}
END_TEST

START_TEST(sync_registers_when_told)
{
	g_autofree char *path = module_file();
	struct stat first, second;

	rig_home_write(
		bench.home, ".config/certprop/certprop.conf", "[keys]\nregister-module=true\n");
	ctl_sync_card();
	g_autofree char *text = read_file();
	ck_assert_uint_eq(count(text, NAME), 1);
	g_autofree char *list = list_all(NULL);
	ck_assert_uint_eq(count(list, "u,u,u"), 2 * CTL_CERTS);

	ck_assert_int_eq(g_stat(path, &first), 0);
	ck_assert_int_eq(ctl_run(NULL, NULL, "sync", NULL, NULL), 0);
	ck_assert_int_eq(g_stat(path, &second), 0);
	ck_assert_int_eq(first.st_ino, second.st_ino);

	g_autofree char *out = NULL;
	ck_assert_int_eq(ctl_run(&out, NULL, "module", "disable", NULL), 0);
	ck_assert_ptr_nonnull(strstr(out, "register-module"));
	ck_assert_int_eq(ctl_run(NULL, NULL, "sync", "--dry-run", NULL), 0);
	g_autofree char *without = read_file();
	ck_assert_uint_eq(count(without, NAME), 0);
}
END_TEST

static bool is_registered(gpointer data)
{
	g_autofree char *text = read_file();

	return strstr(text, NAME) != NULL;
}

static bool has_said(gpointer process)
{
	g_autofree char *said = rig_process_errors(process);

	return strstr(said, "Registered " OPENSC " in sql:") != NULL;
}

START_TEST(daemon_registers_and_says_so)
{
	g_autofree char *program = rig_program("daemon/certpropd");
	const char *argv[] = {program, NULL};
	RigProcessOptions options = {.environment = bench.environment};

	rig_home_write(
		bench.home, ".config/certprop/certprop.conf", "[keys]\nregister-module=true\n");
	rig_card_insert_seen(bench.card);
	g_autoptr(RigProcess) daemon = rig_process_start(argv, &options);
	rig_wait_until(is_registered, NULL, CTL_LONG_MS, "a module that is registered");
	rig_wait_until(has_said, daemon, CTL_LONG_MS, "a word of it");
	g_autofree char *list = list_modules();
	ck_assert_uint_eq(count(list, "library name: " OPENSC "\n"), 1);
	ck_assert_int_eq(rig_process_stop(daemon, CTL_LONG_MS), 0);
}
END_TEST

/*
 * The file
 */

static const char *const files[] = {
	"",
	"\n",
	"# only a comment",
	"library=/usr/lib/softhsm/libsofthsm2.so\nname=SoftHSM",
	"library=/none.so\r\nname=with carriage returns\r\n\r\n",
	"name=certprop\nlibrary=/none.so\n",
	"name=certprop (opensc-pkcs11.so) is mine\nlibrary=/none.so\n\n\n\n",
	"# note\n\n  \n# two \xff\xfe\nlibrary=/a.so\nname=\"A \\\"quoted\\\" one\"\n\n# end\n\n",
};

/* NSS reads what we write, and nobody sees that we were there. */
START_TEST(file_comes_back)
{
	g_autofree char *path = module_file();
	g_autofree char *planned = NULL, *list = NULL, *back = NULL, *with = NULL;
	struct stat before, after;

	write_file(files[_i], -1);
	ck_assert_int_eq(g_chmod(path, 0640), 0);
	ck_assert_int_eq(g_stat(path, &before), 0);
	ck_assert_int_eq(ctl_run(NULL, NULL, "module", "enable", "--dry-run"), 0);
	planned = read_file();
	ck_assert_str_eq(planned, files[_i]);

	module("enable");
	with = read_file();
	ck_assert(g_str_has_prefix(with, files[_i]));
	list = list_modules();
	ck_assert_uint_eq(count(list, "library name: " OPENSC "\n"), 1);
	ck_assert_uint_eq(count(list, "NSS Internal PKCS #11 Module"), 1);
	ck_assert_int_eq(g_stat(path, &after), 0);
	ck_assert_uint_eq(after.st_mode, before.st_mode);
	ck_assert_uint_eq(after.st_uid, before.st_uid);
	ck_assert_uint_eq(after.st_gid, before.st_gid);

	module("disable");
	back = read_file();
	ck_assert_str_eq(back, files[_i]);
	assert_tidy();
}
END_TEST

START_TEST(no_file_yet)
{
	g_autofree char *path = module_file();
	g_autofree char *before = read_file();

	ck_assert_int_eq(g_unlink(path), 0);
	module("disable");
	ck_assert(!g_file_test(path, G_FILE_TEST_EXISTS));
	module("enable");
	g_autofree char *list = list_modules();
	ck_assert_uint_eq(count(list, "library name: " OPENSC "\n"), 1);
	module("disable");
	/* what certutil made of a new database */
	g_autofree char *after = read_file();
	ck_assert_str_eq(after, before);
}
END_TEST

/* What goes is what was registered, whatever is configured by then. */
START_TEST(configured_otherwise)
{
	static const char *const configured[] = {"/usr/lib/softhsm/libsofthsm2.so", ONEPIN};
	g_autofree char *original = read_file();
	g_autofree char *config = g_strdup_printf("[propagation]\nmodules=%s\n", configured[_i]);
	g_autofree char *out = NULL;
	g_autofree char *last = NULL;

	module("enable");
	rig_home_write(bench.home, ".config/certprop/certprop.conf", config);
	ck_assert_int_eq(ctl_run(&out, NULL, "module", "disable", NULL), 0);
	ck_assert_msg(strstr(out, OPENSC) != NULL, "%s", out);
	ck_assert_msg(strstr(out, "took out") != NULL, "%s", out);
	ck_assert_msg(strstr(out, configured[_i]) == NULL, "%s", out);
	last = read_file();
	ck_assert_str_eq(last, original);
}
END_TEST

/* NSS's own editor works on what we have left, and we on what it has. */
START_TEST(in_turns_with_nss)
{
	g_autofree char *spec = g_strconcat("sql:", bench.database, NULL);
	const char *add[] = {"modutil", "-force", "-dbdir", spec, "-add", "another", "-libfile",
		"/usr/lib/softhsm/libsofthsm2.so", NULL};
	const char *delete[] = {"modutil", "-force", "-dbdir", spec, "-delete", "another", NULL};
	g_autofree char *original = read_file();

	module("enable");
	g_free(rig_run_ok(add, bench.environment));
	g_autofree char *both = list_modules();
	ck_assert_uint_eq(count(both, OPENSC), 1);
	ck_assert_uint_eq(count(both, "libsofthsm2.so"), 1);
	module("disable");
	g_autofree char *one = list_modules();
	ck_assert_uint_eq(count(one, OPENSC), 0);
	ck_assert_uint_eq(count(one, "libsofthsm2.so"), 1);
	module("enable");
	g_free(rig_run_ok(delete, bench.environment));
	g_autofree char *other = list_modules();
	ck_assert_uint_eq(count(other, OPENSC), 1);
	ck_assert_uint_eq(count(other, "libsofthsm2.so"), 0);
	module("disable");
	g_autofree char *last = read_file();
	ck_assert_str_eq(last, original);
}
END_TEST

START_TEST(many_at_once)
{
	static const char *const actions[] = {"enable", "disable"};
	g_autofree char *original = read_file();

	for (unsigned round = 0; round < 4; round++) {
		RigProcess *crowd[CROWD];
		RigProcessOptions options = {.environment = bench.environment};

		for (unsigned i = 0; i < CROWD; i++) {
			const char *argv[] = {bench.program, "module", actions[round % 2], NULL};

			crowd[i] = rig_process_start(argv, &options);
		}
		for (unsigned i = 0; i < CROWD; i++) {
			ck_assert_int_eq(rig_process_wait(crowd[i], CTL_LONG_MS), 0);
			rig_process_free(crowd[i]);
		}
		g_autofree char *text = read_file();
		ck_assert_uint_eq(count(text, NAME), round % 2 == 0 ? 1 : 0);
		ck_assert(g_str_has_prefix(text, original));
	}
	assert_tidy();
}
END_TEST

/*
 * There already
 */

static const struct {
	const char *text;  /* appended to pkcs11.txt */
	const char *user;  /* the user's opensc-pkcs11.module for p11-kit, or NULL */
	const char *state; /* what is found … */
	const char *how;
	bool enabled; /* … and whether that is reason to register it */
} ways[] = {
	{"", NULL, "absent", NULL, true},
	{"library=" OPENSC "\nname=OpenSC\n\n", NULL, "reachable", "direct", false},
	{"library=" ONEPIN "\nname=OpenSC\n\n", NULL, "reachable", "direct", false},
	{"library=opensc-pkcs11.so\nname=x\n\n", NULL, "reachable", "direct", false},
	{"library=/gone/opensc-pkcs11.so\nname=x\n\n", NULL, "absent", "broken", true},
	{"library=p11-kit-proxy.so\nname=p11\n\n", NULL, "reachable", "p11-kit", false},
	{"library=p11-kit-proxy.so\nname=p11\n\n", "disable-in: firefox, p11-kit-proxy\n", "absent",
		NULL, true},
	{"library=p11-kit-proxy.so\nname=p11\n\n", "enable-in: ssh\n", "absent", NULL, true},
	{"library=p11-kit-proxy.so\nname=p11\n\n", "enable-in: ssh p11-kit-proxy\n", "reachable",
		"p11-kit", false},
	{"library=" OPENSC "\nname=one\n\nlibrary=" ONEPIN "\nname=two\n\n", NULL, "twice",
		"direct", false},
};

START_TEST(not_registered_twice)
{
	append_to_file(ways[_i].text);
	if (ways[_i].user != NULL)
		rig_home_write(
			bench.home, ".config/pkcs11/modules/opensc-pkcs11.module", ways[_i].user);
	g_autofree char *before = read_file();

	g_autoptr(JsonNode) root = ctl_json(0, contract, "module", "status");
	JsonObject *entry = found(root);
	ck_assert_str_eq(contract_text(entry, "module"), OPENSC);
	ck_assert_str_eq(contract_text(entry, "state"), ways[_i].state);
	if (ways[_i].how == NULL)
		ck_assert_uint_eq(contract_length(entry, "through"), 0);
	else
		ck_assert_str_eq(
			contract_text(contract_element(entry, "through", 0), "how"), ways[_i].how);

	g_autoptr(JsonNode) enabled = ctl_json(0, contract, "module", "enable");
	ck_assert_str_eq(contract_text(found(enabled), "change"), ways[_i].enabled ? "enable" : "");
	ck_assert_int_eq(json_object_get_boolean_member(found(enabled), "done"), ways[_i].enabled);
	g_autofree char *after = read_file();
	ck_assert_uint_eq(count(after, NAME), ways[_i].enabled ? 1 : 0);
	module("disable");
	g_autofree char *back = read_file();
	ck_assert_str_eq(back, before);
}
END_TEST

/* Neither what is registered nor what is to be. */
START_TEST(no_module_is_loaded)
{
	g_autofree char *trace = rig_home_path(bench.home, "trapped");
	g_autofree char *config = g_strdup_printf("[propagation]\nmodules=%s\n", MODULE_TRAP);

	append_to_file("library=" MODULE_TRAP "\nname=bait\n\n");
	g_free(list_modules());
	ck_assert(g_file_test(trace, G_FILE_TEST_EXISTS));
	ck_assert_int_eq(g_unlink(trace), 0);

	module("enable");
	module("status");
	rig_home_write(bench.home, ".config/certprop/certprop.conf", config);
	g_autofree char *text = read_file();
	*strstr(text, "library=" MODULE_TRAP) = '#';
	write_file(text, -1);
	module("enable");
	g_autofree char *with = read_file();
	ck_assert_uint_eq(count(with, "library=" MODULE_TRAP "\nname=certprop ("), 1);
	module("disable");
	ck_assert(!g_file_test(trace, G_FILE_TEST_EXISTS));
}
END_TEST

START_TEST(one_database_of_two)
{
	g_autofree char *other = rig_home_path(bench.home, "other/db");
	g_autofree char *config = g_strdup_printf("[databases]\ninclude=%s\n", other);
	g_autofree char *spec = g_strconcat("--database=sql:", other, "/../db", NULL);
	g_autofree char *file = g_build_filename(other, "pkcs11.txt", NULL);
	g_autofree char *before = read_file();
	g_autofree char *err = NULL, *text = NULL;

	ck_assert_int_eq(g_mkdir_with_parents(other, 0700), 0);
	rig_db_create(other);
	rig_home_write(bench.home, ".config/certprop/certprop.conf", config);
	ck_assert_int_eq(ctl_run(NULL, NULL, "module", "enable", spec), 0);
	g_autofree char *after = read_file();
	ck_assert_str_eq(after, before);
	ck_assert(g_file_get_contents(file, &text, NULL, NULL));
	ck_assert_uint_eq(count(text, NAME), 1);
	ck_assert_int_eq(ctl_run(NULL, &err, "module", "enable", "--database=/nowhere"), 1);
	ck_assert_ptr_nonnull(strstr(err, "/nowhere"));
}
END_TEST

/*
 * Refused
 */

static void make_link(const char *path)
{
	g_autofree char *to = rig_home_path(bench.home, "elsewhere.txt");

	ck_assert_int_eq(g_rename(path, to), 0);
	ck_assert_int_eq(symlink(to, path), 0);
}

static void make_fifo(const char *path)
{
	ck_assert_int_eq(g_unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void make_binary(const char *path)
{
	ck_assert(g_file_set_contents(path, "name=a\0b\n", 9, NULL));
}

static void make_large(const char *path)
{
	g_autofree char *text = g_strnfill(256 * 1024 + 1, '\n');

	ck_assert(g_file_set_contents(path, text, -1, NULL));
}

/* NSS has not taken over the modules of an old database yet. */
static void make_legacy(const char *path)
{
	g_autofree char *old = g_build_filename(bench.database, "secmod.db", NULL);

	ck_assert_int_eq(g_unlink(path), 0);
	ck_assert(g_file_set_contents(old, "", -1, NULL));
}

static const struct {
	void (*make)(const char *path);
	const char *word; /* in the message */
} refused[] = {
	{make_link, "symbolic link"},
	{make_fifo, "not a regular file"},
	{make_binary, "zero bytes"},
	{make_large, "262144"},
	{make_legacy, "modutil -dbdir"},
};

START_TEST(refused_and_untouched)
{
	g_autofree char *path = module_file();
	g_autofree char *err = NULL;
	struct stat before, after;
	bool there;

	refused[_i].make(path);
	there = g_lstat(path, &before) == 0;
	ck_assert_int_eq(ctl_run(NULL, &err, "module", "enable", NULL), 1);
	ck_assert_msg(strstr(err, refused[_i].word) != NULL, "%s", err);
	ck_assert_ptr_nonnull(strstr(err, bench.database));
	ck_assert_int_eq(g_lstat(path, &after) == 0, there);
	if (there)
		ck_assert(before.st_ino == after.st_ino && before.st_size == after.st_size);
}
END_TEST

/* A profile to which a link leads out of the home; returns where it is. */
static char *make_foreign(void)
{
	char *dir = g_dir_make_tmp("certprop-outside-XXXXXX", NULL);
	g_autofree char *link = rig_home_path(bench.home, ".mozilla/firefox/p");

	rig_home_write(bench.home, ".mozilla/firefox/profiles.ini",
		"[Profile0]\nName=a\nIsRelative=1\nPath=p\n");
	ck_assert_int_eq(symlink(dir, link), 0);
	rig_db_create(dir);
	return dir;
}

static void remove_database(const char *dir)
{
	static const char *const names[] = {"cert9.db", "key4.db", "pkcs11.txt"};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(dir, names[i], NULL);

		ck_assert_int_eq(g_unlink(path), 0);
	}
	ck_assert_int_eq(g_rmdir(dir), 0);
}

/* What is not served gets nothing; what is ours in it can be taken out all the same. */
START_TEST(foreign_gets_nothing)
{
	g_autofree char *dir = make_foreign();
	g_autofree char *path = g_build_filename(dir, "pkcs11.txt", NULL);
	g_autofree char *before = NULL, *after = NULL, *with = NULL, *back = NULL, *out = NULL;
	struct stat first, second;

	ck_assert(g_file_get_contents(path, &before, NULL, NULL));
	ck_assert_int_eq(g_stat(path, &first), 0);
	ck_assert_int_eq(ctl_run(&out, NULL, "module", "enable", NULL), 0);
	ck_assert(g_file_get_contents(path, &after, NULL, NULL));
	ck_assert_str_eq(after, before);
	ck_assert_int_eq(g_stat(path, &second), 0);
	ck_assert_uint_eq(first.st_ino, second.st_ino);
	ck_assert_msg(strstr(out, "left alone") != NULL, "%s", out);

	g_autoptr(JsonNode) root = ctl_json(0, contract, "module", "status");
	JsonObject *database = contract_member(root, "databases", 1);
	ck_assert_str_eq(contract_text(database, "status"), "foreign");
	ck_assert_uint_eq(contract_length(database, "modules"), 0);

	/* as a version before this one did */
	with = g_strconcat(before, "library=" OPENSC "\n" NAME PUBLIC "\n", NULL);
	ck_assert(g_file_set_contents(path, with, -1, NULL));
	module("disable");
	ck_assert(g_file_get_contents(path, &back, NULL, NULL));
	ck_assert_str_eq(back, before);
	remove_database(dir);
}
END_TEST

START_TEST(a_module_that_is_not_there)
{
	g_autofree char *before = read_file();
	g_autofree char *err = NULL;

	rig_home_write(bench.home, ".config/certprop/certprop.conf",
		"[propagation]\nmodules=/opt/none/vendor.so\n");
	ck_assert_int_eq(ctl_run(NULL, &err, "module", "enable", NULL), 1);
	ck_assert_ptr_nonnull(strstr(err, "/opt/none/vendor.so"));
	g_autofree char *after = read_file();
	ck_assert_str_eq(after, before);
}
END_TEST

static void add_loop(Suite *suite, const char *name, const TTest *test, int n)
{
	TCase *tcase = tcase_create(name);

	ctl_add_fixture(tcase);
	tcase_add_loop_test(tcase, test, 0, n);
	suite_add_tcase(suite, tcase);
}

int main(int argc, char **argv)
{
	rig_enter();

	const TTest *const keys[] = {
		keys_come_into_reach, sync_registers_when_told, daemon_registers_and_says_so};
	const TTest *const file[] = {no_file_yet, in_turns_with_nss, many_at_once,
		no_module_is_loaded, one_database_of_two, foreign_gets_nothing,
		a_module_that_is_not_there};
	Suite *suite = suite_create("module");

	ctl_add_case(suite, "keys", keys, G_N_ELEMENTS(keys));
	ctl_add_case(suite, "file", file, G_N_ELEMENTS(file));
	add_loop(suite, "files", file_comes_back, G_N_ELEMENTS(files));
	add_loop(suite, "otherwise", configured_otherwise, 2);
	add_loop(suite, "ways", not_registered_twice, G_N_ELEMENTS(ways));
	add_loop(suite, "refused", refused_and_untouched, G_N_ELEMENTS(refused));

	return harness_run(suite, argc, argv);
}
