/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * First choice is the daemon: it knows already. When none runs, or when it runs and hangs,
 * certpropctl looks itself; the user gets the same answer a little later, and is told why.
 */

#include "live.h"

#include "error.h"
#include "host.h"
#include "look.h"
#include "peer.h"

struct LiveWork {
	const Config *config;
	LiveMode mode;
	Peer *peer;
	Look *look;
	bool answered;
};

static char *take_text(GVariant *status, const char *key, char *old)
{
	const char *text = "";

	g_free(old);
	(void)g_variant_lookup(status, key, "&s", &text);

	return g_strdup(text);
}

static void take_faults(Live *live, GVariant *status)
{
	g_autoptr(GVariant) array =
		g_variant_lookup_value(status, "configuration", G_VARIANT_TYPE("aa{sv}"));

	for (gsize i = 0; array != NULL && i < MIN(g_variant_n_children(array), SEEN_MAX); i++) {
		g_autoptr(GVariant) dict = g_variant_get_child_value(array, i);
		ConfigFault *fault = g_new0(ConfigFault, 1);
		gboolean warning = FALSE;
		guint32 line = 0;

		(void)g_variant_lookup(dict, "line", "u", &line);
		(void)g_variant_lookup(dict, "warning", "b", &warning);
		fault->file = take_text(dict, "file", NULL);
		fault->message = take_text(dict, "message", NULL);
		fault->line = line;
		fault->warning = warning;
		g_ptr_array_add(live->faults, fault);
	}
}

static void take_status(Live *live, GVariant *status)
{
	gboolean enabled = TRUE;

	live->answers = true;
	live->version = take_text(status, "version", live->version);
	live->since = take_text(status, "since", live->since);
	live->host = take_text(status, "host", live->host);
	(void)g_variant_lookup(status, "pid", "u", &live->pid);
	(void)g_variant_lookup(status, "enabled", "b", &enabled);
	live->enabled = enabled;
	live->left_out = take_text(status, "left_out", live->left_out);
	take_faults(live, status);

	g_ptr_array_unref(live->endpoints);
	live->endpoints = seen_from_status(status);
}

static void on_answer(Peer *peer, GVariant *status, const GError *error, gpointer data)
{
	Live *live = data;
	struct LiveWork *work = live->work;

	work->answered = true;
	live->running =
		status != NULL || !g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_MISSING);
	if (status != NULL) {
		take_status(live, status);
		return;
	}

	g_free(live->trouble);
	live->trouble = g_strdup(error->message);
	if (work->mode == LIVE_LOOK)
		work->look = look_start(work->config, LOOK_TOKENS, NULL);
}

Live *live_start(const Config *config, LiveMode mode)
{
	Live *live = g_new0(Live, 1);

	live->trouble = g_strdup("");
	live->version = g_strdup("");
	live->since = g_strdup("");
	live->left_out = g_strdup("");
	live->host = host_here();
	live->enabled = config == NULL || config->enabled;
	live->faults = g_ptr_array_new_with_free_func((GDestroyNotify)config_fault_free);
	live->endpoints = g_ptr_array_new_with_free_func((GDestroyNotify)seen_endpoint_free);

	live->work = g_new0(struct LiveWork, 1);
	live->work->config = config;
	live->work->mode = mode;
	live->work->peer = peer_open(on_answer, NULL, live);

	return live;
}

void live_wait(Live *live)
{
	struct LiveWork *work = live->work;

	while (!work->answered)
		g_main_context_iteration(NULL, TRUE);
	if (work->look == NULL)
		return;

	look_wait(work->look);
	g_ptr_array_unref(live->endpoints);
	live->endpoints = g_ptr_array_ref(work->look->endpoints);
	if (work->look->left_out != NULL) {
		g_free(live->left_out);
		live->left_out = g_strdup(work->look->left_out);
	}
	work->look = look_free(work->look);
}

bool live_look_again(Live *live, GError **error)
{
	return peer_look(live->work->peer, error);
}

Live *live_free(Live *live)
{
	if (live == NULL)
		return NULL;

	peer_free(live->work->peer);
	look_free(live->work->look);
	g_free(live->work);

	g_free(live->trouble);
	g_free(live->version);
	g_free(live->since);
	g_free(live->host);
	g_free(live->left_out);
	g_ptr_array_unref(live->faults);
	g_ptr_array_unref(live->endpoints);
	g_free(live);

	return NULL;
}
