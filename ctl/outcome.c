/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each reader's batch reports on every database, so a certificate that is on two cards is kept or
 * skipped twice; it is counted once. What was written is counted each time: two claims are two.
 */

#include "outcome.h"

#include <string.h>

static void database_free(gpointer data)
{
	OutcomeDatabase *database = data;

	g_free(database->path);
	g_free(database->application);
	g_free(database->profile);
	g_free(database->status);
	g_free(database->reason);
	g_ptr_array_unref(database->steps);
	g_ptr_array_unref(database->skipped);
	g_ptr_array_unref(database->errors);
	g_free(database);
}

static OutcomeDatabase *find_or_add(GPtrArray *databases, const ReportDatabase *from)
{
	for (guint i = 0; i < databases->len; i++) {
		OutcomeDatabase *database = g_ptr_array_index(databases, i);

		if (strcmp(database->path, from->path) == 0)
			return database;
	}

	OutcomeDatabase *database = g_new0(OutcomeDatabase, 1);
	database->path = g_strdup(from->path);
	database->application = g_strdup(from->application);
	database->profile = g_strdup(from->profile);
	database->status = g_strdup(from->status);
	database->reason = g_strdup(from->reason);
	database->steps = g_ptr_array_new();
	database->skipped = g_ptr_array_new();
	database->errors = g_ptr_array_new();
	g_ptr_array_add(databases, database);

	return database;
}

static bool has_skip(const OutcomeDatabase *database, const ReportStep *step)
{
	for (guint i = 0; i < database->skipped->len; i++) {
		const ReportStep *known = g_ptr_array_index(database->skipped, i);

		if (strcmp(known->sha256, step->sha256) == 0 &&
			strcmp(known->reason, step->reason) == 0)
			return true;
	}

	return false;
}

static void add_step(OutcomeDatabase *database, const ReportStep *step, GHashTable *kept)
{
	unsigned *count = NULL;

	if (strcmp(step->action, "skip") == 0) {
		if (!has_skip(database, step))
			g_ptr_array_add(database->skipped, (gpointer)step);
		return;
	}
	if (strcmp(step->action, "keep") == 0) {
		g_autofree char *key = g_strdup_printf("%s %s", step->sha256, database->path);

		if (g_hash_table_add(kept, g_steal_pointer(&key)))
			database->kept++;
		return;
	}

	if (strcmp(step->action, "create") == 0)
		count = &database->created;
	else if (strcmp(step->action, "claim") == 0)
		count = &database->claimed;
	else if (strcmp(step->action, "release") == 0)
		count = &database->released;
	else if (strcmp(step->action, "delete") == 0)
		count = &database->deleted;
	if (count == NULL)
		return;

	++*count;
	g_ptr_array_add(database->steps, (gpointer)step);
}

static void add_database(GPtrArray *databases, const ReportDatabase *from, GHashTable *kept)
{
	OutcomeDatabase *database = find_or_add(databases, from);

	/* a later batch may meet what an earlier one did not: tell the worse */
	if (strcmp(from->status, "ok") != 0 && strcmp(database->status, "ok") == 0) {
		g_free(database->status);
		g_free(database->reason);
		database->status = g_strdup(from->status);
		database->reason = g_strdup(from->reason);
	}
	for (guint i = 0; i < from->steps->len; i++)
		add_step(database, g_ptr_array_index(from->steps, i), kept);
	for (guint i = 0; i < from->errors->len; i++)
		g_ptr_array_add(database->errors, g_ptr_array_index(from->errors, i));
}

GPtrArray *outcome_merge(const GPtrArray *reports)
{
	GPtrArray *databases = g_ptr_array_new_with_free_func(database_free);
	g_autoptr(GHashTable) kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < reports->len; i++) {
		const Report *report = g_ptr_array_index(reports, i);

		for (guint j = 0; j < report->databases->len; j++)
			add_database(databases, g_ptr_array_index(report->databases, j), kept);
	}

	return databases;
}

unsigned outcome_writes(const OutcomeDatabase *database)
{
	return database->created + database->claimed + database->released + database->deleted;
}
