/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl sync: a look at every card now, with or without a daemon. The daemon is asked only
 * which other endpoints (forwarded sockets, remote sessions) are live, so that this look leaves
 * their claims alone.
 */

#include <string.h>

#include "ctl.h"
#include "emit.h"
#include "live.h"
#include "look.h"
#include "names.h"
#include "outcome.h"
#include "paint.h"
#include "progress.h"

static void put_tokens(Json *json, const SeenEndpoint *endpoint)
{
	json_open_array(json, "tokens");
	for (guint i = 0; i < endpoint->readers->len; i++) {
		const SeenReader *reader = g_ptr_array_index(endpoint->readers, i);

		for (guint j = 0; j < reader->tokens->len; j++) {
			json_open_object(json, NULL);
			emit_token(json, g_ptr_array_index(reader->tokens, j));
			json_put_text(json, "reader", reader->name);
			json_put_text(json, "endpoint", endpoint->name);
			json_close_object(json);
		}
	}
	json_close_array(json);
}

static void print_json(
	const Ctl *ctl, const Look *look, const GPtrArray *databases, const GPtrArray *failures)
{
	g_autoptr(Json) json = json_new();

	json_open_object(json, NULL);
	json_put_bool(json, "dry_run", ctl->dry_run);
	put_tokens(json, look->endpoint);
	json_open_array(json, "databases");
	for (guint i = 0; i < databases->len; i++) {
		json_open_object(json, NULL);
		outcome_emit(json, g_ptr_array_index(databases, i));
		json_close_object(json);
	}
	json_close_array(json);
	json_open_array(json, "errors");
	for (guint i = 0; i < failures->len; i++)
		json_put_text(json, NULL, g_ptr_array_index(failures, i));
	json_close_array(json);
	json_close_object(json);
	json_print(json);
}

static void print_text(const Look *look, const GPtrArray *databases)
{
	guint n_tokens = 0;

	for (guint i = 0; i < look->endpoint->readers->len; i++)
		n_tokens += ((const SeenReader *)g_ptr_array_index(look->endpoint->readers, i))
				    ->tokens->len;
	if (n_tokens == 0 && seen_endpoint_live(look->endpoint))
		paint_line(PAINT_PLAIN, "no card with certificates is in any reader");

	for (guint i = 0; i < databases->len; i++)
		outcome_print(g_ptr_array_index(databases, i), NULL);
}

/* Everything that went wrong outside the databases, one line each. */
static GPtrArray *find_failures(const Look *look)
{
	const SeenEndpoint *endpoint = look->endpoint;
	GPtrArray *failures = g_ptr_array_new_with_free_func(g_free);

	if (!seen_endpoint_live(endpoint))
		g_ptr_array_add(failures,
			g_strdup_printf("cannot ask the readers: %s",
				*endpoint->detail != '\0' ? endpoint->detail : endpoint->state));
	for (guint i = 0; i < endpoint->readers->len; i++) {
		const SeenReader *reader = g_ptr_array_index(endpoint->readers, i);

		if (strcmp(reader->state, "failed") == 0 || strcmp(reader->state, "waiting") == 0)
			g_ptr_array_add(
				failures, g_strdup_printf("cannot read the card in \"%s\": %s",
						  reader->name, reader->reason));
	}
	for (guint i = 0; i < look->errors->len; i++)
		g_ptr_array_add(failures, g_strdup(g_ptr_array_index(look->errors, i)));
	for (guint i = 0; i < look->reports->len; i++) {
		const Report *report = g_ptr_array_index(look->reports, i);

		for (guint j = 0; j < report->errors->len; j++)
			g_ptr_array_add(failures, g_strdup(g_ptr_array_index(report->errors, j)));
	}

	return failures;
}

int verb_sync(Ctl *ctl, char **args)
{
	const Config *config = ctl_config(ctl);

	if (config == NULL)
		return EXIT_STATUS_FAILED;
	if (!config->enabled) {
		paint_complain("cannot sync: propagation is switched off by [propagation] enabled "
			       "(%s); set it to true",
			config_origin(config, "propagation", "enabled"));
		return EXIT_STATUS_FAILED;
	}

	g_autoptr(Live) live = live_start(config, LIVE_ASK);
	live_wait(live);
	g_autoptr(Look) look =
		look_start(config, ctl->dry_run ? LOOK_PLAN : LOOK_APPLY, live->endpoints);
	progress_start("reading the cards …");
	look_wait(look);
	progress_stop();

	g_autoptr(GPtrArray) databases = outcome_merge(look->reports);
	g_autoptr(GPtrArray) failures = find_failures(look);
	if (ctl->json)
		print_json(ctl, look, databases, failures);
	else
		print_text(look, databases);

	return outcome_complain(databases, failures);
}
