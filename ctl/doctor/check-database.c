/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The NSS databases: can each of them be written? The store has judged each; what is looked at
 * here, without opening anything, is only what a command has to name: which file may not be written
 * to, whose a directory is, who has the lock.
 *
 * A damaged database is never thrown away: its files are moved into a directory beside it.
 */

#include "chart.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "culprit.h"
#include "ground.h"
#include "mount.h"
#include "names.h"
#include "remedy.h"

#define ASIDE     "damaged"
#define ASIDE_MAX 99u

/* With what SQLite may have left of an interrupted write: it would be played back into whatever
   file has that name. */
static const char *const files[] = {"cert9.db", "key4.db", "cert9.db-journal", "key4.db-journal"};

static const char *dir_of(const ReportDatabase *database)
{
	return g_str_has_prefix(database->path, "sql:") ? database->path + 4 : database->path;
}

/* The words and each of the directory and its files that `wanted` says. NULL if none. */
static char *add_files(
	const char *words, const char *dir, bool (*wanted)(const char *path), bool with_dir)
{
	GString *line = g_string_new(words);
	unsigned n = 0;

	for (gsize i = 0; i <= G_N_ELEMENTS(files); i++) {
		g_autofree char *path =
			i == 0 ? g_strdup(dir) : g_build_filename(dir, files[i - 1], NULL);
		g_autofree char *quoted = remedy_word(path);

		if ((i == 0 && !with_dir) || !wanted(path))
			continue;
		g_string_append_printf(line, " %s", quoted);
		n++;
	}

	return g_string_free(line, n == 0);
}

/* "WORD ARGUMENT" and those. */
static char *command_on(const char *word, const char *argument, const char *dir,
	bool (*wanted)(const char *path), bool with_dir)
{
	g_autofree char *words = remedy_line(word, argument, NULL);

	return add_files(words, dir, wanted, with_dir);
}

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static bool is_read_only(const char *path)
{
	return is_there(path) && access(path, W_OK) < 0;
}

static bool is_unreadable(const char *path)
{
	return is_there(path) && access(path, R_OK) < 0;
}

static bool is_foreign(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_uid != geteuid();
}

/* A link, or one of several names of a file: whoever made it may mean any file of the system. */
static bool is_indirect(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && !S_ISDIR(st.st_mode) &&
	       (!S_ISREG(st.st_mode) || st.st_nlink != 1);
}

