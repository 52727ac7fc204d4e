/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Drives the same Watcher and Pipeline as certpropd, so that the clock can be started where the
 * daemon is woken and stopped where the store says that the last create is done. What the daemon
 * does besides (its state, its log) takes microseconds and happens while the scan runs.
 */
#include "look.h"

#include "pipeline.h"
#include "sample.h"

struct Look {
	Watcher *watcher;
	Config *config;
	GMainLoop *loop;
	GHashTable *known; /* readers with a card that were served */
	bool serving;
	unsigned done, created;
	double slowest; /* of the cards, each from its own wake-up to its last certificate */
};

/* One card. */
typedef struct {
	Look *look;
	double woken;
} Serving;

static void on_step(
	Pipeline *pipeline, const ReportDatabase *database, const ReportStep *step, gpointer data)
{
	const Serving *serving = data;
	double took = sample_now() - serving->woken;

	if (g_str_equal(step->action, "create") && step->done) {
		serving->look->slowest = MAX(serving->look->slowest, took);
		serving->look->created++;
	}
}

static gboolean free_pipeline(gpointer data)
{
	pipeline_free(data);
	return G_SOURCE_REMOVE;
}

static void on_done(Pipeline *pipeline, const Report *report, const GError *scan_error,
	const GError *store_error, gpointer data)
{
	Serving *serving = data;
	Look *look = serving->look;

	if (scan_error != NULL || store_error != NULL)
		g_error("the look failed: %s",
			scan_error != NULL ? scan_error->message : store_error->message);
	look->done++;
	g_free(serving);
	g_idle_add(free_pipeline, pipeline);
	g_main_loop_quit(look->loop);
}

static const PipelineFuncs funcs = {.step = on_step, .done = on_done};

static void serve(Look *look, const WatcherReader *reader)
{
	const WatcherView *view = watcher_view(look->watcher);
	Serving *serving = g_new0(Serving, 1);
	g_autoptr(GPtrArray) others = g_ptr_array_new();
	g_autoptr(GPtrArray) none = g_ptr_array_new();
	PipelineRequest request = {
		.mode = WIRE_STORE_APPLY,
		.config = look->config,
		.endpoint = "local",
		.reader = reader->name,
		.module = look->config->modules[0],
		.others = others,
		.endpoints = none,
		.present = none,
	};

	serving->look = look;
	serving->woken = sample_now();
	for (guint i = 0; i < view->readers->len; i++) {
		const WatcherReader *other = view->readers->pdata[i];

		if (other != reader)
			g_ptr_array_add(others, other->name);
	}
	pipeline_start(&request, &funcs, serving);
}

static void on_view(Watcher *watcher, gpointer data)
{
	Look *look = data;
	const WatcherView *view = watcher_view(watcher);

	for (guint i = 0; i < view->readers->len; i++) {
		const WatcherReader *reader = view->readers->pdata[i];

		if ((reader->flags & WIRE_READER_PRESENT) == 0)
			g_hash_table_remove(look->known, reader->name);
		else if (g_hash_table_add(look->known, g_strdup(reader->name)) && look->serving)
			serve(look, reader);
	}
	g_main_loop_quit(look->loop);
}

Look *look_new(void)
{
	Look *look = g_new0(Look, 1);

	look->config = config_new();
	look->loop = g_main_loop_new(NULL, FALSE);
	look->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	look->watcher = watcher_new("local", NULL, false, on_view, look);
	return look;
}

void look_free(Look *look)
{
	watcher_free(look->watcher);
	config_free(look->config);
	g_hash_table_unref(look->known);
	g_main_loop_unref(look->loop);
	g_free(look);
}

const WatcherView *look_view(const Look *look)
{
	return watcher_view(look->watcher);
}

void look_await_cards(Look *look, unsigned n)
{
	while (look_view(look)->service != WIRE_SERVICE_OK || g_hash_table_size(look->known) != n)
		g_main_loop_run(look->loop);
}

double look_insert(
	Look *look, unsigned cards, void (*insert)(gpointer), gpointer data, unsigned *ret_created)
{
	look->serving = true;
	look->done = look->created = 0;
	look->slowest = 0;
	insert(data);
	while (look->done < cards)
		g_main_loop_run(look->loop);
	look->serving = false;
	*ret_created = look->created;
	return look->slowest;
}
