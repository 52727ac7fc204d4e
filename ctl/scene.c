/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A watcher of our own for each endpoint, started and ended as its socket comes and goes. Cards are
 * seen and not read: behind a slow line that would be in the way of whoever uses them.
 */

#include "scene.h"

#include <string.h>

#include "change.h"
#include "displays.h"
#include "route.h"
#include "spot.h"
#include "watcher.h"

#define START_GAP_US (G_USEC_PER_SEC / 4) /* between two starts, should a socket come and go */
#define ROUNDS_MAX   4u                   /* at once: somebody may make directories without end */

struct Scene {
	const Config *config;
	SceneFunc func;
	gpointer data;
	GPtrArray *views; /* View, the local one first */
	Displays *displays;
};

/* One endpoint. */
typedef struct View {
	Scene *scene;
	char *name;
	Spot *spot;     /* NULL for the local one */
	unsigned epoch; /* of the socket that the watcher has */
	Watcher *watcher;
	gint64 started; /* monotonic: when it was */
	guint start_source;
	Change *change;
} View;

static void tell(const Scene *scene, GPtrArray *taken)
{
	g_autoptr(GPtrArray) events = taken;

	for (guint i = 0; i < events->len; i++)
		scene->func(g_ptr_array_index(events, i), scene->data);
}

static void on_view(Watcher *watcher, gpointer data)
{
	View *view = data;

	tell(view->scene, change_update(view->change, watcher_view(watcher)));
}

static void start(View *view)
{
	view->epoch = spot_epoch(view->spot);
	view->started = g_get_monotonic_time();
	view->watcher =
		watcher_new(view->name, spot_site(view->spot)->socket, false, on_view, view);
}

static void check(View *view);

static gboolean on_start(gpointer data)
{
	View *view = data;

	view->start_source = 0;
	check(view);
	return G_SOURCE_REMOVE;
}

static void check(View *view)
{
	SiteState state = spot_state(view->spot);
	gint64 left = view->started + START_GAP_US - g_get_monotonic_time();

	if (view->watcher != NULL && state == SITE_READY && view->epoch == spot_epoch(view->spot))
		return;

	if (view->watcher != NULL || state != SITE_READY)
		tell(view->scene,
			change_end(view->change,
				site_state_word(state == SITE_READY ? SITE_ABSENT : state)));
	view->watcher = watcher_free(view->watcher);
	g_clear_handle_id(&view->start_source, g_source_remove);
	if (state == SITE_READY && view->started != 0 && left > 0)
		view->start_source = g_timeout_add((guint)(left / 1000) + 1, on_start, view);
	else if (state == SITE_READY)
		start(view);
}

static void update(Scene *scene);

static void on_spot(gpointer data)
{
	View *view = data;

	check(view);
	update(view->scene); /* may free the view */
}

static void view_free(gpointer data)
{
	View *view = data;

	g_clear_handle_id(&view->start_source, g_source_remove);
	watcher_free(view->watcher);
	spot_free(view->spot);
	change_free(view->change);
	g_free(view->name);
	g_free(view);
}

static View *add_view(Scene *scene, const char *name)
{
	View *view = g_new0(View, 1);

	view->scene = scene;
	view->name = g_strdup(name);
	view->change = change_new(name);
	g_ptr_array_add(scene->views, view);
	return view;
}

static void add_site(Scene *scene, const Site *site)
{
	View *view = add_view(scene, site->endpoint);

	view->spot = spot_new(site, on_spot, view);
	check(view);
}

static void drop(Scene *scene, guint index)
{
	const View *view = g_ptr_array_index(scene->views, index);

	tell(scene, change_end(view->change, site_state_word(SITE_ABSENT)));
	g_ptr_array_remove_index(scene->views, index);
}

static bool is_viewed(const Scene *scene, const Site *site)
{
	for (guint i = 0; i < scene->views->len; i++) {
		const View *view = g_ptr_array_index(scene->views, i);

		if (strcmp(view->name, site->endpoint) == 0)
			return true;
	}
	return false;
}

static void drop_gone(Scene *scene, const GPtrArray *sites)
{
	for (guint i = scene->views->len; i-- > 1;) {
		const View *view = g_ptr_array_index(scene->views, i);

		if (sites_get(sites, view->name) == NULL)
			drop(scene, i);
	}
}

/* As in certpropd, where nobody answers gives way to where somebody does. */
static bool make_room(Scene *scene, const GPtrArray *sites)
{
	for (guint i = scene->views->len; i-- > 1;) {
		const View *view = g_ptr_array_index(scene->views, i);
		const Site *site = sites_get(sites, view->name);
		unsigned display;

		if (site != NULL && site->silent && route_display(view->name, &display)) {
			drop(scene, i);
			return true;
		}
	}
	return false;
}

/* Returns whether it has to be done once more. */
static bool update_once(Scene *scene)
{
	g_autoptr(GPtrArray) sites = sites_find(scene->config);
	g_autoptr(GPtrArray) left_out = g_ptr_array_new();

	if (sites->len > SITES_MAX)
		sites_rank(sites);
	drop_gone(scene, sites);
	for (guint i = 0; i < sites->len; i++) {
		Site *site = g_ptr_array_index(sites, i);

		if (is_viewed(scene, site))
			continue;
		if (scene->views->len <= SITES_MAX || (!site->silent && make_room(scene, sites)))
			add_site(scene, site);
		else
			g_ptr_array_add(left_out, site);
	}
	return displays_follow(scene->displays, left_out);
}

static void update(Scene *scene)
{
	for (unsigned i = 0; i < ROUNDS_MAX && update_once(scene); i++)
		;
}

static void on_display(gpointer data)
{
	update(data);
}

Scene *scene_new(const Config *config, SceneFunc func, gpointer data)
{
	Scene *scene = g_new0(Scene, 1);
	View *local;

	scene->config = config;
	scene->func = func;
	scene->data = data;
	scene->views = g_ptr_array_new_with_free_func(view_free);
	local = add_view(scene, ROUTE_LOCAL);
	local->watcher = watcher_new(ROUTE_LOCAL, NULL, false, on_view, local);
	if (config != NULL && config->redirected != CONFIG_REDIRECTED_IGNORE) {
		scene->displays = displays_new(site_home(), on_display, scene);
		update(scene);
	}
	return scene;
}

Scene *scene_free(Scene *scene)
{
	if (scene == NULL)
		return NULL;

	displays_free(scene->displays);
	g_ptr_array_unref(scene->views);
	g_free(scene);
	return NULL;
}
