/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nothing of the machine's own configuration is used, and nothing of it is changed: /etc/xrdp, the
 * lists of users, PAM's file and the X server's are put over the machine's, in a space of their
 * own, from rig/xrdp/ in the source tree. /run and /tmp are empty there, but for the directories
 * that the test shares with the session, which have the same names on both sides.
 */
#include "rigserver.h"

#include <check.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enter.h"

#define SESMAN      "/usr/sbin/xrdp-sesman"
#define XRDP        "/usr/sbin/xrdp"
#define SESMAN_PORT 3350
#define XRDP_PORT   3389
#define UP_MS       20000
#define STORY_MAX   1000 /* check takes no long messages */

struct RigServer {
	const RigHome *home;
	RigSpace *space;
	RigProcess *sesman, *xrdp;
	char *logs;
};

static const char *const files[] = {"group", "opensc.conf", "pam", "passwd", "sesman.ini", "shadow",
	"startwm.sh", "xorg.conf", "xrdp.ini"};

static const struct {
	const char *file, *path;
} places[] = {
	{".", "/etc/xrdp"},
	{"group", "/etc/group"},
	{"passwd", "/etc/passwd"},
	{"shadow", "/etc/shadow"},
	{"pam", "/etc/pam.d/xrdp-sesman"},
	{"xorg.conf", "/etc/X11/xrdp/xorg.conf"},
};

static void require(const char *path, const char *package)
{
	ck_assert_msg(g_file_test(path, G_FILE_TEST_EXISTS),
		"there is no %s: install Debian's package %s (contrib/deps check)", path, package);
}

static void require_all(void)
{
	ck_assert_msg(geteuid() == 0 && rig_isolated(),
		"a real xrdp needs root, and namespaces: it logs another user in");
	require(XRDP, "xrdp");
	require("/usr/lib/xorg/modules/libxorgxrdp.so", "xorgxrdp");
	require("/usr/bin/rdesktop", "rdesktop");
	require("/usr/bin/Xvfb", "xvfb");
}

/* Made once in a run of the test program: it takes half a second. */
static char *keys(void)
{
	char *path = g_build_filename(rig_directory(), "rsakeys.ini", NULL);
	const char *argv[] = {"xrdp-keygen", "xrdp", path, NULL};

	if (!g_file_test(path, G_FILE_TEST_EXISTS))
		g_free(rig_run_ok(argv, NULL));
	return path;
}

static void write_file(const RigServer *server, const char *directory, const char *name)
{
	g_autofree char *from = g_build_filename(RIG_SOURCE_ROOT "/tests/rig/xrdp", name, NULL);
	g_autofree char *to = g_build_filename(directory, name, NULL);
	g_autofree char *library = rig_program("lib/pcsc-xrdp/libpcsc-xrdp.so");
	g_autofree char *number = g_strdup_printf("%u", RIG_SERVER_USER_ID);
	g_autofree char *text = NULL;
	g_autoptr(GString) filled = NULL;

	ck_assert_msg(g_file_get_contents(from, &text, NULL, NULL), "cannot read '%s'", from);
	filled = g_string_new(text);
	g_string_replace(filled, "@HOME@", server->home->home, 0);
	g_string_replace(filled, "@LIBRARY@", library, 0);
	g_string_replace(filled, "@UID@", number, 0);
	g_string_replace(filled, "@USER@", RIG_SERVER_USER, 0);
	ck_assert(g_file_set_contents(to, filled->str, -1, NULL));
	ck_assert_int_eq(chmod(to, g_str_has_suffix(name, ".sh") ? 0755 : 0644), 0);
}

static char *write_files(const RigServer *server)
{
	char *directory = rig_make_directory("xrdp");
	g_autofree char *made = keys();
	g_autofree char *keys_here = g_build_filename(directory, "rsakeys.ini", NULL);

	ck_assert_int_eq(chmod(directory, 0755), 0);
	for (gsize i = 0; i < G_N_ELEMENTS(files); i++)
		write_file(server, directory, files[i]);
	ck_assert_int_eq(link(made, keys_here), 0);
	return directory;
}

typedef struct {
	const RigServer *server;
	const char *files;
} Furniture;

static bool put_files(const char *directory)
{
	for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
		g_autofree char *from = g_build_filename(directory, places[i].file, NULL);

		if (!rig_space_bind(from, places[i].path))
			return false;
	}
	return true;
}

