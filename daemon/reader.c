/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A reader's state follows from what the watcher says of it and from how the last look ended. A
 * look runs one pipeline for each configured module. Whatever changes meanwhile voids it: the scan
 * is killed at once (OpenSC may hang for ever in a card that is gone), the store ends in good
 * order, and then the reader is looked at from the beginning. Nothing is carried over.
 *
 * A failed look is repeated with growing pauses, because nobody tells when an exclusive holder lets
 * go of a card. A card that no module knows is no failure.
 */

#include "reader.h"

#include <string.h>

#include "endpoint.h"
#include "error.h"
#include "manager.h"
#include "names.h"

#define SETTLE_MS      1000u /* more than two of pcscd's polls (400 ms) after the scan's end */
#define PAUSE_FIRST_MS 1000u
#define PAUSE_LAST_MS  60000u
#define BURST_MAX      4u /* looks that start within BURST_US; then the reader has to wait */
#define BURST_US       G_USEC_PER_SEC
#define FLAGS_THAT_COUNT \
	(WIRE_READER_PRESENT | WIRE_READER_MUTE | WIRE_READER_UNAVAILABLE | WIRE_READER_TWIN)

static void consider(Reader *reader);
static void start_module(Reader *reader);

static const char *const state_words[] = {
	[READER_EMPTY] = "empty",
	[READER_SCANNING] = "scanning",
	[READER_READ] = "read",
	[READER_UNRECOGNISED] = "unrecognised",
	[READER_WAITING] = "waiting",
	[READER_FAILED] = "failed",
	[READER_DISABLED] = "disabled",
	[READER_TWIN] = "twin",
};

const char *reader_state_word(ReaderState state)
{
	return state_words[state];
}

static bool has_card(const Reader *reader)
{
	return (reader->flags & WIRE_READER_PRESENT) != 0;
}

bool reader_settled(const Reader *reader)
{
	return !has_card(reader) || reader->known;
}

static void say(Reader *reader, EventKind kind, const char *token, const char *reason)
{
	manager_say(reader->manager, &(const Event){
					     .kind = kind,
					     .endpoint = reader->endpoint,
					     .reader = reader->name,
					     .token = token,
					     .reason = reason,
				     });
}

static void set_state(Reader *reader, ReaderState state, const char *reason)
{
	char *copy = g_strdup(reason);

	reader->state = state;
	g_free(reader->reason);
	reader->reason = copy;
	reader->retry_at = 0;
}

/* Nothing of the look that was to come happens. */
static void clear_timers(Reader *reader)
{
	reader->queued = false;
	g_clear_handle_id(&reader->settle_source, g_source_remove);
	g_clear_handle_id(&reader->retry_source, g_source_remove);
	reader->probe = watcher_free(reader->probe);
}

static gboolean on_retry(gpointer data)
{
	Reader *reader = data;

	reader->retry_source = 0;
	consider(reader);
	manager_settle(reader->manager);
	return G_SOURCE_REMOVE;
}

static void wait_for_retry(Reader *reader, unsigned ms, const char *reason)
{
	set_state(reader, READER_WAITING, reason);
	reader->retry_at = (g_get_real_time() / 1000 + ms + 999) / 1000;
	g_clear_handle_id(&reader->retry_source, g_source_remove);
	reader->retry_source = g_timeout_add(ms, on_retry, reader);
}

/* The same again after a pause that doubles each time. */
static void pause_then_retry(Reader *reader, const char *reason)
{
	wait_for_retry(reader, reader->pause_ms, reason);
	reader->pause_ms = MIN(reader->pause_ms * 2, PAUSE_LAST_MS);
}

/* The watcher is not told of an exclusive holder: nothing wakes it. A fresh one sees him. */
static void on_probe(Watcher *watcher, gpointer data)
{
	Reader *reader = data;
	const WatcherReader *seen =
		watcher_view_find(watcher_view(watcher), reader->name, reader->ordinal);

	if (seen != NULL && (seen->flags & WIRE_READER_EXCLUSIVE) != 0) {
		g_free(reader->reason);
		reader->reason = g_strdup("the card is held exclusively by another program "
					  "(GnuPG's scdaemon does that)");
	}
	say(reader, EVENT_SCAN_FAILED, NULL, reader->reason);
	reader->probe = watcher_free(reader->probe);
}

