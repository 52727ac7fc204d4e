/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor says of redirected readers, xrdp's and forwarded ones, and what comes of doing
 * it. Behind a forwarded socket is another machine's pcscd: here a fake that refuses, and then the
 * real one. What a session's variables say is changed as a login would, or in the shell.
 */
#include "ward.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "build.h"
#include "harness.h"
#include "names.h"

#define NOWHERE "/nowhere/pcscd.comm"

/* The client's readers are there and nobody may be sure of them; then they are there. */
START_TEST(redirected)
{
	g_autofree char *provider = rig_chansrv_library();
	g_autoptr(RigChansrv) chansrv = rig_chansrv_new(ward.home->home, "12");
	g_autofree char *dir = ward_path(".pcsc12");

	rig_chansrv_connect(chansrv);
	rig_card_insert_seen(ward.card);
	ck_assert_int_eq(g_chmod(dir, 0770), 0);
	if (!g_file_test(provider, G_FILE_TEST_EXISTS)) /* it was not to be built */
		return;
	ward_heal("endpoints/open-directory", "can be written to by others");
	ck_assert_int_eq(g_chmod(ward.home->home, 0770), 0);
	ward_heal("endpoints/open-directory", "could be another one at any time");
	g_free(ward_expect("cards", "ok", "xrdp:12, "));

	/* What runs in the session needs no pcscd; that there is none is no fault then. */
	ward_setenv("PCSCLITE_CSOCK_NAME", NOWHERE);
	g_free(ward_expect("service/variable", "note", "PCSCLITE_CSOCK_NAME names the socket"));
	rig_chansrv_disconnect(chansrv);
	g_free(ward_expect("service/variable", "wrong", "PCSCLITE_CSOCK_NAME names the socket"));
}
END_TEST

/* Root's right to look everywhere would hide that this one may not be looked into. */
START_TEST(denied)
{
	g_autofree char *provider = rig_chansrv_library();
	g_autoptr(RigChansrv) chansrv = rig_chansrv_new(ward.home->home, "12");
	g_autofree char *dir = ward_path(".pcsc12");
	g_autofree char *ctl = g_steal_pointer(&ward.ctl);

	if (!g_file_test(provider, G_FILE_TEST_EXISTS))
		return;
	ward.ctl = g_strconcat("setpriv --bounding-set=-dac_override,-dac_read_search "
			       "--inh-caps=-dac_override,-dac_read_search ",
		ctl, NULL);
	rig_chansrv_connect(chansrv);
	ck_assert_int_eq(g_chmod(dir, 0), 0);
	ward_heal("endpoints/no-access", "Whether somebody is connected cannot be told");
}
END_TEST

/* The library is where it was installed, and nowhere else. */
static void install_library(void)
{
	g_autofree char *built = rig_chansrv_library();
	g_autofree char *dir = g_path_get_dirname(built);

	ck_assert_int_eq(g_mkdir_with_parents(CERTPROP_PCSCDIR, 0755), 0);
	ward_hide(CERTPROP_PCSCDIR, dir);
}

/* By a variable that names another place, or because it was not installed. */
START_TEST(unsupported)
{
	g_autofree char *provider = rig_chansrv_library();
	g_autoptr(RigChansrv) chansrv = rig_chansrv_new(ward.home->home, "12");

	if (!g_file_test(provider, G_FILE_TEST_EXISTS))
		return;
	rig_chansrv_connect(chansrv);
	ward_own_mounts();
	ck_assert_int_eq(mount("tmpfs", "/usr/local", "tmpfs", 0, "mode=0755"), 0);
	if (_i == 0) {
		install_library();
		ward_setenv(NAME_ENV_PCSCDIR, "/nowhere");
		ward_heal_in_shell("endpoints/variable", "The variable " NAME_ENV_PCSCDIR);
	} else {
		ward_setenv(NAME_ENV_PCSCDIR, NULL);
		ward_expect_words("endpoints/unsupported", "wrong", "without its library for xrdp");
		install_library();
		ward_expect_well("endpoints", false);
	}
}
END_TEST

