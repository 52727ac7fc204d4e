/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nothing is kept of a user who was told: with JSON nothing at all, and for the table only users of
 * whom there is something to say. So a fleet of any size takes the memory of one.
 */

#include "ledger.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "names.h"
#include "paint.h"
#include "table.h"

struct Ledger {
	const char *verb;
	bool json, dry_run;
	bool progress; /* a line on the terminal says how far we are */
	unsigned n;
	unsigned n_ok, n_failed, n_skipped, n_rows;
	unsigned n_backups;
	guint64 n_certs, n_deleted, n_released;
	Table *table;
};

/* What stands at the front of each line, and no command may say. */
static const char *const own_members[] = {"user", "uid", "home", "status", "reason", NULL};

static const char *const status_words[] = {
	[VISIT_OK] = "ok",
	[VISIT_FAILED] = "failed",
	[VISIT_SKIPPED] = "skipped",
};

static bool is_purge(const Ledger *ledger)
{
	return strcmp(ledger->verb, "list") != 0;
}

Ledger *ledger_new(const char *verb, unsigned n, bool json, bool dry_run)
{
	Ledger *ledger = g_new0(Ledger, 1);

	ledger->verb = verb;
	ledger->n = n;
	ledger->json = json;
	ledger->dry_run = dry_run;
	ledger->progress = isatty(STDERR_FILENO) != 0;
	ledger->table = table_new(0);

	return ledger;
}

Ledger *ledger_free(Ledger *ledger)
{
	if (ledger == NULL)
		return NULL;

	table_free(ledger->table);
	g_free(ledger);

	return NULL;
}

static bool print_line(const VisitResult *result)
{
	g_autoptr(Json) json = json_new();
	g_autofree char *text = NULL;

	json_open_object(json, NULL);
	json_put_text(json, "user", result->user->name);
	if (*result->user->name != '\0')
		json_put_number(json, "uid", result->user->uid);
	json_put_text(json, "home", result->user->home);
	json_put_text(json, "status", status_words[result->status]);
	json_put_text(json, "reason", result->reason);
	if (result->doc != NULL) {
		json_put_members(json, result->doc, own_members);
	} else {
		json_open_array(json, "databases");
		json_close_array(json);
	}
	json_close_object(json);

	/* Never over several lines, also on a terminal. */
	text = json_text(json, false);
	paint_raw(text);
	return fflush(stdout) == 0;
}

static void begin_table(Ledger *ledger)
{
	if (ledger->n_rows++ > 0)
		return;
	if (is_purge(ledger))
		table_row(ledger->table, PAINT_FAINT, "USER", "HOME", "DATABASES",
			ledger->dry_run ? "WOULD DELETE" : "DELETED",
			ledger->dry_run ? "WOULD RELEASE" : "RELEASED", "STATUS", NULL);
	else
		table_row(ledger->table, PAINT_FAINT, "USER", "HOME", "DATABASES", "CERTIFICATES",
			"STATUS", NULL);
}

static void add_row(Ledger *ledger, const VisitResult *result, const guint64 counts[3])
{
	static const Paint paints[] = {
		[VISIT_OK] = PAINT_GOOD,
		[VISIT_FAILED] = PAINT_BAD,
		[VISIT_SKIPPED] = PAINT_NOTE,
	};

	begin_table(ledger);
	table_cell(ledger->table, PAINT_STRONG, result->user->name);
	table_cell(ledger->table, PAINT_PLAIN, result->user->home);
	for (unsigned i = 0; i < (is_purge(ledger) ? 3 : 2); i++)
		table_cellf(ledger->table, PAINT_PLAIN, "%" G_GUINT64_FORMAT, counts[i]);
	table_cell(ledger->table, paints[result->status], status_words[result->status]);
	table_end_row(ledger->table);
}

static guint64 sum(const VisitResult *result, const char *member)
{
	return result->doc != NULL ? json_doc_sum(result->doc, "databases", member) : 0;
}

static void count(Ledger *ledger, const VisitResult *result)
{
	guint64 counts[3] = {sum(result, NULL)};

	if (is_purge(ledger)) {
		counts[1] = sum(result, "deleted");
		counts[2] = sum(result, "released");
		ledger->n_deleted += counts[1];
		ledger->n_released += counts[2];
		if (result->doc != NULL && *json_doc_text(result->doc, "backup") != '\0')
			ledger->n_backups++;
	} else {
		counts[1] = sum(result, "certificates");
		ledger->n_certs += counts[1];
	}
	if (!ledger->json && (result->status != VISIT_OK || counts[1] + counts[2] > 0))
		add_row(ledger, result, counts);
}

static void show_progress(const Ledger *ledger)
{
	if (ledger->progress)
		fprintf(stderr, "\r%u of %u users, %u failed\033[K",
			ledger->n_ok + ledger->n_failed + ledger->n_skipped, ledger->n,
			ledger->n_failed);
}

static void hide_progress(const Ledger *ledger)
{
	if (ledger->progress)
		fputs("\r\033[K", stderr);
}

static void complain(const VisitResult *result)
{
	const char *name = result->user->name;

	paint_complain("%s (%s): %s: %s", *name != '\0' ? name : "somebody", result->user->home,
		status_words[result->status], result->reason);
}

bool ledger_add(Ledger *ledger, const VisitResult *result)
{
	switch (result->status) {
	case VISIT_OK:
		ledger->n_ok++;
		break;
	case VISIT_FAILED:
		ledger->n_failed++;
		break;
	case VISIT_SKIPPED:
		ledger->n_skipped++;
		break;
	}

	hide_progress(ledger);
	count(ledger, result);
	if (result->status == VISIT_FAILED || (result->status == VISIT_SKIPPED && !ledger->json))
		complain(result);
	if (ledger->json && !print_line(result))
		return false;
	show_progress(ledger);

	return true;
}

static void print_purged(const Ledger *ledger)
{
	const char *how = ledger->dry_run ? "would be " : "";

	paint_line(PAINT_PLAIN,
		"%" G_GUINT64_FORMAT " certificates %sdeleted, %" G_GUINT64_FORMAT " %sreleased",
		ledger->n_deleted, how, ledger->n_released, how);
	if (ledger->n_backups > 0)
		paint_line(PAINT_PLAIN,
			"what was taken away is kept in a file of each of %u users; \"" NAME_CTL
			" undo\", as that user, puts it back",
			ledger->n_backups);
}

static void print_summary(const Ledger *ledger)
{
	table_print(ledger->table);
	paint_line(PAINT_STRONG, "%u user%s: %u done, %u failed, %u skipped", ledger->n,
		ledger->n == 1 ? "" : "s", ledger->n_ok, ledger->n_failed, ledger->n_skipped);
	if (is_purge(ledger))
		print_purged(ledger);
	else
		paint_line(PAINT_PLAIN, "%" G_GUINT64_FORMAT " propagated certificates",
			ledger->n_certs);
}

int ledger_close(Ledger *ledger, unsigned n_left)
{
	hide_progress(ledger);
	if (!ledger->json)
		print_summary(ledger);
	if (n_left > 0)
		paint_complain("interrupted: %u of %u users had no turn; run it again to go on",
			n_left, ledger->n);
	if (n_left == 0 && ledger->n_failed == 0)
		return EXIT_STATUS_DONE;

	return ledger->n_ok > 0 ? EXIT_STATUS_PARTLY : EXIT_STATUS_FAILED;
}