/* Of a redirected endpoint, else NULL. */
static const char *socket_of(const Reader *reader)
{
	const Endpoint *endpoint = manager_endpoint(reader->manager, reader->endpoint);

	return endpoint != NULL && endpoint->spot != NULL ? spot_site(endpoint->spot)->socket
							  : NULL;
}

static void look_failed(Reader *reader, const GError *error)
{
	pause_then_retry(reader, error->message);
	if (g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED) ||
		g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_BUSY))
		reader->probe =
			watcher_new(reader->endpoint, socket_of(reader), true, on_probe, reader);
	else
		say(reader, EVENT_SCAN_FAILED, NULL, error->message);
}

/* A token that was read here before is not here any more although no event said so: a card can be
   exchanged between two of pcscd's polls. */
static bool has_lost_token(const Reader *reader)
{
	for (guint i = 0; i < reader->tokens->len; i++) {
		const ReportToken *old = g_ptr_array_index(reader->tokens, i);
		bool found = false;

		for (guint j = 0; !found && j < reader->found->len; j++) {
			const ReportToken *read = g_ptr_array_index(reader->found, j);

			found = token_equal(old->token, read->token);
		}
		if (!found)
			return true;
	}

	return false;
}

/* With a contact that fails for a moment OpenSC finds no card or half of it, and calls that a
   success. So that there is nothing, or no more what there was, is believed when it is said twice.
 */
static const char *doubtful(const Reader *reader)
{
	if (reader->doubted)
		return NULL;
	if (reader->found->len == 0)
		return "no module knows the card; it is looked at once more";
	if (has_lost_token(reader))
		return "it is another card without having been out; it is looked at once more";
	return NULL;
}

static void look_succeeded(Reader *reader)
{
	const char *doubt = doubtful(reader);

	reader->doubted = doubt != NULL;
	if (doubt != NULL) {
		wait_for_retry(reader, PAUSE_FIRST_MS, doubt);
		return;
	}
	if (has_lost_token(reader))
		manager_changed(reader->manager, reader->endpoint, true);
	g_ptr_array_unref(reader->tokens);
	reader->tokens = g_steal_pointer(&reader->found);
	reader->known = true;
	/* A look at a card leaves to the store alone what is not this card's. */
	batch_due(reader->manager->batch);

	for (guint i = 0; i < reader->tokens->len; i++) {
		const ReportToken *read = g_ptr_array_index(reader->tokens, i);

		say(reader, EVENT_READ, read->token->label, NULL);
	}
	if (reader->tokens->len == 0)
		say(reader, EVENT_READ, NULL, "no module knows it");

	if (reader->store_again) {
		pause_then_retry(reader, "a database could not be written");
		return;
	}
	reader->pause_ms = PAUSE_FIRST_MS;
	set_state(reader, reader->tokens->len > 0 ? READER_READ : READER_UNRECOGNISED, NULL);
}

static void look_ended(Reader *reader)
{
	g_autoptr(GError) failure = g_steal_pointer(&reader->failure);

	if (failure != NULL)
		look_failed(reader, failure);
	else
		look_succeeded(reader);
	g_clear_pointer(&reader->found, g_ptr_array_unref);
	manager_settle(reader->manager);
}

/* Why the look with this module does not count, or NULL. */
static GError *pipeline_failure(
	const Report *report, const GError *scan_error, const GError *store_error)
{
	if (scan_error != NULL)
		return g_error_copy(scan_error);
	if (store_error != NULL)
		return g_error_copy(store_error);
	if (report->errors->len > 0)
		return g_error_new_literal(
			CERTPROP_ERROR, (int)report->code, g_ptr_array_index(report->errors, 0));
	return NULL;
}

static void keep_tokens(Reader *reader, const Report *report)
{
	for (guint i = 0; i < report->tokens->len; i++)
		g_ptr_array_add(
			reader->found, report_token_dup(g_ptr_array_index(report->tokens, i)));
}

