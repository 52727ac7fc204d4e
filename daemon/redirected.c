/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Adds and takes away endpoints by comparing those that there should be (site.c) with those that
 * there are. One of xrdp's stays for the grace after its directory has gone, so that a client that
 * comes back finds everything as it was; then it is forgotten, and what it claimed is swept as
 * everything is whose endpoint does not exist. One that the configuration does not name any more
 * goes at once.
 *
 * There are places for SITES_MAX of them. Where nobody answers is no reason to leave out another:
 * such a one of xrdp's gives its place up, after its grace, to one where somebody does; never the
 * other way round, so that they do not take turns. What has no place is surplus.c's.
 *
 * After a start the same grace is given to endpoints that nobody has heard of yet: their claims may
 * be from before a crash, and their client on its way back.
 */

#include "redirected.h"

#include <string.h>

#include "displays.h"
#include "log.h"
#include "manager.h"
#include "route.h"
#include "surplus.h"

#define ROUNDS_MAX 4u /* at once: somebody may make directories without end */

struct Redirected {
	Manager *manager;
	Displays *displays; /* NULL with [redirected] policy=ignore */
	Surplus *surplus;
	bool review; /* it is due */
	bool busy;   /* endpoints come and go */
	char *left_out;
	gint64 expect_until; /* monotonic */
	guint expect_source;
};

static void forget(Redirected *redirected, guint index)
{
	Endpoint *endpoint = g_ptr_array_index(redirected->manager->endpoints, index);

	endpoint_close(endpoint);
	g_ptr_array_remove_index(redirected->manager->endpoints, index);
	batch_due_now(redirected->manager->batch);
}

/* Takes away what the configuration does not want any more; xrdp's own go by their grace. */
static void drop_unwanted(Redirected *redirected, const GPtrArray *sites)
{
	const GPtrArray *endpoints = redirected->manager->endpoints;
	bool ignore = redirected->manager->config->redirected == CONFIG_REDIRECTED_IGNORE;

	for (guint i = endpoints->len; i-- > 0;) {
		const Endpoint *endpoint = g_ptr_array_index(endpoints, i);
		const Site *old = endpoint->spot != NULL ? spot_site(endpoint->spot) : NULL;
		const Site *now = sites_get(sites, endpoint->name);
		unsigned display;

		if (old == NULL || (now != NULL && strcmp(now->socket, old->socket) == 0))
			continue;
		if (ignore || !route_display(endpoint->name, &display))
			forget(redirected, i);
	}
}

static bool is_lapsed(const Endpoint *endpoint)
{
	unsigned display;

	return route_display(endpoint->name, &display) && !endpoint_held(endpoint) &&
	       !site_exists(spot_site(endpoint->spot));
}

/* Those of xrdp's that have gone, after their grace. */
static void drop_lapsed(Redirected *redirected)
{
	const GPtrArray *endpoints = redirected->manager->endpoints;

	for (guint i = endpoints->len; i-- > 0;) {
		if (is_lapsed(g_ptr_array_index(endpoints, i)))
			forget(redirected, i);
	}
}

/* Takes the place of one where nobody answers, if there is such a one. */
static bool make_room(Redirected *redirected, const GPtrArray *sites)
{
	const GPtrArray *endpoints = redirected->manager->endpoints;

	for (guint i = endpoints->len; i-- > 0;) {
		const Endpoint *endpoint = g_ptr_array_index(endpoints, i);
		const Site *site = sites_get(sites, endpoint->name);
		unsigned display;

		if (site == NULL || !site->silent || !route_display(endpoint->name, &display) ||
			endpoint_live(endpoint) || endpoint_held(endpoint))
			continue;
		surplus_judge(redirected->surplus, endpoint->name);
		forget(redirected, i);
		return true;
	}

	return false;
}

static guint count_new(const Manager *manager, const GPtrArray *sites)
{
	guint n = 0;

	for (guint i = 0; i < sites->len; i++) {
		const Site *site = g_ptr_array_index(sites, i);

		n += manager_endpoint(manager, site->endpoint) == NULL;
	}
	return n;
}

/* As many as there is room for; those that linger in their grace take some. */
static void add_new(Redirected *redirected, GPtrArray *sites)
{
	Manager *manager = redirected->manager;

	if (manager->endpoints->len + count_new(manager, sites) > SITES_MAX + 1)
		sites_rank(sites);
	for (guint i = 0; i < sites->len; i++) {
		const Site *site = g_ptr_array_index(sites, i);

		if (manager_endpoint(manager, site->endpoint) != NULL)
			continue;
		if (manager->endpoints->len < SITES_MAX + 1 ||
			(!site->silent && make_room(redirected, sites)))
			g_ptr_array_add(
				manager->endpoints, endpoint_new(manager, site->endpoint, site));
	}
}

