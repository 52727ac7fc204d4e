/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The doctor believes nobody who can be wrong: the readers and cards are looked at anew, also where
 * a daemon runs and would tell. What each card shows is then read once more, module by module, for
 * what a look does not keep: which module failed, and whether a key can be seen. A card that the
 * look could not read is left alone: a second wait for it would tell nothing new.
 */

#include "chart.h"

#include <string.h>
#include <sys/stat.h>

#include "progress.h"
#include "route.h"

static void probe_destroy(gpointer data)
{
	probe_free(data);
}

const SeenEndpoint *chart_local(const Chart *chart)
{
	return g_ptr_array_index(chart->look->endpoints, 0);
}

const GPtrArray *chart_readers(const Chart *chart)
{
	const SeenEndpoint *local = chart_local(chart);

	return seen_endpoint_live(local) ? local->readers : NULL;
}

bool chart_is_redirected(const Chart *chart)
{
	for (guint i = 0; i < chart->endpoints->len; i++) {
		const SeenEndpoint *endpoint = g_ptr_array_index(chart->endpoints, i);

		if (route_redirected(endpoint->name) && seen_endpoint_live(endpoint))
			return true;
	}

	return false;
}

const Probe *chart_load(const Chart *chart, const char *module)
{
	for (guint i = 0; i < chart->loads->len; i++) {
		const Probe *probe = g_ptr_array_index(chart->loads, i);

		if (strcmp(probe->module, module) == 0)
			return probe;
	}

	return NULL;
}

/* Their names, without that of `reader`; borrowed. */
static GPtrArray *names_of_others(const Chart *chart, const SeenReader *reader)
{
	const GPtrArray *readers = chart_readers(chart);
	GPtrArray *names = g_ptr_array_new();

	for (guint i = 0; readers != NULL && i < readers->len; i++) {
		const SeenReader *other = g_ptr_array_index(readers, i);

		if (reader == NULL || strcmp(other->name, reader->name) != 0)
			g_ptr_array_add(names, other->name);
	}

	return names;
}

static void load_modules(Chart *chart)
{
	g_autoptr(GPtrArray) others = names_of_others(chart, NULL);

	for (char **module = chart->config->modules; module != NULL && *module != NULL; module++)
		g_ptr_array_add(chart->loads, probe_run(chart->config, *module, NULL, others));
}

static void read_card(Chart *chart, const SeenReader *reader)
{
	g_autoptr(GPtrArray) others = names_of_others(chart, reader);

	for (guint i = 0; i < chart->loads->len; i++) {
		const Probe *load = g_ptr_array_index(chart->loads, i);

		if (load->error == NULL)
			g_ptr_array_add(chart->reads,
				probe_run(chart->config, load->module, reader->name, others));
	}
}

static void read_cards(Chart *chart)
{
	const GPtrArray *readers = chart_readers(chart);

	for (guint i = 0; readers != NULL && i < readers->len; i++) {
		const SeenReader *reader = g_ptr_array_index(readers, i);

		if (strcmp(reader->state, "read") == 0)
			read_card(chart, reader);
	}
}

/* When this program's file was written: no right clock shows an earlier time. */
static gint64 made(void)
{
	struct stat st;

	return stat("/proc/self/exe", &st) == 0 ? (gint64)st.st_mtime : 0;
}

/* Redirected readers are behind slow lines: where a daemon looks at them, that has to do. */
static void look(Chart *chart)
{
	chart->look = look_start(
		chart->config, LOOK_TOKENS, chart->live->answers ? chart->live->endpoints : NULL);
}

static void list_endpoints(Chart *chart)
{
	for (guint i = 0; i < chart->look->endpoints->len; i++)
		g_ptr_array_add(chart->endpoints, g_ptr_array_index(chart->look->endpoints, i));
	for (guint i = 0; i < chart->live->endpoints->len; i++) {
		SeenEndpoint *endpoint = g_ptr_array_index(chart->live->endpoints, i);

		if (route_redirected(endpoint->name))
			g_ptr_array_add(chart->endpoints, endpoint);
	}
}

Chart *chart_take(const Ctl *ctl)
{
	Chart *chart = g_new0(Chart, 1);

	chart->built_in = config_new();
	chart->config = ctl->config != NULL ? ctl->config : chart->built_in;
	chart->faults = ctl->faults;
	chart->now = g_get_real_time() / G_USEC_PER_SEC;
	chart->made = made();
	chart->endpoints = g_ptr_array_new();
	chart->loads = g_ptr_array_new_with_free_func(probe_destroy);
	chart->reads = g_ptr_array_new_with_free_func(probe_destroy);

	progress_start("looking at everything …");
	chart->status_listing = listing_start(chart->config, WIRE_STORE_DATABASES, 0);
	chart->live = live_start(chart->config, LIVE_ASK);
	live_wait(chart->live);
	look(chart);
	chart->databases = listing_wait(chart->status_listing, &chart->databases_error);
	chart->way_listing = listing_start(chart->config, WIRE_STORE_MODULES, 0);
	chart->modules = listing_wait(chart->way_listing, &chart->modules_error);
	look_wait(chart->look);
	list_endpoints(chart);
	load_modules(chart);
	read_cards(chart);
	progress_stop();

	return chart;
}

Chart *chart_free(Chart *chart)
{
	if (chart == NULL)
		return NULL;

	listing_free(chart->status_listing);
	listing_free(chart->way_listing);
	g_ptr_array_unref(chart->endpoints);
	look_free(chart->look);
	live_free(chart->live);
	g_ptr_array_unref(chart->loads);
	g_ptr_array_unref(chart->reads);
	g_clear_error(&chart->databases_error);
	g_clear_error(&chart->modules_error);
	config_free(chart->built_in);
	g_free(chart);

	return NULL;
}
