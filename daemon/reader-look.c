/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One look at the card in a reader: a pipeline for each configured module, one after the other, and
 * what is made of what they say.
 *
 * A failed look is repeated with growing pauses, because nobody tells when an exclusive holder lets
 * go of a card. A card that no module knows is no failure, if it is a card that no module knows:
 * one that only does not answer its driver for a while looks the same, and OpenSC calls both a
 * success. So nobody takes it for another card than the one that was read in it, and it gets a
 * minute to come round.
 *
 * One that was read, while a database could not be written, is read again for it. Most of what
 * keeps a database from being written is watched for (vigil.c) and what is not may last for ever,
 * so the pauses become long: each such look keeps other programs from the card.
 */

#include <string.h>

#include "endpoint.h"
#include "error.h"
#include "manager.h"
#include "names.h"
#include "reader-internal.h"
#include "route.h"

#define DOUBTS_MAX 6u      /* further looks at a card that no module knows, 63 s in all */
#define HOLDER_MS  60000u  /* the longest pause for a holder to let go, or a card to come round */
#define WRITE_MS   900000u /* and for a database, of which the vigil knows more */
#define SETTLE_MS  1000u   /* more than two of pcscd's polls (400 ms) after the scan's end */

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
	reader_say(reader, EVENT_SCAN_FAILED, NULL, reader->reason);
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
	reader_pause(reader, HOLDER_MS, error->message);
	if (g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED) ||
		g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_BUSY))
		reader->probe =
			watcher_new(reader->endpoint, socket_of(reader), true, on_probe, reader);
	else
		reader_say(reader, EVENT_SCAN_FAILED, NULL, error->message);
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
	if (reader->doubts > 0)
		return NULL;
	if (reader->found->len == 0)
		return "no module knows the card; it is looked at once more";
	if (has_lost_token(reader))
		return "it is another card without having been out; it is looked at once more";
	return NULL;
}

/* What was read of this card is not unread by a look that finds nothing. */
static bool fell_silent(const Reader *reader)
{
	return reader->found->len == 0 && reader->tokens->len > 0;
}

/* Until it has been looked at often, one that nobody saw come may be any whose certificates are
   here. One that came before our eyes is not: the others were seen to leave. */
static void nobody_knows(Reader *reader)
{
	bool again = reader->doubts < DOUBTS_MAX;

	reader->known = reader->known || !reader->was_in || !again;
	if (reader->doubts == 1)
		reader_say(reader, EVENT_READ, NULL, "no module knows it");
	reader_set_state(reader, READER_UNRECOGNISED, again ? "it is looked at again" : NULL);
	if (again)
		reader_retry(reader, READER_PAUSE_FIRST_MS << reader->doubts++);
}

static void look_succeeded(Reader *reader)
{
	const char *doubt = doubtful(reader);

	if (fell_silent(reader)) {
		g_autoptr(GError) silent =
			g_error_new_literal(CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
				"no module knows the card any more, although it has not been out");

		look_failed(reader, silent);
		return;
	}
	if (doubt != NULL) {
		reader->doubts = 1;
		reader_wait(reader, READER_PAUSE_FIRST_MS, doubt);
		return;
	}
	if (has_lost_token(reader))
		manager_changed(reader->manager, reader->endpoint, true);
	g_ptr_array_unref(reader->tokens);
	reader->tokens = g_steal_pointer(&reader->found);
	/* A look at a card leaves to the store alone what is not this card's. */
	batch_due(reader->manager->batch);

	for (guint i = 0; i < reader->tokens->len; i++) {
		const ReportToken *read = g_ptr_array_index(reader->tokens, i);

		reader_say(reader, EVENT_READ, read->token->label, NULL);
	}
	if (reader->tokens->len == 0) {
		nobody_knows(reader);
		return;
	}

	reader->known = true;
	reader->doubts = 0;
	if (reader->store_again) {
		reader_pause(reader, WRITE_MS, "a database could not be written");
		return;
	}
	reader->pause_ms = READER_PAUSE_FIRST_MS;
	reader_set_state(reader, READER_READ, NULL);
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
		reader_consider(reader);
		manager_settle(reader->manager);
	} else {
		if (reader->failure == NULL)
			reader->failure = g_steal_pointer(&failure);
		if (reader->manager->config->modules[++reader->module] != NULL)
			reader_start_module(reader);
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
	reader_say(reader, EVENT_PROGRESS, NULL, text);
}

/* Nothing that a session brings stays without being looked at: either the line comes back, and the
   card is read from the beginning, or the grace ends. */
static bool judged_later(const Reader *reader)
{
	return route_redirected(reader->endpoint) &&
	       reader->manager->config->redirected == CONFIG_REDIRECTED_SESSION;
}

void reader_start_module(Reader *reader)
{
	static const PipelineFuncs funcs = {
		.pending = on_pending, .progress = on_progress, .step = on_step, .done = on_done};
	const char *module = reader->manager->config->modules[reader->module];
	g_autoptr(Presence) presence = manager_presence(reader->manager);
	g_autoptr(GPtrArray) others = manager_other_readers(reader->manager, reader);

	reader_say(reader, EVENT_SCAN, NULL, module);
	reader->pipeline = pipeline_start(
		&(const PipelineRequest){
			.mode = WIRE_STORE_APPLY,
			.flags = WIRE_STORE_CUES,
			.session = reader->manager->since,
			.config = reader->manager->config,
			.endpoint = reader->endpoint,
			.socket = socket_of(reader),
			.reader = reader->name,
			.module = module,
			.others = others,
			.endpoints = presence->endpoints,
			.present = presence->present,
			.judged_later = judged_later(reader),
		},
		&funcs, reader);
}
