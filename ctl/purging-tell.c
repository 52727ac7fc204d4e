/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What went from where: a table for people, one document for scripts, and a warning where it will
 * not last.
 */

#include <string.h>

#include "emit.h"
#include "key.h"
#include "names.h"
#include "outcome.h"
#include "paint.h"
#include "purging.h"

static void warn_of(GPtrArray *lines, const ReportClaim *claim, const Live *live)
{
	g_autofree char *line = NULL;

	if (seen_find_token(live->endpoints, claim->token) == NULL)
		return;
	line = g_strdup_printf("the card \"%s\" (serial number %s) is in a reader and " NAME_DAEMON
			       " runs: at its next look at it, it propagates its certificates "
			       "again; take the card out first to be rid of them",
		claim->token->label, claim->token->serial);
	if (!g_ptr_array_find_with_equal_func(lines, line, g_str_equal, NULL))
		g_ptr_array_add(lines, g_steal_pointer(&line));
}

/* Cards that are in, with a daemon that will look at them again: each once. */
static GPtrArray *warnings(const Report *report, const Live *live)
{
	GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; live->answers && i < report->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(report->databases, i);

		for (guint j = 0; j < database->certs->len; j++) {
			const ReportCert *cert = g_ptr_array_index(database->certs, j);

			for (guint k = 0; k < cert->claims->len; k++)
				warn_of(lines, g_ptr_array_index(cert->claims, k), live);
		}
	}

	return lines;
}

static void put_token(Json *json, const ReportClaim *claim, const Live *live)
{
	json_open_object(json, NULL);
	json_put_text(json, "manufacturer", claim->token->manufacturer);
	json_put_text(json, "model", claim->token->model);
	json_put_text(json, "serial", claim->token->serial);
	json_put_text(json, "label", claim->token->label);
	json_put_text(json, "endpoint", claim->endpoint);
	json_put_text(json, "host", claim->host);
	json_put_text(json, "key", key_word(key_of_claim(claim, live->endpoints, live->host)));
	json_close_object(json);
}

static gboolean is_same_owner(gconstpointer x, gconstpointer y)
{
	const ReportClaim *a = x, *b = y;

	return token_equal(a->token, b->token) && strcmp(a->endpoint, b->endpoint) == 0 &&
	       strcmp(a->host, b->host) == 0;
}

/* The owners whose claims go, each once. */
static void put_tokens(Json *json, const Report *report, const Live *live)
{
	g_autoptr(GPtrArray) told = g_ptr_array_new();

	json_open_array(json, "tokens");
	for (guint i = 0; i < report->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(report->databases, i);

		for (guint j = 0; j < database->certs->len; j++) {
			const ReportCert *cert = g_ptr_array_index(database->certs, j);

			for (guint k = 0; k < cert->claims->len; k++) {
				ReportClaim *claim = g_ptr_array_index(cert->claims, k);

				if (g_ptr_array_find_with_equal_func(
					    told, claim, is_same_owner, NULL))
					continue;
				g_ptr_array_add(told, claim);
				put_token(json, claim, live);
			}
		}
	}
	json_close_array(json);
}

static void put_cert(Json *json, const ReportCert *cert)
{
	json_open_object(json, NULL);
	json_put_text(json, "nickname", cert->nickname);
	emit_cert(json, cert);
	json_open_array(json, "claims");
	for (guint i = 0; i < cert->claims->len; i++) {
		json_open_object(json, NULL);
		emit_claim(json, g_ptr_array_index(cert->claims, i));
		json_close_object(json);
	}
	json_close_array(json);
	json_close_object(json);
}

static void put_texts(Json *json, const char *key, const GPtrArray *texts)
{
	json_open_array(json, key);
	for (guint i = 0; i < texts->len; i++)
		json_put_text(json, NULL, g_ptr_array_index(texts, i));
	json_close_array(json);
}

static const ReportDatabase *find_report(const Report *report, const char *path)
{
	for (guint i = 0; i < report->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(report->databases, i);

		if (strcmp(database->path, path) == 0)
			return database;
	}

	return NULL;
}

static void print_json(const Ctl *ctl, const Purging *purging, const GPtrArray *databases,
	const GPtrArray *warned, const Live *live)
{
	g_autoptr(Json) json = json_new();

	json_open_object(json, NULL);
	json_put_bool(json, "dry_run", ctl->dry_run);
	put_tokens(json, purging->report, live);
	json_open_array(json, "databases");
	for (guint i = 0; i < databases->len; i++) {
		const OutcomeDatabase *database = g_ptr_array_index(databases, i);
		const ReportDatabase *told = find_report(purging->report, database->path);

		json_open_object(json, NULL);
		outcome_emit(json, database);
		json_open_array(json, "certificates");
		for (guint j = 0; told != NULL && j < told->certs->len; j++)
			put_cert(json, g_ptr_array_index(told->certs, j));
		json_close_array(json);
		json_close_object(json);
	}
	json_close_array(json);
	json_put_text(json, "backup", purging->file);
	put_texts(json, "warnings", warned);
	put_texts(json, "errors", purging->failures);
	json_close_object(json);
	json_print(json);
}

static void print_text(const Ctl *ctl, const Purging *purging, const GPtrArray *databases)
{
	guint n = 0;

	for (guint i = 0; i < databases->len; i++) {
		const OutcomeDatabase *database = g_ptr_array_index(databases, i);

		if (database->steps->len + database->skipped->len == 0 &&
			strcmp(database->status, "ok") == 0)
			continue;
		outcome_print(database, find_report(purging->report, database->path));
		n += database->steps->len + database->skipped->len;
	}
	if (n == 0 && purging->failures->len == 0)
		paint_line(PAINT_PLAIN, "nothing that was propagated is selected");
	if (purging->file != NULL)
		paint_line(PAINT_PLAIN, "kept in %s; \"" NAME_CTL " undo\" brings it back",
			purging->file);
}

/* What was selected and is there still, because somebody else was at it or there is too much. */
static void count_skipped(Purging *purging, const GPtrArray *databases)
{
	guint n = 0;

	for (guint i = 0; i < databases->len; i++)
		n += ((const OutcomeDatabase *)g_ptr_array_index(databases, i))->skipped->len;
	if (n > 0)
		g_ptr_array_add(purging->failures,
			g_strdup_printf(
				"%u selected certificates are still there: they were "
				"changed meanwhile, or are too many for one run; run it again",
				n));
}

int purging_tell(const Ctl *ctl, Purging *purging, const Live *live)
{
	g_autoptr(GPtrArray) reports = g_ptr_array_new();
	g_autoptr(GPtrArray) warned = warnings(purging->report, live);
	g_autoptr(GPtrArray) databases = NULL;

	g_ptr_array_add(reports, (gpointer)purging->report);
	databases = outcome_merge(reports);
	count_skipped(purging, databases);
	if (ctl->json)
		print_json(ctl, purging, databases, warned, live);
	else
		print_text(ctl, purging, databases);
	for (guint i = 0; i < warned->len; i++)
		paint_complain("%s", (const char *)g_ptr_array_index(warned, i));

	return outcome_complain(databases, purging->failures);
}
