/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compares each whole view of the watcher with the readers that we have. Readers that are new or
 * gone are settled first and those that stayed afterwards, so that every scan that starts from here
 * knows all the other readers there are and can leave them alone.
 *
 * A service that is gone is not a card that is gone: its readers leave, but nothing is concluded
 * about their tokens until it is back and every card in it was read. For a redirected one that ends
 * with its grace: who has not come back by then is gone, and his certificates with him. The grace
 * also covers the moments after he is back, in which his readers may not be there yet. While it is
 * our own watcher that fails to start, or dies each time, or the socket cannot be looked at, nobody
 * knows whether he is gone: nothing is judged, and the grace begins when something is heard again.
 *
 * A redirected endpoint's watcher lives as long as the socket that it was started for. Another
 * socket of the same name is another connection, so it gets another process.
 */

#include "endpoint.h"

#include <string.h>

#include "manager.h"
#include "redirected.h"
#include "route.h"

#define OPENING_MS   5000u /* in which a watcher says its first word, also over a slow line */
#define START_GAP_US (G_USEC_PER_SEC / 4) /* between two starts, should a socket come and go */

static void check_spot(Endpoint *endpoint);
static void doubt(Endpoint *endpoint);

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
		if (had)
			endpoint_card_left(endpoint);
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

/* Grace */

bool endpoint_held(const Endpoint *endpoint)
{
	bool opening = endpoint->spot != NULL && endpoint->opening_source != 0;

	return endpoint->grace_until != 0 || opening || endpoint->deaf;
}

/* Its claims can be judged from now on. */
static void let_go(Endpoint *endpoint)
{
	if (endpoint_held(endpoint))
		return;

	endpoint->removal_due = endpoint_removal_matters(endpoint, endpoint->manager->config);
	batch_due_now(endpoint->manager->batch);
	redirected_review(endpoint->manager->redirected);
}

static gboolean on_grace_over(gpointer data)
{
	Endpoint *endpoint = data;
	Manager *manager = endpoint->manager;

	endpoint->grace_source = 0;
	endpoint->grace_until = 0;
	doubt(endpoint);
	let_go(endpoint);
	manager_settle(manager); /* may free the endpoint */
	return G_SOURCE_REMOVE;
}

static void begin_grace(Endpoint *endpoint)
{
	gint64 grace = (gint64)endpoint->manager->config->grace;

	g_clear_handle_id(&endpoint->grace_source, g_source_remove);
	endpoint->grace_until = g_get_monotonic_time() + grace * G_USEC_PER_SEC;
	endpoint->grace_source = g_timeout_add((guint)grace * 1000, on_grace_over, endpoint);
}

void endpoint_card_left(Endpoint *endpoint)
{
	if (endpoint->grace_until == 0 || !endpoint_live(endpoint))
		return;

	g_clear_handle_id(&endpoint->grace_source, g_source_remove);
	endpoint->grace_until = 0;
	let_go(endpoint);
}

static void set_deaf(Endpoint *endpoint, bool deaf)
{
	bool was = endpoint->deaf;

	endpoint->deaf = deaf;
	if (!was || deaf)
		return;
	if (endpoint_live(endpoint))
		let_go(endpoint);
	else
		begin_grace(endpoint);
}

static void say_silent(Endpoint *endpoint);

static gboolean on_opening_over(gpointer data)
{
	Endpoint *endpoint = data;

	endpoint->opening_source = 0;
	if (endpoint->spot != NULL) {
		doubt(endpoint);
		let_go(endpoint);
	} else if (!endpoint->heard) {
		say_silent(endpoint);
	}
	manager_settle(endpoint->manager); /* may free the endpoint */
	return G_SOURCE_REMOVE;
}

/* What is heard */

static void set_detail(Endpoint *endpoint, const char *detail)
{
	g_free(endpoint->detail);
	endpoint->detail = g_strdup(detail);
}

