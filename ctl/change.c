/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readers are told apart by name and ordinal, cards by the event counter: a reader that holds a
 * card before and after, with another counter, saw its card go out and a card come in.
 */

#include "change.h"

#include "notice.h"

struct Change {
	char *endpoint;
	const char *state; /* static; NULL: none was told yet */
	GHashTable *cards; /* key of reader -> counter, of those that hold a card */
};

Change *change_new(const char *endpoint)
{
	Change *change = g_new0(Change, 1);

	change->endpoint = g_strdup(endpoint);
	change->cards = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	return change;
}

Change *change_free(Change *change)
{
	if (change == NULL)
		return NULL;

	g_free(change->endpoint);
	g_hash_table_unref(change->cards);
	g_free(change);

	return NULL;
}

/* The ordinal first: a name may hold anything. */
static char *reader_key(const WatcherReader *reader)
{
	return g_strdup_printf("%u %s", reader->ordinal, reader->name);
}

static const char *key_name(const char *key)
{
	while (*key != ' ')
		key++;

	return key + 1;
}

static void add(GPtrArray *events, const Change *change, const char *kind, const char *reader,
	const char *reason)
{
	g_ptr_array_add(
		events, g_variant_ref_sink(notice_new(kind, change->endpoint, reader, reason)));
}

static GHashTable *cards_of(const WatcherView *view)
{
	GHashTable *cards = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; view->service == WIRE_SERVICE_OK && i < view->readers->len; i++) {
		const WatcherReader *reader = g_ptr_array_index(view->readers, i);

		if ((reader->flags & WIRE_READER_PRESENT) != 0)
			g_hash_table_insert(
				cards, reader_key(reader), GUINT_TO_POINTER(reader->counter));
	}

	return cards;
}

/* `kind` for every card of `these` that is not in `those`. */
static void add_missing(GPtrArray *events, const Change *change, const char *kind,
	GHashTable *these, GHashTable *those)
{
	g_autoptr(GList) keys = g_list_sort(g_hash_table_get_keys(these), (GCompareFunc)g_strcmp0);

	for (GList *at = keys; at != NULL; at = at->next) {
		gpointer other;

		if (!g_hash_table_lookup_extended(those, at->data, NULL, &other) ||
			other != g_hash_table_lookup(these, at->data))
			add(events, change, kind, key_name(at->data), NULL);
	}
}

/* Takes `cards`. */
static GPtrArray *become(Change *change, const char *state, GHashTable *cards)
{
	GPtrArray *events = g_ptr_array_new_with_free_func((GDestroyNotify)g_variant_unref);
	g_autoptr(GHashTable) before = g_steal_pointer(&change->cards);

	change->cards = cards;
	add_missing(events, change, "card-out", before, change->cards);
	if (g_strcmp0(change->state, state) != 0)
		add(events, change, "service", NULL, state);
	add_missing(events, change, "card-in", change->cards, before);
	change->state = state;
	return events;
}

GPtrArray *change_update(Change *change, const WatcherView *view)
{
	return become(change, watcher_service_word(view->service), cards_of(view));
}

GPtrArray *change_end(Change *change, const char *state)
{
	return become(change, state, g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL));
}