/* Everything that is shared is laid aside before directories above it are covered. */
static bool furnish(gpointer data)
{
	const Furniture *furniture = data;
	const RigHome *home = furniture->server->home;
	const char *shared[] = {furniture->server->logs, RIG_BUILD_ROOT, home->home, home->runtime};
	const char *stashes[] = {
		"/run/rig/log", "/run/rig/build", "/run/rig/home", "/run/rig/runtime"};

	if (!put_files(furniture->files) || !rig_space_mount_empty("/run", "0755"))
		return false;
	for (gsize i = 0; i < G_N_ELEMENTS(shared); i++) {
		if (g_mkdir_with_parents(stashes[i], 0755) != 0 ||
			!rig_space_bind(shared[i], stashes[i]))
			return false;
	}
	if (!rig_space_mount_empty("/tmp", "1777"))
		return false;
	for (gsize i = 0; i < G_N_ELEMENTS(shared); i++) {
		if (!rig_space_show(stashes[i], shared[i]))
			return false;
	}
	return true;
}

static bool table_has(const char *path, const char *line)
{
	g_autofree char *table = NULL;

	return g_file_get_contents(path, &table, NULL, NULL) && strstr(table, line) != NULL;
}

/* Whoever connects to find out would disturb. sesman listens as IPv6 does, also for IPv4. */
static bool is_listening(guint16 port)
{
	g_autofree char *four = g_strdup_printf(":%04X 00000000:0000 0A", port);
	g_autofree char *six = g_strdup_printf(":%04X %032d:0000 0A", port, 0);

	return table_has("/proc/self/net/tcp", four) || table_has("/proc/self/net/tcp6", six);
}

static char *read_log(const RigServer *server, const char *name)
{
	g_autofree char *path = g_build_filename(server->logs, name, NULL);
	g_autofree char *text = NULL;
	gsize length;

	if (!g_file_get_contents(path, &text, &length, NULL))
		return g_strdup("(none)");
	return g_strdup(length > STORY_MAX ? text + length - STORY_MAX : text);
}

/* Of all that has been said, the end. */
char *rig_server_story(const RigServer *server)
{
	g_autofree char *sesman = read_log(server, "sesman.log");
	g_autofree char *xrdp = read_log(server, "xrdp.log");

	return g_strdup_printf("--- xrdp-sesman\n%s\n--- xrdp\n%s", sesman, xrdp);
}

static bool is_up(gpointer data)
{
	RigServer *server = data;

	if (!rig_process_alive(server->sesman) || !rig_process_alive(server->xrdp)) {
		g_autofree char *story = rig_server_story(server);

		ck_abort_msg("xrdp has ended\n%s", story);
	}
	return is_listening(SESMAN_PORT) && is_listening(XRDP_PORT);
}

static RigProcess *start_daemon(const RigServer *server, const char *program)
{
	const char *argv[] = {program, "--nodaemon", NULL};

	return rig_process_start(argv, &(RigProcessOptions){.space = server->space});
}

RigServer *rig_server_new(const RigHome *home)
{
	RigServer *server = g_new0(RigServer, 1);
	g_autofree char *directory = NULL;

	require_all();
	server->home = home;
	directory = write_files(server);
	server->logs = rig_make_directory("logs");
	ck_assert_int_eq(chmod(server->logs, 01777), 0);
	rig_home_give(home, RIG_SERVER_USER_ID);
	server->space = rig_space_new(furnish, &(Furniture){.server = server, .files = directory});
	server->sesman = start_daemon(server, SESMAN);
	server->xrdp = start_daemon(server, XRDP);
	rig_wait_until(is_up, server, UP_MS, "an xrdp that listens");
	return server;
}

void rig_server_free(RigServer *server)
{
	if (server == NULL)
		return;
	rig_process_free(server->xrdp);
	rig_process_free(server->sesman);
	rig_space_free(server->space);
	g_free(server->logs);
	g_free(server);
}

pid_t rig_server_sesman(const RigServer *server)
{
	return rig_process_pid(server->sesman);
}

RigProcessOptions rig_server_options(const RigServer *server, char **environment)
{
	return (RigProcessOptions){
		.environment = environment, .space = server->space, .user = RIG_SERVER_USER_ID};
}
