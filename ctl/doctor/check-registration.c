/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Do the programs of each database come to the keys, and by one way only? The store tells the ways;
 * pkcs11.txt is read here once more, for the flag that NSS takes for "certificates can be listed
 * without a login", and for the names that modutil would take for each other: it removes the first
 * block whose name or library begins with the given one.
 */

#include "chart.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "modlist.h"
#include "names.h"
#include "remedy.h"
#include "ways.h"

/* Of one database. */
typedef struct Place {
	const ReportDatabase *database;
	const char *dir;
	GPtrArray *entries; /* ModlistEntry */
	GPtrArray *findings;
} Place;

static char *read_list(const char *dir)
{
	g_autofree char *path = g_build_filename(dir, MODLIST_FILE, NULL);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	g_autofree char *text = g_malloc0(MODLIST_FILE_MAX + 1);
	struct stat st;
	gsize len = 0;
	ssize_t n = 0;

	if (fd < 0)
		return g_strdup("");
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		while (len < MODLIST_FILE_MAX &&
			(n = read(fd, text + len, MODLIST_FILE_MAX - len)) > 0)
			len += (gsize)n;
	(void)close(fd);

	return g_steal_pointer(&text);
}

static const ModlistEntry *entry_of(const Place *place, const ReportReach *reach)
{
	for (guint i = 0; i < place->entries->len; i++) {
		const ModlistEntry *entry = g_ptr_array_index(place->entries, i);

		if (strcmp(entry->name, reach->name) == 0)
			return entry;
	}

	return NULL;
}

/* modutil would take just this one. */
static bool is_removable(const Place *place, const char *name)
{
	for (guint i = 0; i < place->entries->len; i++) {
		const ModlistEntry *entry = g_ptr_array_index(place->entries, i);

		if (strcmp(entry->name, name) == 0)
			return *name != '\0';
		if (g_str_has_prefix(entry->name, name) || g_str_has_prefix(entry->library, name))
			return false;
	}

	return false;
}

/* modutil would add it without taking another one for it and away. */
static bool is_addable(const Place *place, const char *name)
{
	for (guint i = 0; i < place->entries->len; i++) {
		const ModlistEntry *entry = g_ptr_array_index(place->entries, i);

		if (strcmp(entry->name, name) != 0 && g_str_has_prefix(entry->name, name))
			return false;
	}

	return true;
}

static void mend_ours(Finding *finding, const Place *place, const char *action)
{
	finding_mend(finding,
		remedy_line(NAME_CTL, "module", action, "--database", place->dir, NULL), false);
}

/* Takes a block of somebody else's out. */
static void mend_remove(Finding *finding, const Place *place, const char *name)
{
	if (!is_removable(place, name)) {
		finding_why(finding,
			"Take the block \"%s\" out of %s/" MODLIST_FILE
			" with an editor: modutil takes another one for it",
			name, place->dir);
		return;
	}
	if (!remedy_has_program("modutil"))
		finding_mend(finding, remedy_install(REMEDY_NSS_TOOLS, false), true);
	finding_mend(finding,
		remedy_line("modutil", "-force", "-dbdir", place->database->path, "-delete", name,
			NULL),
		false);
}

static bool is_own(const ReportReach *reach)
{
	return strcmp(reach->how, "certprop") == 0;
}

static bool is_broken(const ReportReach *reach)
{
	return strcmp(reach->how, "broken") == 0;
}

/* A block that names a library which is gone. */
static void check_stale(const Place *place, const ReportModule *module)
{
	for (guint i = 0; i < module->reaches->len; i++) {
		const ReportReach *reach = g_ptr_array_index(module->reaches, i);
		const ModlistEntry *entry;
		Finding *finding;

		if (!is_broken(reach))
			continue;
		finding = finding_add(place->findings, "registration", "stale", VERDICT_WRONG,
			place->database->path, "\"%s\" names %s, which is not there", reach->name,
			reach->library);
		if (*reach->file != '\0') {
			finding_cause(finding, "stale-policy",
				"The system's crypto policy names it, in %s: install what it "
				"belongs to, or take it out of there",
				reach->file);
			continue;
		}
		finding_why(finding, "Programs try to load it at each start");
		entry = entry_of(place, reach);
		if (entry != NULL && entry->ours)
			mend_ours(finding, place, "disable");
		else
			mend_remove(finding, place, reach->name);
	}
}

static void add_absent(const Chart *chart, const Place *place, const ReportModule *module)
{
	Finding *finding = finding_add(place->findings, "registration", NULL, VERDICT_WRONG,
		place->database->path, "its programs do not come to %s", module->path);

	if (!g_file_test(module->path, G_FILE_TEST_EXISTS)) {
		finding_cause(finding, "no-module", "It is not there: see the step modules");
		return;
	}
	finding_cause(finding, "unreachable", "They see the certificates and cannot use the keys");
	mend_ours(finding, place, "enable");
}

