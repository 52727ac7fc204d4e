/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An outcome for people and for scripts: the same for every command that writes to databases.
 */

#include <string.h>

#include "emit.h"
#include "names.h"
#include "outcome.h"
#include "paint.h"
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

static void put_skipped(Json *json, const OutcomeDatabase *database)
{
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
}

void outcome_emit(Json *json, const OutcomeDatabase *database)
{
	emit_database(json, database->path, database->application, database->profile,
		database->status, database->reason);
	json_put_number(json, "created", database->created);
	json_put_number(json, "claimed", database->claimed);
	json_put_number(json, "released", database->released);
	json_put_number(json, "deleted", database->deleted);
	json_put_number(json, "kept", database->kept);
	put_skipped(json, database);
	put_steps(json, database);
	json_open_array(json, "errors");
	for (guint i = 0; i < database->errors->len; i++)
		json_put_text(json, NULL, g_ptr_array_index(database->errors, i));
	json_close_array(json);
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

/* The labels of the tokens that the report names for it. */
static char *tokens_of(const ReportDatabase *told, const char *sha256)
{
	GString *labels = g_string_new(NULL);

	for (guint i = 0; told != NULL && i < told->certs->len; i++) {
		const ReportCert *cert = g_ptr_array_index(told->certs, i);

		if (strcmp(cert->sha256, sha256) != 0)
			continue;
		for (guint j = 0; j < cert->claims->len; j++) {
			const ReportClaim *claim = g_ptr_array_index(cert->claims, j);

			g_string_append_printf(labels, "%s%s (%s)", labels->len > 0 ? ", " : "",
				claim->token->label, claim->token->serial);
		}
	}

	return g_string_free(labels, FALSE);
}

static void add_rows(
	Table *table, const GPtrArray *steps, const char *verb, const ReportDatabase *told)
{
	for (guint i = 0; i < steps->len; i++) {
		const ReportStep *step = g_ptr_array_index(steps, i);
		g_autofree char *tokens = tokens_of(told, step->sha256);

		table_cell(table, verb != NULL ? PAINT_FAINT : PAINT_GOOD,
			verb != NULL ? verb : verb_of(step));
		table_cell(table, PAINT_STRONG, step->nickname);
		table_cellf(table, PAINT_FAINT, "%.12s", step->sha256);
		table_cell(table, PAINT_PLAIN, step->reason);
		table_cell(table, PAINT_PLAIN, tokens);
		table_end_row(table);
	}
}

/* A dry run's numbers are of what has not happened. */
static const char *mood(const OutcomeDatabase *database)
{
	const ReportStep *first =
		database->steps->len > 0 ? g_ptr_array_index(database->steps, 0) : NULL;

	return first != NULL && !first->done ? "would be: " : "";
}

void outcome_print(const OutcomeDatabase *database, const ReportDatabase *told)
{
	g_autoptr(Table) table = table_new(2);

	paint_line(PAINT_STRONG, "%s (%s)", database->path, database->application);
	if (strcmp(database->status, "ok") != 0)
		paint_line(PAINT_NOTE, "  %s%s%s", database->status,
			*database->reason != '\0' ? ": " : "", database->reason);
	add_rows(table, database->steps, NULL, told);
	add_rows(table, database->skipped, "skipped", told);
	table_print(table);
	paint_line(PAINT_PLAIN,
		"  %s%u created, %u claimed, %u released, %u deleted, %u kept, %u skipped",
		mood(database), database->created, database->claimed, database->released,
		database->deleted, database->kept, database->skipped->len);
}

int outcome_complain(const GPtrArray *databases, const GPtrArray *failures)
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
