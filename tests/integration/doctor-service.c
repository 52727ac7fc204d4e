/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor says of pcscd, its readers and redirected ones, and what comes of doing it.
 * systemctl, service and apt-get are stand-ins, which write down what they were asked; what they
 * would do, the test does then. The pcscd that refuses is a fake.
 */
#include "ward.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "harness.h"

#define SOCKET "/run/pcscd/pcscd.comm"

static void stand_ins(void)
{
	static const char *const names[] = {
		"systemctl", "service", "apt-get", "dnf", "timedatectl"};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		ward_stand_in(names[i], WARD_ASK);
}

START_TEST(pcscd_stopped)
{
	g_autofree char *commands = NULL;

	stand_ins();
	ward_has_systemd();
	rig_pcscd_stop(ward.pcscd);
	(void)g_unlink(SOCKET);
	commands = ward_expect("service", "wrong", "does not exist");
	ward_mend_by(commands, "systemctl enable --now pcscd.socket\n");
	rig_pcscd_start(ward.pcscd);
	ward_expect_well("service", false);
	ward_expect_well("readers", false);
}
END_TEST

START_TEST(pcscd_killed)
{
	g_autofree char *commands = NULL;

	stand_ins();
	ward_has_systemd();
	rig_pcscd_kill(ward.pcscd);
	commands = ward_expect("service", "wrong", "nobody answers");
	ward_mend_by(commands, "systemctl restart pcscd.socket pcscd.service\n");
	rig_pcscd_start(ward.pcscd);
	ward_expect_well("service", false);
}
END_TEST

START_TEST(pcscd_without_systemd)
{
	g_autofree char *commands = NULL;

	stand_ins();
	ward_stand_in("pcscd", WARD_ASK);
	rig_pcscd_stop(ward.pcscd);
	commands = ward_expect("service", "wrong", "does not run");
	ward_mend_by(commands, g_file_test("/etc/init.d/pcscd", G_FILE_TEST_EXISTS)
				       ? "service pcscd restart\n"
				       : "pcscd \n");
	rig_pcscd_start(ward.pcscd);
	ward_expect_well("service", false);
}
END_TEST

/* Its program is hidden, until it is "installed". */
START_TEST(pcscd_not_installed)
{
	g_autofree char *program = g_find_program_in_path("pcscd");
	g_autofree char *commands = NULL;

	if (program == NULL)
		program = g_strdup("/usr/sbin/pcscd");
	stand_ins();
	ward_has_systemd();
	rig_pcscd_stop(ward.pcscd);
	ck_assert_int_eq(mount("/dev/null", program, NULL, MS_BIND, NULL), 0);
	commands = ward_expect("service", "wrong", "not installed");
	ward_mend_by(commands,
		ward_is_debian()
			? "apt-get install -y pcscd\nsystemctl enable --now pcscd.socket\n"
			: "dnf install -y pcsc-lite\nsystemctl enable --now pcscd.socket\n");
	ck_assert_int_eq(umount(program), 0);
	rig_pcscd_start(ward.pcscd);
	ward_expect_well("service", false);
}
END_TEST

/* A socket that is named, and gone or of nobody: there is no command that could change a session's
   variables. */
START_TEST(socket_variable)
{
	g_autofree char *file = ward_path("pcscd.comm");
	g_autofree char *commands = NULL;

	rig_home_write(ward.home, "pcscd.comm", "");
	ward_setenv("PCSCLITE_CSOCK_NAME", file);
	g_free(ward_expect("service", "wrong", "behind which nobody answers"));
	ward_setenv("PCSCLITE_CSOCK_NAME", "/nowhere/pcscd.comm");
	commands = ward_expect("service", "wrong", "PCSCLITE_CSOCK_NAME names the socket");
	ck_assert_str_eq(commands, "");
	ward_setenv("PCSCLITE_CSOCK_NAME", NULL);
	ward_expect_well("service", false);
}
END_TEST

