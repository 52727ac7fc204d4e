/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ward.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include "build.h"

#define SOCKET "/run/pcscd/pcscd.comm"
#define GUID   "00112233445566778899aabbccddee0a"

static const char contract[] =
	"{\"well\": \"bool\", \"unknown\": [\"text+\"], \"findings\": [{\"step\": \"text+\", "
	"\"id\": \"text\","
	"\"verdict\": \"=ok|note|unknown|wrong\", \"subject\": \"text\", \"found\": \"text+\","
	"\"why\": \"text\", \"mend\": [{\"command\": \"text+\", \"root\": \"bool\"}]}]}";

Ward ward;

void ward_setenv(const char *name, const char *value)
{
	ward.environment = value != NULL ? g_environ_setenv(ward.environment, name, value, TRUE)
					 : g_environ_unsetenv(ward.environment, name);
}

/* Root may do what the doctor has to find forbidden, unless it goes without this. */
static void be_ordinary(void)
{
	(void)prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE);
	(void)prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH);
}

static void set_path(void)
{
	g_autofree char *bin = rig_home_path(ward.home, "bin");
	g_autofree char *path = g_strdup_printf("%s:%s/ctl:%s/daemon:%s", bin, CERTPROP_BUILD_ROOT,
		CERTPROP_BUILD_ROOT, g_environ_getenv(ward.environment, "PATH"));

	ck_assert_int_eq(g_mkdir(bin, 0700), 0);
	ward_setenv("PATH", path);
}

static void set_up_root(void)
{
	rig_setup();
	memset(&ward, 0, sizeof ward);
	ward.home = rig_home_new();
	ward.environment = rig_home_environment(ward.home);
	set_path();
	ward.pcscd = rig_pcscd_new(2);
	rig_pcscd_start(ward.pcscd);
	ward.card_dir = rig_deal(&(const Deal){.certs = 2, .guid = GUID, .keys = DEAL_EC});
	ward.card = rig_card_new(ward.pcscd, 0, ward.card_dir);
	ward.database = rig_home_path(ward.home, ".pki/nssdb");
	ck_assert_int_eq(g_mkdir_with_parents(ward.database, 0700), 0);
	rig_db_create(ward.database);
	ward.sql = g_strconcat("sql:", ward.database, NULL);
	ward.ctl = rig_program("ctl/certpropctl");
}

static void set_up(void)
{
	be_ordinary();
	set_up_root();
}

static void tear_down(void)
{
	g_clear_pointer(&ward.card, rig_card_free);
	g_clear_pointer(&ward.pcscd, rig_pcscd_free);
	g_clear_pointer(&ward.home, rig_home_free);
	g_clear_pointer(&ward.environment, g_strfreev);
	g_clear_pointer(&ward.card_dir, g_free);
	g_clear_pointer(&ward.database, g_free);
	g_clear_pointer(&ward.sql, g_free);
	g_clear_pointer(&ward.ctl, g_free);
	(void)g_rmdir("/run/systemd/system");
	rig_teardown();
}

/* For doctor-seen: which ids this program has asked for and found. */
static FILE *open_seen(const char *mode)
{
	g_autofree char *path = g_strconcat(CERTPROP_BUILD_ROOT "/tests/integration/",
		program_invocation_short_name, WARD_SEEN, NULL);
	FILE *file = fopen(path, mode);

	if (file == NULL)
		g_error("%s: %s", path, g_strerror(errno));
	return file;
}

static void begin_seen(void)
{
	static bool begun;
	FILE *file;

	if (begun)
		return;
	begun = true;
	file = open_seen("we");
	(void)fprintf(file, "%s\n", g_getenv("CK_RUN_CASE") == NULL ? WARD_SEEN_ALL : "some");
	(void)fclose(file);
}

static void note_seen(const char *id)
{
	FILE *file = open_seen("ae");

	(void)fprintf(file, "%s\n", id);
	(void)fclose(file);
}

static TCase *add_case(Suite *suite, const char *name, const TTest *test, int n, SFun begin)
{
	TCase *tcase = tcase_create(name);

	begin_seen();
	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, begin, tear_down);
	tcase_add_loop_test(tcase, test, 0, n);
	suite_add_tcase(suite, tcase);
	return tcase;
}

