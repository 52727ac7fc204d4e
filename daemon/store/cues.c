/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A cue is an entry of a directory that is there, so that it can be watched: profiles.ini in
 * ~/.mozilla/firefox, or, as long as that directory is not there, "firefox" in ~/.mozilla. Of
 * databases only those are told that could not be served. What is served needs no watching, and so
 * what we write ourselves cannot call us again.
 *
 * In a directory that is somebody else's nothing is watched, nor is a database that is foreign or
 * that the configuration does not allow.
 */

#include "cues.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "answers.h"
#include "error.h"
#include "places.h"
#include "profiles.h"
#include "stamp.h"
#include "wire.h"

typedef struct Cue {
	char *dir;
	char *name; /* "": the directory itself */
	char *stamp;
	const Database *database; /* whose; NULL: a place's */
} Cue;

struct Cues {
	GPtrArray *all; /* Cue */
};

static void cue_free(gpointer data)
{
	Cue *cue = data;

	g_free(cue->dir);
	g_free(cue->name);
	g_free(cue->stamp);
	g_free(cue);
}

static bool is_own_dir(const char *dir)
{
	struct stat st;

	return answers(dir) && stat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

static bool is_known(const Cues *cues, const char *dir, const char *name)
{
	for (guint i = 0; i < cues->all->len; i++) {
		const Cue *cue = g_ptr_array_index(cues->all, i);

		if (cue->database == NULL && strcmp(cue->dir, dir) == 0 &&
			strcmp(cue->name, name) == 0)
			return true;
	}
	return false;
}

static void add(Cues *cues, const char *dir, const char *name, const Database *database)
{
	Cue *cue;

	if (cues->all->len == CUES_MAX || !is_own_dir(dir) ||
		(database == NULL && is_known(cues, dir, name)))
		return;

	cue = g_new0(Cue, 1);
	cue->dir = g_strdup(dir);
	cue->name = g_strdup(name);
	cue->stamp = stamp_take(dir, name);
	cue->database = database;
	g_ptr_array_add(cues->all, cue);
}

/* The entry, or that of its nearest parent's directory which is there. */
static void add_path(Cues *cues, const char *path, const Database *database)
{
	g_autofree char *dir = g_path_get_dirname(path);
	g_autofree char *name = g_path_get_basename(path);

	while ((!answers(dir) || !g_file_test(dir, G_FILE_TEST_IS_DIR)) && strcmp(dir, "/") != 0) {
		g_autofree char *gone = g_steal_pointer(&dir);

		g_free(name);
		name = g_path_get_basename(gone);
		dir = g_path_get_dirname(gone);
	}
	add(cues, dir, name, database);
}

static void add_below(Cues *cues, const char *dir, const char *name, const Database *database)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);

	add_path(cues, path, database);
}

static void add_place(Cues *cues, const Place *place)
{
	g_autofree char *path = place_path(place);

	if (place->kind == PLACE_DATABASE) {
		add_path(cues, path, NULL);
		return;
	}
	add_below(cues, path, PROFILES_INI, NULL);
	add_below(cues, path, INSTALLS_INI, NULL);
}

/* The one that may be created is ours to create: who waits for others there waits for himself. The
   same for the other one once it is there: then both are served, and watched if they cannot be. */
static void add_shared(Cues *cues)
{
	g_autofree char *classic = g_build_filename(g_get_home_dir(), ".pki", "nssdb", NULL);
	g_autofree char *xdg = g_build_filename(g_get_user_data_dir(), "pki", "nssdb", NULL);
	g_autofree char *second = g_build_filename(xdg, FILES_CERT, NULL);

	add_path(cues, classic, NULL);
	if (answers(classic) && answers(second) && g_file_test(classic, G_FILE_TEST_IS_DIR) &&
		!g_file_test(second, G_FILE_TEST_EXISTS))
		add_path(cues, second, NULL);
}

Cues *cues_new(const Config *config)
{
	Cues *cues = g_new0(Cues, 1);
	gsize n;
	const Place *table = places(&n);

	cues->all = g_ptr_array_new_with_free_func(cue_free);
	if (!config->discover)
		return cues;
	add_shared(cues);
	for (gsize i = 0; i < n; i++)
		add_place(cues, &table[i]);
	return cues;
}

void cues_add_databases(Cues *cues, const GPtrArray *runs)
{
	for (guint i = 0; i < runs->len; i++) {
		const Run *run = g_ptr_array_index(runs, i);
		const Database *database = run->database;

		if (database->fault != NULL)
			continue;
		add_below(cues, database->dir, FILES_CERT, database);
		add_below(cues, database->dir, FILES_KEY, database);
		add(cues, database->dir, "", database);
	}
}

/* Who had nothing to write did not notice that he could not have; the next one may have. */
static void look_closer(Run *run)
{
	bool known = run->troubled || run->database->fault != NULL;
	g_autoptr(Files) files = known ? NULL : files_open(run->database->dir, NULL);

	if (files == NULL)
		return;
	if (!files_writable(files))
		run->trouble = CERTPROP_ERROR_READ_ONLY;
	else if (files_locked(files, true))
		run->trouble = CERTPROP_ERROR_BUSY;
	else
		return;
	run->troubled = true;
}

static const Run *run_of(const GPtrArray *runs, const Database *database)
{
	for (guint i = 0; i < runs->len; i++) {
		const Run *run = g_ptr_array_index(runs, i);

		if (run->database == database)
			return run;
	}
	return NULL;
}

/* Of databases only what is not served, and may be one day. */
static bool is_worth(const Cue *cue, const GPtrArray *runs)
{
	const Run *run = cue->database != NULL ? run_of(runs, cue->database) : NULL;

	return run == NULL || (run->troubled && run->trouble != CERTPROP_ERROR_FOREIGN);
}

static guint64 flags_of(const Cue *cue, const GPtrArray *runs)
{
	const Run *run = cue->database != NULL ? run_of(runs, cue->database) : NULL;

	return run != NULL && run->trouble == CERTPROP_ERROR_BUSY ? WIRE_CUE_LOCK : 0;
}

void cues_tell(const Cues *cues, const GPtrArray *runs, Reports *reports)
{
	g_autoptr(GPtrArray) told = g_ptr_array_new();

	for (guint i = 0; i < runs->len; i++)
		look_closer(g_ptr_array_index(runs, i));
	for (guint i = 0; i < cues->all->len; i++) {
		if (is_worth(g_ptr_array_index(cues->all, i), runs))
			g_ptr_array_add(told, g_ptr_array_index(cues->all, i));
	}

	reports_cues(reports, told->len);
	for (guint i = 0; i < told->len; i++) {
		const Cue *cue = g_ptr_array_index(told, i);

		reports_cue(reports, cue->dir, cue->name, cue->stamp, flags_of(cue, runs));
	}
}

Cues *cues_free(Cues *cues)
{
	if (cues == NULL)
		return NULL;

	g_ptr_array_unref(cues->all);
	g_free(cues);
	return NULL;
}
