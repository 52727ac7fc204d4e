/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl undo: a backup file is read and looked through, its objects go to a store, and the
 * store puts back what is missing. The file stays: undoing twice does nothing the second time.
 */

#include <string.h>

#include "backup.h"
#include "ctl.h"
#include "names.h"
#include "outcome.h"
#include "paint.h"
#include "pipeline.h"
#include "progress.h"
#include "table.h"

static gboolean option_list;

const GOptionEntry undo_entries[] = {
	{"list", 0, 0, G_OPTION_ARG_NONE, &option_list, "List what can be undone", NULL},
	{NULL},
};

/* The list */

static char *path_of(const char *name)
{
	g_autofree char *dir = backup_dir();

	return g_build_filename(dir, name, NULL);
}

static void put_backup(Json *json, Table *table, const char *name, const Backup *backup)
{
	g_autofree char *path = path_of(name);
	g_autoptr(GHashTable) databases = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint i = 0; i < backup->objects->len; i++)
		g_hash_table_add(databases,
			((const BackupObject *)g_ptr_array_index(backup->objects, i))->path);

	json_open_object(json, NULL);
	json_put_text(json, "file", path);
	json_put_text(json, "created", backup->created);
	json_put_number(json, "certificates", backup->objects->len);
	json_put_number(json, "databases", g_hash_table_size(databases));
	json_close_object(json);

	table_cell(table, PAINT_STRONG, path);
	table_cell(table, PAINT_PLAIN, backup->created);
	table_cellf(table, PAINT_PLAIN, "%u", backup->objects->len);
	table_cellf(table, PAINT_PLAIN, "%u", g_hash_table_size(databases));
	table_end_row(table);
}

/* Newest first; one that cannot be read is named and does not stop the list. */
static int list(const Ctl *ctl)
{
	g_autoptr(GPtrArray) names = backup_names();
	g_autoptr(Json) json = json_new();
	g_autoptr(Table) table = table_new(0);
	guint n_bad = 0;

	json_open_object(json, NULL);
	json_open_array(json, "backups");
	table_row(table, PAINT_FAINT, "FILE", "CREATED", "CERTIFICATES", "DATABASES", NULL);
	for (guint i = 0; i < names->len; i++) {
		g_autofree char *path = path_of(g_ptr_array_index(names, i));
		g_autoptr(GError) error = NULL;
		g_autoptr(Backup) backup = backup_read(path, &error);

		if (backup != NULL) {
			put_backup(json, table, g_ptr_array_index(names, i), backup);
		} else {
			paint_complain("%s", error->message);
			n_bad++;
		}
	}
	json_close_array(json);
	json_close_object(json);

	if (ctl->json)
		json_print(json);
	else if (n_bad < names->len)
		table_print(table);
	else if (n_bad == 0)
		paint_line(PAINT_PLAIN, "nothing was purged that could be put back");
	if (n_bad == 0)
		return EXIT_STATUS_DONE;

	return n_bad < names->len ? EXIT_STATUS_PARTLY : EXIT_STATUS_FAILED;
}

/* One store */

typedef struct Undo {
	Pipeline *pipeline;
	const Report *report;
	GPtrArray *failures; /* char * */
	bool done;
} Undo;

static void on_done(Pipeline *pipeline, const Report *report, const GError *scan_error,
	const GError *store_error, gpointer data)
{
	Undo *undo = data;

	undo->done = true;
	undo->report = report;
	if (store_error != NULL)
		g_ptr_array_add(undo->failures, g_strdup(store_error->message));
	for (guint i = 0; i < report->errors->len; i++)
		g_ptr_array_add(undo->failures, g_strdup(g_ptr_array_index(report->errors, i)));
}

