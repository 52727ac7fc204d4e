/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel tells of the path is only a reason to check it anew. A socket that was replaced
 * between two checks shows by its inode or its time of change; it leads to another client, with
 * other readers, even if these have the same names.
 *
 * A directory far above the socket for which that is not used is watched as well until it is
 * mended. That one comes to be such is noticed only at the next look.
 *
 * Whether somebody listens on it is asked only of a socket that is doubted, since asking is
 * connecting, and at first there is the moment between its maker's bind() and listen().
 */

#include "spot.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>

#include "ground.h"
#include "log.h"
#include "lookout.h"
#include "owner.h"

struct Spot {
	Site *site;
	SpotFunc func;
	gpointer data;

	Lookout *lookout;
	guint source;
	bool blind; /* and that has been said */
	char *gap;  /* a directory further up, for which it is not used; or NULL */
	Lookout *gap_lookout;
	guint gap_source;
	SiteState state;
	SiteEpoch epoch; /* of the last socket that was SITE_READY */
	unsigned number;
	unsigned doubted; /* the number of the socket on which nobody answered */
	char *detail;
};

/* Returns whether anything is different. */
static bool check(Spot *spot)
{
	SiteEpoch epoch = spot->epoch;
	char *detail = NULL;
	SiteState state = site_check(spot->site, &epoch, &detail);
	bool another = !site_epoch_equal(&epoch, &spot->epoch);
	bool changed;

	spot->number += another;
	if (state == SITE_READY && spot->doubted == spot->number) {
		char *stale = NULL;

		if (site_stale(spot->site, &stale)) {
			state = SITE_STALE;
			g_free(detail);
			detail = stale;
		}
	}
	changed = another || state != spot->state || strcmp(detail, spot->detail) != 0;
	spot->epoch = epoch;
	spot->state = state;
	g_free(spot->detail);
	spot->detail = detail;
	return changed;
}

/* Once: nothing else tells that nothing will be noticed. */
static void say_blind(Spot *spot)
{
	int error = lookout_error(spot->lookout);
	const LogContext context = {.endpoint = spot->site->endpoint};

	if (error != 0 && !spot->blind)
		log_say(G_LOG_LEVEL_WARNING, &context,
			"Watching %s failed: %s%s; what becomes of it is noticed only at the next "
			"look",
			spot->site->socket, ground_strerror(error), lookout_limit(error));
	spot->blind = error != 0;
}

static void watch_gap(Spot *spot);

static gboolean on_event(gint fd, GIOCondition condition, gpointer data)
{
	Spot *spot = data;
	bool changed = lookout_take(spot->lookout) && check(spot);

	say_blind(spot);
	watch_gap(spot);
	if (changed)
		spot->func(spot->data); /* may free the spot */
	return G_SOURCE_CONTINUE;
}

static gboolean on_gap_event(gint fd, GIOCondition condition, gpointer data)
{
	Spot *spot = data;
	bool changed = lookout_take(spot->gap_lookout) && check(spot);

	watch_gap(spot);
	if (changed)
		spot->func(spot->data); /* may free the spot */
	return G_SOURCE_CONTINUE;
}

static void drop_gap(Spot *spot)
{
	g_clear_handle_id(&spot->gap_source, g_source_remove);
	spot->gap_lookout = lookout_free(spot->gap_lookout);
	g_clear_pointer(&spot->gap, g_free);
}

/* The socket's own directory is in sight anyway. */
static char *find_gap(const Spot *spot)
{
	g_autofree char *directory = g_path_get_dirname(spot->site->socket);
	const char *why;
	g_autofree char *gap = spot->state == SITE_FOREIGN ? owner_find_gap(directory, &why) : NULL;

	return g_strcmp0(gap, directory) != 0 ? g_steal_pointer(&gap) : NULL;
}

static void watch_gap(Spot *spot)
{
	g_autofree char *gap = find_gap(spot);

	if (g_strcmp0(gap, spot->gap) == 0)
		return;

	drop_gap(spot);
	if (gap == NULL)
		return;
	spot->gap = g_steal_pointer(&gap);
	spot->gap_lookout = lookout_new(spot->gap);
	if (lookout_fd(spot->gap_lookout) >= 0)
		spot->gap_source =
			g_unix_fd_add(lookout_fd(spot->gap_lookout), G_IO_IN, on_gap_event, spot);
}

Spot *spot_new(const Site *site, SpotFunc func, gpointer data)
{
	Spot *spot = g_new0(Spot, 1);

	spot->site = site_dup(site);
	spot->func = func;
	spot->data = data;
	spot->detail = g_strdup("");
	/* Watching first: what happens after the check is not missed. */
	spot->lookout = lookout_new(site->socket);
	if (lookout_fd(spot->lookout) >= 0)
		spot->source = g_unix_fd_add(lookout_fd(spot->lookout), G_IO_IN, on_event, spot);
	say_blind(spot);
	(void)check(spot);
	watch_gap(spot);
	return spot;
}

Spot *spot_free(Spot *spot)
{
	if (spot == NULL)
		return NULL;

	g_clear_handle_id(&spot->source, g_source_remove);
	lookout_free(spot->lookout);
	drop_gap(spot);
	site_free(spot->site);
	g_free(spot->detail);
	g_free(spot);
	return NULL;
}

bool spot_doubt(Spot *spot)
{
	spot->doubted = spot->number;
	return check(spot);
}

bool spot_look(Spot *spot)
{
	bool changed = check(spot);

	watch_gap(spot);
	return changed;
}

const Site *spot_site(const Spot *spot)
{
	return spot->site;
}

SiteState spot_state(const Spot *spot)
{
	return spot->state;
}

const char *spot_detail(const Spot *spot)
{
	return spot->detail;
}

unsigned spot_epoch(const Spot *spot)
{
	return spot->number;
}
