/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Modules of one reader take turns, because two of them in one card at once disturb each other. A
 * module that fails does not stop those after it, but the reader then counts as not read.
 *
 * What a pipeline wants to take away is confirmed after a settle time in which nobody has called
 * chain_outdate(). A dry run takes nothing away, so it need not wait.
 */

#include "chain.h"

#include <string.h>

#include "error.h"
#include "pipeline.h"
#include "tell.h"

struct Chain {
	const ChainShared *shared;
	const SeenEndpoint *endpoint; /* the reader's */
	char *socket;
	SeenReader *reader;
	ChainFunc ended_func;
	gpointer data;

	guint next;           /* index of the next module */
	Pipeline *pipeline;   /* running, else NULL */
	GPtrArray *pipelines; /* ended ones: the reports are theirs */
	guint settle;
	bool ended;
	bool outdated;
	bool confirmed; /* what was to go may be going already */
	bool waiting;   /* somebody else holds the card */
	bool unknown;   /* no module knows it: it may be one that only does not answer */
	char *failure;  /* of the first module that failed, or NULL */
};

static void run_next(Chain *chain);

static void pipeline_destroy(gpointer data)
{
	pipeline_free(data);
}

/* OpenSC may take such a card for none at all. It is there, so nothing may be concluded. */
static void take_for_held(Chain *chain)
{
	g_free(chain->failure);
	chain->failure = g_strdup("the card is held exclusively by another program "
				  "(GnuPG's scdaemon does that)");
	chain->waiting = true;
}

static void end(Chain *chain)
{
	SeenReader *reader = chain->reader;

	chain->ended = true;
	if (reader != NULL && reader->exclusive && reader->tokens->len == 0 && !chain->outdated)
		take_for_held(chain);
	if (reader != NULL && chain->failure != NULL)
		seen_reader_set_state(
			reader, chain->waiting ? "waiting" : "failed", chain->failure);
	else if (reader != NULL && reader->tokens->len > 0)
		seen_reader_set_state(reader, "read", "");
	else if (reader != NULL)
		seen_reader_set_state(reader, "unrecognised", "no module knows this card");
	chain->unknown = reader != NULL && reader->tokens->len == 0;

	chain->ended_func(chain, chain->data);
}

static void fail(Chain *chain, const char *message)
{
	if (chain->failure == NULL)
		chain->failure = g_strdup(message);
}

static void take_tokens(Chain *chain, const Report *report)
{
	for (guint i = 0; i < report->tokens->len; i++) {
		const ReportToken *token = g_ptr_array_index(report->tokens, i);

		g_ptr_array_add(chain->reader->tokens,
			seen_token_new(token->token, token->module, token->n_certs));
	}
}

static void on_done(Pipeline *pipeline, const Report *report, const GError *scan_error,
	const GError *store_error, gpointer data)
{
	Chain *chain = data;

	g_clear_handle_id(&chain->settle, g_source_remove);
	chain->pipeline = NULL;
	g_ptr_array_add(chain->pipelines, pipeline);
	g_ptr_array_add(chain->shared->reports, (gpointer)report);

	if (store_error != NULL)
		g_ptr_array_add(chain->shared->errors, g_strdup(store_error->message));
	if (chain->reader != NULL && scan_error != NULL) {
		chain->waiting = g_error_matches(scan_error, CERTPROP_ERROR, CERTPROP_ERROR_BUSY);
		fail(chain, scan_error->message);
	} else if (chain->reader != NULL && store_error != NULL) {
		fail(chain, store_error->message); /* it is the store that tells what was read */
	} else if (chain->reader != NULL) {
		take_tokens(chain, report);
	}

	run_next(chain);
}

static gboolean on_settled(gpointer data)
{
	Chain *chain = data;

	chain->settle = 0;
	chain->confirmed = true;
	pipeline_confirm(chain->pipeline, true, "");

	return G_SOURCE_REMOVE;
}

static void on_pending(Pipeline *pipeline, unsigned n, gpointer data)
{
	Chain *chain = data;

	if (chain->outdated)
		pipeline_confirm(pipeline, false, "the readers changed meanwhile");
	else if (chain->shared->dry_run)
		pipeline_confirm(pipeline, true, "");
	else if (chain->settle == 0)
		chain->settle = g_timeout_add(CHAIN_SETTLE_MS, on_settled, chain);
}

