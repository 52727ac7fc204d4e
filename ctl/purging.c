/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The store finds what the selectors name and sends it, whole; here it becomes a backup file; only
 * when that is on the disk the store is told to go on. What nobody was asked about is a reason to
 * tell it to forget the whole; and so is a card that has come since the store was told who is
 * present. What comes after the store has been told to go on, a daemon takes for known that goes
 * away under its hands: so it is asked to look again.
 */

#include "purging.h"

#include "names.h"
#include "pipeline.h"
#include "progress.h"

struct PurgingWork {
	Pipeline *pipeline; /* the report is its */
	Backup *backup;
	const PurgingRequest *request;
	bool asked; /* the store waits for an answer */
	bool done;
};

char *purging_name(const char *path, const char *sha256)
{
	return g_strdup_printf("%s %s", sha256, path);
}

static void fail(Purging *purging, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void fail(Purging *purging, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_ptr_array_add(purging->failures, g_strdup_vprintf(format, args));
	va_end(args);
}

/* Is everything that would go something that was agreed to? */
static bool is_agreed(const Purging *purging)
{
	const struct PurgingWork *work = purging->work;

	for (guint i = 0; work->request->agreed != NULL && i < work->backup->objects->len; i++) {
		const BackupObject *object = g_ptr_array_index(work->backup->objects, i);
		g_autofree char *name = purging_name(object->path, object->sha256);

		if (!g_hash_table_contains((GHashTable *)work->request->agreed, name))
			return false;
	}

	return true;
}

static bool on_object(Pipeline *pipeline, const ReportDatabase *database, WireReader *frame,
	gpointer data, GError **error)
{
	const Purging *purging = data;

	return backup_add_frame(purging->work->backup, database->path, frame, error);
}

/* What a daemon says now is what the store was told. */
static bool is_as_told(const Purging *purging, Live *live)
{
	g_autoptr(Presence) now = presence_new();

	live_wait(live);
	tell_add_all(now, live->endpoints);
	return live->answers && presence_equal(now, purging->work->request->presence);
}

static bool is_still_so(const Purging *purging)
{
	g_autoptr(Live) live = live_start(NULL, LIVE_ASK);

	return is_as_told(purging, live);
}

static void answer(Purging *purging)
{
	struct PurgingWork *work = purging->work;
	g_autoptr(GError) error = NULL;

	if (!is_agreed(purging)) {
		fail(purging, "nothing was taken away: the databases have changed since you were "
			      "asked; run it again");
		pipeline_confirm(work->pipeline, false, "not what was agreed to");
		return;
	}
	if (work->request->watched && !is_still_so(purging)) {
		purging->outdated = true;
		fail(purging, "nothing was taken away: cards or readers changed meanwhile; run it "
			      "again when they rest");
		pipeline_confirm(work->pipeline, false, "cards or readers changed");
		return;
	}
	if (work->backup->objects->len > 0)
		purging->file = backup_write(work->backup, &error);
	if (error != NULL)
		fail(purging, "nothing was taken away: %s", error->message);
	pipeline_confirm(work->pipeline, error == NULL, error != NULL ? "no backup" : "");
}

/* The answer asks a daemon, for which the main loop has to run: so not from here. */
static void on_pending(Pipeline *pipeline, unsigned n, gpointer data)
{
	Purging *purging = data;

	purging->work->asked = true;
}

/* After something was taken away. */
static void look_again(Purging *purging)
{
	g_autoptr(Live) live = live_start(NULL, LIVE_ASK);
	g_autoptr(GError) error = NULL;

	/* One that is not there any more will look when it starts. */
	if (is_as_told(purging, live) || !live->running)
		return;
	if (!live->answers)
		fail(purging, "%s: if a card was put in meanwhile, run \"" NAME_CTL " sync\"",
			live->trouble);
	else if (!live_look_again(live, &error))
		fail(purging,
			NAME_DAEMON " did not take the word that cards may have lost certificates "
				    "(%s): run \"" NAME_CTL " sync\"",
			error->message);
}

static void on_done(Pipeline *pipeline, const Report *report, const GError *scan_error,
	const GError *store_error, gpointer data)
{
	Purging *purging = data;

	purging->work->done = true;
	purging->report = report;
	if (store_error != NULL)
		fail(purging, "%s", store_error->message);
	for (guint i = 0; i < report->errors->len; i++)
		fail(purging, "%s", (const char *)g_ptr_array_index(report->errors, i));
}

Purging *purging_free(Purging *purging)
{
	if (purging == NULL)
		return NULL;

	pipeline_free(purging->work->pipeline);
	backup_free(purging->work->backup);
	g_free(purging->work);
	g_ptr_array_unref(purging->failures);
	g_free(purging->file);
	g_free(purging);

	return NULL;
}

Purging *purging_run(const PurgingRequest *request)
{
	const PipelineFuncs funcs = {.pending = on_pending, .object = on_object, .done = on_done};
	const PipelineRequest told = {
		.mode = WIRE_STORE_PURGE,
		.flags = request->dry_run ? WIRE_STORE_DRY_RUN : 0,
		.config = request->config,
		.endpoints = request->presence->endpoints,
		.present = request->presence->present,
		.frames = request->frames,
	};
	Purging *purging = g_new0(Purging, 1);
	struct PurgingWork *work = g_new0(struct PurgingWork, 1);

	purging->failures = g_ptr_array_new_with_free_func(g_free);
	purging->work = work;
	work->backup = backup_new();
	work->request = request;
	work->pipeline = pipeline_start(&told, &funcs, purging);
	progress_start("going through the databases …");
	while (!work->done) {
		g_main_context_iteration(NULL, TRUE);
		if (work->asked) {
			work->asked = false;
			answer(purging);
		}
	}
	if (request->watched && purging->file != NULL)
		look_again(purging);
	progress_stop();
	work->request = NULL; /* the caller's */

	return purging;
}