/* Nobody is there yet; then somebody is. */
START_TEST(not_connected)
{
	g_autofree char *dir = ward_path(".pcsc12");
	g_autofree char *socket = ward_path("desk.comm");
	g_autofree char *conf = g_strdup_printf("[redirected]\nforwarded=desk:%s\n", socket);
	g_autoptr(RigForward) forward = NULL;

	ck_assert_int_eq(g_mkdir(dir, 0700), 0);
	ward_expect_words("endpoints/not-connected", "note", "an RDP client with smart cards");
	ward_configure("[redirected]\nforwarded=desk:/nowhere/desk.comm\n");
	ward_expect_words("endpoints/not-connected", "note", "/nowhere does not exist");
	ck_assert_int_eq(g_rmdir(dir), 0);

	ward_configure(conf);
	forward = rig_forward_new(socket);
	ward_expect_well("endpoints", false);
	g_clear_pointer(&forward, rig_forward_free); /* its socket stays */
	ward_expect_words("endpoints/not-connected", "note",
		"It is looked at as soon as somebody answers there");
	forward = rig_forward_new(socket);
	ward_expect_well("endpoints", false);
}
END_TEST

/* What a session that was killed leaves behind is no fault, and may go. */
START_TEST(stale)
{
	g_autofree char *provider = rig_chansrv_library();
	g_autoptr(RigChansrv) chansrv = rig_chansrv_new(ward.home->home, "12");
	g_autoptr(JsonNode) root = NULL;

	rig_chansrv_connect(chansrv);
	if (!g_file_test(provider, G_FILE_TEST_EXISTS)) /* it was not to be built */
		return;
	rig_chansrv_kill(chansrv);
	ward_expect_words(
		"endpoints/stale", "note", "its session has ended, or chansrv was killed");
	g_free(ward_sh("rm -r ~/.pcsc12"));
	root = ward_ask();
	ck_assert_ptr_null(ward_find(root, "endpoints", "note", ""));
}
END_TEST

/* What bears the name of the socket is none: no command makes it one. */
START_TEST(no_socket)
{
	g_autofree char *path = ward_path("desk.comm");
	g_autofree char *conf = g_strdup_printf("[redirected]\nforwarded=desk:%s\n", path);
	g_autoptr(RigForward) forward = NULL;

	ward_configure(conf);
	rig_home_write(ward.home, "desk.comm", "");
	ward_expect_words("endpoints/foreign", "wrong", "have it made anew");
	forward = rig_forward_new(path);
	ward_expect_well("endpoints", false);
}
END_TEST

/* The machine's PC/SC library is of a release that passes on to another one: only in name. */
static void install_newer(void)
{
	static const char stock[] = CERTPROP_PCSCLITE_DIR "/libpcsclite.so.1";
	g_autofree char *copy = ward_path("newer");
	g_autofree char *command =
		g_strdup_printf("cp %s ~/newer && printf LIBPCSCLITE_DELEGATE >>~/newer", stock);

	g_free(ward_sh(command));
	ward_own_mounts();
	ward_hide(stock, copy);
}

/* What the line in sesman.ini says is in the environment of the next session. */
static void log_in_again(const char *name)
{
	g_autofree char *command = g_strdup_printf(
		"sed -n '/^.SessionVariables/,$s/^%s=//p' ~/etc/xrdp/sesman.ini", name);
	g_autofree char *value = ward_sh(command);

	ck_assert_str_ne(value, "");
	ward_setenv(name, g_strchomp(value));
}

static bool can_sign(void)
{
	const char *argv[] = {"pkcs11-tool", "--login", "--pin", "123456", "--sign", "--id", "01",
		"--mechanism", "ECDSA-SHA256", "-i", "/proc/self/cmdline", "-o", "/dev/null", NULL};

	return rig_run(argv, ward.environment, NULL, NULL) == 0;
}

/* The card is behind the client only. A session is as its variables are: the test is xrdp, which
   takes them from the file at the next login. */
