/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the programs of each database see in the end; and which of them would see more if they were
 * started anew, since a program reads the list of modules when it starts. What is to be mended
 * about the list is another step's.
 */

#include "chart.h"

#include <string.h>
#include <sys/stat.h>

#include "culprit.h"
#include "modlist.h"
#include "process.h"
#include "ways.h"

/* Where a program is shut into a sandbox: the part of the path that says so. */
static const char *sandbox_of(const char *path)
{
	if (strstr(path, "/.var/app/") != NULL)
		return "Flatpak";

	return strstr(path, "/snap/") != NULL ? "snap" : NULL;
}

static bool is_reached(const ReportDatabase *database)
{
	bool all = database->modules->len > 0;

	for (guint i = 0; i < database->modules->len; i++)
		all = all && ways_count(g_ptr_array_index(database->modules, i)) != WAYS_NONE;

	return all;
}

/* "firefox (profile default)" */
static char *title_of(const ReportDatabase *database)
{
	const char *name = strcmp(database->application, "shared") == 0
				   ? "Chromium, Evolution and others that share it"
				   : database->application;

	if (*database->profile == '\0')
		return g_strdup(name);

	return g_strdup_printf("%s (profile %s)", name, database->profile);
}

typedef struct Older {
	const ReportDatabase *database;
	struct stat file; /* of the database: a program has it open as long as it uses it */
	gint64 than;      /* Unix seconds */
} Older;

/* It may have been told of the module itself, and have loaded it then. */
static bool has_loaded(const Process *process, const ReportDatabase *database)
{
	for (guint i = 0; i < database->modules->len; i++) {
		const ReportModule *module = g_ptr_array_index(database->modules, i);

		if (!process_has_loaded(process, module->path))
			return false;
	}

	return true;
}

static bool is_older(const Process *process, gconstpointer data)
{
	const Older *older = data;
	bool hidden;

	return !process_is_ours(process) && process_has_file(process, &older->file, &hidden) &&
	       process_started(process) < older->than && !has_loaded(process, older->database);
}

/* A program reads the list when it starts. Returns whether there is one that has not seen it. */
static bool add_running(const ReportDatabase *database, GPtrArray *findings)
{
	const char *dir = database->path + strlen("sql:");
	g_autofree char *list = g_build_filename(dir, MODLIST_FILE, NULL);
	g_autofree char *certs = g_build_filename(dir, "cert9.db", NULL);
	Older older = {.database = database};
	g_autoptr(GPtrArray) running = NULL;
	g_autofree char *text = NULL;
	struct stat st;
	Finding *finding;

	if (stat(list, &st) < 0 || stat(certs, &older.file) < 0)
		return false;
	older.than = st.st_mtime;
	running = processes_find(is_older, &older);
	if (running->len == 0)
		return false;

	text = culprits_text(running);
	finding = finding_add(findings, "applications", "restart", VERDICT_WRONG, database->path,
		"%s: running since before " MODLIST_FILE " was changed, and without the module",
		text);
	finding_why(finding,
		"Keys of the cards cannot be used there until it is closed and started again");
	return true;
}

/* One that is on the list, of a program whose view of the system is another one. */
static void add_boxed(
	const ReportDatabase *database, const char *box, const char *title, GPtrArray *findings)
{
	Finding *finding = finding_add(findings, "applications", "sandbox", VERDICT_UNKNOWN,
		database->path,
		"%s, in a sandbox: sees certificates; whether it lets the keys through is not "
		"known",
		title);

	finding_why(finding,
		"A %s has libraries of its own: it comes to the card only if its sandbox has the "
		"module and may talk to pcscd",
		box);
}

static void check_application(const ReportDatabase *database, GPtrArray *findings)
{
	const char *box = sandbox_of(database->path);
	g_autofree char *title = title_of(database);

	if (!is_reached(database)) {
		finding_add(findings, "applications", "no-keys", VERDICT_NOTE, database->path,
			"%s: sees certificates, and no keys", title);
		return;
	}
	if (add_running(database, findings))
		return;
	if (box != NULL)
		add_boxed(database, box, title, findings);
	else
		finding_add_ok(findings, "applications", database->path,
			"%s: sees certificates and keys", title);
}

void check_applications(const Chart *chart, GPtrArray *findings)
{
	for (guint i = 0; chart->modules != NULL && i < chart->modules->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(chart->modules->databases, i);

		if (database->modules->len > 0)
			check_application(database, findings);
	}
}