static void on_done(Pipeline *pipeline, const Report *report, const GError *scan_error,
	const GError *store_error, gpointer data)
{
	Reader *reader = data;
	g_autoptr(GError) failure = pipeline_failure(report, scan_error, store_error);

	g_clear_handle_id(&reader->settle_source, g_source_remove);
	if (manager_take_report(reader->manager, report, reader->endpoint, reader->name))
		reader->store_again = true;
	if (failure == NULL && reader->found != NULL)
		keep_tokens(reader, report);
	reader->pipeline = pipeline_free(reader->pipeline);

	if (reader->gone) {
		manager_reader_left(reader->manager, reader);
	} else if (reader->again) {
		reader->again = false;
		consider(reader);
		manager_settle(reader->manager);
	} else {
		if (reader->failure == NULL)
			reader->failure = g_steal_pointer(&failure);
		if (reader->manager->config->modules[++reader->module] != NULL)
			start_module(reader);
		else
			look_ended(reader);
	}
}

static gboolean on_settled(gpointer data)
{
	Reader *reader = data;

	/* Had the card changed meanwhile, this timer would be gone. */
	reader->settle_source = 0;
	pipeline_confirm(reader->pipeline, true, "");
	return G_SOURCE_REMOVE;
}

static void on_pending(Pipeline *pipeline, unsigned n, gpointer data)
{
	Reader *reader = data;

	reader->settle_source = g_timeout_add(SETTLE_MS, on_settled, reader);
}

static void on_step(
	Pipeline *pipeline, const ReportDatabase *database, const ReportStep *step, gpointer data)
{
	Reader *reader = data;

	manager_say_step(reader->manager, database, step, reader->endpoint, reader->name);
}

static void on_progress(Pipeline *pipeline, unsigned n, gpointer data)
{
	Reader *reader = data;
	g_autofree char *text = g_strdup_printf("%u certificate%s so far", n, n == 1 ? "" : "s");

	reader->n_certs = n;
	say(reader, EVENT_PROGRESS, NULL, text);
}

static void start_module(Reader *reader)
{
	static const PipelineFuncs funcs = {
		.pending = on_pending, .progress = on_progress, .step = on_step, .done = on_done};
	const char *module = reader->manager->config->modules[reader->module];
	g_autoptr(Presence) presence = manager_presence(reader->manager);
	g_autoptr(GPtrArray) others = manager_other_readers(reader->manager, reader);

	say(reader, EVENT_SCAN, NULL, module);
	reader->pipeline = pipeline_start(
		&(const PipelineRequest){
			.mode = WIRE_STORE_APPLY,
			.session = reader->manager->since,
			.config = reader->manager->config,
			.endpoint = reader->endpoint,
			.socket = socket_of(reader),
			.reader = reader->name,
			.module = module,
			.others = others,
			.endpoints = presence->endpoints,
			.present = presence->present,
		},
		&funcs, reader);
}

/* Cards behind one slow line would only hinder each other. */
static bool turn_allows(Reader *reader)
{
	const Endpoint *endpoint = manager_endpoint(reader->manager, reader->endpoint);

	if (endpoint == NULL || endpoint->spot == NULL || !endpoint_busy(endpoint))
		return true;

	set_state(reader, READER_WAITING, "another card of this connection is being read");
	reader->queued = true;
	return false;
}

/* false if the reader has changed so often that it has to wait. */
static bool burst_allows(Reader *reader)
{
	gint64 now = g_get_monotonic_time();

	if (now - reader->burst_start >= BURST_US) {
		reader->burst_start = now;
		reader->burst_n = 0;
	}
	if (reader->burst_n < BURST_MAX) {
		reader->burst_n++;
		return true;
	}

	wait_for_retry(reader, (unsigned)((reader->burst_start + BURST_US - now) / 1000) + 1,
		"the reader changes too often");
	return false;
}

/* Why the card cannot be read whatever we do, or NULL. */
static const char *hopeless(const Reader *reader)
{
	if ((reader->flags & WIRE_READER_UNAVAILABLE) != 0)
		return "the reader is not available";
	if ((reader->flags & WIRE_READER_MUTE) != 0)
		return "the card does not answer";
	return NULL;
}