/* Those without a place, borrowed. */
static GPtrArray *find_left_out(const Manager *manager, const GPtrArray *sites)
{
	GPtrArray *left_out = g_ptr_array_new();

	for (guint i = 0; i < sites->len; i++) {
		Site *site = g_ptr_array_index(sites, i);

		if (manager_endpoint(manager, site->endpoint) == NULL)
			g_ptr_array_add(left_out, site);
	}
	return left_out;
}

static void say_left_out(Redirected *redirected, const GPtrArray *sites)
{
	char *left_out = sites_names(sites, 0);

	if (*left_out != '\0' && g_strcmp0(left_out, redirected->left_out) != 0)
		log_say(G_LOG_LEVEL_WARNING, NULL,
			"There are more than %u redirected endpoints, these are left out: %s",
			SITES_MAX, left_out);
	g_free(redirected->left_out);
	redirected->left_out = left_out;
}

static void on_display(gpointer data)
{
	Redirected *redirected = data;

	redirected_review(redirected);
	manager_settle(redirected->manager);
}

/* Returns whether it has to be done once more. */
static bool update(Redirected *redirected)
{
	g_autoptr(GPtrArray) sites = sites_find(redirected->manager->config);
	g_autoptr(GPtrArray) left_out = NULL;

	drop_unwanted(redirected, sites);
	drop_lapsed(redirected);
	add_new(redirected, sites);
	left_out = find_left_out(redirected->manager, sites);
	surplus_set(redirected->surplus, left_out, sites->len >= SITES_FOUND_MAX);
	say_left_out(redirected, left_out);
	return redirected->displays != NULL && displays_follow(redirected->displays, left_out);
}

void redirected_update(Redirected *redirected)
{
	if (redirected->manager->config->redirected == CONFIG_REDIRECTED_IGNORE)
		redirected->displays = displays_free(redirected->displays);
	else if (redirected->displays == NULL)
		redirected->displays = displays_new(site_home(), on_display, redirected);
	/* From now on what comes up is noticed. */
	redirected->busy = true;
	for (unsigned i = 0; i < ROUNDS_MAX && update(redirected); i++)
		;
	redirected->busy = false;
}

void redirected_review(Redirected *redirected)
{
	if (redirected != NULL)
		redirected->review = true;
}

/* Whoever is forgotten may make room for another one. */
void redirected_settle(Redirected *redirected)
{
	while (redirected != NULL && redirected->review && !redirected->busy) {
		redirected->review = false;
		redirected_update(redirected);
	}
}

void redirected_tell(const Redirected *redirected, Presence *presence)
{
	presence->expecting = redirected_expecting(redirected);
	surplus_tell(redirected->surplus, presence);
}

static gboolean on_expected(gpointer data)
{
	Redirected *redirected = data;

	redirected->expect_source = 0;
	redirected->expect_until = 0;
	batch_due(redirected->manager->batch);
	manager_settle(redirected->manager);
	return G_SOURCE_REMOVE;
}

/* Without a claim that waits nothing is due, and nobody need wake up for it; nor if it waits for
   nothing but that there are fewer. */
void redirected_await(Redirected *redirected)
{
	gint64 left = redirected->expect_until - g_get_monotonic_time();

	if (redirected->expect_source == 0 && (left > 0 || !surplus_over(redirected->surplus)))
		redirected->expect_source =
			g_timeout_add((guint)MAX(left / 1000 + 1, 1), on_expected, redirected);
}

Redirected *redirected_new(Manager *manager)
{
	Redirected *redirected = g_new0(Redirected, 1);

	redirected->manager = manager;
	redirected->surplus = surplus_new(manager);
	redirected->expect_until =
		g_get_monotonic_time() + (gint64)manager->config->grace * G_USEC_PER_SEC;
	return redirected;
}

Redirected *redirected_free(Redirected *redirected)
{
	if (redirected == NULL)
		return NULL;

	g_clear_handle_id(&redirected->expect_source, g_source_remove);
	displays_free(redirected->displays);
	surplus_free(redirected->surplus);
	g_free(redirected->left_out);
	g_free(redirected);
	return NULL;
}

bool redirected_expecting(const Redirected *redirected)
{
	return g_get_monotonic_time() < redirected->expect_until ||
	       surplus_over(redirected->surplus);
}

const char *redirected_left_out(const Redirected *redirected)
{
	return redirected->left_out != NULL ? redirected->left_out : "";
}
