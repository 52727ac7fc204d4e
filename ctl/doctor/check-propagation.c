/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Are the databases as the cards and the configuration say? The look was a dry run: what it would
 * do has not been done. That is no fault where certpropd is just doing it, and where a database
 * cannot be written, that has been said by another step.
 */

#include "chart.h"

#include <string.h>

#include "names.h"
#include "route.h"

static bool has_trouble(const ReportDatabase *database)
{
	return strcmp(database->status, "ok") != 0 && strcmp(database->status, "missing") != 0;
}

/* By the step about databases. */
static bool is_reported(const Chart *chart, const ReportDatabase *database)
{
	for (guint i = 0; chart->databases != NULL && i < chart->databases->databases->len; i++) {
		const ReportDatabase *other = g_ptr_array_index(chart->databases->databases, i);

		if (strcmp(other->path, database->path) == 0 && has_trouble(other))
			return true;
	}

	return has_trouble(database);
}

/* What the daemon says of the card that we have read, or NULL. */
static const SeenReader *told_of(const Chart *chart, const SeenReader *reader)
{
	const SeenEndpoint *local = seen_find(chart->live->endpoints, ROUTE_LOCAL);

	for (guint i = 0; local != NULL && i < local->readers->len; i++) {
		const SeenReader *told = g_ptr_array_index(local->readers, i);

		if (strcmp(told->name, reader->name) == 0)
			return told;
	}

	return NULL;
}

/* What the daemon has still to do with a card that it tells this of; NULL: nothing. */
static const char *work_left(const SeenReader *told)
{
	if (told == NULL || strcmp(told->state, "empty") == 0)
		return "it has only just been put in";
	if (strcmp(told->state, "scanning") == 0)
		return "it is being read";

	return strcmp(told->state, "waiting") == 0 ? told->reason : NULL;
}

/* The first of the cards that we have read with which the daemon is not done; NULL: it is. */
static const SeenReader *find_work(const Chart *chart, const char **ret_left)
{
	const GPtrArray *readers = chart_readers(chart);

	for (guint i = 0; chart->live->answers && readers != NULL && i < readers->len; i++) {
		const SeenReader *reader = g_ptr_array_index(readers, i);

		if (strcmp(reader->state, "read") != 0)
			continue;
		*ret_left = work_left(told_of(chart, reader));
		if (*ret_left != NULL)
			return reader;
	}

	return NULL;
}

/* In databases that can be written. *ret_others: there are others that want some. */
static guint count_changes(const Chart *chart, bool *ret_others)
{
	guint n = 0;

	*ret_others = false;
	for (guint i = 0; i < chart->look->reports->len; i++) {
		const Report *report = g_ptr_array_index(chart->look->reports, i);

		for (guint d = 0; d < report->databases->len; d++) {
			const ReportDatabase *database = g_ptr_array_index(report->databases, d);

			if (is_reported(chart, database))
				*ret_others = true;
			else
				n += report_count(database, NULL);
		}
	}

	return n;
}

static void add_changes(const Chart *chart, guint n, GPtrArray *findings)
{
	const char *left = NULL;
	const SeenReader *work = find_work(chart, &left);
	Finding *finding;

	if (work != NULL) {
		finding = finding_add(findings, "propagation", "being-made", VERDICT_UNKNOWN,
			work->name, "changes of the databases are being made just now: %u", n);
		finding_why(finding, NAME_DAEMON " is not done with this card yet (%s): ask again",
			left);
		return;
	}
	finding = finding_add(findings, "propagation", "pending", VERDICT_WRONG, NULL,
		"%u change%s of the databases %s not been made yet", n, n == 1 ? "" : "s",
		n == 1 ? "has" : "have");
	finding_mend(finding, g_strdup(NAME_CTL " sync"), false);
}

static void check_changes(const Chart *chart, GPtrArray *findings)
{
	bool others;
	guint n = count_changes(chart, &others);

	if (n > 0)
		add_changes(chart, n, findings);
	else if (!others)
		finding_add_ok(findings, "propagation", NULL,
			"the databases are as the cards and the configuration say");
}

static void count_skipped(const ReportDatabase *database, GHashTable *reasons, GHashTable *seen)
{
	for (guint i = 0; i < database->steps->len; i++) {
		const ReportStep *step = g_ptr_array_index(database->steps, i);
		guint n;

		if (strcmp(step->action, "skip") != 0 || strcmp(step->reason, "users-own") == 0 ||
			!g_hash_table_add(seen, step->sha256))
			continue;
		n = GPOINTER_TO_UINT(g_hash_table_lookup(reasons, step->reason));
		g_hash_table_insert(reasons, step->reason, GUINT_TO_POINTER(n + 1));
	}
}

static void add_skipped(GHashTable *reasons, GPtrArray *findings)
{
	GHashTableIter iter;
	gpointer reason, n;

	g_hash_table_iter_init(&iter, reasons);
	while (g_hash_table_iter_next(&iter, &reason, &n)) {
		Finding *finding = finding_add(findings, "propagation", NULL, VERDICT_NOTE, NULL,
			"%u of the cards' certificates %s not propagated: %s", GPOINTER_TO_UINT(n),
			GPOINTER_TO_UINT(n) == 1 ? "is" : "are", (const char *)reason);

		if (strcmp(reason, "expired") == 0)
			finding_cause(finding, "expired",
				"They have to be renewed on the card; [filter] time-invalid=allow "
				"takes them as they are");
		else
			finding_cause(finding, "left-out",
				"That is what the configuration says ([filter], [ca], [limits])");
	}
}

/* Why the cards' certificates are left out. */
static void check_skipped(const Chart *chart, GPtrArray *findings)
{
	g_autoptr(GHashTable) reasons = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint i = 0; i < chart->look->reports->len; i++) {
		const Report *report = g_ptr_array_index(chart->look->reports, i);

		for (guint d = 0; d < report->databases->len; d++)
			count_skipped(g_ptr_array_index(report->databases, d), reasons, seen);
	}
	add_skipped(reasons, findings);
}

void check_propagation(const Chart *chart, GPtrArray *findings)
{
	if (!chart->config->enabled || chart->look->reports->len == 0)
		return;

	check_changes(chart, findings);
	check_skipped(chart, findings);
}
