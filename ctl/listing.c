/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pipeline that is the store alone, waited for. It may be waited for after others were started:
 * their events are served meanwhile, which is how a listing costs no more time than its slowest
 * part.
 */

#include "listing.h"

#include <string.h>

#include "names.h"
#include "paint.h"
#include "pipeline.h"

struct Listing {
	Pipeline *pipeline;
	const Report *report;
	GError *error;
	bool done;
};

static void on_done(Pipeline *pipeline, const Report *report, const GError *scan_error,
	const GError *store_error, gpointer data)
{
	Listing *listing = data;

	listing->done = true;
	listing->report = report;
	if (store_error != NULL)
		listing->error = g_error_copy(store_error);
}

Listing *listing_start(const Config *config, WireStoreMode mode, guint32 flags)
{
	return listing_start_only(config, mode, flags, NULL);
}

Listing *listing_start_only(
	const Config *config, WireStoreMode mode, guint32 flags, const char *only)
{
	const PipelineFuncs funcs = {.done = on_done};
	const PipelineRequest request = {
		.mode = mode, .flags = flags, .config = config, .only = only};
	Listing *listing = g_new0(Listing, 1);

	listing->pipeline = pipeline_start(&request, &funcs, listing);

	return listing;
}

const Report *listing_wait(Listing *listing, GError **error)
{
	while (!listing->done)
		g_main_context_iteration(NULL, TRUE);

	if (listing->error != NULL) {
		g_propagate_error(error, g_error_copy(listing->error));
		return NULL;
	}

	return listing->report;
}

Listing *listing_free(Listing *listing)
{
	if (listing == NULL)
		return NULL;

	pipeline_free(listing->pipeline);
	g_clear_error(&listing->error);
	g_free(listing);

	return NULL;
}

int report_complain(const Report *report)
{
	guint n_bad = 0;

	for (guint i = 0; i < report->errors->len; i++)
		paint_complain("%s", (const char *)g_ptr_array_index(report->errors, i));

	for (guint i = 0; i < report->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(report->databases, i);

		for (guint j = 0; j < database->errors->len; j++)
			paint_complain("%s: %s", database->path,
				(const char *)g_ptr_array_index(database->errors, j));
		n_bad += database->errors->len > 0 ? 1 : 0;
	}

	if (report->errors->len == 0 && n_bad == 0)
		return EXIT_STATUS_DONE;

	return n_bad < report->databases->len ? EXIT_STATUS_PARTLY : EXIT_STATUS_FAILED;
}