/* One of several ways has to go: ours, else one that modutil can take. */
static void add_twice(const Place *place, const ReportModule *module)
{
	g_autofree char *text = ways_text(module);
	Finding *finding = finding_add(place->findings, "registration", "twice", VERDICT_WRONG,
		place->database->path, "its programs come to %s by several ways", module->path);
	const ReportReach *direct = NULL, *proxy = NULL, *policy = NULL;

	finding_why(finding, "Only one can be used, or every certificate shows twice: %s", text);
	for (guint i = 0; i < module->reaches->len; i++) {
		const ReportReach *reach = g_ptr_array_index(module->reaches, i);

		if (is_own(reach)) {
			mend_ours(finding, place, "disable");
			return;
		}
		if (strcmp(reach->how, "direct") == 0)
			direct = reach;
		else if (strcmp(reach->how, "p11-kit") == 0)
			proxy = reach;
		else if (strcmp(reach->how, "crypto-policy") == 0)
			policy = reach;
	}

	if (direct != NULL || proxy != NULL)
		mend_remove(finding, place, direct != NULL ? direct->name : proxy->name);
	else if (policy != NULL)
		finding_cause(finding, "twice-policy",
			"Only one can be used, or every certificate shows twice (%s): the system's "
			"crypto policy names them, leave one out in %s",
			text, policy->file);
}

/* The one way that there is. Returns whether it is as it should be. */
static bool check_flag(const Place *place, const ReportReach *reach)
{
	const ModlistEntry *entry = entry_of(place, reach);
	Finding *finding;

	if (strcmp(reach->how, "crypto-policy") == 0 || entry == NULL || entry->public_certs)
		return true;

	finding = finding_add(place->findings, "registration", "no-flag", VERDICT_WRONG,
		place->database->path,
		"\"%s\" has no slotFlags=PublicCerts: its programs ask for a PIN only to list "
		"certificates",
		reach->name);
	if (is_own(reach)) {
		mend_ours(finding, place, "disable");
		mend_ours(finding, place, "enable");
		return false;
	}

	if (strcmp(reach->how, "p11-kit") == 0 && !is_addable(place, reach->name)) {
		finding_why(finding,
			"Add the flag in %s/" MODLIST_FILE
			" with an editor: modutil takes another block for it",
			place->dir);
		return false;
	}
	mend_remove(finding, place, reach->name);
	if (finding->mends->len == 0)
		return false;
	if (strcmp(reach->how, "p11-kit") == 0)
		finding_mend(finding,
			remedy_line("modutil", "-force", "-dbdir", place->database->path, "-add",
				reach->name, "-libfile", reach->library, "-mechanisms", "FRIENDLY",
				NULL),
			false);
	else
		mend_ours(finding, place, "enable");
	return false;
}

static void check_module(const Chart *chart, const Place *place, const ReportModule *module)
{
	g_autofree char *text = ways_text(module);
	Ways ways = ways_count(module);

	check_stale(place, module);
	if (ways == WAYS_NONE) {
		add_absent(chart, place, module);
		return;
	}
	if (ways == WAYS_SEVERAL) {
		add_twice(place, module);
		return;
	}

	for (guint i = 0; i < module->reaches->len; i++) {
		const ReportReach *reach = g_ptr_array_index(module->reaches, i);

		if (!is_broken(reach) && check_flag(place, reach))
			finding_add_ok(place->findings, "registration", place->database->path,
				"its programs come to %s: %s", module->path, text);
	}
}

/* What is wrong with the database as a whole is told in another step. */
static bool is_in_order(const Chart *chart, const char *path)
{
	for (guint i = 0; chart->databases != NULL && i < chart->databases->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(chart->databases->databases, i);

		if (strcmp(database->path, path) == 0)
			return strcmp(database->status, "ok") == 0;
	}

	return false;
}

/* The list cannot be read, or is no file. */
static void add_unreadable(const Place *place)
{
	g_autofree char *path = g_build_filename(place->dir, MODLIST_FILE, NULL);
	g_autofree char *aside = g_strconcat(path, ".faulty", NULL);
	Finding *finding = finding_add(place->findings, "registration", "unreadable", VERDICT_WRONG,
		place->database->path, "%s",
		(const char *)g_ptr_array_index(place->database->errors, 0));
	struct stat st;

	finding_why(finding, "Its programs do not come to any module");
	if (lstat(path, &st) < 0 || st.st_uid != geteuid())
		return;
	if (S_ISREG(st.st_mode) && st.st_nlink == 1 && access(path, R_OK) < 0) {
		finding_mend(finding, remedy_line("chmod", "u+rw", path, NULL), false);
		return;
	}
	finding_why(finding,
		"Its programs do not come to any module. Put it aside, and look there for modules "
		"of your own: a new one is made when a module is registered");
	remedy_put_aside(finding, path, aside);
}

void check_registration(const Chart *chart, GPtrArray *findings)
{
	if (chart->modules == NULL) {
		remedy_own_program(finding_add(findings, "registration", NULL, VERDICT_WRONG, NULL,
					   "%s", chart->modules_error->message),
			NAME_STORE);
		return;
	}

	for (guint i = 0; i < chart->modules->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(chart->modules->databases, i);
		const char *dir = database->path + strlen("sql:");
		/* What is busy may be so because nobody answers there. */
		bool busy = strcmp(database->status, "busy") == 0;
		g_autofree char *text = busy ? g_strdup("") : read_list(dir);
		g_autoptr(GPtrArray) entries = modlist_entries(text);
		const Place place = {database, dir, entries, findings};

		if (database->errors->len > 0 && is_in_order(chart, database->path))
			add_unreadable(&place);
		for (guint m = 0; m < database->modules->len; m++)
			check_module(chart, &place, g_ptr_array_index(database->modules, m));
	}
}
