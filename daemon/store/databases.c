/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding databases. The shared one is in ~/.pki/nssdb or in $XDG_DATA_HOME/pki/nssdb: Chromium
 * uses the first if that directory exists and creates the second otherwise, other programs know
 * only the first; so both are served when both are there, and Chromium's choice is the one that may
 * be created. Others come from the configuration.
 *
 * Whether a directory really holds a database, and one that may be touched, is not asked here.
 */

#include "databases.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

static void database_free(gpointer data)
{
	Database *database = data;

	g_free(database->dir);
	g_free(database->profile);
	g_free(database);
}

static char *expand(const char *path, const char *home)
{
	if (strcmp(path, "~") == 0 || g_str_has_prefix(path, "~/"))
		return g_strconcat(home, path + 1, NULL);

	return g_strdup(path);
}

/* The path behind symlinks, as far as there is one. */
static char *resolve(const char *path)
{
	char *real = realpath(path, NULL);

	return real != NULL ? real : g_canonicalize_filename(path, "/");
}

/* '*' takes slashes as well: "~/.mozilla/\*" means all that is below. */
static bool matches(const char *pattern, const char *home, const char *path, const char *dir)
{
	g_autofree char *expanded = expand(pattern, home);

	return fnmatch(expanded, path, 0) == 0 || fnmatch(expanded, dir, 0) == 0;
}

/* By any name: a home is often reached through a symlink. */
static bool is_excluded(const Config *config, const char *path, const char *dir)
{
	g_autofree char *real_home = resolve(g_get_home_dir());

	for (char **p = config->exclude; p != NULL && *p != NULL; p++) {
		if (matches(*p, g_get_home_dir(), path, dir) || matches(*p, real_home, path, dir))
			return true;
	}

	return false;
}

static bool is_known(const GPtrArray *databases, const char *dir)
{
	for (guint i = 0; i < databases->len; i++) {
		const Database *database = g_ptr_array_index(databases, i);

		if (strcmp(database->dir, dir) == 0)
			return true;
	}

	return false;
}

static void add(GPtrArray *databases, const Config *config, const char *path,
	const char *application, bool creatable)
{
	g_autofree char *expanded = expand(path, g_get_home_dir());
	g_autofree char *dir = resolve(expanded);
	Database *database;

	if (is_excluded(config, expanded, dir) || is_known(databases, dir))
		return;

	database = g_new0(Database, 1);
	database->dir = g_steal_pointer(&dir);
	database->application = application;
	database->creatable = creatable;
	g_ptr_array_add(databases, database);
}

static bool has_database(const char *dir)
{
	g_autofree char *path = g_build_filename(dir, FILES_CERT, NULL);

	return g_file_test(path, G_FILE_TEST_EXISTS);
}

static void add_shared(GPtrArray *databases, const Config *config)
{
	g_autofree char *classic = g_build_filename(g_get_home_dir(), ".pki", "nssdb", NULL);
	g_autofree char *xdg = g_build_filename(g_get_user_data_dir(), "pki", "nssdb", NULL);
	bool has_classic = g_file_test(classic, G_FILE_TEST_IS_DIR);

	if (has_classic)
		add(databases, config, classic, "shared", config->create_shared);
	if (!has_classic || has_database(xdg))
		add(databases, config, xdg, "shared", config->create_shared);
}

GPtrArray *databases_find(const Config *config)
{
	GPtrArray *databases = g_ptr_array_new_with_free_func(database_free);

	if (config->discover)
		add_shared(databases, config);
	for (char **path = config->include; path != NULL && *path != NULL; path++)
		add(databases, config, *path, "other", false);

	return databases;
}
