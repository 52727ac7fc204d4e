/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon's job, once. The watcher says which readers hold a card; each of them gets its own
 * chain of pipelines, all readers side by side. The watcher stays until the end: a reader that
 * changes meanwhile makes its scan worthless, and what the scan found gone may not be taken away.
 *
 * A real look ends with the store alone, told of every token that is here now: only then can claims
 * of cards that have left be judged.
 *
 * Not here: retries. A reader that is held by somebody else is reported as waiting, and the user,
 * or the daemon, tries again.
 */

#include "look.h"

#include <string.h>

#include "chain.h"
#include "names.h"
#include "text.h"
#include "watcher.h"

#define LOOK_ENDPOINT      "local"
#define LOOK_WATCH_SECONDS 5 /* for certprop-watch's first word */

struct LookWork {
	Look *look;
	LookMode mode;
	ChainShared shared;
	GPtrArray *others; /* SeenEndpoint besides "local", borrowed */
	Watcher *watcher;
	guint deadline;    /* for the watcher's first word */
	GPtrArray *chains; /* Chain: one of each reader with a card */
	Chain *last;       /* the store alone */
	bool started;
	bool done;
};

static void chain_destroy(gpointer data)
{
	chain_free(data);
}

static void set_state(SeenEndpoint *endpoint, const char *state, guint32 code, const char *detail)
{
	g_free(endpoint->state);
	g_free(endpoint->detail);
	endpoint->state = g_strdup(state);
	endpoint->code = code;
	endpoint->detail = g_strdup(detail != NULL ? detail : "");
}

static void finish(struct LookWork *work)
{
	g_clear_handle_id(&work->deadline, g_source_remove);
	work->done = true;
}

/* Starts the store alone when all readers are through, and ends the look when that is through. */
static void on_chain_ended(Chain *chain, gpointer data)
{
	struct LookWork *work = data;
	bool settled = true;

	if (chain != NULL && chain == work->last) {
		finish(work);
		return;
	}

	for (guint i = 0; i < work->chains->len; i++) {
		const Chain *each = g_ptr_array_index(work->chains, i);

		if (!chain_ended(each))
			return;
		settled = settled && chain_whole(each);
	}
	work->look->endpoint->settled = settled;
	if (work->mode == LOOK_TOKENS) {
		finish(work);
		return;
	}

	work->last = chain_new(&work->shared, NULL, on_chain_ended, work);
	chain_run(work->last);
}

static void add_reader(struct LookWork *work, const WatcherReader *from)
{
	SeenReader *reader = seen_reader_new(from->name, from->ordinal);

	reader->counter = from->counter;
	if (from->atr != NULL) {
		g_free(reader->atr);
		reader->atr =
			text_hex(g_bytes_get_data(from->atr, NULL), g_bytes_get_size(from->atr));
	}
	g_ptr_array_add(work->look->endpoint->readers, reader);

	if ((from->flags & WIRE_READER_TWIN) != 0)
		seen_reader_set_state(reader, "twin", "another reader has the same name");
	else if ((from->flags & WIRE_READER_UNAVAILABLE) != 0)
		seen_reader_set_state(reader, "failed", "the reader cannot be asked");
	else if ((from->flags & WIRE_READER_MUTE) != 0)
		seen_reader_set_state(reader, "unrecognised", "the card does not answer");
	else if ((from->flags & WIRE_READER_PRESENT) != 0)
		g_ptr_array_add(
			work->chains, chain_new(&work->shared, reader, on_chain_ended, work));
}

static void start(struct LookWork *work, const WatcherView *view)
{
	g_clear_handle_id(&work->deadline, g_source_remove);
	work->started = true;
	set_state(work->look->endpoint, watcher_service_word(view->service), view->code,
		view->detail);
	if (view->service != WIRE_SERVICE_OK) {
		finish(work);
		return;
	}

	for (guint i = 0; i < view->readers->len; i++)
		add_reader(work, g_ptr_array_index(view->readers, i));
	for (guint i = 0; i < work->chains->len; i++)
		chain_run(g_ptr_array_index(work->chains, i));
	if (work->chains->len == 0)
		on_chain_ended(NULL, work);
}

