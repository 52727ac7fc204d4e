/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A reader's state follows from what the watcher says of it and from how the last look ended
 * (reader-look.c). Whatever changes meanwhile voids it: the scan is killed at once (OpenSC may hang
 * for ever in a card that is gone), the store ends in good order, and then the reader is looked at
 * from the beginning. Nothing is carried over.
 */

#include "reader.h"

#include "endpoint.h"
#include "manager.h"
#include "reader-internal.h"

#define BURST_MAX 4u /* looks that start within BURST_US; then the reader has to wait */
#define BURST_US  G_USEC_PER_SEC
#define FLAGS_THAT_COUNT \
	(WIRE_READER_PRESENT | WIRE_READER_MUTE | WIRE_READER_UNAVAILABLE | WIRE_READER_TWIN)

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

void reader_say(Reader *reader, EventKind kind, const char *token, const char *reason)
{
	manager_say(reader->manager, &(const Event){
					     .kind = kind,
					     .endpoint = reader->endpoint,
					     .reader = reader->name,
					     .token = token,
					     .reason = reason,
				     });
}

void reader_set_state(Reader *reader, ReaderState state, const char *reason)
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
	reader_consider(reader);
	manager_settle(reader->manager);
	return G_SOURCE_REMOVE;
}

void reader_retry(Reader *reader, unsigned ms)
{
	reader->retry_at = (g_get_real_time() / 1000 + ms + 999) / 1000;
	g_clear_handle_id(&reader->retry_source, g_source_remove);
	reader->retry_source = g_timeout_add(ms, on_retry, reader);
}

void reader_wait(Reader *reader, unsigned ms, const char *reason)
{
	reader_set_state(reader, READER_WAITING, reason);
	reader_retry(reader, ms);
}

void reader_pause(Reader *reader, unsigned last_ms, const char *reason)
{
	unsigned ms = MIN(reader->pause_ms, last_ms);

	reader_wait(reader, ms, reason);
	reader->pause_ms = ms * 2;
}

/* Cards behind one slow line would only hinder each other. */
static bool turn_allows(Reader *reader)
{
	const Endpoint *endpoint = manager_endpoint(reader->manager, reader->endpoint);

	if (endpoint == NULL || endpoint->spot == NULL || !endpoint_busy(endpoint))
		return true;

	reader_set_state(reader, READER_WAITING, "another card of this connection is being read");
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

	reader_wait(reader, (unsigned)((reader->burst_start + BURST_US - now) / 1000) + 1,
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

void reader_consider(Reader *reader)
{
	const Config *config = reader->manager->config;

	clear_timers(reader);
	if (!has_card(reader)) {
		reader_set_state(reader, READER_EMPTY, NULL);
	} else if ((reader->flags & WIRE_READER_TWIN) != 0) {
		reader_set_state(reader, READER_TWIN, "another reader has the same name");
	} else if (!config->enabled) {
		reader_set_state(reader, READER_DISABLED, NULL);
	} else if (hopeless(reader) != NULL) {
		reader_set_state(reader, READER_FAILED, hopeless(reader));
		reader_say(reader, EVENT_SCAN_FAILED, NULL, reader->reason);
	} else if (config->modules == NULL || config->modules[0] == NULL) {
		reader_set_state(reader, READER_FAILED, "no module is configured");
	} else if (turn_allows(reader) && burst_allows(reader)) {
		reader_set_state(reader, READER_SCANNING, NULL);
		reader->since = g_get_real_time() / G_USEC_PER_SEC;
		reader->n_certs = 0;
		reader->module = 0;
		reader->store_again = false;
		reader->found = report_tokens_new();
		reader_start_module(reader);
	}
}

/* Ends the look that runs, if there is one; another begins as soon as it has ended. */
static void look_from_start(Reader *reader, const char *why)
{
	clear_timers(reader);
	g_clear_error(&reader->failure);
	g_clear_pointer(&reader->found, g_ptr_array_unref);
	if (reader->pipeline == NULL) {
		reader_consider(reader);
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
			reader_consider(reader);
		return;
	}

	if (had)
		reader_say(reader, EVENT_CARD_OUT, NULL, NULL);
	if (has_card(reader))
		reader_say(reader, EVENT_CARD_IN, NULL, NULL);
	reader->known = false;
	reader->doubts = 0;
	/* Between two of pcscd's polls the same card may have been out, or only lost its contact.
	 */
	reader->was_in = had && has_card(reader);
	g_ptr_array_set_size(reader->tokens, 0);
	reader->pause_ms = READER_PAUSE_FIRST_MS;
	manager_changed(reader->manager, reader->endpoint, had);
	/* One that is still in has only changed, or is back: nothing has been decided. */
	if (had && !has_card(reader))
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
	reader->pause_ms = READER_PAUSE_FIRST_MS;
	copy_seen(reader, seen);
	return reader;
}

void reader_begin(Reader *reader)
{
	if (has_card(reader)) {
		reader->was_in = true;
		reader_say(reader, EVENT_CARD_IN, NULL, NULL);
		manager_changed(reader->manager, reader->endpoint, false);
	}
	reader_consider(reader);
}

void reader_take_turn(Reader *reader)
{
	reader_consider(reader);
}

/* Nobody said that the reader left: there is nobody any more to say so. */
static bool is_out_of_touch(const Reader *reader)
{
	const Endpoint *endpoint = manager_endpoint(reader->manager, reader->endpoint);

	return endpoint == NULL || !endpoint_live(endpoint);
}

bool reader_leave(Reader *reader)
{
	clear_timers(reader);
	if (has_card(reader))
		reader_say(reader, EVENT_CARD_OUT, NULL, NULL);
	if (reader->pipeline == NULL) {
		reader_free(reader);
		return true;
	}

	reader->gone = true;
	if (is_out_of_touch(reader))
		pipeline_lose(reader->pipeline, "the connection is gone");
	else
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
