/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certprop-scan | certprop-store. The pipe between them is theirs alone: certificates go from the
 * card to the database without a stop here, and when the scan is killed the store sees the end of
 * the stream without SCAN_END, which is how it knows that it must not believe what it has. This end
 * only writes the request, keeps the clocks and listens to the store.
 *
 * A card with a bad contact gives a list that is too short, with success codes and without an
 * event. So what a scan does not name is not gone yet: before anything is taken away on its word
 * the card is read a second time, and must show the very same. What is added does not wait, but is
 * checked in the same way afterwards, and taken back if that fails: OpenSC can mix two cards into
 * one when they are exchanged under its hands.
 *
 * A line that breaks refutes nothing. Where it can break, and what was added is looked at again in
 * any case, a second reading that shows something else waits a moment for that news.
 */

#include "pipeline.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "helper.h"
#include "host.h"
#include "names.h"
#include "scanner.h"

#define STORE_GRACE_MS   30000u      /* beyond the scan's own deadline, between two frames */
#define LOSS_MS          1000u       /* in which the end of a line is heard of */
#define REPORT_BYTES_MAX (32u << 20) /* of one store's report */

struct Pipeline {
	PipelineFuncs funcs;
	gpointer data;

	Helper *scan; /* NULL once reaped, or never there */
	Helper *store;
	Scanner *scanner; /* NULL: the store alone */
	Helper *check;    /* the second scan */
	GChecksum *seen;  /* what it has found so far */
	bool check_whole;
	GError *scan_error;
	GError *store_error;
	Report *report;
	bool scan_spoke; /* it ended with status 1: its SCAN_END says why */
	bool asked;      /* the store waits for a confirm */
	bool answered;   /* and has it, or will not need it */
	bool judged_later;
	guint refute_source;
	guint done_source;
};

/* What the scan said of its failure is better than that it ended with status 1; the store passes it
   on. */
static void tell_scan_error(Pipeline *pipeline)
{
	const Report *report = pipeline->report;

	if (!pipeline->scan_spoke || report->errors->len == 0)
		return;
	g_clear_error(&pipeline->scan_error);
	pipeline->scan_error = g_error_new_literal(
		CERTPROP_ERROR, (int)report->code, g_ptr_array_index(report->errors, 0));
}

static gboolean on_done(gpointer data)
{
	Pipeline *pipeline = data;

	pipeline->done_source = 0;
	tell_scan_error(pipeline);
	pipeline->funcs.done(pipeline, pipeline->report, pipeline->scan_error,
		pipeline->store_error, pipeline->data); /* may free the pipeline */
	return G_SOURCE_REMOVE;
}

static void finish_if_done(Pipeline *pipeline)
{
	if (pipeline->scan == NULL && pipeline->store == NULL && pipeline->check == NULL &&
		pipeline->done_source == 0)
		pipeline->done_source = g_idle_add(on_done, pipeline);
}

static void keep_error(GError **kept, const GError *error)
{
	if (error != NULL && *kept == NULL)
		*kept = g_error_copy(error);
}

static void on_scan_ended(Helper *helper, const GError *error, gpointer data)
{
	Pipeline *pipeline = data;

	pipeline->scan_spoke =
		pipeline->scan_error == NULL && helper_status(helper) == EXIT_STATUS_FAILED;
	keep_error(&pipeline->scan_error, error);
	pipeline->scan = helper_free(pipeline->scan);
	finish_if_done(pipeline);
}

static void on_store_ended(Helper *helper, const GError *error, gpointer data)
{
	Pipeline *pipeline = data;

	keep_error(&pipeline->store_error, error);
	if (pipeline->store_error == NULL && !pipeline->report->ended)
		pipeline->store_error = g_error_new_literal(CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL,
			NAME_STORE " ended without ending its report");
	pipeline->store = helper_free(pipeline->store);
	/* Nobody takes the scan's frames any more. */
	if (pipeline->scan != NULL && pipeline->store_error != NULL)
		helper_kill(pipeline->scan, CERTPROP_ERROR_FAILED, NAME_STORE " ended before it");
	if (pipeline->check != NULL)
		helper_kill(pipeline->check, CERTPROP_ERROR_FAILED, NAME_STORE " ended before it");
	finish_if_done(pipeline);
}

