/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Adds and takes away endpoints by comparing those that there should be (site.c) with those that
 * there are. One of xrdp's stays for the grace after its directory has gone, so that a client that
 * comes back finds everything as it was; then it is forgotten, and what it claimed is swept as
 * everything is whose endpoint does not exist. One that the configuration does not name any more
 * goes at once.
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

struct Redirected {
	Manager *manager;
	Displays *displays; /* NULL with [redirected] policy=ignore */
	char *left_out;
	gint64 expect_until; /* monotonic */
	guint expect_source;
};

static const Site *find_site(const GPtrArray *sites, const char *endpoint)
{
	for (guint i = 0; i < sites->len; i++) {
		const Site *site = g_ptr_array_index(sites, i);

		if (strcmp(site->endpoint, endpoint) == 0)
			return site;
	}

	return NULL;
}

static void forget(Redirected *redirected, guint index)
{
	Endpoint *endpoint = g_ptr_array_index(redirected->manager->endpoints, index);

	endpoint_close(endpoint);
	g_ptr_array_remove_index(redirected->manager->endpoints, index);
	batch_due(redirected->manager->batch);
}

/* Takes away what the configuration does not want any more; xrdp's own go by their grace. */
static void drop_unwanted(Redirected *redirected, const GPtrArray *sites)
{
	const GPtrArray *endpoints = redirected->manager->endpoints;
	bool ignore = redirected->manager->config->redirected == CONFIG_REDIRECTED_IGNORE;

	for (guint i = endpoints->len; i-- > 0;) {
		const Endpoint *endpoint = g_ptr_array_index(endpoints, i);
		const Site *old = endpoint->spot != NULL ? spot_site(endpoint->spot) : NULL;
		const Site *now = find_site(sites, endpoint->name);
		unsigned display;

		if (old == NULL || (now != NULL && strcmp(now->socket, old->socket) == 0))
			continue;
		if (ignore || !route_display(endpoint->name, &display))
			forget(redirected, i);
	}
}

/* As many as there is room for; those that linger in their grace take some. The others are
   returned, borrowed. */
static GPtrArray *add_new(Redirected *redirected, const GPtrArray *sites)
{
	Manager *manager = redirected->manager;
	GPtrArray *left_out = g_ptr_array_new();

	for (guint i = 0; i < sites->len; i++) {
		Site *site = g_ptr_array_index(sites, i);

		if (manager_endpoint(manager, site->endpoint) != NULL)
			continue;
		if (manager->endpoints->len < SITES_MAX + 1)
			g_ptr_array_add(
				manager->endpoints, endpoint_new(manager, site->endpoint, site));
		else
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

	redirected_update(redirected);
	manager_settle(redirected->manager);
}

void redirected_update(Redirected *redirected)
{
	const Config *config = redirected->manager->config;
	g_autoptr(GPtrArray) left_out = NULL;
	g_autoptr(GPtrArray) sites = NULL;

	if (config->redirected == CONFIG_REDIRECTED_IGNORE)
		redirected->displays = displays_free(redirected->displays);
	else if (redirected->displays == NULL)
		redirected->displays = displays_new(site_home(), on_display, redirected);
	/* Now: what comes up after this is noticed. */
	sites = sites_find(config);

	drop_unwanted(redirected, sites);
	left_out = add_new(redirected, sites);
	say_left_out(redirected, left_out);
}

void redirected_lapse(Redirected *redirected, Endpoint *endpoint)
{
	Manager *manager = redirected->manager;
	unsigned display;
	guint index;

	if (route_display(endpoint->name, &display) && !site_exists(spot_site(endpoint->spot)) &&
		g_ptr_array_find(manager->endpoints, endpoint, &index)) {
		forget(redirected, index);
		/* Now there may be room for one that was left out. */
		redirected_update(redirected);
	}
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

/* Without a claim that waits nothing is due, and nobody need wake up for it. */
void redirected_await(Redirected *redirected)
{
	gint64 left = redirected->expect_until - g_get_monotonic_time();

	if (redirected->expect_source == 0)
		redirected->expect_source =
			g_timeout_add((guint)MAX(left / 1000 + 1, 1), on_expected, redirected);
}

Redirected *redirected_new(Manager *manager)
{
	Redirected *redirected = g_new0(Redirected, 1);

	redirected->manager = manager;
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
	g_free(redirected->left_out);
	g_free(redirected);
	return NULL;
}

bool redirected_expecting(const Redirected *redirected)
{
	return g_get_monotonic_time() < redirected->expect_until;
}

const char *redirected_left_out(const Redirected *redirected)
{
	return redirected->left_out != NULL ? redirected->left_out : "";
}
