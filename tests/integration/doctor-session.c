/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor says where all is well; and of certpropd, and what comes of doing it. systemctl
 * is a stand-in that starts and ends the real certpropd as systemd would. A daemon of another
 * version is a peer that says so.
 */
#include "ward.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "names.h"

static bool is_up(gpointer data)
{
	g_autoptr(JsonNode) root = ward_ask();

	return ward_find(root, "daemon", "ok", "") != NULL;
}

/* "--user ACTION certpropd.service" starts it, behind what runs already if need be. */
static void stand_in_systemctl(void)
{
	ward_has_user_manager();
	ward_stand_in("systemctl",
		"case \"$2\" in\n"
		"enable) [ \"$3\" != --now ] || setsid -f certpropd >/dev/null 2>&1\n"
		"\ttouch \"$HOME/enabled\" ;;\n"
		"is-enabled) [ -e \"$HOME/enabled\" ] ;;\n"
		"*) exit 1 ;;\n"
		"esac");
}

static RigProcess *start_daemon(void)
{
	g_autofree char *program = rig_program("daemon/certpropd");
	const char *argv[] = {program, NULL};
	RigProcess *daemon =
		rig_process_start(argv, &(RigProcessOptions){.environment = ward.environment});

	rig_wait_until(is_up, NULL, WARD_WAIT_MS, "certpropd answers");
	return daemon;
}

/* Everything that the doctor looks at, as text to compare. */
static char *state(void)
{
	g_autofree char *database = rig_db_state(ward.database);
	g_autofree char *modules = ward_read(".pki/nssdb/pkcs11.txt");

	return g_strconcat(database, modules, NULL);
}

START_TEST(well)
{
	static const char *const steps[] = {"configuration", "clock", "service", "readers", "cards",
		"modules", "certificates", "keys", "databases", "registration", "applications",
		"daemon", "propagation"};
	g_autoptr(RigProcess) daemon = NULL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;
	g_autofree char *text = NULL;

	rig_card_insert_seen(ward.card);
	g_free(ward_sh("certpropctl sync && certpropctl module enable"));
	before = state();
	daemon = start_daemon();
	text = ward_sh("certpropctl doctor");
	ck_assert(g_str_has_suffix(text, "All is well.\n"));
	for (gsize i = 0; i < G_N_ELEMENTS(steps); i++)
		ward_expect_well(steps[i], false);
	after = state();
	ck_assert_str_eq(before, after);
	ck_assert_int_eq(rig_process_stop(daemon, WARD_WAIT_MS), 0);
}
END_TEST

/* Nothing is wrong at a machine at which no card is in; that all is well nobody can say. */
START_TEST(nothing_to_look_at)
{
	const char *argv[] = {ward.ctl, "doctor", NULL};
	g_autoptr(RigProcess) daemon = NULL;
	g_autofree char *out = NULL;

	g_free(ward_sh("certpropctl module enable"));
	daemon = start_daemon();
	ck_assert_int_eq(rig_run(argv, ward.environment, &out, NULL), 3);
	ck_assert_ptr_nonnull(strstr(out, "\nunknown cards: no card is in;"));
	ck_assert(g_str_has_suffix(out, "\nNothing is wrong; nothing can be said of: cards.\n"));
	ck_assert_int_eq(rig_process_stop(daemon, WARD_WAIT_MS), 0);
}
END_TEST

/* People read the same commands as programs do, sudo before those that take root. */
START_TEST(as_text)
{
	const char *argv[] = {ward.ctl, "doctor", NULL};
	g_autoptr(JsonNode) root = NULL;
	g_autofree char *out = NULL;
	g_autofree char *err = NULL;
	unsigned n = 0;

	ward_has_systemd();
	rig_pcscd_stop(ward.pcscd);
	(void)g_unlink("/run/pcscd/pcscd.comm");
	root = ward_ask();
	ck_assert_int_eq(rig_run(argv, ward.environment, &out, &err), 1);
	ck_assert_str_eq(err, "");
	for (guint i = 0; i < contract_length(json_node_get_object(root), "findings"); i++) {
		JsonObject *finding = contract_member(root, "findings", i);

		for (guint m = 0; m < contract_length(finding, "mend"); m++, n++) {
			JsonObject *mend = contract_element(finding, "mend", m);
			g_autofree char *line = g_strdup_printf("        mend: %s%s\n",
				json_object_get_boolean_member(mend, "root") ? "sudo " : "",
				contract_text(mend, "command"));

			ck_assert_msg(strstr(out, line) != NULL, "%s in %s", line, out);
		}
	}
	ck_assert_uint_ge(n, 2);
	ck_assert_ptr_nonnull(strstr(out, "mend: sudo systemctl enable --now pcscd.socket\n"));
	rig_pcscd_start(ward.pcscd);
}
END_TEST

