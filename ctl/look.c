/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon's job, once. The watcher says which readers hold a card; each of them gets its own
 * chain of pipelines (one per module, one after the other), all readers side by side. The watcher
 * stays until the end: a reader that changes meanwhile makes its scan worthless, and what a scan
 * wants to take away is confirmed only when the watcher has said nothing new about that reader for
 * a settle time after it.
 *
 * A real look ends with the store alone, told of every token that is here now: only then can claims
 * of cards that have left be judged.
 *
 * Not here: retries. A reader that is held by somebody else is reported as waiting, and the user,
 * or the daemon, tries again.
 */

#include "look.h"

#include <string.h>

#include "error.h"
#include "names.h"
#include "pipeline.h"
#include "text.h"
#include "watcher.h"

#define LOOK_ENDPOINT      "local"
#define LOOK_WATCH_SECONDS 5 /* for certprop-watch's first word */

/* One reader with a card in it, or (reader NULL) the store alone at the end. */
typedef struct LookTask {
	struct LookWork *work;
	SeenReader *reader; /* borrowed from the endpoint */
	guint32 counter;    /* of the reader, when the task began */
	guint module;       /* index of the one that is being tried */
	Pipeline *pipeline; /* running, else NULL */
	guint settle;
	bool running;
	bool changed; /* the reader, since then */
	bool failed;  /* one module's scan did */
	char *reason;
} LookTask;

struct LookWork {
	Look *look;
	const Config *config;
	LookMode mode;
	const GPtrArray *others;
	Watcher *watcher;
	guint deadline;       /* for the watcher's first word */
	GPtrArray *pipelines; /* ended ones: the reports are theirs */
	GPtrArray *tasks;     /* LookTask */
	bool started;
	bool last; /* the store alone has been started */
	bool done;
};

static void task_next(LookTask *task);

static void ended_free(gpointer data)
{
	pipeline_free(data);
}

static void task_free(gpointer data)
{
	LookTask *task = data;

	g_clear_handle_id(&task->settle, g_source_remove);
	pipeline_free(task->pipeline);
	g_free(task->reason);
	g_free(task);
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

static LookTask *task_new(struct LookWork *work, SeenReader *reader)
{
	LookTask *task = g_new0(LookTask, 1);

	task->work = work;
	task->reader = reader;
	task->counter = reader != NULL ? reader->counter : 0;
	task->running = true;
	g_ptr_array_add(work->tasks, task);

	return task;
}

/* Starts the store alone when all readers are through, and ends the look when that is through. */
static void advance(struct LookWork *work)
{
	SeenEndpoint *endpoint = work->look->endpoint;
	bool settled = true;

	for (guint i = 0; i < work->tasks->len; i++) {
		const LookTask *task = g_ptr_array_index(work->tasks, i);

		if (task->running)
			return;
		settled = settled && !task->failed && !task->changed;
	}
	if (work->last || work->mode == LOOK_TOKENS) {
		if (!work->last)
			endpoint->settled = settled;
		finish(work);
		return;
	}

	endpoint->settled = settled;
	work->last = true;
	task_next(task_new(work, NULL));
}

static void task_end(LookTask *task)
{
	SeenReader *reader = task->reader;

	task->running = false;
	if (reader != NULL && task->failed) {
		if (strcmp(reader->state, "waiting") != 0)
			seen_reader_set_state(reader, "failed", task->reason);
	} else if (reader != NULL && reader->tokens->len > 0) {
		seen_reader_set_state(reader, "read", "");
	} else if (reader != NULL) {
		seen_reader_set_state(reader, "unrecognised", "no module knows this card");
	}

	advance(task->work);
}

static void task_add_tokens(LookTask *task, const Report *report)
{
	for (guint i = 0; task->reader != NULL && i < report->tokens->len; i++) {
		const ReportToken *token = g_ptr_array_index(report->tokens, i);

		g_ptr_array_add(task->reader->tokens,
			seen_token_new(token->token, token->module, token->n_certs));
	}
}

static void task_fail(LookTask *task, const GError *error)
{
	task->failed = true;
	g_free(task->reason);
	task->reason = g_strdup(error->message);
	if (g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_BUSY))
		seen_reader_set_state(task->reader, "waiting", error->message);
}