static bool socket_is_there(gpointer data)
{
	return g_file_test(SOCKET, G_FILE_TEST_EXISTS);
}

static RigProcess *refuse(const char *code)
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

/* The real one, instead of the one that refuses. */
static void accept_again(RigProcess *fake)
{
	rig_process_free(fake);
	(void)g_unlink(SOCKET);
	rig_pcscd_start(ward.pcscd);
	ward_expect_well("service", false);
}

/* The rule goes to a directory of the test's; no polkit is asked about it. */
START_TEST(denied)
{
	g_autofree char *dir = ward_path("rules.d");
	g_autofree char *commands = NULL;
	g_autofree char *name = NULL;
	g_autofree char *rule = NULL;
	RigProcess *fake = refuse("0x8010006A");

	ck_assert_int_eq(g_mkdir(dir, 0700), 0);
	commands = ward_expect("service", "wrong", "polkit.addRule(");
	ward_mend(commands, "/etc/polkit-1/rules.d", dir);
	name = g_strdup_printf("rules.d/50-pcscd-%s.rules", g_get_user_name());
	rule = ward_read(name);
	ck_assert_ptr_nonnull(strstr(rule, "return polkit.Result.YES; });\n"));
	ck_assert_ptr_nonnull(strstr(rule, "subject.user == \""));
	accept_again(fake);
}
END_TEST

static const struct {
	const char *code, *words;
} others[] = {
	{"0x8010001E", "not of one release"},
	{"0x80100001", "SCARD_F_INTERNAL_ERROR"},
};

START_TEST(refused)
{
	g_autofree char *commands = NULL;
	RigProcess *fake;

	stand_ins();
	ward_has_systemd();
	fake = refuse(others[_i].code);
	commands = ward_expect("service", "wrong", others[_i].words);
	ward_mend_by(commands, "systemctl restart pcscd.socket pcscd.service\n");
	accept_again(fake);
}
END_TEST

START_TEST(no_reader)
{
	g_autoptr(RigPcscd) none = NULL;
	g_autoptr(RigProcess) scdaemon = NULL;
	g_autofree char *program = ward_path("bin/scdaemon");
	const char *argv[] = {program, "60", NULL};
	g_autofree char *copy = g_strdup_printf("cp /bin/sleep %s", program);
	g_autofree char *kill = NULL;
	g_autofree char *commands = NULL;

	rig_pcscd_stop(ward.pcscd);
	none = rig_pcscd_new(0);
	rig_pcscd_start(none);
	g_free(ward_expect("readers", "note", "no reader"));

	g_free(ward_sh(copy));
	scdaemon = rig_process_start(argv, NULL);
	kill = g_strdup_printf("kill %d", (int)rig_process_pid(scdaemon));
	ward_stand_in("gpgconf", kill);
	commands = ward_expect("readers", "note", "disable-ccid");
	ck_assert_str_eq(commands, "gpgconf --kill scdaemon\n");
	ward_mend(commands, NULL, NULL);
	(void)rig_process_wait(scdaemon, WARD_WAIT_MS);
	rig_pcscd_stop(none);
	rig_pcscd_start(ward.pcscd);
	ward_expect_well("readers", false);
}
END_TEST

/*
 * Redirected readers
 */

/* The client's readers are there and nobody may be sure of them; then they are there. */
START_TEST(redirected)
{
	g_autofree char *provider = rig_chansrv_library();
	g_autoptr(RigChansrv) chansrv = rig_chansrv_new(ward.home->home, "12");
	g_autofree char *dir = ward_path(".pcsc12");

	rig_chansrv_connect(chansrv);
	rig_card_insert_seen(ward.card);
	ck_assert_int_eq(g_chmod(dir, 0770), 0);
	if (!g_file_test(provider, G_FILE_TEST_EXISTS)) {
		g_free(ward_sh("chmod go-w ~/.pcsc12"));
		g_free(ward_expect("endpoints", "wrong", "without its library"));
		return;
	}
	ward_heal("endpoints", "can be written to by others");
	g_free(ward_expect("cards", "ok", "xrdp:12, "));

	/* What runs in the session needs no pcscd; that there is none is no fault then. */
	ward_setenv("PCSCLITE_CSOCK_NAME", "/nowhere/pcscd.comm");
	g_free(ward_expect("service", "note", "PCSCLITE_CSOCK_NAME names the socket"));
	rig_chansrv_disconnect(chansrv);
	g_free(ward_expect("service", "wrong", "PCSCLITE_CSOCK_NAME names the socket"));
}
END_TEST

