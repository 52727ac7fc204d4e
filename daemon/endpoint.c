/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compares each whole view of the watcher with the readers that we have. Readers that are new or
 * gone are settled first and those that stayed afterwards, so that every scan that starts from here
 * knows all the other readers there are and can leave them alone.
 *
 * A service that is gone is not a card that is gone: its readers leave, but nothing is concluded
 * about their tokens until it is back and every card in it was read.
 */

#include "endpoint.h"

#include <string.h>

#include "manager.h"

static Reader *find(const Endpoint *endpoint, const WatcherReader *seen)
{
	for (guint i = 0; i < endpoint->readers->len; i++) {
		Reader *reader = g_ptr_array_index(endpoint->readers, i);

		if (reader->ordinal == seen->ordinal && strcmp(reader->name, seen->name) == 0)
			return reader;
	}

	return NULL;
}

/* Takes the readers that are not in the view out. */
static void drop_gone(Endpoint *endpoint, const WatcherView *view)
{
	for (guint i = endpoint->readers->len; i-- > 0;) {
		Reader *reader = g_ptr_array_index(endpoint->readers, i);
		bool had = (reader->flags & WIRE_READER_PRESENT) != 0;

		if (watcher_view_find(view, reader->name, reader->ordinal) != NULL)
			continue;
		(void)g_ptr_array_steal_index(endpoint->readers, i);
		if (!reader_leave(reader))
			g_ptr_array_add(endpoint->manager->leaving, reader);
		manager_changed(endpoint->manager, endpoint->name, had);
	}
}

/* Puts the readers into the view's order; those that are new are added to `fresh` as well. */
static void add_new(Endpoint *endpoint, const WatcherView *view, GPtrArray *fresh)
{
	GPtrArray *ordered = g_ptr_array_new_with_free_func((GDestroyNotify)reader_free);

	for (guint i = 0; i < view->readers->len; i++) {
		const WatcherReader *seen = g_ptr_array_index(view->readers, i);
		Reader *reader = find(endpoint, seen);

		if (reader == NULL) {
			reader = reader_new(endpoint->manager, endpoint->name, seen);
			g_ptr_array_add(fresh, reader);
		}
		g_ptr_array_add(ordered, reader);
	}
	/* Every old reader is in the new array: drop_gone() took out the others. */
	g_ptr_array_set_free_func(endpoint->readers, NULL);
	g_ptr_array_unref(endpoint->readers);
	endpoint->readers = ordered;
}

static void take_readers(Endpoint *endpoint, const WatcherView *view)
{
	g_autoptr(GPtrArray) fresh = g_ptr_array_new();

	drop_gone(endpoint, view);
	add_new(endpoint, view, fresh);
	for (guint i = 0; i < view->readers->len; i++) {
		Reader *reader = g_ptr_array_index(endpoint->readers, i);

		if (!g_ptr_array_find(fresh, reader, NULL))
			reader_update(reader, g_ptr_array_index(view->readers, i));
	}
	for (guint i = 0; i < fresh->len; i++)
		reader_begin(g_ptr_array_index(fresh, i));
}

static void take_service(Endpoint *endpoint, const WatcherView *view, const GError *error)
{
	const char *detail = error != NULL ? error->message : view->detail;
	bool was_live = endpoint_live(endpoint);
	g_autofree char *reason = NULL;

	if (endpoint->heard && endpoint->service == view->service && endpoint->code == view->code)
		return;

	endpoint->heard = true;
	endpoint->service = view->service;
	endpoint->code = view->code;
	g_free(endpoint->detail);
	endpoint->detail = g_strdup(detail);

	reason = g_strdup_printf("%s%s%s", watcher_service_word(view->service),
		detail[0] != '\0' ? ": " : "", detail);
	manager_say(endpoint->manager, &(const Event){
					       .kind = EVENT_SERVICE,
					       .endpoint = endpoint->name,
					       .reason = reason,
				       });
	/* What left while nobody could look is noticed when everything in it has been read. */
	if (was_live != endpoint_live(endpoint))
		manager_changed(endpoint->manager, endpoint->name, true);
}

static void on_view(Watcher *watcher, gpointer data)
{
	Endpoint *endpoint = data;
	const WatcherView *view = watcher_view(watcher);

	take_service(endpoint, view, watcher_error(watcher));
	take_readers(endpoint, view);
	manager_settle(endpoint->manager);
}

Endpoint *endpoint_new(Manager *manager, const char *name)
{
	Endpoint *endpoint = g_new0(Endpoint, 1);

	endpoint->manager = manager;
	endpoint->name = g_strdup(name);
	endpoint->detail = g_strdup("");
	endpoint->readers = g_ptr_array_new_with_free_func((GDestroyNotify)reader_free);
	endpoint->watcher = watcher_new(name, false, on_view, endpoint);
	return endpoint;
}

void endpoint_free(Endpoint *endpoint)
{
	if (endpoint == NULL)
		return;

	watcher_free(endpoint->watcher);
	g_ptr_array_unref(endpoint->readers);
	g_free(endpoint->detail);
	g_free(endpoint->name);
	g_free(endpoint);
}

bool endpoint_live(const Endpoint *endpoint)
{
	return endpoint->service == WIRE_SERVICE_OK;
}

bool endpoint_settled(const Endpoint *endpoint)
{
	if (!endpoint_live(endpoint))
		return false;
	for (guint i = 0; i < endpoint->readers->len; i++) {
		if (!reader_settled(g_ptr_array_index(endpoint->readers, i)))
			return false;
	}

	return true;
}

bool endpoint_busy(const Endpoint *endpoint)
{
	for (guint i = 0; i < endpoint->readers->len; i++) {
		const Reader *reader = g_ptr_array_index(endpoint->readers, i);

		if (reader->pipeline != NULL)
			return true;
	}

	return false;
}

bool endpoint_removal_matters(const Endpoint *endpoint, const Config *config)
{
	if (strcmp(endpoint->name, ENDPOINT_LOCAL) == 0)
		return config->on_removal == CONFIG_REMOVE;
	return config->redirected != CONFIG_REDIRECTED_KEEP;
}