START_TEST(library)
{
	static const char *const names[] = {"OPENSC_CONF", "LIBPCSCLITE_DELEGATE"};
	g_autofree char *provider = rig_chansrv_library();
	g_autofree char *etc = ward_path("etc/");
	g_autofree char *commands = NULL;
	g_autoptr(RigChansrv) chansrv = rig_chansrv_new(ward.home->home, "12");

	if (!g_file_test(provider, G_FILE_TEST_EXISTS) ||
		!g_file_test("/etc/xrdp/sesman.ini", G_FILE_TEST_EXISTS))
		return;
	rig_chansrv_connect(chansrv);
	rig_card_insert_seen(ward.card);
	if (_i == 1)
		install_newer();
	ward_setenv("XRDP_SESSION", "1");
	ward_setenv("DISPLAY", ":12.0");
	ward_setenv("PCSCLITE_CSOCK_NAME", NOWHERE);
	rig_home_write(ward.home, "etc/xrdp/sesman.ini", "[Xorg]\n[SessionVariables]\nA=b\n");
	commands = ward_expect("endpoints/no-library", "wrong", "do not use the library");
	ck_assert(!can_sign());
	ward_mend(commands, "/etc/", etc);
	log_in_again(names[_i]);
	ward_expect_no("endpoints", "wrong", "");
	if (_i == 0) /* the newer one is one only in name */
		ck_assert(can_sign());
}
END_TEST

static void expect_library(const char *name, const char *value, bool used)
{
	ward_setenv(name, value);
	if (used)
		ward_expect_no("endpoints", "wrong", "");
	else
		g_free(ward_expect("endpoints/no-library", "wrong", "do not use the library"));
	ward_setenv(name, NULL);
}

/* A variable that leads elsewhere, or that nobody here heeds, is none. */
START_TEST(library_variables)
{
	g_autofree char *provider = rig_chansrv_library();
	g_autofree char *built = g_path_get_dirname(provider);
	g_autofree char *path = g_build_filename(built, "pcsc", NULL);
	g_autofree char *conf = ward_path("opensc.conf");
	g_autofree char *dir = ward_path(".pcsc12");

	if (!g_file_test(provider, G_FILE_TEST_EXISTS))
		return;
	ck_assert_int_eq(g_mkdir(dir, 0700), 0);
	ward_setenv("XRDP_SESSION", "1");
	ward_setenv("DISPLAY", ":12.0");
	expect_library("LD_LIBRARY_PATH", path, true);
	expect_library("LD_LIBRARY_PATH", "/nowhere/certprop/pcsc", false);
	expect_library("LIBPCSCLITE_DELEGATE", "/nowhere/libpcsc-xrdp.so", false);
	expect_library("OPENSC_CONF", "/nowhere/opensc.conf", false);
	rig_home_write(ward.home, "opensc.conf",
		"app default { reader_driver pcsc {\n# provider_library = x;\n"
		"provider_library = /nowhere/libpcsclite.so.1; } }\n");
	expect_library("OPENSC_CONF", conf, false);
}
END_TEST

/* More connections than are looked at: those of ended sessions are cleared away. */
START_TEST(many_endpoints)
{
	g_free(ward_sh("for i in $(seq 10 26); do mkdir -m 700 ~/.pcsc$i; done"));
	ward_expect_words("endpoints/too-many", "unknown",
		"more than 15 redirected endpoints; not looked at: xrdp:25, xrdp:26");
	ward_expect_words(
		"endpoints/too-many", "unknown", "the directories ~/.pcsc… may be removed");
	g_free(ward_sh("rmdir ~/.pcsc25 ~/.pcsc26"));
	ward_expect_no("endpoints", "unknown", "not looked at");
}
END_TEST

/*
 * Forwarded ones, and nothing else
 */

static char *forward_socket(void)
{
	char *socket = ward_path("desk.comm");
	g_autofree char *conf = g_strdup_printf("[redirected]\nforwarded=desk:%s\n", socket);

	ward_configure(conf);
	ward_setenv("PCSCLITE_CSOCK_NAME", NOWHERE);
	return socket;
}

static bool socket_is_there(gpointer data)
{
	return g_file_test(data, G_FILE_TEST_EXISTS);
}

static RigProcess *start(const char *program, const char *path, const char *argument)
{
	g_autofree char *fake = rig_program(program);
	const char *argv[] = {fake, path, argument, NULL};
	RigProcess *process = rig_process_start(argv, NULL);

	rig_wait_until(socket_is_there, (gpointer)path, WARD_WAIT_MS, "the fake's socket");
	return process;
}

static const struct {
	const char *code, *words;
} refusals[] = {
	{"0x8010006A", "denied: the other machine's pcscd refuses"},
	{"0x8010001E", "incompatible: the other machine's pcscd speaks another protocol"},
	{"0x80100001", "failed: "},
};

