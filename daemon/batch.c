/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scans bring their own store; this is the store alone, for what no card brings: claims of
 * endpoints that are not live, of tokens that left, and of the session that ends. It waits until no
 * local scan runs, since scans say what is present, if what has gone is not redirected, and
 * confirms a deletion only if nothing changed for the settle time after the store asked. What is
 * confirmed cannot be called back: if something changes then, the cards that are in are looked at
 * once more afterwards.
 */

#include "batch.h"

#include "manager.h"
#include "route.h"

#define SETTLE_MS      1000u
#define PAUSE_FIRST_MS 1000u
#define PAUSE_LAST_MS  60000u
#define LOGOUT_MS      3000u /* what the end of a session can wait */

struct Batch {
	Manager *manager;
	Pipeline *pipeline;
	bool due;
	bool urgent;    /* and not only when the local cards have been read */
	bool confirmed; /* what runs may be deleting already */
	guint settle_source;
	guint retry_source;
	unsigned pause_ms;

	void (*logged_out)(gpointer data);
	gpointer logged_out_data;
	guint logout_source;
};

Batch *batch_new(Manager *manager)
{
	Batch *batch = g_new0(Batch, 1);

	batch->manager = manager;
	batch->pause_ms = PAUSE_FIRST_MS;
	return batch;
}

static void stop(Batch *batch)
{
	g_clear_handle_id(&batch->settle_source, g_source_remove);
	g_clear_handle_id(&batch->retry_source, g_source_remove);
	g_clear_handle_id(&batch->logout_source, g_source_remove);
	batch->pipeline = pipeline_free(batch->pipeline);
}

Batch *batch_free(Batch *batch)
{
	if (batch == NULL)
		return NULL;

	stop(batch);
	g_free(batch);
	return NULL;
}

void batch_due(Batch *batch)
{
	batch->due = true;
}

void batch_due_now(Batch *batch)
{
	batch->due = true;
	batch->urgent = true;
}

bool batch_running(const Batch *batch)
{
	return batch->pipeline != NULL;
}

void batch_void(Batch *batch)
{
	if (batch->pipeline == NULL)
		return;

	g_clear_handle_id(&batch->settle_source, g_source_remove);
	batch->due = true;
	pipeline_cancel(batch->pipeline, "a card or a reader changed");
}

static gboolean on_retry(gpointer data)
{
	Batch *batch = data;

	batch->retry_source = 0;
	batch_consider(batch);
	return G_SOURCE_REMOVE;
}

static gboolean on_settled(gpointer data)
{
	Batch *batch = data;

	batch->settle_source = 0;
	batch->confirmed = true;
	pipeline_confirm(batch->pipeline, true, "");
	return G_SOURCE_REMOVE;
}

static void on_pending(Pipeline *pipeline, unsigned n, gpointer data)
{
	Batch *batch = data;

	batch->settle_source = g_timeout_add(SETTLE_MS, on_settled, batch);
}

static void on_step(
	Pipeline *pipeline, const ReportDatabase *database, const ReportStep *step, gpointer data)
{
	Batch *batch = data;

	manager_say_step(batch->manager, database, step, NULL, NULL);
}

static void say_failure(Batch *batch, const Report *report, const GError *store_error)
{
	const char *reason = NULL;

	if (store_error != NULL)
		reason = store_error->message;
	else if (report->errors->len > 0)
		reason = g_ptr_array_index(report->errors, 0);
	if (reason != NULL)
		manager_say(batch->manager, &(const Event){.kind = EVENT_ERROR, .reason = reason});
}

static void on_done(Pipeline *pipeline, const Report *report, const GError *scan_error,
	const GError *store_error, gpointer data)
{
	Batch *batch = data;
	bool voided = scan_error != NULL; /* there was no scan: it was cancelled */
	bool again = manager_take_report(batch->manager, report, NULL, NULL) ||
		     store_error != NULL || report->errors->len > 0;

	g_clear_handle_id(&batch->settle_source, g_source_remove);
	say_failure(batch, report, store_error);
	batch->pipeline = pipeline_free(batch->pipeline);
	/* It went on taking away what a card that has come back was seen to have everywhere. */
	if (voided && batch->confirmed)
		manager_look_cards(batch->manager);

	if (!voided && again) {
		batch->due = true;
		batch->retry_source = g_timeout_add(batch->pause_ms, on_retry, batch);
		batch->pause_ms = MIN(batch->pause_ms * 2, PAUSE_LAST_MS);
	} else if (!voided) {
		batch->pause_ms = PAUSE_FIRST_MS;
	}
	manager_settle(batch->manager);
}

