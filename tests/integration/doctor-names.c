/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names that somebody else has given, in what the doctor says and in the commands that it makes: of
 * directories, profiles, blocks in pkcs11.txt, modules, readers, programs and variables. A command
 * has to do what it says, whatever is in a name, and nothing else: a name that is taken for words
 * of a shell would make the file "pwned". On a terminal nothing of it may be obeyed.
 */
#include "safe.h"
#include "ward.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "build.h"
#include "harness.h"

#define OPENSC CERTPROP_P11_MODULE_DIR "/opensc-pkcs11.so"
#define FLAGS  "NSS=slotParams={0x00000000=[slotFlags=PublicCerts ] }\n"

static const char *const names[] = {
	"a'b\"c$(touch pwned)`touch pwned`;touch pwned&touch pwned|touch pwned>pwned #",
	"a\n\x1b[31mtouch pwned\n\xe2\x80\xaegnp.\t\\n\\040 $HOME ~ * {a,b}",
	"'; touch pwned; '",
	"a\xff\xc3 \xe2\x80",
};

/* What is run as words leaves this behind, in the directory in which commands are run. */
static void assert_not_obeyed(void)
{
	g_autofree char *find = g_strdup_printf("find %s -name 'pwned*'", ward.home->home);
	g_autofree char *found = ward_sh(find);

	ck_assert_str_eq(found, "");
}

/* As people see it. */
static void assert_safe_words(void)
{
	const char *argv[] = {ward.ctl, "doctor", NULL};
	static unsigned turn;
	const SafeWhere where = turn++ % 2 == 0 ? SAFE_TERMINAL : SAFE_FILES;
	int status;
	g_autofree char *text = safe_run(argv, ward.environment, where, &status);

	ck_assert_int_eq(status, 1);
	safe_assert_text(text, where, "doctor");
}

/* All commands in one shell: a name may be of several lines. */
static void heal(const char *step, const char *words, bool noted)
{
	g_autofree char *commands = ward_expect(step, "wrong", words);

	assert_safe_words();
	ck_assert_str_ne(commands, "");
	g_free(ward_sh(commands));
	ward_expect_well(step, noted);
	assert_not_obeyed();
}

static void set_text(const char *file, const char *group, const char *key, const char *text)
{
	g_autoptr(GKeyFile) settings = g_key_file_new();
	g_autofree char *data = NULL;

	g_key_file_set_string_list(settings, group, key, &text, 1);
	data = g_key_file_to_data(settings, NULL, NULL);
	rig_home_write(ward.home, file, data);
}

/* The home is in a directory of that name, and that a file system of its own. */
static void move_home(const char *name)
{
	g_autofree char *home = g_build_filename(ward.home->home, "place", name, NULL);

	ck_assert_int_eq(g_chdir(ward.home->home), 0);
	ward_own_mounts();
	ck_assert_int_eq(g_mkdir_with_parents(home, 0700), 0);
	ck_assert_int_eq(mount("tmpfs", home, "tmpfs", 0, "mode=0700"), 0);
	g_free(ward.database);
	ward.database = g_build_filename(home, ".pki/nssdb", NULL);
	ck_assert_int_eq(g_mkdir_with_parents(ward.database, 0700), 0);
	rig_db_create(ward.database);
	ward_setenv("HOME", home);
	g_free(ward_sh("certpropctl module enable"));
}

static void spoil(const char *file, const char *text)
{
	g_autofree char *path = g_build_filename(ward.database, file, NULL);

	ck_assert(g_file_set_contents(path, text, -1, NULL));
}