/* The names of all readers but this one, borrowed: one bad reader must not spoil the scan of
 * another. */
static GPtrArray *other_readers(const SeenEndpoint *endpoint, const SeenReader *reader)
{
	GPtrArray *names = g_ptr_array_new();

	for (guint i = 0; i < endpoint->readers->len; i++) {
		const SeenReader *other = g_ptr_array_index(endpoint->readers, i);

		if (strcmp(other->name, reader->name) != 0)
			g_ptr_array_add(names, other->name);
	}

	return names;
}

/* `module` NULL: the store alone. */
static void start_pipeline(Chain *chain, const char *module)
{
	const ChainShared *shared = chain->shared;
	g_autoptr(Presence) presence = presence_new();
	g_autoptr(GPtrArray) readers = NULL;
	const PipelineFuncs funcs = {.pending = on_pending, .done = on_done};

	tell_add_all(presence, shared->endpoints);
	tell_add_others(presence, shared->others);

	PipelineRequest request = {
		.mode = WIRE_STORE_APPLY,
		.flags = shared->dry_run ? WIRE_STORE_DRY_RUN : 0,
		.config = shared->config,
		.endpoints = presence->endpoints,
		.present = presence->present,
		.expecting = shared->expecting,
	};
	if (module != NULL) {
		readers = other_readers(chain->endpoint, chain->reader);
		request.endpoint = chain->endpoint->name;
		request.socket = chain->socket;
		request.reader = chain->reader->name;
		request.module = module;
		request.others = readers;
	}
	chain->pipeline = pipeline_start(&request, &funcs, chain);
}

static void run_next(Chain *chain)
{
	char **modules = chain->shared->config->modules;
	guint n_modules = modules != NULL ? g_strv_length(modules) : 0;
	guint n = chain->reader != NULL ? n_modules : 1;
	guint i = chain->next++;

	if (chain->outdated || i >= n)
		end(chain);
	else
		start_pipeline(chain, chain->reader != NULL ? modules[i] : NULL);
}

Chain *chain_new(const ChainShared *shared, const SeenEndpoint *endpoint, const char *socket,
	SeenReader *reader, ChainFunc ended, gpointer data)
{
	Chain *chain = g_new0(Chain, 1);

	chain->shared = shared;
	chain->endpoint = endpoint;
	chain->socket = g_strdup(socket);
	chain->reader = reader;
	chain->ended_func = ended;
	chain->data = data;
	chain->pipelines = g_ptr_array_new_with_free_func(pipeline_destroy);
	if (reader != NULL)
		seen_reader_set_state(reader, "scanning", "");

	return chain;
}

void chain_run(Chain *chain)
{
	run_next(chain);
}

void chain_outdate(Chain *chain)
{
	if (chain->ended || chain->outdated)
		return;

	chain->outdated = true;
	fail(chain, "the readers changed while the card was being read");
	if (chain->settle != 0) {
		g_clear_handle_id(&chain->settle, g_source_remove);
		pipeline_confirm(chain->pipeline, false, chain->failure);
	} else if (chain->reader != NULL && chain->pipeline != NULL) {
		pipeline_cancel(chain->pipeline, chain->failure);
	}
}

Chain *chain_free(Chain *chain)
{
	if (chain == NULL)
		return NULL;

	g_clear_handle_id(&chain->settle, g_source_remove);
	pipeline_free(chain->pipeline);
	g_ptr_array_unref(chain->pipelines);
	g_free(chain->socket);
	g_free(chain->failure);
	g_free(chain);

	return NULL;
}

const SeenReader *chain_reader(const Chain *chain)
{
	return chain->reader;
}

bool chain_ended(const Chain *chain)
{
	return chain->ended;
}

bool chain_overtaken(const Chain *chain)
{
	return chain->confirmed && chain->outdated;
}

bool chain_whole(const Chain *chain)
{
	return chain->ended && chain->failure == NULL && !chain->unknown;
}