TCase *ward_case(Suite *suite, const char *name, const TTest *test, int n)
{
	return add_case(suite, name, test, n, set_up);
}

TCase *ward_case_root(Suite *suite, const char *name, const TTest *test, int n)
{
	return add_case(suite, name, test, n, set_up_root);
}

void ward_become(uid_t user, const char *name)
{
	g_autofree char *passwd = g_strconcat(rig_directory(), "/passwd", NULL);
	g_autofree char *before = NULL;
	g_autofree char *text = NULL;

	ck_assert(g_file_get_contents("/etc/passwd", &before, NULL, NULL));
	text = g_strdup_printf(
		"%s:x:%u:%u::%s:/bin/sh\n%s", name, user, user, ward.home->home, before);
	ck_assert(g_file_set_contents_full(passwd, text, -1, G_FILE_SET_CONTENTS_NONE, 0644, NULL));
	ward_hide("/etc/passwd", passwd);
	rig_home_give(ward.home, user);
	rig_space_open();
	ward.user = user;
}

void ward_configure(const char *text)
{
	rig_home_write(ward.home, ".config/certprop/certprop.conf", text);
}

void ward_stand_in(const char *name, const char *script)
{
	g_autofree char *path = g_build_filename("bin", name, NULL);
	g_autofree char *full = rig_home_path(ward.home, path);
	g_autofree char *text = g_strconcat("#!/bin/sh\n", script, "\n", NULL);

	rig_home_write(ward.home, path, text);
	ck_assert_int_eq(g_chmod(full, 0700), 0);
}

char *ward_fake_module(const char *vice)
{
	g_autofree char *settings = g_strdup_printf("[module]\nvice=%s\n", vice);

	rig_home_write(ward.home, ".fake-module", settings);
	return rig_program("tests/fake/fake-module.so");
}

void ward_has_systemd(void)
{
	ck_assert_int_eq(g_mkdir_with_parents("/run/systemd/system", 0755), 0);
}

void ward_has_user_manager(void)
{
	g_autofree char *dir = g_build_filename(ward.home->runtime, "systemd", NULL);
	g_autofree char *socket = g_build_filename(dir, "private", NULL);

	ck_assert_int_eq(g_mkdir_with_parents(dir, 0700), 0);
	ck_assert(g_file_set_contents(socket, "", -1, NULL));
}

void ward_own_mounts(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
}

void ward_hide(const char *path, const char *behind)
{
	ck_assert_msg(mount(behind, path, NULL, MS_BIND, NULL) == 0, "%s", path);
}

void ward_show(const char *path)
{
	ck_assert_int_eq(umount(path), 0);
}

static bool socket_is_there(gpointer data)
{
	return g_file_test(SOCKET, G_FILE_TEST_EXISTS);
}

RigProcess *ward_refuse(const char *code)
{
	g_autofree char *program = rig_program("tests/fake/fake-pcscd");
	const char *argv[] = {program, SOCKET, code, NULL};
	RigProcess *fake;

	rig_pcscd_stop(ward.pcscd);
	(void)g_unlink(SOCKET);
	fake = rig_process_start(argv, NULL);
	rig_wait_until(socket_is_there, NULL, WARD_WAIT_MS, "the fake's socket");
	return fake;
}

void ward_accept_again(RigProcess *fake)
{
	rig_process_free(fake);
	(void)g_unlink(SOCKET);
	rig_pcscd_start(ward.pcscd);
	ward_expect_well("service", false);
}

char *ward_path(const char *path)
{
	return rig_home_path(ward.home, path);
}

char *ward_read(const char *path)
{
	g_autofree char *full = ward_path(path);
	char *text = NULL;

	ck_assert_msg(g_file_get_contents(full, &text, NULL, NULL), "%s", full);
	return text;
}

void ward_add_block(const char *text)
{
	g_autofree char *path = g_build_filename(ward.database, "pkcs11.txt", NULL);
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	ck_assert(g_file_get_contents(path, &before, NULL, NULL));
	after = g_strconcat(before, text, "\n", NULL);
	ck_assert(g_file_set_contents(path, after, -1, NULL));
}