/*
 * certpropd
 */

static void end_daemon(void)
{
	g_free(ward_sh("kill $(certpropctl status --json | "
		       "sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/')"));
}

static bool is_propagated(gpointer data)
{
	g_autoptr(JsonNode) root = ward_ask();

	return ward_find(root, "propagation", "ok", "") != NULL;
}

/* It would write, and another writer of this user has not yet done so. */
START_TEST(being_made)
{
	g_autofree char *dir = g_build_filename(ward.home->runtime, NAME_RUNTIME_DIR, NULL);
	g_autofree char *path = g_build_filename(dir, NAME_LOCK_WRITER, NULL);
	g_autoptr(RigProcess) daemon = NULL;
	int lock;

	rig_card_insert_seen(ward.card);
	ck_assert_int_eq(g_mkdir_with_parents(dir, 0700), 0);
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(flock(lock, LOCK_EX), 0);
	daemon = start_daemon();
	ward_expect_words("propagation/being-made", "unknown", "is not done with this card yet");
	ward_expect_no("propagation", "wrong", "");
	ck_assert_int_eq(close(lock), 0);
	rig_wait_until(is_propagated, NULL, WARD_WAIT_MS, "certpropd has made the changes");
	ck_assert_uint_eq(rig_db_count_marked(ward.database), 2);
	ck_assert_int_eq(rig_process_stop(daemon, WARD_WAIT_MS), 0);
}
END_TEST

START_TEST(stopped)
{
	g_autofree char *commands = NULL;

	if (_i == 1)
		stand_in_systemctl();
	commands = ward_expect(
		_i == 1 ? "daemon/stopped" : "daemon/no-manager", "wrong", "no certpropd runs");
	ward_mend(commands, NULL, NULL);
	rig_wait_until(is_up, NULL, WARD_WAIT_MS, "certpropd answers");
	ward_expect_well("daemon", false);
	end_daemon();
}
END_TEST

START_TEST(hangs)
{
	g_autoptr(RigProcess) daemon = NULL;
	g_autofree char *commands = NULL;

	if (_i == 1)
		stand_in_systemctl();
	daemon = start_daemon();
	ck_assert_int_eq(kill(rig_process_pid(daemon), SIGSTOP), 0);
	commands = ward_expect("daemon/silent", "wrong", "did not answer");
	if (_i == 1) {
		ck_assert_str_eq(commands, "systemctl --user restart certpropd.service\n");
		rig_process_kill(daemon); /* as systemd would */
		ward_stand_in("systemctl",
			"[ \"$2\" != restart ] || setsid -f certpropd >/dev/null 2>&1");
	}
	ward_mend(commands, NULL, NULL);
	rig_wait_until(is_up, NULL, WARD_WAIT_MS, "certpropd answers");
	ward_expect_well("daemon", false);
	end_daemon();
}
END_TEST

/* Somebody has cleaned up. */
START_TEST(cut_off)
{
	g_autofree char *socket =
		g_build_filename(ward.home->runtime, NAME_RUNTIME_DIR, NAME_RUNTIME_BUS, NULL);
	g_autoptr(RigProcess) daemon = start_daemon();
	g_autofree char *commands = NULL;

	ck_assert_int_eq(g_unlink(socket), 0);
	commands = ward_expect("daemon/cut-off", "wrong", "its socket is gone");
	ward_mend(commands, NULL, NULL);
	rig_wait_until(is_up, NULL, WARD_WAIT_MS, "certpropd answers");
	end_daemon();
}
END_TEST