static void say_state(
	Endpoint *endpoint, const char *word, WireService service, guint32 code, const char *detail)
{
	bool was_live = endpoint_live(endpoint);
	g_autofree char *reason =
		g_strdup_printf("%s%s%s", word, detail[0] != '\0' ? ": " : "", detail);

	endpoint->word = word;
	endpoint->service = service;
	endpoint->code = code;
	set_detail(endpoint, detail);
	manager_say(endpoint->manager, &(const Event){
					       .kind = EVENT_SERVICE,
					       .endpoint = endpoint->name,
					       .reason = reason,
				       });
	if (was_live == endpoint_live(endpoint))
		return;

	if (was_live && endpoint->spot != NULL)
		begin_grace(endpoint);
	/* What left while nobody could look is noticed when everything in it has been read. */
	manager_changed(endpoint->manager, endpoint->name, true);
}

/* A pcscd that takes the connection and never answers. The others need not wait for it. */
static void say_silent(Endpoint *endpoint)
{
	endpoint->heard = true;
	say_state(endpoint, watcher_service_word(WIRE_SERVICE_UNKNOWN), WIRE_SERVICE_UNKNOWN, 0,
		"nothing was heard of it for too long: pcscd is there and does not answer");
}

static void take_service(Endpoint *endpoint, const WatcherView *view, const GError *error)
{
	const char *detail = error != NULL ? error->message : view->detail;

	if (endpoint->heard && endpoint->service == view->service && endpoint->code == view->code)
		return;

	endpoint->heard = true;
	say_state(endpoint, watcher_service_word(view->service), view->service, view->code, detail);
}

static void on_view(Watcher *watcher, gpointer data)
{
	Endpoint *endpoint = data;
	const WatcherView *view = watcher_view(watcher);

	take_service(endpoint, view, watcher_error(watcher));
	take_readers(endpoint, view);
	set_deaf(endpoint, endpoint->spot != NULL && watcher_error(watcher) != NULL);
	if (endpoint->opening_source != 0 && (endpoint_live(endpoint) || endpoint->spot == NULL)) {
		g_clear_handle_id(&endpoint->opening_source, g_source_remove);
		if (endpoint->spot != NULL)
			let_go(endpoint);
	}
	manager_settle(endpoint->manager);
}

/* Its watcher comes and goes */

static void start_watcher(Endpoint *endpoint)
{
	const char *socket = NULL;

	if (endpoint->spot != NULL) {
		socket = spot_site(endpoint->spot)->socket;
		endpoint->epoch = spot_epoch(endpoint->spot);
	}
	endpoint->opening_source = g_timeout_add(OPENING_MS, on_opening_over, endpoint);
	endpoint->heard = false;
	endpoint->word = watcher_service_word(WIRE_SERVICE_UNKNOWN);
	endpoint->started = g_get_monotonic_time();
	endpoint->watcher = watcher_new(endpoint->name, socket, false, on_view, endpoint);
}

static gboolean on_start(gpointer data)
{
	Endpoint *endpoint = data;

	endpoint->start_source = 0;
	check_spot(endpoint);
	manager_settle(endpoint->manager);
	return G_SOURCE_REMOVE;
}

/* No reader is left; what the watcher said is not true any more. */
static void stop_watcher(Endpoint *endpoint, const char *word, const char *detail)
{
	g_autoptr(GPtrArray) none = g_ptr_array_new();
	const WatcherView view = {.service = WIRE_SERVICE_UNKNOWN, .readers = none};

	g_clear_handle_id(&endpoint->opening_source, g_source_remove);
	endpoint->watcher = watcher_free(endpoint->watcher);
	say_state(endpoint, word, WIRE_SERVICE_UNKNOWN, 0, detail);
	take_readers(endpoint, &view);
	set_deaf(endpoint, false);
	let_go(endpoint);
}