/* The pcscd at the other end refuses; then it is put right there. */
START_TEST(refused)
{
	g_autofree char *socket = forward_socket();
	g_autofree char *far = ward_path("far.comm");
	RigProcess *fake = start("tests/fake/fake-pcscd", far, refusals[_i].code);
	g_autoptr(RigProcess) forward = start("tests/fake/fake-forward", socket, far);

	ward_expect_words("endpoints/refused", "wrong", refusals[_i].words);
	ward_expect_words("endpoints/refused", "wrong", "to be mended at the other end");
	rig_process_free(fake);
	ck_assert_int_eq(g_unlink(far), 0);
	ck_assert_int_eq(symlink("/run/pcscd/pcscd.comm", far), 0);
	ward_expect_well("endpoints", false);
}
END_TEST

static bool is_found(gpointer data)
{
	const char *const *wanted = data;
	g_autoptr(JsonNode) root = ward_ask();

	return ward_find(root, "cards", wanted[0], wanted[1]) != NULL;
}

/* certpropd reads it, and the line is slow: it stands still until the test lets it go on. */
START_TEST(being_read)
{
	static const char *const reading[] = {"unknown", "it is being read just now"};
	static const char *const read[] = {"ok", "forwarded:desk, "};
	g_autofree char *socket = forward_socket();
	g_autoptr(RigForward) forward = rig_forward_new(socket);
	g_autofree char *program = rig_program("daemon/certpropd");
	const char *argv[] = {program, NULL};
	g_autoptr(RigProcess) daemon = NULL;

	g_free(rig_card_command(ward.card, "hang-after 10"));
	rig_card_insert_seen(ward.card);
	daemon = rig_process_start(argv, &(RigProcessOptions){.environment = ward.environment});
	rig_card_wait_state(ward.card, "hanging");
	rig_wait_until(is_found, (gpointer)reading, WARD_WAIT_MS, "it is being read");
	ward_expect_words("cards/being-read", "unknown",
		"Ask again; a card that hangs is given up after 120 s");
	g_free(rig_card_command(ward.card, "resume"));
	rig_wait_until(is_found, (gpointer)read, WARD_WAIT_MS, "it was read");
	ck_assert_int_eq(rig_process_stop(daemon, WARD_WAIT_MS), 0);
}
END_TEST

/* By a program here that uses the forwarded socket, or by one at the other end. */
START_TEST(held)
{
	g_autofree char *socket = forward_socket();
	g_autoptr(RigForward) forward = rig_forward_new(socket);
	g_autofree char *fake = rig_program("tests/fake/fake-holder");
	const char *argv[] = {fake, rig_pcscd_reader(ward.pcscd, 0), NULL};
	g_autofree char *commands = NULL;
	g_auto(GStrv) here = g_environ_setenv(g_get_environ(), "PCSCLITE_CSOCK_NAME", socket, TRUE);
	g_autoptr(RigProcess) holder = NULL;

	rig_card_insert_seen(ward.card);
	holder =
		rig_process_start(argv, &(RigProcessOptions){.environment = _i == 0 ? here : NULL});
	ward_wait_said(holder, "held\n");
	if (_i == 0) {
		commands =
			ward_expect("cards/held", "wrong", "It is probably fake-holder (process");
		ward_mend(commands, NULL, NULL);
	} else {
		ward_expect_words(
			"cards/held-remotely", "wrong", "on the machine at which the reader is");
		rig_process_kill(holder);
	}
	ward_wait_free();
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("doctor-endpoint");

	rig_enter();
	ward_case(suite, "redirected", redirected, 1);
	ward_case(suite, "denied", denied, 1);
	ward_case(suite, "unsupported", unsupported, 2);
	ward_case(suite, "not-connected", not_connected, 1);
	ward_case(suite, "stale", stale, 1);
	ward_case(suite, "no-socket", no_socket, 1);
	ward_case(suite, "library", library, 2);
	ward_case(suite, "library-variables", library_variables, 1);
	ward_case(suite, "many", many_endpoints, 1);
	ward_case(suite, "refused", refused, G_N_ELEMENTS(refusals));
	ward_case(suite, "being-read", being_read, 1);
	ward_case(suite, "held", held, 2);
	return harness_run(suite, argc, argv);
}