/* It was started by hand. */
START_TEST(not_enabled)
{
	g_autoptr(RigProcess) daemon = NULL;
	g_autofree char *commands = NULL;
	g_autoptr(JsonNode) root = NULL;

	stand_in_systemctl();
	daemon = start_daemon();
	commands = ward_expect("daemon/not-enabled", "note", "not at the next login");
	ward_mend(commands, NULL, NULL);
	root = ward_ask();
	ck_assert_ptr_null(ward_find(root, "daemon", "note", ""));
	ck_assert_int_eq(rig_process_stop(daemon, WARD_WAIT_MS), 0);
}
END_TEST

static bool is_outdated(gpointer data)
{
	g_autoptr(JsonNode) root = ward_ask();

	return (ward_find(root, "daemon/outdated", "note", "an older configuration") != NULL) ==
	       (data != NULL);
}

/* It was told of a faulty configuration, and not that it has been put right. */
START_TEST(outdated)
{
	g_autoptr(RigProcess) daemon = start_daemon();
	g_autofree char *commands = NULL;
	g_autofree char *reload = NULL;
	g_autofree char *told = g_strdup("until a broken file has been read and mended");

	ward_configure("[local]\non-removal=maybe\n");
	ck_assert_int_eq(kill(rig_process_pid(daemon), SIGHUP), 0);
	g_free(ward_sh("until certpropctl status --json | grep -q maybe; do :; done"));
	ward_configure("");
	rig_wait_until(is_outdated, told, WARD_WAIT_MS, told);
	if (_i == 1) {
		reload = g_strdup_printf(
			"[ \"$2\" = is-enabled ] || kill -HUP %d", (int)rig_process_pid(daemon));
		ward_has_user_manager();
		ward_stand_in("systemctl", reload);
	}
	commands = ward_expect("daemon/outdated", "note", "an older configuration");
	ward_mend(commands, NULL, NULL);
	rig_wait_until(is_outdated, NULL, WARD_WAIT_MS, "the new one is read");
	ck_assert_int_eq(rig_process_stop(daemon, WARD_WAIT_MS), 0);
}
END_TEST

static bool is_elsewhere(gpointer data)
{
	g_autoptr(JsonNode) root = ward_ask();

	return ward_find(root, "service/environment", "wrong", "not to certpropd (absent") != NULL;
}

/* It was started with a variable of a connection that has ended. */
START_TEST(other_environment)
{
	g_autoptr(RigProcess) daemon = NULL;
	g_autofree char *commands = NULL;
	g_autofree char *text = NULL;

	ward_setenv("PCSCLITE_CSOCK_NAME", "/nowhere/pcscd.comm");
	daemon = start_daemon();
	ward_setenv("PCSCLITE_CSOCK_NAME", NULL);
	if (_i == 0) { /* there is no service manager: it is started from this shell */
		rig_wait_until(is_elsewhere, NULL, WARD_WAIT_MS, "certpropd finds no pcscd");
		commands = ward_expect(
			"service/environment", "wrong", "It runs in another environment");
		ward_mend(commands, NULL, NULL);
		rig_wait_until(is_up, NULL, WARD_WAIT_MS, "the new one answers");
		ward_expect_well("service", false);
		end_daemon();
		return;
	}
	text = g_strdup_printf("[ \"$2\" = restart ] || exit 0\n"
			       "kill %d && flock -w 10 \"$XDG_RUNTIME_DIR/" NAME_RUNTIME_DIR
			       "/" NAME_LOCK_INSTANCE "\" true\n"
			       "setsid -f certpropd >/dev/null 2>&1",
		(int)rig_process_pid(daemon));
	ward_has_user_manager();
	ward_stand_in("systemctl", text);
	rig_wait_until(is_elsewhere, NULL, WARD_WAIT_MS, "certpropd finds no pcscd");
	commands = ward_expect("service/environment", "wrong", "It runs in another environment");
	ck_assert_str_eq(commands, "systemctl --user unset-environment PCSCLITE_CSOCK_NAME\n"
				   "systemctl --user restart certpropd.service\n");
	ward_mend(commands, NULL, NULL);
	rig_wait_until(is_up, NULL, WARD_WAIT_MS, "the new one answers");
	ward_expect_well("service", false);
	end_daemon();
}
END_TEST

static const char interface[] =
	"<node><interface name='" NAME_BUS_IFACE "'><method name='GetStatus'>"
	"<arg direction='out' type='a{sv}'/></method></interface></node>";