static void on_done(Pipeline *pipeline, const Report *report, const GError *scan_error,
	const GError *store_error, gpointer data)
{
	LookTask *task = data;
	struct LookWork *work = task->work;

	g_clear_handle_id(&task->settle, g_source_remove);
	task->pipeline = NULL;
	g_ptr_array_add(work->pipelines, pipeline);
	if (report != NULL)
		g_ptr_array_add(work->look->reports, (gpointer)report);

	if (scan_error != NULL && task->reader != NULL)
		task_fail(task, scan_error);
	else if (report != NULL)
		task_add_tokens(task, report);
	if (store_error != NULL)
		g_ptr_array_add(work->look->errors, g_strdup(store_error->message));

	task->module++;
	task_next(task);
}

static gboolean on_settled(gpointer data)
{
	LookTask *task = data;

	task->settle = 0;
	pipeline_confirm(task->pipeline, true, "");

	return G_SOURCE_REMOVE;
}

static void on_pending(Pipeline *pipeline, unsigned n, gpointer data)
{
	LookTask *task = data;

	if (task->changed)
		pipeline_confirm(pipeline, false, "the readers changed meanwhile");
	else if (task->work->mode != LOOK_APPLY)
		pipeline_confirm(pipeline, true, "");
	else if (task->settle == 0)
		task->settle = g_timeout_add(LOOK_SETTLE_MS, on_settled, task);
}

static void endpoint_free(gpointer data)
{
	PipelineEndpoint *endpoint = data;

	g_free(endpoint->name);
	g_free(endpoint);
}

static void present_free(gpointer data)
{
	PipelinePresent *present = data;

	g_free(present->endpoint);
	g_free(present->reader);
	token_free(present->token);
	g_free(present);
}