static void add_object(GPtrArray *frames, const BackupObject *object)
{
	g_ptr_array_add(frames, wire_pack(WIRE_STORE_OBJECT, "t", object->path));
	for (guint i = 0; i < object->attributes->len; i++) {
		const BackupAttribute *attribute = g_ptr_array_index(object->attributes, i);
		gsize len;
		const void *data = g_bytes_get_data(attribute->value, &len);

		g_ptr_array_add(
			frames, wire_pack(WIRE_STORE_ATTRIBUTE, "nb", attribute->type, data, len));
	}
}

static GPtrArray *frames_of(const Backup *backup)
{
	GPtrArray *frames = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);

	for (guint i = 0; i < backup->objects->len; i++)
		add_object(frames, g_ptr_array_index(backup->objects, i));

	return frames;
}

static void print_json(
	const Ctl *ctl, const Undo *undo, const char *path, const GPtrArray *databases)
{
	g_autoptr(Json) json = json_new();

	json_open_object(json, NULL);
	json_put_bool(json, "dry_run", ctl->dry_run);
	json_put_text(json, "backup", path);
	json_open_array(json, "databases");
	for (guint i = 0; i < databases->len; i++) {
		json_open_object(json, NULL);
		outcome_emit(json, g_ptr_array_index(databases, i));
		json_close_object(json);
	}
	json_close_array(json);
	json_open_array(json, "errors");
	for (guint i = 0; i < undo->failures->len; i++)
		json_put_text(json, NULL, g_ptr_array_index(undo->failures, i));
	json_close_array(json);
	json_close_object(json);
	json_print(json);
}

static int tell(const Ctl *ctl, const Undo *undo, const char *path)
{
	g_autoptr(GPtrArray) reports = g_ptr_array_new();
	g_autoptr(GPtrArray) databases = NULL;

	g_ptr_array_add(reports, (gpointer)undo->report);
	databases = outcome_merge(reports);
	if (ctl->json)
		print_json(ctl, undo, path, databases);
	for (guint i = 0; !ctl->json && i < databases->len; i++)
		outcome_print(g_ptr_array_index(databases, i), NULL);

	return outcome_complain(databases, undo->failures);
}

static int run(const Ctl *ctl, const Config *config, const Backup *backup, const char *path)
{
	const PipelineFuncs funcs = {.done = on_done};
	g_autoptr(GPtrArray) frames = frames_of(backup);
	g_autoptr(GPtrArray) failures = g_ptr_array_new_with_free_func(g_free);
	const PipelineRequest request = {
		.mode = WIRE_STORE_UNDO,
		.flags = ctl->dry_run ? WIRE_STORE_DRY_RUN : 0,
		.config = config,
		.frames = frames,
	};
	Undo undo = {.failures = failures};
	int status;

	undo.pipeline = pipeline_start(&request, &funcs, &undo);
	progress_start("putting certificates back …");
	while (!undo.done)
		g_main_context_iteration(NULL, TRUE);
	progress_stop();

	status = tell(ctl, &undo, path);
	pipeline_free(undo.pipeline);
	return status;
}

/* The newest backup, or NULL. */
static char *newest(void)
{
	g_autoptr(GPtrArray) names = backup_names();

	return names->len > 0 ? path_of(g_ptr_array_index(names, 0)) : NULL;
}

int verb_undo(Ctl *ctl, char **args)
{
	const Config *config = ctl_config(ctl);
	g_autofree char *path = NULL;
	g_autoptr(Backup) backup = NULL;
	g_autoptr(GError) error = NULL;

	if (option_list && args[0] != NULL) {
		paint_complain("--list takes no file; see " NAME_CTL " undo --help");
		return EXIT_STATUS_USAGE;
	}
	if (option_list)
		return list(ctl);
	if (config == NULL)
		return EXIT_STATUS_FAILED;

	path = args[0] != NULL ? g_strdup(args[0]) : newest();
	if (path == NULL) {
		paint_complain("there is no backup of a purge to undo");
		return EXIT_STATUS_FAILED;
	}
	backup = backup_read(path, &error);
	if (backup == NULL) {
		paint_complain("%s", error->message);
		return EXIT_STATUS_FAILED;
	}

	return run(ctl, config, backup, path);
}