START_TEST(directory)
{
	const char *home;

	move_home(names[_i]);
	home = g_environ_getenv(ward.environment, "HOME");
	ck_assert_int_eq(g_chmod(ward.database, 0500), 0);
	heal("databases/read-only", "to be read only", false);
	ck_assert_int_eq(g_chmod(ward.database, 0777), 0);
	heal("databases/foreign", "foreign", false);
	ck_assert_int_eq(mount(NULL, home, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	heal("databases/read-only-mount", "mounted read-only, at /", false);
	ward_add_block("library=/opt/gone/opensc-pkcs11.so\nname=O'l\"d $(touch pwned);`pwned` "
		       "card\n" FLAGS);
	heal("registration/stale", "which is not there", false);
	spoil("pkcs11.txt", "");
	heal("registration/unreachable", "its programs do not come to", false);
	spoil("cert9.db", "this is no database");
	heal("databases", "put it aside", true);
}
END_TEST

/* The files of the configuration: a line, and the whole file. */
START_TEST(configuration)
{
	g_autofree char *dir = g_build_filename(ward.home->home, "dir", names[_i], NULL);
	g_autofree char *file = g_build_filename("dir", names[_i], "certprop/certprop.conf", NULL);
	g_autofree char *path = ward_path(file);

	ck_assert_int_eq(g_chdir(ward.home->home), 0);
	rig_home_write(ward.home, file, "[local]\non-removal=$(touch pwned)`touch pwned`\n");
	ward_setenv("XDG_CONFIG_HOME", dir);
	heal("configuration/faulty-line", "on-removal", false);
	ck_assert_int_eq(g_unlink(path), 0);
	ck_assert_int_eq(g_mkdir(path, 0700), 0);
	heal("configuration/faulty-file", "not a regular file", false);
	set_text(file, "propagation", "modules", names[_i]);
	/* with a control in it, or a byte that is no letter, it is refused before */
	heal(names[_i][0] == 'a' && names[_i][1] != '\'' ? "configuration" : "modules", "", false);
}
END_TEST

/* Of a profile, a reader, and the program that holds the card in it. */
START_TEST(others)
{
	const char *const readers[] = {"$(touch pwned)`touch pwned`'\x1b[31m"};
	g_autofree char *fake = rig_program("tests/fake/fake-holder");
	g_autofree char *program = ward_path("bin/a'\x1b[31m$(x)\nb");
	g_autofree char *quoted = g_shell_quote(program);
	g_autofree char *copy = g_strdup_printf("cp %s %s", fake, quoted);
	g_autofree char *commands = NULL;
	g_autoptr(RigProcess) holder = NULL;
	const char *argv[] = {program, NULL, NULL};

	ck_assert_int_eq(g_chdir(ward.home->home), 0);
	rig_home_write(ward.home, ".mozilla/firefox/profiles.ini",
		"[Profile0]\nName=$(touch pwned)\x1b[31m\\n'\nIsRelative=1\nPath=ab.default\n");
	g_free(ward_sh("mkdir -p ~/.mozilla/firefox/ab.default"));
	g_free(ward_sh("cp ~/.pki/nssdb/* ~/.mozilla/firefox/ab.default &&"
		       "certpropctl module enable --database ~/.pki/nssdb"));
	g_clear_pointer(&ward.card, rig_card_free);
	rig_pcscd_free(ward.pcscd);
	ward.pcscd = rig_pcscd_new_named(2, readers);
	rig_pcscd_start(ward.pcscd);
	ward.card = rig_card_new(ward.pcscd, 0, ward.card_dir);
	rig_card_insert_seen(ward.card);
	g_free(ward_sh(copy));
	argv[1] = rig_pcscd_reader(ward.pcscd, 0);
	holder = rig_process_start(argv, NULL);
	ward_wait_said(holder, "held\n");
	commands = ward_expect("cards/held", "wrong", "It is probably a'");
	assert_safe_words();
	g_free(ward_sh(commands));
	ward_wait_free();
	assert_not_obeyed();
	heal("registration", "ab.default", false);
}
END_TEST

/* Of the session. */
START_TEST(session)
{
	static const char *const variables[] = {"PCSCLITE_CSOCK_NAME", "CERTPROP_LIBEXECDIR"};

	ck_assert_int_eq(g_chdir(ward.home->home), 0);
	for (gsize i = 0; i < G_N_ELEMENTS(variables); i++) {
		ward_setenv(variables[i], names[_i]);
		g_free(ward_expect("service", "wrong", variables[i]));
		assert_safe_words();
		if (i == 0)
			ward_heal_in_shell("service", variables[i]);
		assert_not_obeyed();
		ward_setenv(variables[i], NULL);
	}
}
END_TEST

/* What somebody else could put in the place of a file is not for root to change: he may mean any
   file of the system. And what a link leads to may be of other programs too. */
START_TEST(not_for_root)
{
	if (geteuid() != 0) /* nobody else can bring it about */
		return;
	g_free(ward_sh("mkdir -p ~/.config/certprop ~/theirs/dir && cd ~/theirs/dir && "
		       "printf '[local]\non-removal=maybe\n' >certprop.conf && "
		       "ln -s ~/theirs/dir/certprop.conf ~/.config/certprop/certprop.conf"));
	g_free(ward_sh("chown 65534 ~/theirs/dir"));
	ward_expect_words("configuration/foreign", "wrong", "Its directory belongs to user 65534");
	g_free(ward_sh("chown 0 ~/theirs/dir && chown 65534 ~/theirs"));
	ward_expect_words("configuration/faulty-line", "wrong", "neither you nor root");
	g_free(ward_sh("chown 0 ~/theirs && cd ~/theirs/dir && mv certprop.conf passwd && "
		       "ln -sf ~/theirs/dir/passwd ~/.config/certprop/certprop.conf"));
	ward_expect_words("configuration/faulty-line", "wrong", "look there before you change it");
	g_free(ward_sh("cd ~/theirs/dir && mv passwd certprop.conf && "
		       "ln -sf ~/theirs/dir/certprop.conf ~/.config/certprop/certprop.conf"));
	ward_heal("configuration/faulty-line", "on-removal");
}
END_TEST

/* What another user's configuration leads to: HOME was kept by su, and root looks. Nothing of the
   file is quoted, and no command would change it. */
static const struct {
	const char *lay, *whose;
} lures[] = {
	{"ln -s ~/secret ~/.config/certprop/certprop.conf && "
	 "chown -h 65534 ~/.config/certprop/certprop.conf",
		"It is a link of user 65534"},
	{"mkdir ~/etc && mv ~/secret ~/etc/certprop.conf && rmdir ~/.config/certprop && "
	 "ln -s ~/etc ~/.config/certprop && chown -h 65534 ~/.config/certprop",
		"Its directory belongs to user 65534"},
	{"mv ~/secret ~/.config/certprop/certprop.conf && chown 65534 ~/.config/certprop",
		"Its directory belongs to user 65534"},
	{"ln -s ~/secret ~/.config/certprop/certprop.conf && chown 65534 ~/.config/certprop",
		"Its directory belongs to user 65534"},
};

START_TEST(lure)
{
	g_autoptr(JsonNode) root = NULL;
	g_autofree char *text = NULL;

	if (geteuid() != 0)
		return;
	g_free(ward_sh("mkdir -p ~/.config/certprop && echo root:secret-hash: >~/secret"));
	g_free(ward_sh(lures[_i].lay));
	ward_expect_words("configuration/foreign", "wrong", lures[_i].whose);
	root = ward_ask();
	text = json_to_string(root, FALSE);
	ck_assert_ptr_null(strstr(text, "secret-hash"));
	ck_assert_ptr_null(strstr(text, "sed -i"));
	ck_assert_ptr_null(strstr(text, "mv -n"));
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("doctor-names");

	rig_enter();
	/* certprop-store tells of the last one in other bytes, and there is no command then */
	ward_case(suite, "directory", directory, G_N_ELEMENTS(names) - 1);
	ward_case(suite, "configuration", configuration, G_N_ELEMENTS(names));
	ward_case(suite, "others", others, 1);
	ward_case(suite, "session", session, G_N_ELEMENTS(names));
	ward_case(suite, "not-for-root", not_for_root, 1);
	ward_case(suite, "lure", lure, G_N_ELEMENTS(lures));
	return harness_run(suite, argc, argv);
}
