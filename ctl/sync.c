/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl sync: a look at every card now, with or without a daemon. Redirected readers
 * (forwarded sockets, remote sessions) are left to the daemon where one runs: it reads one card at
 * a time in them, and knows which client may be just coming back.
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
#include "route.h"

static void put_tokens(Json *json, const SeenEndpoint *endpoint)
{
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
}

static void print_json(
	const Ctl *ctl, const Look *look, const GPtrArray *databases, const GPtrArray *failures)
{
	g_autoptr(Json) json = json_new();

	json_open_object(json, NULL);
	json_put_bool(json, "dry_run", ctl->dry_run);
	json_open_array(json, "tokens");
	for (guint i = 0; i < look->endpoints->len; i++)
		put_tokens(json, g_ptr_array_index(look->endpoints, i));
	json_close_array(json);
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

static guint count_tokens(const Look *look)
{
	guint n = 0;

	for (guint i = 0; i < look->endpoints->len; i++) {
		const SeenEndpoint *endpoint = g_ptr_array_index(look->endpoints, i);

		for (guint j = 0; j < endpoint->readers->len; j++) {
			const SeenReader *reader = g_ptr_array_index(endpoint->readers, j);

			n += reader->tokens->len;
		}
	}

	return n;
}

static void print_text(const Look *look, const GPtrArray *databases)
{
	if (count_tokens(look) == 0 && seen_endpoint_live(g_ptr_array_index(look->endpoints, 0)))
		paint_line(PAINT_PLAIN, "no card with certificates is in any reader");

	for (guint i = 0; i < databases->len; i++)
		outcome_print(g_ptr_array_index(databases, i), NULL);
}

/* That nobody is connected is no failure of a redirected endpoint, nor that its socket is not used:
   `certpropctl status` tells of that. Nor need a server with such readers have any of its own. */
static bool has_failed(const Look *look, const SeenEndpoint *endpoint)
{
	static const char *const failures[] = {"denied", "incompatible", "failed", NULL};

	if (route_redirected(endpoint->name))
		return g_strv_contains(failures, endpoint->state);
	return !look_any_live(look);
}

static void find_failures_of(const Look *look, const SeenEndpoint *endpoint, GPtrArray *failures)
{
	bool local = !route_redirected(endpoint->name);

	if (has_failed(look, endpoint))
		g_ptr_array_add(failures,
			g_strdup_printf("cannot ask the readers%s%s: %s", local ? "" : " of ",
				local ? "" : endpoint->name,
				*endpoint->detail != '\0' ? endpoint->detail : endpoint->state));
	for (guint i = 0; i < endpoint->readers->len; i++) {
		const SeenReader *reader = g_ptr_array_index(endpoint->readers, i);

		if (strcmp(reader->state, "failed") == 0 || strcmp(reader->state, "waiting") == 0)
			g_ptr_array_add(
				failures, g_strdup_printf("cannot read the card in \"%s\": %s",
						  reader->name, reader->reason));
	}
}

/* Everything that went wrong outside the databases, one line each. */
static GPtrArray *find_failures(const Look *look)
{
	GPtrArray *failures = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < look->endpoints->len; i++)
		find_failures_of(look, g_ptr_array_index(look->endpoints, i), failures);
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
	if (live->running && !live->answers)
		paint_complain("%s; only the readers of this machine are looked at", live->trouble);
	g_autoptr(Look) look = look_start(config, ctl->dry_run ? LOOK_PLAN : LOOK_APPLY,
		live->running ? live->endpoints : NULL);
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
