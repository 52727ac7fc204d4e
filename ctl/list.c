/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl list: every certificate that carries our marker, database by database, and whether
 * its key is here now. The store lists while the daemon, or a look of our own, tells what is live:
 * neither waits for the other.
 */

#include <string.h>

#include "ctl.h"
#include "emit.h"
#include "key.h"
#include "listing.h"
#include "live.h"
#include "names.h"
#include "progress.h"
#include "table.h"
#include "text.h"

static void json_certificate(Json *json, const ReportCert *cert, const Live *live)
{
	json_open_object(json, NULL);
	json_put_text(json, "nickname", cert->nickname);
	emit_cert(json, cert);
	json_put_text(json, "key", key_word(key_of_cert(cert, live->endpoints, live->host)));
	json_put_bool(json, "adopted", (cert->flags & WIRE_CERT_ADOPTED) != 0);
	json_put_text(json, "trust", emit_trust_word(cert));
	json_open_array(json, "claims");
	for (guint i = 0; i < cert->claims->len; i++) {
		json_open_object(json, NULL);
		emit_claim(json, g_ptr_array_index(cert->claims, i));
		json_close_object(json);
	}
	json_close_array(json);
	json_close_object(json);
}

static void print_json(const Report *report, const Live *live)
{
	g_autoptr(Json) json = json_new();

	json_open_object(json, NULL);
	json_open_array(json, "databases");
	for (guint i = 0; i < report->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(report->databases, i);

		json_open_object(json, NULL);
		emit_database(json, database->path, database->application, database->profile,
			database->status, database->reason);
		json_open_array(json, "certificates");
		for (guint j = 0; j < database->certs->len; j++)
			json_certificate(json, g_ptr_array_index(database->certs, j), live);
		json_close_array(json);
		json_close_object(json);
	}
	json_close_array(json);
	json_close_object(json);
	json_print(json);
}

/* The labels of the tokens that claim it. */
static char *token_labels(const ReportCert *cert)
{
	GString *labels = g_string_new(NULL);

	for (guint i = 0; i < cert->claims->len; i++) {
		const ReportClaim *claim = g_ptr_array_index(cert->claims, i);

		g_string_append_printf(
			labels, "%s%s", labels->len > 0 ? ", " : "", claim->token->label);
	}

	return g_string_free(labels, FALSE);
}

static const char *note(const ReportCert *cert, gint64 now)
{
	if (cert->not_after < now)
		return "expired";
	if ((cert->flags & WIRE_CERT_ADOPTED) != 0)
		return "adopted";
	if ((cert->flags & WIRE_CERT_PINNED) != 0)
		return "trusted CA";
	if ((cert->flags & WIRE_CERT_CA) != 0)
		return "CA";

	return "";
}

static void add_row(Table *table, const ReportCert *cert, const Live *live, gint64 now)
{
	static const Paint paints[] = {
		[KEY_PRESENT] = PAINT_GOOD,
		[KEY_ABSENT] = PAINT_PLAIN,
		[KEY_UNKNOWN] = PAINT_NOTE,
	};
	Key key = key_of_cert(cert, live->endpoints, live->host);
	g_autofree char *until = text_time(cert->not_after);
	g_autofree char *labels = token_labels(cert);

	table_cell(table, PAINT_STRONG, cert->nickname);
	table_cell(table, paints[key], key_word(key));
	table_cellf(table, PAINT_PLAIN, "%.10s", until);
	table_cellf(table, PAINT_FAINT, "%.12s", cert->sha256);
	table_cell(table, PAINT_NOTE, note(cert, now));
	table_cell(table, PAINT_PLAIN, labels);
	table_end_row(table);
}

static void print_text(const Report *report, const Live *live)
{
	gint64 now = g_get_real_time() / G_USEC_PER_SEC;

	for (guint i = 0; i < report->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(report->databases, i);
		g_autoptr(Table) table = table_new(2);

		if (strcmp(database->status, "ok") == 0)
			paint_line(PAINT_STRONG, "%s (%s)", database->path, database->application);
		else
			paint_line(PAINT_STRONG, "%s (%s, %s%s%s)", database->path,
				database->application, database->status,
				*database->reason != '\0' ? ": " : "", database->reason);
		if (database->certs->len == 0) {
			paint_line(PAINT_PLAIN, "  nothing propagated here");
			continue;
		}

		table_row(table, PAINT_FAINT, "NICKNAME", "KEY", "VALID UNTIL", "SHA-256", "NOTE",
			"TOKEN", NULL);
		for (guint j = 0; j < database->certs->len; j++)
			add_row(table, g_ptr_array_index(database->certs, j), live, now);
		table_print(table);
	}
}

int verb_list(Ctl *ctl, char **args)
{
	const Config *config = ctl_config(ctl);
	g_autoptr(GError) error = NULL;

	if (config == NULL)
		return EXIT_STATUS_FAILED;

	g_autoptr(Listing) listing = listing_start(config, WIRE_STORE_LIST, 0);
	g_autoptr(Live) live = live_start(config, ctl->in_fleet ? LIVE_ASK : LIVE_LOOK);
	progress_start("reading the cards …");
	const Report *report = listing_wait(listing, &error);
	live_wait(live);
	progress_stop();
	if (report == NULL) {
		paint_complain("cannot list the databases: %s", error->message);
		return EXIT_STATUS_FAILED;
	}

	if (live->running && !live->answers)
		paint_complain("%s; looked at the cards without it", live->trouble);
	if (ctl->json)
		print_json(report, live);
	else
		print_text(report, live);

	return report_complain(report);
}
