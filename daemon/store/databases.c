/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding databases. The shared one is in ~/.pki/nssdb or in $XDG_DATA_HOME/pki/nssdb: Chromium
 * uses the first if that directory exists and creates the second otherwise, other programs know
 * only the first; so both are served when both are there, and Chromium's choice is the one that may
 * be created. Profiles are where the table of places says and in what their programs say of
 * themselves. Others come from the configuration.
 *
 * What a program says of its profiles is believed as far as its own directory reaches: the home,
 * or its sandbox. A profile elsewhere is reported, and served only when the configuration includes
 * its directory, or when it is that of another program which does reach it.
 *
 * Whether a directory really holds a database, and one that may be touched, is not asked here.
 */

#include "databases.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "answers.h"
#include "error.h"
#include "files.h"
#include "paths.h"
#include "places.h"
#include "profiles.h"

/* The variable by which people tell LibreOffice which database to use. */
#define OFFICE_VARIABLE "MOZILLA_CERTIFICATE_FOLDER"

typedef struct Finder {
	const Config *config;
	GPtrArray *databases;
	GPtrArray *included; /* char *: resolved */
	guint max;           /* databases */
} Finder;

static void database_free(gpointer data)
{
	Database *database = data;

	g_free(database->dir);
	g_free(database->profile);
	g_clear_error(&database->fault);
	g_free(database);
}

/* By any name: a home is often reached through a symlink. */
static bool is_excluded(const Config *config, const char *path, const char *dir)
{
	g_autofree char *plain = g_canonicalize_filename(path, "/");

	for (char **p = config->exclude; p != NULL && *p != NULL; p++) {
		if (paths_match(*p, plain) || paths_match(*p, dir))
			return true;
	}

	return false;
}

static bool is_included(const Finder *finder, const char *dir)
{
	return g_ptr_array_find_with_equal_func(finder->included, dir, g_str_equal, NULL);
}

static bool is_same(const Database *a, const Database *b)
{
	if (strcmp(a->dir, b->dir) == 0)
		return true;

	/* The same directory, mounted a second time. */
	return a->inode != 0 && a->inode == b->inode && a->device == b->device;
}

/* Under a better name: a profile is in profiles.ini, in installs.ini, and more. */
static Database **find_known(GPtrArray *databases, const Database *found)
{
	for (guint i = 0; i < databases->len; i++) {
		if (is_same(g_ptr_array_index(databases, i), found))
			return (Database **)&g_ptr_array_index(databases, i);
	}

	return NULL;
}

static Database *database_new(const char *dir, const char *application, const char *profile)
{
	Database *database = g_new0(Database, 1);
	struct stat st;

	database->dir = g_strdup(dir);
	database->application = application;
	database->profile = g_strdup(profile);
	if (!answers(dir)) {
		database->fault = g_error_new(CERTPROP_ERROR, CERTPROP_ERROR_TIMEOUT,
			"The network file system, or FUSE, on which %s is, does not answer", dir);
	} else if (stat(dir, &st) == 0) {
		database->device = st.st_dev;
		database->inode = st.st_ino;
	}
	return database;
}

/* Consumes it. The first word about a database counts, unless the one who gave it cannot reach it:
   else a program in a sandbox could name what is another's, and it would not be served. */
static void put(Finder *finder, Database *database)
{
	Database **known = find_known(finder->databases, database);

	if (known == NULL && finder->databases->len < finder->max) {
		g_ptr_array_add(finder->databases, database);
	} else if (known != NULL && (*known)->beyond && !database->beyond) {
		database_free(*known);
		*known = database;
	} else {
		database_free(database);
	}
}

/* NULL: it must not be touched. */
static Database *allow(
	const Finder *finder, const char *path, const char *application, const char *profile)
{
	g_autofree char *dir = paths_resolve(path);

	if (is_excluded(finder->config, path, dir))
		return NULL;
	return database_new(dir, application, profile);
}

static bool is_within(const char *dir, const char *fence)
{
	g_autofree char *real = fence != NULL ? paths_resolve(fence) : NULL;

	return real != NULL && paths_below(dir, real);
}

/* What somebody else says is a database of his. `own` is a place that he has not chosen, and that
   may lead beyond the fence, or NULL. */
static void add_told(Finder *finder, const char *path, const char *fence, const char *own,
	const char *application, const char *profile)
{
	Database *database = allow(finder, path, application, profile);

	if (database == NULL)
		return;
	if (!is_within(database->dir, fence) && !is_within(database->dir, own) &&
		!is_included(finder, database->dir)) {
		/* One on a medium that is gone is no reason to look into it. */
		bool gone = database->fault == NULL && access(database->dir, F_OK) < 0 &&
			    (errno == ENOENT || errno == ENOTDIR);

		g_clear_error(&database->fault);
		database->beyond = true;
		database->fault = g_error_new(CERTPROP_ERROR,
			gone ? CERTPROP_ERROR_MISSING : CERTPROP_ERROR_FOREIGN,
			gone ? "It is outside %s, and not there"
			     : "It is outside %s; list it in [databases] include if it is to be "
			       "served",
			fence);
	}
	put(finder, database);
}

