/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor says of pcscd and its readers, and what comes of doing it.
 * systemctl, service and apt-get are stand-ins, which write down what they were asked; what they
 * would do, the test does then. The pcscd that refuses is a fake.
 */
#include "ward.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/mount.h>

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
	commands = ward_expect("service/not-running", "wrong", "does not exist");
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
	commands = ward_expect("service/not-running", "wrong", "nobody answers");
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
	commands = ward_expect("service/not-running", "wrong", "does not run");
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
	commands = ward_expect("service/not-installed", "wrong", "not installed");
	ward_mend_by(commands,
		ward_is_debian()
			? "apt-get install -y pcscd\nsystemctl enable --now pcscd.socket\n"
			: "dnf install -y pcsc-lite\nsystemctl enable --now pcscd.socket\n");
	ck_assert_int_eq(umount(program), 0);
	rig_pcscd_start(ward.pcscd);
	ward_expect_well("service", false);
}
END_TEST

/* A socket that is named, and gone or of nobody: by the shell, and by what the user's service
   manager gives to programs. */
START_TEST(socket_variable)
{
	g_autofree char *file = ward_path("pcscd.comm");
	g_autofree char *asked = NULL;

	rig_home_write(ward.home, "pcscd.comm", "");
	ward_setenv("PCSCLITE_CSOCK_NAME", file);
	ward_heal_in_shell("service/variable", "behind which nobody answers");
	ward_setenv("PCSCLITE_CSOCK_NAME", "/nowhere/pcscd.comm");
	ward_heal_in_shell("service/variable", "PCSCLITE_CSOCK_NAME names the socket");
	ward_has_user_manager();
	ward_stand_in("systemctl", WARD_ASK);
	ward_heal_in_shell("service/variable", "PCSCLITE_CSOCK_NAME names the socket");
	asked = ward_read("asked");
	ck_assert_str_eq(asked, "systemctl --user unset-environment PCSCLITE_CSOCK_NAME\n");
}
END_TEST

static const struct {
	const char *code, *id, *words;
} others[] = {
	{"0x8010001E", "service/incompatible", "not of one release"},
	{"0x80100001", "service/failed", "SCARD_F_INTERNAL_ERROR"},
};

START_TEST(refused)
{
	g_autofree char *commands = NULL;
	RigProcess *fake;

	stand_ins();
	ward_has_systemd();
	fake = ward_refuse(others[_i].code);
	commands = ward_expect(others[_i].id, "wrong", others[_i].words);
	ward_mend_by(commands, "systemctl restart pcscd.socket pcscd.service\n");
	ward_accept_again(fake);
}
END_TEST

/* pcscd's drivers are those that the test wants; NULL: none. */
static void set_driver(const char *name)
{
	static const char *const places[] = {
		"/usr/lib/pcsc/drivers", "/usr/lib64/pcsc/drivers", "/usr/local/lib/pcsc/drivers"};

	for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
		g_autofree char *path = g_build_filename(places[i], name, NULL);

		if (!g_file_test(places[i], G_FILE_TEST_IS_DIR))
			continue;
		ck_assert_int_eq(mount("tmpfs", places[i], "tmpfs", 0, NULL), 0);
		if (name != NULL)
			ck_assert_int_eq(g_mkdir(path, 0755), 0);
	}
}

static RigPcscd *start_without_readers(void)
{
	RigPcscd *none = rig_pcscd_new(0);

	ward_own_mounts();
	rig_pcscd_stop(ward.pcscd);
	rig_pcscd_start(none);
	return none;
}

static void plug_in(RigPcscd *none)
{
	rig_pcscd_stop(none);
	rig_pcscd_start(ward.pcscd);
	ward_expect_well("readers", false);
}

START_TEST(no_reader)
{
	g_autoptr(RigPcscd) none = start_without_readers();

	set_driver("ifd-ccid.bundle");
	ward_expect_words("readers/none", "unknown", "no reader is connected");
	ward_expect_words("readers/none", "unknown", "Plug one in");
	plug_in(none);
}
END_TEST

START_TEST(no_driver)
{
	g_autoptr(RigPcscd) none = start_without_readers();
	g_autofree char *commands = NULL;
	g_autofree char *asked = NULL;

	set_driver(NULL);
	stand_ins();
	ward_has_systemd();
	commands = ward_expect("readers/no-driver", "wrong", "no driver");
	asked = g_strdup_printf("%s\nsystemctl restart pcscd.socket pcscd.service\n",
		ward_is_debian() ? "apt-get install -y libccid" : "dnf install -y pcsc-lite-ccid");
	ward_mend_by(commands, asked);
	set_driver("ifd-ccid.bundle");
	ward_expect_no("readers/no-driver", "wrong", "no driver");
	plug_in(none);
}
END_TEST

START_TEST(reader_taken)
{
	g_autoptr(RigPcscd) none = start_without_readers();
	g_autoptr(RigProcess) scdaemon = NULL;
	g_autofree char *program = ward_path("bin/scdaemon");
	const char *argv[] = {program, "60", NULL};
	g_autofree char *copy = g_strdup_printf("cp /bin/sleep %s", program);
	g_autofree char *kill = NULL;
	g_autofree char *commands = NULL;

	set_driver("ifd-ccid.bundle");
	g_free(ward_sh(copy));
	scdaemon = rig_process_start(argv, NULL);
	kill = g_strdup_printf("kill %d", (int)rig_process_pid(scdaemon));
	ward_stand_in("gpgconf", kill);
	commands = ward_expect("readers/taken", "unknown", "disable-ccid");
	ck_assert_str_eq(commands, "gpgconf --kill scdaemon\n");
	ward_mend(commands, NULL, NULL);
	(void)rig_process_wait(scdaemon, WARD_WAIT_MS);
	plug_in(none);
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
	ward_case(suite, "refused", refused, G_N_ELEMENTS(others));
	ward_case(suite, "no-reader", no_reader, 1);
	ward_case(suite, "no-driver", no_driver, 1);
	ward_case(suite, "reader-taken", reader_taken, 1);
	return harness_run(suite, argc, argv);
}