char *ward_sh(const char *command)
{
	const char *argv[] = {"sh", "-c", command, NULL};
	char *out = NULL;
	g_autofree char *err = NULL;
	int status = rig_run(argv, ward.environment, &out, &err);

	ck_assert_msg(status == 0, "%s: %d, %s%s", command, status, out, err);
	return out;
}

typedef struct Awaited {
	RigProcess *process;
	const char *text;
} Awaited;

static bool has_said(gpointer data)
{
	const Awaited *awaited = data;
	g_autofree char *said = rig_process_output(awaited->process, NULL);

	return strcmp(said, awaited->text) == 0;
}

void ward_wait_said(RigProcess *process, const char *text)
{
	rig_wait_until(has_said, &(Awaited){process, text}, WARD_WAIT_MS, text);
}

/* What a script goes by, "service/denied"; "service/" if it is well. */
static char *full_id(JsonObject *finding)
{
	return g_strdup_printf(
		"%s/%s", contract_text(finding, "step"), contract_text(finding, "id"));
}

/* All that is not well has an id that people can look up. */
static void assert_ids(JsonNode *root)
{
	g_autofree char *page = NULL;

	ck_assert(g_file_get_contents(SOURCE_ROOT "/docs/doctor.md", &page, NULL, NULL));
	for (guint i = 0; i < contract_length(json_node_get_object(root), "findings"); i++) {
		JsonObject *finding = contract_member(root, "findings", i);
		bool ok = strcmp(contract_text(finding, "verdict"), "ok") == 0;
		g_autofree char *id = full_id(finding);
		g_autofree char *entry = g_strdup_printf("`%s`", id);

		ck_assert_msg(ok ? g_str_has_suffix(id, "/") : strstr(page, entry) != NULL,
			"%s is not in docs/doctor.md", id);
	}
}

/* What the findings say together is said by each of: "well", "unknown", the exit status. */
static void assert_sum(JsonNode *root, int status)
{
	JsonObject *object = json_node_get_object(root);
	JsonArray *unknown = json_object_get_array_member(object, "unknown");
	bool wrong = false;
	guint n = 0;

	for (guint i = 0; i < contract_length(object, "findings"); i++) {
		JsonObject *finding = contract_member(root, "findings", i);
		const char *verdict = contract_text(finding, "verdict");
		g_autofree char *id = full_id(finding);

		wrong = wrong || strcmp(verdict, "wrong") == 0;
		if (strcmp(verdict, "unknown") != 0)
			continue;
		ck_assert_uint_lt(n, json_array_get_length(unknown));
		ck_assert_str_eq(json_array_get_string_element(unknown, n++), id);
	}
	ck_assert_uint_eq(n, json_array_get_length(unknown));
	ck_assert_int_eq(status, wrong ? 1 : n > 0 ? 3 : 0);
	ck_assert_int_eq(json_object_get_boolean_member(object, "well"), status == 0);
}

/* In a shell that has run these lines before. */
static JsonNode *ask_after(const char *lines)
{
	g_autofree char *script = g_strdup_printf("%s\nexec %s doctor --json", lines, ward.ctl);
	const char *argv[] = {"sh", "-c", script, NULL};
	RigProcessOptions options = {.environment = ward.environment, .user = ward.user};
	g_autofree char *out = NULL;
	g_autofree char *err = NULL;
	int status = rig_run_with(argv, &options, &out, &err);
	JsonNode *root = contract_check(out, contract);

	ck_assert_str_eq(err, "");
	assert_sum(root, status);
	assert_ids(root);
	return root;
}

JsonNode *ward_ask(void)
{
	return ask_after("");
}

static bool is_of(JsonObject *finding, const char *step)
{
	g_autofree char *id = full_id(finding);

	return strcmp(step, strchr(step, '/') != NULL ? id : contract_text(finding, "step")) == 0;
}

