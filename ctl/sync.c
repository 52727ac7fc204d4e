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
#include "progress.h"
#include "table.h"

static void put_steps(Json *json, const OutcomeDatabase *database)
{
	json_open_array(json, "steps");
	for (guint i = 0; i < database->steps->len; i++) {
		const ReportStep *step = g_ptr_array_index(database->steps, i);

		json_open_object(json, NULL);
		json_put_text(json, "action", step->action);
		json_put_text(json, "sha256", step->sha256);
		json_put_text(json, "nickname", step->nickname);
		json_put_text(json, "reason", step->reason);
		json_put_bool(json, "done", step->done);
		json_close_object(json);
	}
	json_close_array(json);
}

static void put_database(Json *json, const OutcomeDatabase *database)
{
	json_open_object(json, NULL);
	emit_database(json, database->path, database->application, database->profile,
		database->status, database->reason);
	json_put_number(json, "created", database->created);
	json_put_number(json, "claimed", database->claimed);
	json_put_number(json, "released", database->released);
	json_put_number(json, "deleted", database->deleted);
	json_put_number(json, "kept", database->kept);
	json_open_array(json, "skipped");
	for (guint i = 0; i < database->skipped->len; i++) {
		const ReportStep *step = g_ptr_array_index(database->skipped, i);

		json_open_object(json, NULL);
		json_put_text(json, "sha256", step->sha256);
		json_put_text(json, "reason", step->reason);
		json_put_text(json, "nickname", step->nickname);
		json_close_object(json);
	}
	json_close_array(json);
	put_steps(json, database);
	json_open_array(json, "errors");
	for (guint i = 0; i < database->errors->len; i++)
		json_put_text(json, NULL, g_ptr_array_index(database->errors, i));
	json_close_array(json);
	json_close_object(json);
}

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
	for (guint i = 0; i < databases->len; i++)
		put_database(json, g_ptr_array_index(databases, i));
	json_close_array(json);
	json_open_array(json, "errors");
	for (guint i = 0; i < failures->len; i++)
		json_put_text(json, NULL, g_ptr_array_index(failures, i));
	json_close_array(json);
	json_close_object(json);
	json_print(json);
}

static const char *verb_of(const ReportStep *step)
{
	static const struct {
		const char *action, *done, *planned;
	} words[] = {
		{"create", "created", "would create"},
		{"claim", "claimed", "would claim"},
		{"release", "released", "would release"},
		{"delete", "deleted", "would delete"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(words); i++)
		if (strcmp(words[i].action, step->action) == 0)
			return step->done ? words[i].done : words[i].planned;

	return step->action;
}

static void add_rows(Table *table, const GPtrArray *steps, const char *verb)
{
	for (guint i = 0; i < steps->len; i++) {
		const ReportStep *step = g_ptr_array_index(steps, i);

		table_cell(table, verb != NULL ? PAINT_FAINT : PAINT_GOOD,
			verb != NULL ? verb : verb_of(step));
		table_cell(table, PAINT_STRONG, step->nickname);
		table_cellf(table, PAINT_FAINT, "%.12s", step->sha256);
		table_cell(table, PAINT_PLAIN, step->reason);
		table_end_row(table);
	}
}

static void print_text(const Look *look, const GPtrArray *databases)
{
	guint n_tokens = 0;

	for (guint i = 0; i < look->endpoint->readers->len; i++)
		n_tokens += ((const SeenReader *)g_ptr_array_index(look->endpoint->readers, i))
				    ->tokens->len;
	if (n_tokens == 0 && seen_endpoint_live(look->endpoint))
		paint_line(PAINT_PLAIN, "no card with certificates is in any reader");

	for (guint i = 0; i < databases->len; i++) {
		const OutcomeDatabase *database = g_ptr_array_index(databases, i);
		g_autoptr(Table) table = table_new(2);

		paint_line(PAINT_STRONG, "%s (%s)", database->path, database->application);
		if (strcmp(database->status, "ok") != 0)
			paint_line(PAINT_NOTE, "  %s%s%s", database->status,
				*database->reason != '\0' ? ": " : "", database->reason);
		add_rows(table, database->steps, NULL);
		add_rows(table, database->skipped, "skipped");
		table_print(table);
		paint_line(PAINT_PLAIN,
			"  %u created, %u claimed, %u released, %u deleted, %u kept, %u skipped",
			database->created, database->claimed, database->released, database->deleted,
			database->kept, database->skipped->len);
	}
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

static int complain(const GPtrArray *databases, const GPtrArray *failures)
{
	guint n_good = 0, n_bad = failures->len;

	for (guint i = 0; i < failures->len; i++)
		paint_complain("%s", (const char *)g_ptr_array_index(failures, i));
	for (guint i = 0; i < databases->len; i++) {
		const OutcomeDatabase *database = g_ptr_array_index(databases, i);

		for (guint j = 0; j < database->errors->len; j++)
			paint_complain("%s: %s", database->path,
				(const char *)g_ptr_array_index(database->errors, j));
		n_bad += database->errors->len;
		if (database->errors->len == 0 || outcome_writes(database) > 0)
			n_good++;
	}

	if (n_bad == 0)
		return EXIT_STATUS_DONE;

	return n_good > 0 ? EXIT_STATUS_PARTLY : EXIT_STATUS_FAILED;
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

	return complain(databases, failures);
}
