/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The watcher says which readers hold a card; each of them gets its own chain of pipelines, all
 * readers side by side, or behind a slow line one after the other. The watcher stays until the end:
 * a reader that changes meanwhile makes its scan worthless, and what the scan found gone may not be
 * taken away.
 */

#include "post.h"

#include "names.h"
#include "route.h"
#include "text.h"
#include "watcher.h"

#define POST_WATCH_SECONDS 5 /* for certprop-watch's first word */

struct Post {
	const ChainShared *shared;
	SeenEndpoint *endpoint;
	char *socket;
	PostFunc ended_func;
	PostFunc changed_func;
	gpointer data;

	Watcher *watcher;
	guint deadline;    /* for the watcher's first word */
	GPtrArray *chains; /* Chain: one of each reader with a card */
	guint n_run;       /* of them, so many have been started */
	bool started;
	bool changed; /* since it has started: what was seen of some reader is not so any more */
	bool ended;
};

static void chain_destroy(gpointer data)
{
	chain_free(data);
}

static void end(Post *post)
{
	g_clear_handle_id(&post->deadline, g_source_remove);
	post->ended = true;
	post->ended_func(post, post->data);
}

static void run_next(Post *post)
{
	if (post->n_run < post->chains->len)
		chain_run(g_ptr_array_index(post->chains, post->n_run++));
}

/* All of them at once, unless they would be in each other's way. */
static void run(Post *post)
{
	guint n = route_redirected(post->endpoint->name) ? 1 : post->chains->len;

	for (guint i = 0; i < n; i++)
		run_next(post);
}

static void on_chain_ended(Chain *chain, gpointer data)
{
	Post *post = data;
	bool settled = true;

	if (route_redirected(post->endpoint->name))
		run_next(post);
	for (guint i = 0; i < post->chains->len; i++) {
		const Chain *each = g_ptr_array_index(post->chains, i);

		if (!chain_ended(each))
			return;
		settled = settled && chain_whole(each);
	}
	if (post->ended)
		return; /* one that ended within another's end was the last */

	post->endpoint->settled = settled && !post->changed;
	end(post);
}

static void add_reader(Post *post, const WatcherReader *from)
{
	SeenReader *reader = seen_reader_new(from->name, from->ordinal);

	reader->counter = from->counter;
	reader->exclusive = (from->flags & WIRE_READER_EXCLUSIVE) != 0;
	reader->unavailable = (from->flags & WIRE_READER_UNAVAILABLE) != 0;
	if (from->atr != NULL) {
		g_free(reader->atr);
		reader->atr =
			text_hex(g_bytes_get_data(from->atr, NULL), g_bytes_get_size(from->atr));
	}
	g_ptr_array_add(post->endpoint->readers, reader);

	if ((from->flags & WIRE_READER_TWIN) != 0)
		seen_reader_set_state(reader, "twin", "another reader has the same name");
	else if ((from->flags & WIRE_READER_UNAVAILABLE) != 0)
		seen_reader_set_state(reader, "failed", "the reader cannot be asked");
	else if ((from->flags & WIRE_READER_MUTE) != 0)
		seen_reader_set_state(reader, "unrecognised", "the card does not answer");
	else if ((from->flags & WIRE_READER_PRESENT) != 0)
		g_ptr_array_add(post->chains, chain_new(post->shared, post->endpoint, post->socket,
						      reader, on_chain_ended, post));
}

static void start(Post *post, const WatcherView *view)
{
	g_clear_handle_id(&post->deadline, g_source_remove);
	post->started = true;
	seen_endpoint_set_state(
		post->endpoint, watcher_service_word(view->service), view->code, view->detail);
	if (view->service != WIRE_SERVICE_OK) {
		/* That nobody is there is a word about the cards, any other failure is none. */
		post->endpoint->unheard = view->service != WIRE_SERVICE_ABSENT;
		end(post);
		return;
	}

	for (guint i = 0; i < view->readers->len; i++)
		add_reader(post, g_ptr_array_index(view->readers, i));
	if (post->chains->len > 0) {
		run(post);
	} else {
		post->endpoint->settled = true;
		end(post);
	}
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

/* The watcher has not said a word, and will not. */
static void give_up(Post *post)
{
	const GError *error = watcher_error(post->watcher);

	seen_endpoint_set_state(post->endpoint, "failed", 0,
		error != NULL ? error->message : NAME_WATCH " said nothing");
	post->endpoint->unheard = true;
	end(post);
}

static void on_view(Watcher *watcher, gpointer data)
{
	Post *post = data;
	const WatcherView *view = watcher_view(watcher);

	if (!post->started && !post->ended) {
		/* UNKNOWN: it died and is started again; the deadline watches that */
		if (view->service != WIRE_SERVICE_UNKNOWN)
			start(post, view);
		else if (watcher_unstartable(watcher))
			give_up(post);
		return;
	}

	for (guint i = 0; i < post->chains->len; i++) {
		Chain *chain = g_ptr_array_index(post->chains, i);

		if (!unchanged(view, chain_reader(chain)))
			chain_outdate(chain);
	}
	if (!all_unchanged(view, post->endpoint)) {
		/* Whether the store alone runs already or is still to come, and also if the reader
		   has no chain. */
		post->changed = true;
		post->endpoint->settled = false;
		/* One that was absent may be back. */
		post->endpoint->unheard =
			post->endpoint->unheard || view->service == WIRE_SERVICE_OK;
		post->changed_func(post, post->data);
	}
}

static gboolean on_deadline(gpointer data)
{
	Post *post = data;

	post->deadline = 0;
	give_up(post);

	return G_SOURCE_REMOVE;
}

Post *post_new(const ChainShared *shared, SeenEndpoint *endpoint, const char *socket,
	PostFunc ended, PostFunc changed, gpointer data)
{
	Post *post = g_new0(Post, 1);

	post->shared = shared;
	post->endpoint = endpoint;
	post->socket = g_strdup(socket);
	post->ended_func = ended;
	post->changed_func = changed;
	post->data = data;
	post->chains = g_ptr_array_new_with_free_func(chain_destroy);
	post->deadline = g_timeout_add_seconds(POST_WATCH_SECONDS, on_deadline, post);
	post->watcher = watcher_new(endpoint->name, socket, false, on_view, post);
	watcher_set_impatient(post->watcher);

	return post;
}

void post_rest(Post *post)
{
	g_clear_handle_id(&post->deadline, g_source_remove);
	post->watcher = watcher_free(post->watcher);
}

Post *post_free(Post *post)
{
	if (post == NULL)
		return NULL;

	g_clear_handle_id(&post->deadline, g_source_remove);
	watcher_free(post->watcher);
	g_ptr_array_unref(post->chains);
	g_free(post->socket);
	g_free(post);

	return NULL;
}

bool post_ended(const Post *post)
{
	return post->ended;
}