static void start(Batch *batch)
{
	static const PipelineFuncs funcs = {
		.pending = on_pending, .step = on_step, .done = on_done};
	g_autoptr(Presence) presence = manager_presence(batch->manager);

	batch->confirmed = false;
	batch->pipeline = pipeline_start(
		&(const PipelineRequest){
			.mode = WIRE_STORE_APPLY,
			.flags = WIRE_STORE_CUES,
			.session = batch->manager->since,
			.config = batch->manager->config,
			.endpoints = presence->endpoints,
			.present = presence->present,
			.expecting = presence->expecting,
		},
		&funcs, batch);
}

/* What a card's leaving means can be said now. */
static bool can_judge(const Endpoint *endpoint)
{
	return endpoint->removal_due && endpoint_settled(endpoint) && !endpoint_held(endpoint);
}

/* Something redirected has gone, for which no local card that takes long is waited for: nothing of
   an endpoint is judged that is not settled. */
static bool is_urgent(const Batch *batch)
{
	const GPtrArray *endpoints = batch->manager->endpoints;
	bool urgent = batch->urgent;

	for (guint i = 0; i < endpoints->len; i++) {
		const Endpoint *endpoint = g_ptr_array_index(endpoints, i);

		urgent |= route_redirected(endpoint->name) && can_judge(endpoint);
	}
	return urgent;
}

/* What is not known of a redirected endpoint keeps nobody waiting: until it has been heard of and
   its cards have been read, which may take long, nothing of it is judged. */
static bool must_wait_for(const Endpoint *endpoint, bool urgent)
{
	return !route_redirected(endpoint->name) &&
	       (!endpoint->heard || (endpoint_busy(endpoint) && !urgent));
}

void batch_consider(Batch *batch)
{
	const GPtrArray *endpoints = batch->manager->endpoints;
	bool urgent = is_urgent(batch);
	bool wanted = batch->due;

	if (batch->pipeline != NULL || batch->retry_source != 0)
		return;
	for (guint i = 0; i < endpoints->len; i++) {
		const Endpoint *endpoint = g_ptr_array_index(endpoints, i);

		if (must_wait_for(endpoint, urgent))
			return;
		wanted |= can_judge(endpoint);
	}
	if (!wanted)
		return;

	batch->due = false;
	batch->urgent = false;
	for (guint i = 0; i < endpoints->len; i++) {
		Endpoint *endpoint = g_ptr_array_index(endpoints, i);

		endpoint->removal_due = endpoint->removal_due && !can_judge(endpoint);
	}
	start(batch);
}

static void logout_over(Batch *batch)
{
	stop(batch);
	batch->logged_out(batch->logged_out_data); /* may free the batch */
}

static gboolean on_logout_deadline(gpointer data)
{
	Batch *batch = data;

	batch->logout_source = 0;
	manager_say(batch->manager,
		&(const Event){
			.kind = EVENT_ERROR,
			.reason = "Removing certificates at the session's end took too long",
		});
	logout_over(batch);
	return G_SOURCE_REMOVE;
}

static void on_logout_done(Pipeline *pipeline, const Report *report, const GError *scan_error,
	const GError *store_error, gpointer data)
{
	Batch *batch = data;

	(void)manager_take_report(batch->manager, report, NULL, NULL);
	say_failure(batch, report, store_error);
	logout_over(batch);
}

void batch_logout(
	Batch *batch, const Presence *presence, void (*done)(gpointer data), gpointer data)
{
	static const PipelineFuncs funcs = {.step = on_step, .done = on_logout_done};

	stop(batch);
	batch->logged_out = done;
	batch->logged_out_data = data;
	batch->logout_source = g_timeout_add(LOGOUT_MS, on_logout_deadline, batch);
	batch->pipeline = pipeline_start(
		&(const PipelineRequest){
			.mode = WIRE_STORE_APPLY,
			.flags = WIRE_STORE_LOGOUT,
			.config = batch->manager->config,
			.endpoints = presence->endpoints,
			.present = presence->present,
		},
		&funcs, batch);
}
