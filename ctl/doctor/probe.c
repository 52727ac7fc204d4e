/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The module is loaded where every module is loaded, in certprop-scan; what it says is believed as
 * far as numbers go. Certificates are not looked into: that is the store's.
 */

#include "probe.h"

#include "error.h"
#include "pipeline.h"
#include "scanner.h"

typedef struct Work {
	Probe *probe;
	bool said; /* the scan has said how it ended */
	bool done;
} Work;

static void take_cert(Probe *probe, WireReader *frame)
{
	g_autoptr(GBytes) id = wire_get_bytes(frame, WIRE_FRAME_MAX);
	g_autofree char *label = wire_get_text(frame, WIRE_TEXT_MAX);
	guint64 key = wire_get_number(frame);
	g_autoptr(GBytes) der = wire_get_bytes(frame, WIRE_FRAME_MAX);

	probe->n_certs++;
	probe->n_opaque += g_bytes_get_size(der) == 0;
	probe->n_keys += key == WIRE_KEY_SEEN;
	probe->n_without += key == WIRE_KEY_NONE;
}

static void take_token(Probe *probe, WireReader *frame)
{
	for (unsigned i = 0; i < 4; i++)
		g_free(wire_get_text(frame, WIRE_TEXT_MAX));

	probe->n_tokens++;
	probe->n_blank += wire_get_number(frame) == 0;
}

static void take_end(Work *work, WireReader *frame)
{
	guint64 code = wire_get_number(frame);
	guint64 n = wire_get_number(frame);
	g_autofree char *reason = wire_get_text(frame, WIRE_TEXT_MAX);

	(void)n;
	work->said = true;
	if (code != 0)
		g_set_error_literal(&work->probe->error, CERTPROP_ERROR,
			code - 1 <= CERTPROP_ERROR_CONFIG ? (int)(code - 1) : CERTPROP_ERROR_FAILED,
			reason);
}

static bool on_frame(Helper *helper, WireReader *frame, gpointer data, GError **error)
{
	Work *work = data;
	guint type = frame->type;

	if (type == WIRE_SCAN_TOKEN) {
		take_token(work->probe, frame);
	} else if (type == WIRE_SCAN_CERT) {
		take_cert(work->probe, frame);
	} else if (type == WIRE_SCAN_NOTE) {
		char *note = wire_get_text(frame, WIRE_TEXT_MAX);

		if (work->probe->notes->len < PROBE_NOTES_MAX)
			g_ptr_array_add(work->probe->notes, note);
		else
			g_free(note);
	} else if (type == WIRE_SCAN_END && !work->said) {
		take_end(work, frame);
	} else {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL,
			"a frame of type 0x%02x came where none belongs", type);
		return false;
	}

	return wire_reader_done(frame, error);
}

static void on_ended(Helper *helper, const GError *error, gpointer data)
{
	Work *work = data;

	work->done = true;
	work->probe->no_scan = helper_unloadable(helper);
	/* What it said itself tells more than how it ended. */
	if (work->probe->error == NULL && error != NULL)
		work->probe->error = g_error_copy(error);
	else if (work->probe->error == NULL && !work->said)
		work->probe->error = g_error_new_literal(CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"certprop-scan ended before it was done: the module has ended it");
}

Probe *probe_run(
	const Config *config, const char *module, const char *reader, const GPtrArray *others)
{
	static const HelperFuncs funcs = {.frame = on_frame, .ended = on_ended};
	const PipelineRequest request = {.config = config,
		.endpoint = "local",
		.reader = reader,
		.module = module,
		.others = others};
	g_autoptr(Scanner) scanner = scanner_new(&request);
	Probe *probe = g_new0(Probe, 1);
	Work work = {.probe = probe};

	probe->module = g_strdup(module);
	probe->path = pipeline_module_path(module);
	probe->reader = g_strdup(reader);
	probe->notes = g_ptr_array_new_with_free_func(g_free);

	g_autoptr(Helper) helper = scanner_start(scanner, -1, &funcs, &work, &probe->error);
	probe->no_scan = helper == NULL;
	while (helper != NULL && !work.done)
		g_main_context_iteration(NULL, TRUE);

	return probe;
}

void probe_free(Probe *probe)
{
	if (probe == NULL)
		return;

	g_free(probe->module);
	g_free(probe->path);
	g_free(probe->reader);
	g_clear_error(&probe->error);
	g_ptr_array_unref(probe->notes);
	g_free(probe);
}
