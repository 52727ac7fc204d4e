/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watches the home directory for names that come up in it; what happens to them afterwards each
 * endpoint sees to itself (spot.c). Of those that have no place, and so no endpoint, the
 * directories are watched here as well, for a socket that comes up in one and for the end of it.
 * All of that takes one descriptor. chansrv runs on this machine, so this also works where the home
 * is on a network file system.
 */

#include "displays.h"

#include <string.h>

#include "dirwatch.h"
#include "ground.h"
#include "log.h"
#include "route.h"
#include "site.h"

struct Displays {
	char *home;
	Dirwatch *watch;
	GHashTable *followed; /* directories */
	bool due;
	bool told; /* that not all are */
	void (*func)(gpointer data);
	gpointer data;
};

static bool is_home(const Displays *displays, const char *dir)
{
	return strcmp(dir, displays->home) == 0;
}

/* Without a name anything may have happened: events were lost, or the directory moved or went. */
static void on_event(const char *dir, const char *name, bool ended, gpointer data)
{
	Displays *displays = data;
	unsigned display;

	if (*name == '\0')
		(void)g_hash_table_remove(displays->followed, dir);
	if (*name == '\0' || (is_home(displays, dir) ? route_directory(name, &display)
						     : strcmp(name, SITE_SOCKET) == 0))
		displays->due = true;
}

static void on_done(gpointer data)
{
	Displays *displays = data;
	bool due = displays->due;

	displays->due = false;
	if (due)
		displays->func(displays->data); /* may free us */
}

static GHashTable *followed_new(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

Displays *displays_new(const char *home, void (*func)(gpointer data), gpointer data)
{
	static const DirwatchFuncs funcs = {.event = on_event, .done = on_done};
	Displays *displays = g_new0(Displays, 1);
	g_autoptr(GError) error = NULL;

	displays->func = func;
	displays->data = data;
	displays->home = g_strdup(home != NULL ? home : "");
	displays->followed = followed_new();
	displays->watch = dirwatch_new(&funcs, SITES_SPARE_MAX + 1, displays);
	if (home == NULL)
		log_say(G_LOG_LEVEL_WARNING, NULL,
			"HOME is no absolute path: new xrdp sessions are not noticed");
	else if (!dirwatch_begin(displays->watch, &error) ||
		 !dirwatch_add(displays->watch, home, DIRWATCH_COMES, &error))
		log_say(G_LOG_LEVEL_WARNING, NULL, "New xrdp sessions are not noticed: %s",
			error->message);
	return displays;
}

static void say_unfollowed(Displays *displays, const GError *error)
{
	if (!displays->told)
		log_say(G_LOG_LEVEL_WARNING, NULL,
			"What becomes of the redirected endpoints that are left out is noticed "
			"only at the next look: %s",
			error->message);
	displays->told = true;
}

/* A link in the place of xrdp's directory is not used, and leads anywhere. */
static bool follow(Displays *displays, const char *dir, GError **error)
{
	struct stat st;

	return (ground_stat(dir, false, &st) == 0 && S_ISLNK(st.st_mode)) ||
	       dirwatch_add(displays->watch, dir, DIRWATCH_MODES, error);
}

static bool follow_all(Displays *displays, const GPtrArray *sites, GError **error)
{
	if (!dirwatch_begin(displays->watch, error) ||
		!dirwatch_add(displays->watch, displays->home, DIRWATCH_COMES, error))
		return false;

	for (guint i = 0; i < sites->len; i++) {
		const Site *site = g_ptr_array_index(sites, i);
		g_autofree char *dir = g_path_get_dirname(site->socket);
		unsigned display;

		if (!route_display(site->endpoint, &display))
			continue;
		if (!follow(displays, dir, error))
			return false;
		g_hash_table_add(displays->followed, g_steal_pointer(&dir));
	}
	return true;
}

static bool has_new(GHashTable *now, GHashTable *before)
{
	GHashTableIter iter;
	gpointer dir;

	g_hash_table_iter_init(&iter, now);
	while (g_hash_table_iter_next(&iter, &dir, NULL)) {
		if (!g_hash_table_contains(before, dir))
			return true;
	}
	return false;
}

bool displays_follow(Displays *displays, const GPtrArray *sites)
{
	g_autoptr(GHashTable) before = g_steal_pointer(&displays->followed);
	g_autoptr(GError) error = NULL;

	displays->followed = followed_new();
	if (sites->len == 0 && g_hash_table_size(before) == 0)
		return false;
	if (!follow_all(displays, sites, &error))
		say_unfollowed(displays, error);
	dirwatch_end(displays->watch);
	return has_new(displays->followed, before);
}

Displays *displays_free(Displays *displays)
{
	if (displays == NULL)
		return NULL;

	dirwatch_free(displays->watch);
	g_hash_table_unref(displays->followed);
	g_free(displays->home);
	g_free(displays);
	return NULL;
}