/* The reader is as it was when the look began: same card, or still none. */
static bool unchanged(const WatcherView *view, const SeenReader *reader)
{
	const WatcherReader *now = watcher_view_find(view, reader->name, reader->ordinal);

	return view->service == WIRE_SERVICE_OK && now != NULL && now->counter == reader->counter;
}

/* The store alone goes by all readers: any card that came or went makes it outdated. */
static bool all_unchanged(const WatcherView *view, const SeenEndpoint *endpoint)
{
	if (view->readers->len != endpoint->readers->len)
		return false;

	for (guint i = 0; i < endpoint->readers->len; i++)
		if (!unchanged(view, g_ptr_array_index(endpoint->readers, i)))
			return false;

	return view->service == WIRE_SERVICE_OK;
}

static void on_view(Watcher *watcher, gpointer data)
{
	struct LookWork *work = data;
	const WatcherView *view = watcher_view(watcher);

	if (work->done)
		return;
	if (!work->started) {
		/* UNKNOWN: it died and is started again; the deadline watches that */
		if (view->service != WIRE_SERVICE_UNKNOWN)
			start(work, view);
		return;
	}

	for (guint i = 0; i < work->chains->len; i++) {
		Chain *chain = g_ptr_array_index(work->chains, i);

		if (!unchanged(view, chain_reader(chain)))
			chain_outdate(chain);
	}
	if (work->last != NULL && !all_unchanged(view, work->look->endpoint))
		chain_outdate(work->last);
}

static gboolean on_deadline(gpointer data)
{
	struct LookWork *work = data;
	const GError *error = watcher_error(work->watcher);

	work->deadline = 0;
	set_state(work->look->endpoint, "failed", 0,
		error != NULL ? error->message : NAME_WATCH " said nothing");
	finish(work);

	return G_SOURCE_REMOVE;
}

static GPtrArray *besides_local(const GPtrArray *endpoints)
{
	GPtrArray *others = g_ptr_array_new();

	for (guint i = 0; endpoints != NULL && i < endpoints->len; i++) {
		SeenEndpoint *endpoint = g_ptr_array_index(endpoints, i);

		if (strcmp(endpoint->name, LOOK_ENDPOINT) != 0)
			g_ptr_array_add(others, endpoint);
	}

	return others;
}

Look *look_start(const Config *config, LookMode mode, const GPtrArray *others)
{
	Look *look = g_new0(Look, 1);
	struct LookWork *work = g_new0(struct LookWork, 1);

	look->endpoint = seen_endpoint_new(LOOK_ENDPOINT);
	look->reports = g_ptr_array_new();
	look->errors = g_ptr_array_new_with_free_func(g_free);
	look->work = work;

	work->look = look;
	work->mode = mode;
	work->others = besides_local(others);
	work->shared = (ChainShared){
		.config = config,
		.dry_run = mode != LOOK_APPLY,
		.local = look->endpoint,
		.others = work->others,
		.reports = look->reports,
		.errors = look->errors,
	};
	work->chains = g_ptr_array_new_with_free_func(chain_destroy);
	work->deadline = g_timeout_add_seconds(LOOK_WATCH_SECONDS, on_deadline, work);
	work->watcher = watcher_new(LOOK_ENDPOINT, NULL, false, on_view, work);

	return look;
}

void look_wait(Look *look)
{
	while (!look->work->done)
		g_main_context_iteration(NULL, TRUE);
}

Look *look_free(Look *look)
{
	if (look == NULL)
		return NULL;

	struct LookWork *work = look->work;
	g_clear_handle_id(&work->deadline, g_source_remove);
	watcher_free(work->watcher);
	chain_free(work->last);
	g_ptr_array_unref(work->chains);
	g_ptr_array_unref(work->others);
	g_free(work);

	seen_endpoint_free(look->endpoint);
	g_ptr_array_unref(look->reports);
	g_ptr_array_unref(look->errors);
	g_free(look);

	return NULL;
}