static const ReportDatabase *last_database(const Pipeline *pipeline)
{
	const GPtrArray *databases = pipeline->report->databases;

	return databases->len > 0 ? g_ptr_array_index(databases, databases->len - 1) : NULL;
}

static void told_step(Pipeline *pipeline)
{
	const ReportDatabase *database = last_database(pipeline);

	if (pipeline->funcs.step != NULL)
		pipeline->funcs.step(pipeline, database,
			g_ptr_array_index(database->steps, database->steps->len - 1),
			pipeline->data);
}

static bool told_pending(Pipeline *pipeline, WireReader *frame, GError **error)
{
	guint64 removals = wire_get_number(frame);

	(void)wire_get_number(frame); /* additions: they are there already */

	if (!wire_reader_done(frame, error))
		return false;
	if (pipeline->asked) {
		g_set_error_literal(error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL,
			"it asked for a second confirmation");
		return false;
	}

	pipeline->asked = true;
	if (pipeline->answered)
		return true; /* cancelled while it was on its way */
	if (removals > 0 && pipeline->funcs.pending != NULL)
		pipeline->funcs.pending(
			pipeline, (unsigned)MIN(removals, G_MAXUINT), pipeline->data);
	else
		pipeline_confirm(pipeline, true, "");
	return true;
}

static bool told_progress(Pipeline *pipeline, WireReader *frame, GError **error)
{
	guint64 n = wire_get_number(frame);

	if (!wire_reader_done(frame, error))
		return false;
	if (pipeline->funcs.progress != NULL)
		pipeline->funcs.progress(pipeline, (unsigned)MIN(n, G_MAXUINT), pipeline->data);
	return true;
}

static bool on_store_frame(Helper *helper, WireReader *frame, gpointer data, GError **error)
{
	Pipeline *pipeline = data;
	guint type = frame->type;

	if (type == WIRE_REPORT_PENDING)
		return told_pending(pipeline, frame, error);
	if (type == WIRE_REPORT_PROGRESS)
		return told_progress(pipeline, frame, error);
	if ((type == WIRE_REPORT_OBJECT || type == WIRE_REPORT_ATTRIBUTE) &&
		pipeline->funcs.object != NULL && last_database(pipeline) != NULL)
		return pipeline->funcs.object(
			pipeline, last_database(pipeline), frame, pipeline->data, error);
	if (!report_add_frame(pipeline->report, frame, error))
		return false;
	if (type == WIRE_REPORT_STEP)
		told_step(pipeline);
	return true;
}

static bool on_scan_frame(Helper *helper, WireReader *frame, gpointer data, GError **error)
{
	/* Its stdout is the store's: nothing can come here. */
	g_assert_not_reached();
}

static void send_config(Helper *store, const Config *config)
{
	gsize n;
	const ConfigKey *keys = config_keys(&n);

	for (gsize i = 0; i < n; i++) {
		g_autofree char *value = config_get(config, keys[i].group, keys[i].key);

		helper_send(store,
			wire_pack(WIRE_STORE_CONFIG, "ttt", keys[i].group, keys[i].key, value));
	}
}

static void send_request(Helper *store, const PipelineRequest *request)
{
	g_autofree char *host = host_here();
	g_autofree char *module =
		request->module != NULL ? pipeline_module_path(request->module) : NULL;
	guint64 now = (guint64)(g_get_real_time() / G_USEC_PER_SEC);
	guint64 flags = request->flags | (module != NULL ? WIRE_STORE_HAS_SCAN : 0) |
			(request->expecting ? WIRE_STORE_EXPECTING : 0);

	helper_send(store, wire_pack(WIRE_STORE_CONTEXT, "ttttnnn", host, request->endpoint,
				   request->reader, module, now, flags, (guint64)request->session));
	send_config(store, request->config);
	if (request->only != NULL)
		helper_send(store, wire_pack(WIRE_STORE_ONLY, "t", request->only));
	for (guint i = 0; request->endpoints != NULL && i < request->endpoints->len; i++) {
		const PipelineEndpoint *e = g_ptr_array_index(request->endpoints, i);

		helper_send(store, wire_pack(WIRE_STORE_ENDPOINT, "tnn", e->name, (guint64)e->live,
					   (guint64)e->settled));
	}
	for (guint i = 0; request->present != NULL && i < request->present->len; i++) {
		const PipelinePresent *p = g_ptr_array_index(request->present, i);

		helper_send(
			store, wire_pack(WIRE_STORE_PRESENT, "ttttt", p->endpoint, p->reader,
				       p->token->manufacturer, p->token->model, p->token->serial));
	}
	for (guint i = 0; request->frames != NULL && i < request->frames->len; i++)
		helper_send(store, g_bytes_ref(g_ptr_array_index(request->frames, i)));
	helper_send(store, wire_pack(WIRE_STORE_RUN, "n", (guint64)request->mode));
}