/* Others may put something else in the place of what is in it. */
static bool is_open_to_others(const char *dir)
{
	struct stat st;

	return stat(dir, &st) == 0 && (st.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

static bool is_open_to_all(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & S_IWOTH) != 0;
}

/* Where nobody answers, who asks sleeps. */
static bool is_away(const char *dir)
{
	struct stat st;

	return ground_stat(dir, true, &st) < 0 && errno == EXDEV;
}

static void mend_busy(Finding *finding, const char *dir)
{
	g_autoptr(GPtrArray) culprits = NULL;
	g_autofree char *text = NULL;

	/* That it does not answer was said. */
	if (is_away(dir))
		return;
	culprits = culprits_of_database(dir);
	text = culprits_text(culprits);
	if (culprits->len == 0) {
		finding_why(finding, "Nobody has it locked any more, or it is another user's or "
				     "another machine's program; it is tried again");
		return;
	}
	finding_why(finding,
		NAME_DAEMON " waits for it and tries again by itself. A lock that lasts for "
			    "minutes is a program that hangs: %s",
		text);
	for (guint i = 0; i < culprits->len; i++)
		culprit_mend(finding, g_ptr_array_index(culprits, i));
}

static void mend_read_only(Finding *finding, const char *dir)
{
	struct statvfs fs;

	if (statvfs(dir, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0) {
		g_autofree char *point = mount_point(dir);

		finding_cause(finding, "read-only-mount",
			"It is on a file system that is mounted read-only%s%s: on purpose, or "
			"after an error of the disk, of which the kernel's log tells",
			point != NULL ? ", at " : "", point != NULL ? point : "");
		if (point != NULL)
			finding_mend(finding, remedy_line("mount", "-o", "remount,rw", point, NULL),
				true);
		return;
	}
	finding_why(finding, "Its files are there to be read only");
	finding_mend(finding, command_on("chmod", "u+w", dir, is_read_only, true), false);
}

/* Root is not asked to give away what others can exchange before he does: first the directory, and
   its files when it is nobody else's. */
static void mend_owner(Finding *finding, const char *dir)
{
	g_autofree char *words = remedy_line("chown", "-h", g_get_user_name(), NULL);
	char *chown = add_files(words, dir, is_foreign, false);

	if (is_foreign(dir))
		finding_mend(
			finding, remedy_line("chown", "-h", g_get_user_name(), dir, NULL), true);
	if (is_open_to_others(dir) && (is_foreign(dir) || chown != NULL))
		finding_mend(finding, remedy_line("chmod", "go-w", dir, NULL), false);
	if (finding->mends->len == 0)
		finding_mend(finding, chown, true);
	else
		g_free(chown);
}

static void mend_foreign(Finding *finding, const char *dir)
{
	g_autofree char *links = add_files("", dir, is_indirect, true);

	finding_why(finding, "It could be used to give you certificates of somebody else's choice");
	if (links != NULL) {
		finding_cause(finding, "indirect",
			"A link, or a file with several names, is no part of a database:%s. Find "
			"out who made it, and put the file itself in its place",
			links);
		return;
	}
	mend_owner(finding, dir);
	if (finding->mends->len == 0)
		finding_mend(finding, command_on("chmod", "o-w", dir, is_open_to_all, true), false);
	if (finding->mends->len == 0)
		finding_cause(finding, "elsewhere",
			"If you want it to be served, name it in [databases] include");
}

/* A directory that is not there yet: what was put aside before stays as it is. */
static char *free_name(const char *dir)
{
	char *path = g_build_filename(dir, ASIDE, NULL);

	for (unsigned i = 2; is_there(path) && i <= ASIDE_MAX; i++) {
		g_free(path);
		path = g_strdup_printf("%s/" ASIDE "-%u", dir, i);
	}

	return path;
}

static void mend_damaged(Finding *finding, const char *dir)
{
	g_autofree char *aside = free_name(dir);
	g_autofree char *quoted = remedy_word(aside);
	g_autofree char *make = remedy_line("mkdir", aside, NULL);
	char *readable = command_on("chmod", "u+rwX", dir, is_unreadable, true);

	if (readable != NULL) {
		finding_cause(finding, "no-access", "Its files may not be read");
		finding_mend(finding, readable, false);
		return;
	}

	g_autofree char *move = command_on("mv", "-n", dir, is_there, false);
	g_autofree char *name = g_path_get_basename(aside);
	if (move == NULL || is_there(aside))
		return;
	finding_why(finding,
		"Close the programs that use it, and bring it back from a backup. Without one, put "
		"it aside: a new and empty one is made; certificates, keys and passwords that only "
		"it has stay in the directory %s",
		name);
	finding_mend(finding, g_strdup_printf("%s && %s %s", make, move, quoted), false);
}

static void add_database(const Chart *chart, const ReportDatabase *database, GPtrArray *findings)
{
	const char *status = database->status;
	const char *dir = dir_of(database);
	Finding *finding;

	if (strcmp(status, "ok") == 0) {
		finding_add_ok(findings, "databases", database->path, "%s%s%s: it can be written",
			database->application, *database->profile != '\0' ? ", " : "",
			database->profile);
		return;
	}

	/* what the store calls it, unless more can be seen */
	finding = finding_add(findings, "databases", g_intern_string(status),
		strcmp(status, "missing") == 0 ? VERDICT_NOTE : VERDICT_WRONG, database->path,
		"%s: %s", status, database->reason);
	if (strcmp(status, "busy") == 0)
		mend_busy(finding, dir);
	else if (strcmp(status, "read-only") == 0)
		mend_read_only(finding, dir);
	else if (strcmp(status, "foreign") == 0)
		mend_foreign(finding, dir);
	else if (strcmp(status, "damaged") == 0)
		mend_damaged(finding, dir);
}

/* A database that is there, or will be as soon as it is needed. */
static bool is_useful(const Chart *chart, const ReportDatabase *database)
{
	return strcmp(database->status, "missing") != 0 ||
	       (strcmp(database->application, "shared") == 0 && chart->config->create_shared);
}

static void add_nothing(const Chart *chart, GPtrArray *findings)
{
	Finding *finding = finding_add(findings, "databases", "none", VERDICT_WRONG, NULL,
		"there is none that certificates could go to");

	finding_why(finding,
		"No program has made one yet, and by [databases] discover and create-shared none "
		"is looked for, or none is made");
	if (!chart->config->create_shared)
		remedy_take_back(finding, chart->config, "databases", "create-shared");
	if (!chart->config->discover)
		remedy_take_back(finding, chart->config, "databases", "discover");
}

void check_databases(const Chart *chart, GPtrArray *findings)
{
	bool useful = false;

	if (chart->databases == NULL) {
		remedy_own_program(finding_add(findings, "databases", NULL, VERDICT_WRONG, NULL,
					   "%s", chart->databases_error->message),
			NAME_STORE);
		return;
	}

	for (guint i = 0; i < chart->databases->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(chart->databases->databases, i);

		add_database(chart, database, findings);
		useful = useful || is_useful(chart, database);
	}
	if (!useful)
		add_nothing(chart, findings);
}