START_TEST(not_connected)
{
	g_autofree char *dir = ward_path(".pcsc12");

	ck_assert_int_eq(g_mkdir(dir, 0700), 0);
	g_free(ward_expect("endpoints", "note", "an RDP client with smart cards"));
	ward_configure("[redirected]\nforwarded=desk:/nowhere/desk.comm\n");
	g_free(ward_expect("endpoints", "note", "/nowhere does not exist"));
}
END_TEST

/* What bears the name of the socket is none: no command makes it one. */
START_TEST(no_socket)
{
	g_autofree char *commands = NULL;
	g_autoptr(JsonNode) root = NULL;

	g_free(ward_sh("mkdir -m 700 ~/.pcsc12 && touch ~/.pcsc12/pcscd.comm"));
	commands = ward_expect("endpoints", "wrong", "have it made anew");
	ck_assert_str_eq(commands, "");
	g_free(ward_sh("rm ~/.pcsc12/pcscd.comm"));
	root = ward_ask();
	ck_assert_ptr_null(ward_find(root, "endpoints", "wrong", ""));
}
END_TEST

/* xrdp sets the variable at the next login; the test does, here. */
START_TEST(library)
{
	g_autofree char *dir = ward_path(".pcsc12");
	g_autofree char *sesman = ward_path("sesman.ini");
	g_autofree char *commands = NULL;
	g_autoptr(JsonNode) root = NULL;

	ck_assert_int_eq(g_mkdir(dir, 0700), 0);
	ward_setenv("XRDP_SESSION", "1");
	ward_setenv("DISPLAY", ":12.0");
	commands = ward_expect("endpoints", "wrong", "do not use the library");
	if (g_file_test("/etc/xrdp/sesman.ini", G_FILE_TEST_EXISTS)) {
		g_autofree char *after = NULL;

		rig_home_write(ward.home, "sesman.ini", "[Xorg]\n[SessionVariables]\nA=b\n");
		ward_mend(commands, "/etc/xrdp/sesman.ini", sesman);
		after = ward_read("sesman.ini");
		ck_assert_ptr_nonnull(strstr(after, "[SessionVariables]\nLIBPCSCLITE_DELEGATE=/"));
	}
	ward_setenv("LIBPCSCLITE_DELEGATE", "/usr/lib/certprop/libpcsc-xrdp.so");
	root = ward_ask();
	ck_assert_ptr_null(ward_find(root, "endpoints", "wrong", ""));
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("doctor-service");

	rig_enter();
	ward_case(suite, "stopped", pcscd_stopped, 1);
	ward_case(suite, "killed", pcscd_killed, 1);
	ward_case(suite, "no-systemd", pcscd_without_systemd, 1);
	ward_case(suite, "not-installed", pcscd_not_installed, 1);
	ward_case(suite, "variable", socket_variable, 1);
	ward_case(suite, "denied", denied, 1);
	ward_case(suite, "refused", refused, G_N_ELEMENTS(others));
	ward_case(suite, "no-reader", no_reader, 1);
	ward_case(suite, "redirected", redirected, 1);
	ward_case(suite, "not-connected", not_connected, 1);
	ward_case(suite, "no-socket", no_socket, 1);
	ward_case(suite, "library", library, 1);
	return harness_run(suite, argc, argv);
}