JsonObject *ward_find(JsonNode *root, const char *step, const char *verdict, const char *words)
{
	guint n = contract_length(json_node_get_object(root), "findings");

	for (guint i = 0; i < n; i++) {
		JsonObject *finding = contract_member(root, "findings", i);

		if (is_of(finding, step) &&
			strcmp(contract_text(finding, "verdict"), verdict) == 0 &&
			(strstr(contract_text(finding, "subject"), words) != NULL ||
				strstr(contract_text(finding, "found"), words) != NULL ||
				strstr(contract_text(finding, "why"), words) != NULL)) {
			if (strchr(step, '/') != NULL)
				note_seen(step);
			return finding;
		}
	}

	return NULL;
}

static void give_up(JsonNode *root, const char *what, const char *step, const char *words)
{
	g_autofree char *text = json_to_string(root, FALSE);

	/* check takes no message that is much longer */
	ck_abort_msg("%s: %s, \"%s\", in\n%.6000s", what, step, words, text);
}

char *ward_commands(JsonNode *root, const char *step, const char *verdict, const char *words)
{
	JsonObject *finding = ward_find(root, step, verdict, words);
	GString *commands = g_string_new(NULL);

	if (finding == NULL)
		give_up(root, "not found", step, words);
	for (guint i = 0; i < contract_length(finding, "mend"); i++)
		g_string_append_printf(commands, "%s\n",
			contract_text(contract_element(finding, "mend", i), "command"));
	return g_string_free(commands, FALSE);
}

char *ward_expect(const char *step, const char *verdict, const char *words)
{
	g_autoptr(JsonNode) root = ward_ask();

	return ward_commands(root, step, verdict, words);
}

void ward_expect_words(const char *step, const char *verdict, const char *words)
{
	g_autofree char *commands = ward_expect(step, verdict, words);

	ck_assert_str_eq(commands, "");
}

void ward_expect_no(const char *step, const char *verdict, const char *words)
{
	g_autoptr(JsonNode) root = ward_ask();

	if (ward_find(root, step, verdict, words) != NULL)
		give_up(root, "found", step, words);
}

static void assert_well(JsonNode *root, const char *id, bool noted)
{
	g_autofree char *step = g_strndup(id, strcspn(id, "/"));

	if (ward_find(root, step, "wrong", "") != NULL ||
		ward_find(root, noted ? id : step, noted ? "note" : "ok", "") == NULL)
		give_up(root, "not well", step, "");
}

void ward_expect_well(const char *step, bool noted)
{
	g_autoptr(JsonNode) root = ward_ask();

	assert_well(root, step, noted);
}

void ward_mend(const char *commands, const char *from, const char *to)
{
	g_auto(GStrv) parts = g_strsplit(commands, from != NULL ? from : "\1", -1);
	g_autofree char *text = g_strjoinv(to != NULL ? to : "", parts);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	ck_assert_str_ne(commands, "");
	for (char **line = lines; *line != NULL; line++)
		if (**line != '\0')
			g_free(ward_sh(*line));
}

bool ward_is_debian(void)
{
	return g_file_test("/etc/debian_version", G_FILE_TEST_EXISTS);
}

void ward_mend_by(const char *commands, const char *asked)
{
	g_autofree char *path = ward_path("asked");
	g_autofree char *text = NULL;

	(void)g_unlink(path);
	ward_mend(commands, NULL, NULL);
	text = ward_read("asked");
	ck_assert_str_eq(text, asked);
}

static bool is_free(gpointer data)
{
	g_autoptr(JsonNode) root = ward_ask();

	return ward_find(root, "cards", "wrong", "") == NULL &&
	       ward_find(root, "cards", "ok", "") != NULL;
}

void ward_wait_free(void)
{
	rig_wait_until(is_free, NULL, WARD_WAIT_MS, "nobody holds the card");
}

void ward_heal_in_shell(const char *step, const char *words)
{
	g_autofree char *commands = ward_expect(step, "wrong", words);
	g_autoptr(JsonNode) root = NULL;

	ck_assert_str_ne(commands, "");
	root = ask_after(commands);
	assert_well(root, step, false);
}

void ward_heal(const char *step, const char *words)
{
	g_autofree char *commands = ward_expect(step, "wrong", words);

	ward_mend(commands, NULL, NULL);
	ward_expect_well(step, false);
}