/* Starts the store with `*scan_output` (or -1) as its descriptor 3, which is taken. */
static Helper *start_store(
	Pipeline *pipeline, const PipelineRequest *request, int *scan_output, GError **error)
{
	static const HelperFuncs funcs = {.frame = on_store_frame, .ended = on_store_ended};
	const HelperSpec spec = {
		.program = NAME_STORE,
		.reader = request->reader,
		.output = -1,
		.extra = *scan_output,
		.input = true,
		.bytes_max = REPORT_BYTES_MAX,
		.deadline_ms = scanner_deadline_ms(request) + STORE_GRACE_MS,
		.deadline_restarts = true,
	};
	Helper *store;

	*scan_output = -1;
	store = helper_start(&spec, &funcs, pipeline, error);
	if (store != NULL)
		send_request(store, request);
	return store;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Both processes, with a pipe between them of which nothing stays here. The scan first: it is what
   takes long. */
static void start_both(Pipeline *pipeline, const PipelineRequest *request)
{
	static const HelperFuncs funcs = {.frame = on_scan_frame, .ended = on_scan_ended};
	int fds[2] = {-1, -1};

	if (pipe2(fds, O_CLOEXEC) < 0) {
		pipeline->scan_error = g_error_new(CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"Opening a pipe between two helpers failed: %s", g_strerror(errno));
		return;
	}

	pipeline->scanner = scanner_new(request);
	pipeline->scan =
		scanner_start(pipeline->scanner, fds[1], &funcs, pipeline, &pipeline->scan_error);
	fds[1] = -1;
	if (pipeline->scan != NULL)
		pipeline->store = start_store(pipeline, request, &fds[0], &pipeline->store_error);
	if (pipeline->scan != NULL && pipeline->store == NULL)
		helper_kill(pipeline->scan, CERTPROP_ERROR_FAILED, NAME_STORE " did not start");
	close_fd(&fds[0]);
	close_fd(&fds[1]);
}

Pipeline *pipeline_start(const PipelineRequest *request, const PipelineFuncs *funcs, gpointer data)
{
	Pipeline *pipeline = g_new0(Pipeline, 1);
	int none = -1;

	pipeline->funcs = *funcs;
	pipeline->data = data;
	pipeline->judged_later = request->judged_later;
	pipeline->report = report_new();
	if (request->module != NULL)
		start_both(pipeline, request);
	else
		pipeline->store = start_store(pipeline, request, &none, &pipeline->store_error);
	finish_if_done(pipeline);
	return pipeline;
}

static void answer(Pipeline *pipeline, WireConfirm confirm, const char *why)
{
	g_clear_handle_id(&pipeline->refute_source, g_source_remove);
	if (pipeline->answered || pipeline->store == NULL)
		return;

	pipeline->answered = true;
	helper_send(pipeline->store, wire_pack(WIRE_STORE_CONFIRM, "nt", (guint64)confirm, why));
}

static gboolean on_refuted(gpointer data)
{
	Pipeline *pipeline = data;

	pipeline->refute_source = 0;
	answer(pipeline, WIRE_CONFIRM_NO, pipeline->scan_error->message);
	return G_SOURCE_REMOVE;
}

static void doubt(Pipeline *pipeline, const GError *error)
{
	keep_error(&pipeline->scan_error, error);
	if (!pipeline->judged_later)
		answer(pipeline, WIRE_CONFIRM_NO, error->message);
	else if (g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_TIMEOUT))
		answer(pipeline, WIRE_CONFIRM_OPEN, error->message); /* the line stands still */
	else if (!pipeline->answered)
		pipeline->refute_source = g_timeout_add(LOSS_MS, on_refuted, pipeline);
}