static void tell_endpoint(const SeenEndpoint *seen, GPtrArray *endpoints, GPtrArray *presents)
{
	PipelineEndpoint *endpoint = g_new0(PipelineEndpoint, 1);

	endpoint->name = g_strdup(seen->name);
	endpoint->live = seen_endpoint_live(seen);
	endpoint->settled = seen->settled;
	g_ptr_array_add(endpoints, endpoint);

	for (guint i = 0; i < seen->readers->len; i++) {
		const SeenReader *reader = g_ptr_array_index(seen->readers, i);

		for (guint j = 0; j < reader->tokens->len; j++) {
			const SeenToken *token = g_ptr_array_index(reader->tokens, j);
			PipelinePresent *present = g_new0(PipelinePresent, 1);

			present->endpoint = g_strdup(seen->name);
			present->reader = g_strdup(reader->name);
			present->token = token_dup(token->token);
			g_ptr_array_add(presents, present);
		}
	}
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

static void task_start(LookTask *task, const char *module)
{
	struct LookWork *work = task->work;
	g_autoptr(GPtrArray) endpoints = g_ptr_array_new_with_free_func(endpoint_free);
	g_autoptr(GPtrArray) presents = g_ptr_array_new_with_free_func(present_free);
	const PipelineFuncs funcs = {.pending = on_pending, .done = on_done};

	g_autoptr(GPtrArray) others = NULL;

	if (task->reader != NULL)
		others = other_readers(work->look->endpoint, task->reader);
	tell_endpoint(work->look->endpoint, endpoints, presents);
	for (guint i = 0; work->others != NULL && i < work->others->len; i++) {
		const SeenEndpoint *other = g_ptr_array_index(work->others, i);

		if (strcmp(other->name, LOOK_ENDPOINT) != 0)
			tell_endpoint(other, endpoints, presents);
	}

	const PipelineRequest request = {
		.mode = WIRE_STORE_APPLY,
		.flags = work->mode != LOOK_APPLY ? WIRE_STORE_DRY_RUN : 0,
		.config = work->config,
		.endpoint = task->reader != NULL ? LOOK_ENDPOINT : NULL,
		.reader = task->reader != NULL ? task->reader->name : NULL,
		.module = module,
		.others = others,
		.endpoints = endpoints,
		.present = presents,
	};
	task->pipeline = pipeline_start(&request, &funcs, task);
}

/* The next module of the reader's chain, or its end. */
static void task_next(LookTask *task)
{
	char **modules = task->work->config->modules;

	if (task->reader == NULL) {
		if (task->module == 0)
			task_start(task, NULL);
		else
			task_end(task);
		return;
	}
	if (task->changed || modules == NULL || task->module >= g_strv_length(modules)) {
		task_end(task);
		return;
	}

	task_start(task, modules[task->module]);
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
		task_new(work, reader);
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

	guint n = work->tasks->len; /* the last task may add one more */
	for (guint i = 0; i < n; i++) {
		LookTask *task = g_ptr_array_index(work->tasks, i);

		seen_reader_set_state(task->reader, "scanning", "");
		task_next(task);
	}
	if (n == 0)
		advance(work);
}

/* The reader is as it was when the task began. */
static bool reader_unchanged(const WatcherView *view, const SeenReader *reader)
{
	const WatcherReader *now = watcher_view_find(view, reader->name, reader->ordinal);

	return view->service == WIRE_SERVICE_OK && now != NULL &&
	       (now->flags & WIRE_READER_PRESENT) != 0 && now->counter == reader->counter;
}

/* The store alone goes by all readers: any card that came or went makes it outdated. */
static bool all_unchanged(const WatcherView *view, const SeenEndpoint *endpoint)
{
	if (view->service != WIRE_SERVICE_OK || view->readers->len != endpoint->readers->len)
		return false;

	for (guint i = 0; i < endpoint->readers->len; i++) {
		const SeenReader *reader = g_ptr_array_index(endpoint->readers, i);
		const WatcherReader *now = watcher_view_find(view, reader->name, reader->ordinal);

		if (now == NULL || now->counter != reader->counter)
			return false;
	}

	return true;
}

static void task_notice(LookTask *task, const WatcherView *view)
{
	if (!task->running || task->changed)
		return;
	if (task->reader != NULL ? reader_unchanged(view, task->reader)
				 : all_unchanged(view, task->work->look->endpoint))
		return;

	task->changed = true;
	g_free(task->reason);
	task->reason = g_strdup("the reader changed while its card was being read");
	task->failed = true;
	if (task->settle != 0) {
		g_clear_handle_id(&task->settle, g_source_remove);
		pipeline_confirm(task->pipeline, false, "the readers changed meanwhile");
	} else if (task->reader != NULL && task->pipeline != NULL) {
		pipeline_cancel(task->pipeline, task->reason);
	}
}

static void on_view(Watcher *watcher, gpointer data)
{
	struct LookWork *work = data;
	const WatcherView *view = watcher_view(watcher);

	if (work->done)
		return;
	if (!work->started && view->service == WIRE_SERVICE_UNKNOWN)
		return; /* it died and is started again; the deadline watches */
	if (!work->started) {
		start(work, view);
		return;
	}

	guint n = work->tasks->len;
	for (guint i = 0; i < n; i++)
		task_notice(g_ptr_array_index(work->tasks, i), view);
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

Look *look_start(const Config *config, LookMode mode, const GPtrArray *others)
{
	Look *look = g_new0(Look, 1);
	struct LookWork *work = g_new0(struct LookWork, 1);

	look->endpoint = seen_endpoint_new(LOOK_ENDPOINT);
	look->reports = g_ptr_array_new();
	look->errors = g_ptr_array_new_with_free_func(g_free);
	look->work = work;

	work->look = look;
	work->config = config;
	work->mode = mode;
	work->others = others;
	work->pipelines = g_ptr_array_new_with_free_func(ended_free);
	work->tasks = g_ptr_array_new_with_free_func(task_free);
	work->deadline = g_timeout_add_seconds(LOOK_WATCH_SECONDS, on_deadline, work);
	work->watcher = watcher_new(LOOK_ENDPOINT, false, on_view, work);

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
	g_ptr_array_unref(work->tasks);
	g_ptr_array_unref(work->pipelines);
	g_free(work);

	seen_endpoint_free(look->endpoint);
	g_ptr_array_unref(look->reports);
	g_ptr_array_unref(look->errors);
	g_free(look);

	return NULL;
}
