/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The store finds what the selectors name and sends it, whole; here it becomes a backup file; only
 * when that is on the disk the store is told to go on. What nobody was asked about is a reason to
 * tell it to forget the whole.
 */

#include "purging.h"

#include "pipeline.h"
#include "progress.h"

struct PurgingWork {
	Pipeline *pipeline; /* the report is its */
	Backup *backup;
	const GHashTable *agreed;
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

	for (guint i = 0; work->agreed != NULL && i < work->backup->objects->len; i++) {
		const BackupObject *object = g_ptr_array_index(work->backup->objects, i);
		g_autofree char *name = purging_name(object->path, object->sha256);

		if (!g_hash_table_contains((GHashTable *)work->agreed, name))
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

static void on_pending(Pipeline *pipeline, unsigned n, gpointer data)
{
	Purging *purging = data;
	g_autoptr(GError) error = NULL;

	if (!is_agreed(purging)) {
		fail(purging, "nothing was taken away: the databases have changed since you were "
			      "asked; run it again");
		pipeline_confirm(pipeline, false, "not what was agreed to");
		return;
	}
	if (purging->work->backup->objects->len > 0)
		purging->file = backup_write(purging->work->backup, &error);
	if (error != NULL)
		fail(purging, "nothing was taken away: %s", error->message);
	pipeline_confirm(pipeline, error == NULL, error != NULL ? "no backup" : "");
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

Purging *purging_run(const Config *config, const GPtrArray *frames, const Presence *presence,
	bool dry_run, const GHashTable *agreed)
{
	const PipelineFuncs funcs = {.pending = on_pending, .object = on_object, .done = on_done};
	const PipelineRequest request = {
		.mode = WIRE_STORE_PURGE,
		.flags = dry_run ? WIRE_STORE_DRY_RUN : 0,
		.config = config,
		.endpoints = presence->endpoints,
		.present = presence->present,
		.frames = frames,
	};
	Purging *purging = g_new0(Purging, 1);
	struct PurgingWork *work = g_new0(struct PurgingWork, 1);

	purging->failures = g_ptr_array_new_with_free_func(g_free);
	purging->work = work;
	work->backup = backup_new();
	work->agreed = agreed;
	work->pipeline = pipeline_start(&request, &funcs, purging);
	progress_start("going through the databases …");
	while (!work->done)
		g_main_context_iteration(NULL, TRUE);
	progress_stop();

	return purging;
}
