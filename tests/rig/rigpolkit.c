/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bus is where every program looks for it, since /run is the rig's own. polkitd reads its
 * directories as its own user, and notices by itself what becomes of them; the one for rules has
 * the owner and the mode that Debian gives it.
 */
#include "rigpolkit.h"

#include <check.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enter.h"
#include "process.h"
#include "space.h"

#define POLKITD    "/usr/lib/polkit-1/polkitd"
#define BUS_SOCKET "/run/dbus/system_bus_socket"
#define ACTIONS    "/usr/share/polkit-1/actions"
#define MORE_RULES "/usr/share/polkit-1/rules.d"
#define POLICY     "org.debian.pcsc-lite.policy"
#define SOURCE     RIG_SOURCE_ROOT "/tests/rig/polkit/"
#define BUS_MS     10000

struct RigPolkit {
	RigProcess *bus, *polkitd;
};

static void require(void)
{
	ck_assert_msg(geteuid() == 0 && rig_isolated(),
		"a real polkit needs root, and namespaces: it is asked about another user");
	ck_assert_msg(g_file_test(POLKITD, G_FILE_TEST_EXISTS),
		"there is no " POLKITD ": install Debian's package polkitd (contrib/deps check)");
}

/* pcscd's own policy where it has one, else ours, which says the same. */
static void put_policy(void)
{
	g_autofree char *text = NULL;

	ck_assert(g_file_get_contents(ACTIONS "/" POLICY, &text, NULL, NULL) ||
		  g_file_get_contents(SOURCE POLICY, &text, NULL, NULL));
	ck_assert(rig_space_mount_empty(ACTIONS, "0755"));
	ck_assert(g_file_set_contents_full(
		ACTIONS "/" POLICY, text, -1, G_FILE_SET_CONTENTS_NONE, 0644, NULL));
}

static void empty_rules(const char *path)
{
	struct stat info;
	g_autofree char *mode = NULL;

	ck_assert_msg(stat(path, &info) == 0, "%s: %s", path, g_strerror(errno));
	mode = g_strdup_printf("%04o", info.st_mode & 07777);
	ck_assert(rig_space_mount_empty(path, mode));
	ck_assert_int_eq(chown(path, info.st_uid, info.st_gid), 0);
}

static bool is_there(gpointer data)
{
	RigProcess *bus = data;

	if (!rig_process_alive(bus)) {
		g_autofree char *errors = rig_process_errors(bus);

		ck_abort_msg("dbus-daemon has ended: %s", errors);
	}
	return g_file_test(BUS_SOCKET, G_FILE_TEST_EXISTS);
}

static RigProcess *start_bus(void)
{
	const char *argv[] = {
		"dbus-daemon", "--config-file=" SOURCE "bus.conf", "--nofork", "--nopidfile", NULL};
	RigProcess *bus;

	ck_assert_int_eq(g_mkdir_with_parents("/run/dbus", 0755), 0);
	(void)unlink(BUS_SOCKET);
	bus = rig_process_start(argv, NULL);
	rig_wait_until(is_there, bus, BUS_MS, "a system bus");
	return bus;
}

RigPolkit *rig_polkit_new(void)
{
	static const char *const daemon[] = {POLKITD, "--no-debug", NULL};
	static const char *const wait[] = {
		"gdbus", "wait", "--system", "--timeout=20", "org.freedesktop.PolicyKit1", NULL};
	RigPolkit *polkit;

	require();
	put_policy();
	empty_rules(RIG_POLKIT_RULES);
	empty_rules(MORE_RULES);
	polkit = g_new0(RigPolkit, 1);
	g_setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=" BUS_SOCKET, TRUE);
	polkit->bus = start_bus();
	polkit->polkitd = rig_process_start(daemon, NULL);
	g_free(rig_run_ok(wait, NULL));
	return polkit;
}

void rig_polkit_free(RigPolkit *polkit)
{
	if (polkit == NULL)
		return;
	rig_process_free(polkit->polkitd);
	rig_process_free(polkit->bus);
	g_free(polkit);
}
