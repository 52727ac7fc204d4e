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

static const char *title_of(const ReportDatabase *database)
{
	if (strcmp(database->application, "shared") == 0)
		return "Chromium, Evolution and others that share it";

	return database->application;
}

/* By the beginnings of their names. */
static const struct {
	const char *application, *name;
} programs[] = {
	{"firefox", "firefox"},
	{"thunderbird", "thunderbird"},
	{"shared", "chrom"},
	{"chromium", "chrom"},
};

typedef struct Older {
	const char *application;
	gint64 than; /* Unix seconds */
} Older;

static bool is_older(const Process *process, gconstpointer data)
{
	const Older *older = data;

	for (gsize i = 0; i < G_N_ELEMENTS(programs); i++)
		if (strcmp(programs[i].application, older->application) == 0 &&
			g_str_has_prefix(process->name, programs[i].name))
			return process_started(process) < older->than;

	return false;
}

/* A program reads the list when it starts. */
static void check_running(const ReportDatabase *database, GPtrArray *findings)
{
	g_autofree char *path =
		g_build_filename(database->path + strlen("sql:"), MODLIST_FILE, NULL);
	g_autoptr(GPtrArray) running = NULL;
	g_autofree char *text = NULL;
	struct stat st;
	Finding *finding;

	if (stat(path, &st) < 0)
		return;
	running = processes_find(
		is_older, &(Older){.application = database->application, .than = st.st_mtime});
	if (running->len == 0)
		return;

	g_ptr_array_set_size(running, 1); /* a browser is many processes */
	text = culprits_text(running);
	finding = finding_add(findings, "applications", "restart", VERDICT_NOTE, database->path,
		"%s has run since before " MODLIST_FILE " was changed", text);
	finding_why(finding, "It notices what was registered when it is started the next time");
}

void check_applications(const Chart *chart, GPtrArray *findings)
{
	for (guint i = 0; chart->modules != NULL && i < chart->modules->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(chart->modules->databases, i);
		const char *box = sandbox_of(database->path);
		Finding *finding;

		if (database->modules->len == 0)
			continue;
		finding = finding_add(findings, "applications",
			is_reached(database) ? "sandbox" : "no-keys",
			is_reached(database) && box == NULL ? VERDICT_OK : VERDICT_NOTE,
			database->path, "%s%s%s%s%s: %s", title_of(database),
			*database->profile != '\0' ? " (profile " : "", database->profile,
			*database->profile != '\0' ? ")" : "", box != NULL ? ", in a sandbox" : "",
			is_reached(database) ? "sees certificates and keys"
					     : "sees certificates, and no keys");
		if (box != NULL)
			finding_why(finding,
				"A %s has libraries of its own: it comes to the card only if its "
				"sandbox has the module and may talk to pcscd",
				box);
		check_running(database, findings);
	}
}