/* Starts and stops the watcher as the socket's state asks for. */
static void check_spot(Endpoint *endpoint)
{
	SiteState state = spot_state(endpoint->spot);
	const char *detail = spot_detail(endpoint->spot);
	const char *word = site_state_word(state);
	bool ready = state == SITE_READY;
	gint64 left = endpoint->started + START_GAP_US - g_get_monotonic_time();

	if (endpoint->watcher != NULL && ready && endpoint->epoch == spot_epoch(endpoint->spot))
		return;
	if (endpoint->watcher != NULL)
		stop_watcher(endpoint, ready ? "absent" : word,
			ready ? "the connection is another one" : detail);
	else if (!ready && strcmp(endpoint->word, word) != 0)
		say_state(endpoint, word, WIRE_SERVICE_UNKNOWN, 0, detail);
	else if (!ready)
		set_detail(endpoint, detail); /* no news, only another reason for it */

	g_clear_handle_id(&endpoint->start_source, g_source_remove);
	if (ready && endpoint->started != 0 && left > 0)
		endpoint->start_source =
			g_timeout_add((guint)(left / 1000) + 1, on_start, endpoint);
	else if (ready)
		start_watcher(endpoint);
	set_deaf(endpoint, endpoint->watcher == NULL && site_state_dark(state));
	/* Its grace may have passed while what is there was no socket of ours. */
	if (!endpoint_held(endpoint))
		redirected_review(endpoint->manager->redirected);
}

/* Nobody has answered for as long as that may take. Where nobody even listens its watcher would try
   for ever: it goes, until there is another socket or a look finds somebody. */
static void doubt(Endpoint *endpoint)
{
	if (endpoint->watcher != NULL && endpoint->spot != NULL && !endpoint_live(endpoint) &&
		endpoint->opening_source == 0 && spot_doubt(endpoint->spot))
		check_spot(endpoint);
}

static void on_spot(gpointer data)
{
	Endpoint *endpoint = data;
	Manager *manager = endpoint->manager;

	check_spot(endpoint);
	manager_settle(manager); /* may free the endpoint */
}

Endpoint *endpoint_new(Manager *manager, const char *name, const Site *site)
{
	Endpoint *endpoint = g_new0(Endpoint, 1);

	endpoint->manager = manager;
	endpoint->name = g_strdup(name);
	endpoint->word = watcher_service_word(WIRE_SERVICE_UNKNOWN);
	endpoint->detail = g_strdup("");
	endpoint->readers = g_ptr_array_new_with_free_func((GDestroyNotify)reader_free);
	if (site == NULL) {
		start_watcher(endpoint);
	} else {
		endpoint->spot = spot_new(site, on_spot, endpoint);
		begin_grace(endpoint);
		check_spot(endpoint);
	}
	return endpoint;
}

void endpoint_look(Endpoint *endpoint)
{
	if (endpoint->spot != NULL && spot_look(endpoint->spot))
		check_spot(endpoint);
	for (guint i = 0; i < endpoint->readers->len; i++)
		reader_look(g_ptr_array_index(endpoint->readers, i));
}

void endpoint_close(Endpoint *endpoint)
{
	stop_watcher(
		endpoint, site_state_word(SITE_ABSENT), "nothing is expected from it any more");
	g_clear_handle_id(&endpoint->grace_source, g_source_remove);
}

void endpoint_free(Endpoint *endpoint)
{
	if (endpoint == NULL)
		return;

	g_clear_handle_id(&endpoint->start_source, g_source_remove);
	g_clear_handle_id(&endpoint->grace_source, g_source_remove);
	g_clear_handle_id(&endpoint->opening_source, g_source_remove);
	watcher_free(endpoint->watcher);
	spot_free(endpoint->spot);
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

void endpoint_next(Endpoint *endpoint)
{
	if (endpoint->spot == NULL || endpoint_busy(endpoint))
		return;
	for (guint i = 0; i < endpoint->readers->len; i++) {
		Reader *reader = g_ptr_array_index(endpoint->readers, i);

		if (reader->queued) {
			reader_take_turn(reader);
			return;
		}
	}
}

bool endpoint_removal_matters(const Endpoint *endpoint, const Config *config)
{
	if (!route_redirected(endpoint->name))
		return config->on_removal == CONFIG_REMOVE;
	return config->redirected != CONFIG_REDIRECTED_KEEP;
}