static void on_call(GDBusConnection *connection, const char *sender, const char *path,
	const char *name, const char *method, GVariant *parameters, GDBusMethodInvocation *call,
	gpointer data)
{
	GVariantBuilder status;

	g_variant_builder_init(&status, G_VARIANT_TYPE_VARDICT);
	g_variant_builder_add(&status, "{sv}", "version", g_variant_new_string("0.0.1"));
	g_dbus_method_invocation_return_value(call, g_variant_new("(a{sv})", &status));
}

static gboolean on_client(GDBusServer *server, GDBusConnection *connection, gpointer data)
{
	static const GDBusInterfaceVTable table = {.method_call = on_call};
	g_autoptr(GDBusNodeInfo) node = g_dbus_node_info_new_for_xml(interface, NULL);

	(void)g_dbus_connection_register_object(g_object_ref(connection), NAME_BUS_PATH,
		node->interfaces[0], &table, NULL, NULL, NULL);
	return TRUE;
}

/* In a process of its own, until it is killed. It has the lock that every certpropd has. */
static pid_t old_daemon(const char *socket, const char *lock)
{
	g_autofree char *address = g_strconcat("unix:path=", socket, NULL);
	g_autofree char *guid = g_dbus_generate_guid();
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		GDBusServer *server;

		(void)signal(SIGTERM, SIG_DFL); /* check has taken it for the whole group */
		if (fd < 0 || flock(fd, LOCK_EX) < 0)
			_exit(1);
		server = g_dbus_server_new_sync(
			address, G_DBUS_SERVER_FLAGS_RUN_IN_THREAD, guid, NULL, NULL, NULL);

		g_signal_connect(server, "new-connection", G_CALLBACK(on_client), NULL);
		g_dbus_server_start(server);
		for (;;)
			g_main_context_iteration(NULL, TRUE);
	}
	return pid;
}

static bool is_old(gpointer data)
{
	g_autoptr(JsonNode) root = ward_ask();

	return ward_find(root, "daemon/version", "wrong", "certpropd 0.0.1 runs") != NULL;
}

START_TEST(other_version)
{
	g_autofree char *dir = g_build_filename(ward.home->runtime, NAME_RUNTIME_DIR, NULL);
	g_autofree char *socket = g_build_filename(dir, NAME_RUNTIME_BUS, NULL);
	g_autofree char *lock = g_build_filename(dir, NAME_LOCK_INSTANCE, NULL);
	g_autofree char *text = NULL;
	g_autofree char *commands = NULL;
	pid_t pid;

	ck_assert_int_eq(g_mkdir(dir, 0700), 0);
	pid = old_daemon(socket, lock);
	rig_wait_until(is_old, NULL, WARD_WAIT_MS, "the old one answers");
	if (_i == 0) { /* there is no service manager */
		commands = ward_expect("daemon/version", "wrong", "after an update");
		ward_mend(commands, NULL, NULL);
		rig_wait_until(is_up, NULL, WARD_WAIT_MS, "the new one answers");
		end_daemon();
		return;
	}
	text = g_strdup_printf("[ \"$2\" = restart ] || exit 0\n"
			       "kill -9 %d\nrm -f %s\n"
			       "setsid -f certpropd >/dev/null 2>&1",
		(int)pid, socket);
	ward_has_user_manager();
	ward_stand_in("systemctl", text);
	commands = ward_expect("daemon/version", "wrong", "after an update");
	ck_assert_str_eq(commands, "systemctl --user restart certpropd.service\n");
	ward_mend(commands, NULL, NULL);
	rig_wait_until(is_up, NULL, WARD_WAIT_MS, "the new one answers");
	ward_expect_well("daemon", false);
	end_daemon();
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("doctor-session");

	rig_enter();
	ward_case(suite, "well", well, 1);
	ward_case(suite, "unknown", nothing_to_look_at, 1);
	ward_case(suite, "text", as_text, 1);
	ward_case(suite, "being-made", being_made, 1);
	ward_case(suite, "stopped", stopped, 2);
	ward_case(suite, "hangs", hangs, 2);
	ward_case(suite, "cut-off", cut_off, 1);
	ward_case(suite, "not-enabled", not_enabled, 1);
	ward_case(suite, "outdated", outdated, 2);
	ward_case(suite, "environment", other_environment, 2);
	ward_case(suite, "version", other_version, 2);
	return harness_run(suite, argc, argv);
}
