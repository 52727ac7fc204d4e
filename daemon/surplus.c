/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An endpoint that nobody looks at for want of a place is neither live nor dead: its client may
 * well be connected, with the card in. So whatever claims it has, from a time in which it had a
 * place or from certpropctl, stay. What can be told without a watcher is that nobody answers on its
 * socket, or that its directory has gone: then its grace begins, as that of any other endpoint
 * does, and when that is over its claims are swept.
 *
 * A socket whose owner is killed changes nothing that the kernel would tell of, so without a
 * watcher that is noticed at the next look only.
 */

#include "surplus.h"

#include "manager.h"
#include "route.h"

typedef struct Spare {
	bool open;    /* a client may be there */
	gint64 until; /* monotonic, if not: the end of the grace */
} Spare;

struct Surplus {
	Manager *manager;
	GHashTable *spares; /* name -> Spare */
	bool more;
	guint source; /* for the next end of a grace */
};

static bool is_held(const Spare *spare, gint64 now)
{
	return spare->open || now < spare->until;
}

static GHashTable *spares_new(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

Surplus *surplus_new(Manager *manager)
{
	Surplus *surplus = g_new0(Surplus, 1);

	surplus->manager = manager;
	surplus->spares = spares_new();
	return surplus;
}

Surplus *surplus_free(Surplus *surplus)
{
	if (surplus == NULL)
		return NULL;

	g_clear_handle_id(&surplus->source, g_source_remove);
	g_hash_table_unref(surplus->spares);
	g_free(surplus);
	return NULL;
}

static guint count_held(const Surplus *surplus)
{
	gint64 now = g_get_monotonic_time();
	GHashTableIter iter;
	gpointer spare;
	guint n = 0;

	g_hash_table_iter_init(&iter, surplus->spares);
	while (g_hash_table_iter_next(&iter, NULL, &spare))
		n += is_held(spare, now);
	return n;
}

static gboolean on_grace_over(gpointer data)
{
	Surplus *surplus = data;
	Manager *manager = surplus->manager;

	surplus->source = 0;
	batch_due(manager->batch);
	/* Somebody may answer by now: a socket comes before its owner listens. */
	redirected_review(manager->redirected);
	manager_settle(manager);
	return G_SOURCE_REMOVE;
}

/* No timer runs where nothing will end. */
static void arm(Surplus *surplus)
{
	gint64 now = g_get_monotonic_time(), next = G_MAXINT64;
	GHashTableIter iter;
	gpointer value;

	g_clear_handle_id(&surplus->source, g_source_remove);
	g_hash_table_iter_init(&iter, surplus->spares);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Spare *spare = value;

		if (!spare->open && spare->until > now)
			next = MIN(next, spare->until);
	}
	if (next < G_MAXINT64)
		surplus->source =
			g_timeout_add((guint)((next - now) / 1000) + 1, on_grace_over, surplus);
}

static void note(const Surplus *surplus, Spare *spare, bool silent)
{
	gint64 grace = (gint64)surplus->manager->config->grace * G_USEC_PER_SEC;

	if (spare->open && silent)
		spare->until = g_get_monotonic_time() + grace;
	spare->open = !silent;
}

/* Takes it out of `from`, or makes it anew: as such it may be there until it is known better. */
static Spare *take(GHashTable *from, const char *name, char **ret_name)
{
	gpointer key = NULL, value = NULL;
	Spare *spare;

	if (g_hash_table_steal_extended(from, name, &key, &value)) {
		*ret_name = key;
		return value;
	}

	spare = g_new0(Spare, 1);
	spare->open = true;
	*ret_name = g_strdup(name);
	return spare;
}

/* Those that have gone: xrdp's are waited for. The configuration's are not wanted any more. */
static void keep_gone(Surplus *surplus, GHashTable *old)
{
	gint64 now = g_get_monotonic_time();
	GHashTableIter iter;
	gpointer name, value;

	g_hash_table_iter_init(&iter, old);
	while (g_hash_table_iter_next(&iter, &name, &value)) {
		Spare *spare = value;
		unsigned display;

		if (manager_endpoint(surplus->manager, name) != NULL)
			continue;
		note(surplus, spare, true);
		if (is_held(spare, now) && route_display(name, &display)) {
			g_hash_table_iter_steal(&iter);
			g_hash_table_insert(surplus->spares, name, spare);
		} else {
			batch_due(surplus->manager->batch);
		}
	}
}

void surplus_set(Surplus *surplus, const GPtrArray *sites, bool more)
{
	g_autoptr(GHashTable) old = surplus->spares;
	bool was_over = surplus_over(surplus);

	surplus->spares = spares_new();
	surplus->more = more;
	for (guint i = 0; i < sites->len; i++) {
		const Site *site = g_ptr_array_index(sites, i);
		char *name;
		Spare *spare = take(old, site->endpoint, &name);

		note(surplus, spare, site->silent);
		g_hash_table_insert(surplus->spares, name, spare);
	}
	keep_gone(surplus, old);

	if (was_over && !surplus_over(surplus))
		batch_due(surplus->manager->batch);
	arm(surplus);
}

void surplus_judge(Surplus *surplus, const char *endpoint)
{
	g_hash_table_insert(surplus->spares, g_strdup(endpoint), g_new0(Spare, 1));
}

bool surplus_over(const Surplus *surplus)
{
	return surplus->more || count_held(surplus) > SITES_SPARE_MAX;
}

void surplus_tell(const Surplus *surplus, Presence *presence)
{
	gint64 now = g_get_monotonic_time();
	GHashTableIter iter;
	gpointer name, spare;
	guint n = 0;

	g_hash_table_iter_init(&iter, surplus->spares);
	while (n < SITES_SPARE_MAX && g_hash_table_iter_next(&iter, &name, &spare)) {
		if (!is_held(spare, now))
			continue;
		presence_add_endpoint(presence, name, true, false);
		n++;
	}
}