static bool on_check_frame(Helper *helper, WireReader *frame, gpointer data, GError **error)
{
	Pipeline *pipeline = data;

	wire_reader_sum(frame, pipeline->seen);
	if (frame->type == WIRE_SCAN_END)
		pipeline->check_whole = wire_get_number(frame) == 0;
	return true;
}

static void on_check_ended(Helper *helper, const GError *error, gpointer data)
{
	Pipeline *pipeline = data;
	g_autoptr(GError) differs = NULL;

	if (error == NULL && pipeline->check_whole &&
		g_strcmp0(g_checksum_get_string(pipeline->seen), pipeline->report->scanned) == 0) {
		answer(pipeline, WIRE_CONFIRM_YES, "");
	} else {
		differs = error != NULL
				  ? g_error_copy(error)
				  : g_error_new_literal(CERTPROP_ERROR, CERTPROP_ERROR_CHANGED,
					    "The card was read twice and showed two different "
					    "things: is its contact good?");
		doubt(pipeline, differs);
	}
	pipeline->check = helper_free(pipeline->check);
	finish_if_done(pipeline);
}

static void check(Pipeline *pipeline)
{
	static const HelperFuncs funcs = {.frame = on_check_frame, .ended = on_check_ended};
	g_autoptr(GError) error = NULL;

	pipeline->seen = g_checksum_new(G_CHECKSUM_SHA256);
	pipeline->check = scanner_start(pipeline->scanner, -1, &funcs, pipeline, &error);
	if (pipeline->check == NULL)
		doubt(pipeline, error);
}

void pipeline_confirm(Pipeline *pipeline, bool unchanged, const char *why)
{
	if (!pipeline->asked)
		return;
	if (!unchanged || pipeline->scanner == NULL)
		answer(pipeline, unchanged ? WIRE_CONFIRM_YES : WIRE_CONFIRM_NO, why);
	else if (pipeline->seen == NULL && !pipeline->answered)
		check(pipeline);
}

static void end_early(Pipeline *pipeline, WireConfirm confirm, const char *why)
{
	/* Also when it has not asked yet: the answer is known. */
	answer(pipeline, confirm, why);
	if (pipeline->scan_error == NULL)
		pipeline->scan_error = g_error_new(
			CERTPROP_ERROR, CERTPROP_ERROR_CHANGED, "The scan does not count: %s", why);
	if (pipeline->scan != NULL)
		helper_kill(pipeline->scan, CERTPROP_ERROR_CHANGED, why);
	if (pipeline->check != NULL)
		helper_kill(pipeline->check, CERTPROP_ERROR_CHANGED, why);
}

void pipeline_cancel(Pipeline *pipeline, const char *why)
{
	end_early(pipeline, WIRE_CONFIRM_NO, why);
}

void pipeline_lose(Pipeline *pipeline, const char *why)
{
	end_early(pipeline, pipeline->judged_later ? WIRE_CONFIRM_OPEN : WIRE_CONFIRM_NO, why);
}

Pipeline *pipeline_free(Pipeline *pipeline)
{
	if (pipeline == NULL)
		return NULL;

	g_clear_handle_id(&pipeline->refute_source, g_source_remove);
	g_clear_handle_id(&pipeline->done_source, g_source_remove);
	helper_free(pipeline->scan);
	helper_free(pipeline->store);
	helper_free(pipeline->check);
	scanner_free(pipeline->scanner);
	if (pipeline->seen != NULL)
		g_checksum_free(pipeline->seen);
	g_clear_error(&pipeline->scan_error);
	g_clear_error(&pipeline->store_error);
	report_free(pipeline->report);
	g_free(pipeline);
	return NULL;
}

char *pipeline_module_path(const char *name)
{
	if (strchr(name, '/') != NULL)
		return g_strdup(name);
	return g_build_filename(CERTPROP_P11_MODULE_DIR, name, NULL);
}