static void add_fault(
	Finder *finder, const char *path, const char *application, const char *file, GError *fault)
{
	Database *database = allow(finder, path, application, file);

	if (database == NULL) {
		g_error_free(fault);
		return;
	}
	g_clear_error(&database->fault);
	database->fault = fault;
	put(finder, database);
}

static void add_profiles(Finder *finder, const Place *place, const char *base)
{
	static const char *const files[] = {PROFILES_INI, INSTALLS_INI};
	g_autofree char *fence = place_fence(place);
	/* The user's own variable or link says where it is; in a sandbox it is the program's. */
	const char *own = place->sandbox == NULL ? base : NULL;

	for (gsize f = 0; f < G_N_ELEMENTS(files); f++) {
		g_autoptr(GPtrArray) profiles = profiles_new();
		g_autoptr(GError) fault = NULL;

		if (!profiles_read(base, files[f], profiles, &fault))
			add_fault(finder, base, place->application, files[f],
				g_steal_pointer(&fault));
		for (guint i = 0; i < profiles->len; i++) {
			const Profile *profile = g_ptr_array_index(profiles, i);

			add_told(finder, profile->dir, fence, own, place->application,
				profile->name);
		}
	}
}

static void add_place(Finder *finder, const Place *place)
{
	g_autofree char *path = place_path(place);
	g_autofree char *fence = place_fence(place);

	if (!answers(path) || !g_file_test(path, G_FILE_TEST_IS_DIR))
		return;

	switch (place->kind) {
	case PLACE_PROFILES:
		add_profiles(finder, place, path);
		break;
	case PLACE_DATABASE:
		add_told(finder, path, fence, NULL, place->application, place->profile);
		break;
	}
}

static void add_office(Finder *finder)
{
	const char *path = g_getenv(OFFICE_VARIABLE);

	if (path != NULL && g_str_has_prefix(path, "sql:"))
		path += strlen("sql:");
	if (path != NULL && g_path_is_absolute(path))
		add_told(finder, path, g_get_home_dir(), NULL, "other", "LibreOffice");
}

static bool has_database(const char *dir)
{
	g_autofree char *path = g_build_filename(dir, FILES_CERT, NULL);

	return answers(path) && g_file_test(path, G_FILE_TEST_EXISTS);
}

static void add_one_shared(Finder *finder, const char *path)
{
	Database *database = allow(finder, path, "shared", NULL);

	if (database == NULL)
		return;
	database->creatable = finder->config->create_shared;
	put(finder, database);
}

static void add_shared(Finder *finder)
{
	g_autofree char *classic = g_build_filename(g_get_home_dir(), ".pki", "nssdb", NULL);
	g_autofree char *xdg = g_build_filename(g_get_user_data_dir(), "pki", "nssdb", NULL);
	bool has_classic = answers(classic) && g_file_test(classic, G_FILE_TEST_IS_DIR);

	if (has_classic)
		add_one_shared(finder, classic);
	if (!has_classic || has_database(xdg))
		add_one_shared(finder, xdg);
}

static void add_places(Finder *finder, bool sandboxed)
{
	gsize n;
	const Place *table = places(&n);

	for (gsize i = 0; i < n; i++) {
		if ((table[i].sandbox != NULL) == sandboxed)
			add_place(finder, &table[i]);
	}
}

/* Those in a sandbox come last: with all that they may name they could fill the list. */
static void discover(Finder *finder)
{
	add_shared(finder);
	add_places(finder, false);
	add_office(finder);
	add_places(finder, true);
}

static void add_included(Finder *finder)
{
	for (char **path = finder->config->include; path != NULL && *path != NULL; path++) {
		g_autofree char *expanded = paths_expand(*path);
		Database *database = allow(finder, expanded, "other", NULL);

		if (database != NULL)
			put(finder, database);
	}
}

GPtrArray *databases_find(const Config *config)
{
	g_autoptr(GPtrArray) included = g_ptr_array_new_with_free_func(g_free);
	Finder finder = {
		.config = config,
		.databases = g_ptr_array_new_with_free_func(database_free),
		.included = included,
		.max = DATABASES_MAX,
	};

	for (char **path = config->include; path != NULL && *path != NULL; path++) {
		g_autofree char *expanded = paths_expand(*path);

		g_ptr_array_add(included, paths_resolve(expanded));
	}
	if (config->discover)
		discover(&finder);
	finder.max = G_MAXUINT;
	add_included(&finder);

	return finder.databases;
}
