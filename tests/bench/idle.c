/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nothing may wake up: a session daemon that polls costs every laptop something, all day long.
 * Context switches are read from /proc for each thread, so a helping thread of a library is seen
 * too.
 */
#include "idle.h"

#include <stdio.h>
#include <string.h>

#include "rig.h"
#include "sample.h"

static guint64 switches_in(const char *path)
{
	g_autofree char *text = NULL;
	guint64 sum = 0;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	for (const char *at = text; (at = strstr(at, "ctxt_switches:")) != NULL; at++)
		sum += g_ascii_strtoull(at + strlen("ctxt_switches:"), NULL, 10);
	return sum;
}

static guint64 switches(pid_t pid)
{
	g_autofree char *tasks = g_strdup_printf("/proc/%d/task", (int)pid);
	g_autoptr(GDir) dir = g_dir_open(tasks, 0, NULL);
	guint64 sum = 0;
	const char *name;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *status = g_build_filename(tasks, name, "status", NULL);

		sum += switches_in(status);
	}
	return sum;
}

static char *process_name(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/comm", (int)pid);
	char *name = NULL;

	if (!g_file_get_contents(path, &name, NULL, NULL))
		return g_strdup("?");
	return g_strchomp(name);
}

static void verdict(const char *what, guint64 value, guint64 limit, const char *unit)
{
	g_print("    %-42s %6" G_GUINT64_FORMAT " %-4s (target: at most %" G_GUINT64_FORMAT
		")  %s\n",
		what, value, unit, limit, value <= limit ? "met" : "MISSED");
}

static void report(pid_t pid, guint64 woken)
{
	g_autofree char *name = process_name(pid);
	RigMemory memory = rig_memory(pid);
	bool daemon = g_str_equal(name, "certpropd");

	g_print("  %s\n", name);
	verdict("context switches", woken, 0, "");
	if (daemon)
		verdict("PSS", memory.pss, 4096, "KiB");
	else
		g_print("    %-42s %6" G_GUINT64_FORMAT " KiB\n", "PSS", memory.pss);
	verdict("private dirty", memory.private_dirty, daemon ? 819 : 307, "KiB");
}

/* Waits for time to pass, which is what is measured here. */
static void pass(unsigned seconds)
{
	g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);

	g_timeout_add_seconds(seconds, G_SOURCE_FUNC(g_main_loop_quit), loop);
	g_main_loop_run(loop);
}

static void measure(const char *when, pid_t daemon, unsigned seconds)
{
	g_autoptr(GArray) pids = rig_descendants(daemon);
	g_autofree guint64 *before = NULL;

	g_array_prepend_val(pids, daemon);
	before = g_new(guint64, pids->len);
	for (guint i = 0; i < pids->len; i++)
		before[i] = switches(g_array_index(pids, pid_t, i));
	pass(seconds);
	g_print("\nIdle for %u s, %s\n", seconds, when);
	for (guint i = 0; i < pids->len; i++) {
		pid_t pid = g_array_index(pids, pid_t, i);

		report(pid, switches(pid) - before[i]);
	}
}

static bool stored(gpointer db)
{
	g_autoptr(GPtrArray) rows = rig_db_exists(db) ? rig_db_certificates(db) : NULL;

	return rows != NULL && rig_db_marked(rows) == 4;
}

/* Only the watcher is left. */
static bool quiet(gpointer data)
{
	g_autoptr(GArray) children = rig_descendants(*(const pid_t *)data);

	return children->len == 1;
}

void idle_run(const RigPcscd *pcscd, unsigned seconds)
{
	g_autoptr(RigHome) home = rig_home_new();
	g_auto(GStrv) environment = rig_home_environment(home);
	g_autofree char *program = rig_program("daemon/certpropd");
	g_autofree char *db = g_build_filename(home->data, "pki", "nssdb", NULL);
	g_autofree char *directory = rig_deal_simple(4, NULL);
	g_autoptr(RigCard) card = rig_card_new(pcscd, 0, directory);
	const char *argv[] = {program, NULL};
	RigProcessOptions options = {.environment = environment};
	g_autoptr(RigProcess) daemon = rig_process_start(argv, &options);
	pid_t pid = rig_process_pid(daemon);

	rig_db_create(db);
	rig_wait_until(quiet, &pid, 10000, "the daemon did not come to rest");
	pass(2); /* a settle time and whatever else follows a start */
	measure("no card", pid, seconds);
	rig_card_insert(card);
	rig_wait_until(stored, db, 10000, "the card was not stored");
	rig_wait_until(quiet, &pid, 10000, "the daemon did not come to rest");
	pass(2);
	measure("card in", pid, seconds);
	rig_process_stop(daemon, 5000);
}