/* Does what the reader's state calls for. No pipeline runs; manager_settle() is the caller's. */
static void consider(Reader *reader)
{
	const Config *config = reader->manager->config;

	clear_timers(reader);
	if (!has_card(reader)) {
		set_state(reader, READER_EMPTY, NULL);
	} else if ((reader->flags & WIRE_READER_TWIN) != 0) {
		set_state(reader, READER_TWIN, "another reader has the same name");
	} else if (!config->enabled) {
		set_state(reader, READER_DISABLED, NULL);
	} else if (hopeless(reader) != NULL) {
		set_state(reader, READER_FAILED, hopeless(reader));
		say(reader, EVENT_SCAN_FAILED, NULL, reader->reason);
	} else if (config->modules == NULL || config->modules[0] == NULL) {
		set_state(reader, READER_FAILED, "no module is configured");
	} else if (turn_allows(reader) && burst_allows(reader)) {
		set_state(reader, READER_SCANNING, NULL);
		reader->since = g_get_real_time() / G_USEC_PER_SEC;
		reader->n_certs = 0;
		reader->module = 0;
		reader->store_again = false;
		reader->found = report_tokens_new();
		start_module(reader);
	}
}

/* Ends the look that runs, if there is one; another begins as soon as it has ended. */
static void look_from_start(Reader *reader, const char *why)
{
	clear_timers(reader);
	g_clear_error(&reader->failure);
	g_clear_pointer(&reader->found, g_ptr_array_unref);
	if (reader->pipeline == NULL) {
		consider(reader);
		return;
	}

	reader->again = true;
	pipeline_cancel(reader->pipeline, why);
}

void reader_look(Reader *reader)
{
	look_from_start(reader, "everything is looked at again");
}

static void copy_seen(Reader *reader, const WatcherReader *seen)
{
	reader->flags = seen->flags;
	reader->counter = seen->counter;
	g_bytes_ref(seen->atr);
	g_clear_pointer(&reader->atr, g_bytes_unref);
	reader->atr = seen->atr;
}

void reader_update(Reader *reader, const WatcherReader *seen)
{
	bool changed = ((reader->flags ^ seen->flags) & FLAGS_THAT_COUNT) != 0 ||
		       reader->counter != seen->counter;
	bool had = has_card(reader);
	bool let_go = (reader->flags & ~seen->flags & WIRE_READER_EXCLUSIVE) != 0;

	copy_seen(reader, seen);
	if (!changed) {
		if (let_go && reader->state == READER_WAITING)
			consider(reader);
		return;
	}

	if (had)
		say(reader, EVENT_CARD_OUT, NULL, NULL);
	if (has_card(reader))
		say(reader, EVENT_CARD_IN, NULL, NULL);
	reader->known = false;
	reader->doubted = false;
	g_ptr_array_set_size(reader->tokens, 0);
	reader->pause_ms = PAUSE_FIRST_MS;
	manager_changed(reader->manager, reader->endpoint, had);
	if (had)
		endpoint_card_left(manager_endpoint(reader->manager, reader->endpoint));
	look_from_start(reader, "the card or its reader changed");
}

Reader *reader_new(Manager *manager, const char *endpoint, const WatcherReader *seen)
{
	Reader *reader = g_new0(Reader, 1);

	reader->manager = manager;
	reader->endpoint = g_strdup(endpoint);
	reader->name = g_strdup(seen->name);
	reader->ordinal = seen->ordinal;
	reader->tokens = report_tokens_new();
	reader->pause_ms = PAUSE_FIRST_MS;
	copy_seen(reader, seen);
	return reader;
}

void reader_begin(Reader *reader)
{
	if (has_card(reader)) {
		say(reader, EVENT_CARD_IN, NULL, NULL);
		manager_changed(reader->manager, reader->endpoint, false);
	}
	consider(reader);
}

void reader_take_turn(Reader *reader)
{
	consider(reader);
}

bool reader_leave(Reader *reader)
{
	clear_timers(reader);
	if (has_card(reader))
		say(reader, EVENT_CARD_OUT, NULL, NULL);
	if (reader->pipeline == NULL) {
		reader_free(reader);
		return true;
	}

	reader->gone = true;
	pipeline_cancel(reader->pipeline, "the reader is gone");
	return false;
}

void reader_free(Reader *reader)
{
	if (reader == NULL)
		return;

	clear_timers(reader);
	pipeline_free(reader->pipeline);
	g_clear_pointer(&reader->found, g_ptr_array_unref);
	g_clear_error(&reader->failure);
	g_ptr_array_unref(reader->tokens);
	g_bytes_unref(reader->atr);
	g_free(reader->reason);
	g_free(reader->endpoint);
	g_free(reader->name);
	g_free(reader);
}
