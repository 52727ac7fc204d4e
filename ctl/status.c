/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl status: all that one looks at first. It must work when nothing else does, so each
 * part that cannot be found out is said to be so, and the others are printed all the same; with a
 * faulty configuration the built-in one is used for looking.
 */

#include <string.h>

#include "ctl.h"
#include "emit.h"
#include "key.h"
#include "listing.h"
#include "live.h"
#include "logind.h"
#include "names.h"
#include "progress.h"
#include "route.h"
#include "table.h"

typedef struct Counts {
	guint keys[3]; /* by Key */
} Counts;

static Counts count_keys(const ReportDatabase *database, const Live *live)
{
	Counts counts = {0};

	for (guint i = 0; i < database->certs->len; i++)
		counts.keys[key_of_cert(
			g_ptr_array_index(database->certs, i), live->endpoints, live->host)]++;

	return counts;
}

/* The daemon's faults where it answers, ours otherwise: the same files, perhaps read at other
 * times. */
static const GPtrArray *faults_of(const Ctl *ctl, const Live *live)
{
	return live->answers ? live->faults : ctl->faults;
}

static void put_reader(Json *json, const SeenReader *reader)
{
	json_open_object(json, NULL);
	json_put_text(json, "name", reader->name);
	json_put_number(json, "ordinal", reader->ordinal);
	json_put_text(json, "state", reader->state);
	json_put_text(json, "reason", reader->reason);
	json_put_number(json, "counter", reader->counter);
	json_put_text(json, "atr", reader->atr);
	json_put_text(json, "retry_at", reader->retry_at);
	json_put_text(json, "reading_since", reader->reading_since);
	json_put_number(json, "certificates_read", reader->n_read);
	json_open_array(json, "tokens");
	for (guint i = 0; i < reader->tokens->len; i++) {
		json_open_object(json, NULL);
		emit_token(json, g_ptr_array_index(reader->tokens, i));
		json_close_object(json);
	}
	json_close_array(json);
	json_close_object(json);
}

static void put_endpoints(Json *json, const Live *live)
{
	json_open_array(json, "endpoints");
	for (guint i = 0; i < live->endpoints->len; i++) {
		const SeenEndpoint *endpoint = g_ptr_array_index(live->endpoints, i);

		json_open_object(json, NULL);
		json_put_text(json, "name", endpoint->name);
		json_put_text(json, "state", endpoint->state);
		json_put_number(json, "code", endpoint->code);
		json_put_text(json, "detail", endpoint->detail);
		json_put_bool(json, "settled", endpoint->settled);
		json_put_bool(json, "held", endpoint->held);
		json_put_text(json, "session", endpoint->session);
		json_put_text(json, "remote_host", endpoint->remote_host);
		json_open_array(json, "readers");
		for (guint j = 0; j < endpoint->readers->len; j++)
			put_reader(json, g_ptr_array_index(endpoint->readers, j));
		json_close_array(json);
		json_close_object(json);
	}
	json_close_array(json);
}

/* Of each certificate. */
static void put_keys(Json *json, const ReportDatabase *database, const Live *live)
{
	json_open_array(json, "propagated");
	for (guint i = 0; i < database->certs->len; i++) {
		const ReportCert *cert = g_ptr_array_index(database->certs, i);

		json_open_object(json, NULL);
		json_put_text(json, "sha256", cert->sha256);
		json_put_text(json, "nickname", cert->nickname);
		json_put_text(
			json, "key", key_word(key_of_cert(cert, live->endpoints, live->host)));
		json_close_object(json);
	}
	json_close_array(json);
}

static void put_databases(Json *json, const Live *live, const Report *report)
{
	json_open_array(json, "databases");
	for (guint i = 0; report != NULL && i < report->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(report->databases, i);
		Counts counts = count_keys(database, live);

		json_open_object(json, NULL);
		emit_database(json, database->path, database->application, database->profile,
			database->status, database->reason);
		json_put_number(json, "certificates", database->certs->len);
		json_open_object(json, "keys");
		for (Key key = KEY_PRESENT; key <= KEY_UNKNOWN; key++)
			json_put_number(json, key_word(key), counts.keys[key]);
		json_close_object(json);
		put_keys(json, database, live);
		json_close_object(json);
	}
	json_close_array(json);
}

static void print_json(const Ctl *ctl, const Live *live, const Report *report)
{
	g_autoptr(Json) json = json_new();

	json_open_object(json, NULL);
	json_open_object(json, "daemon");
	json_put_bool(json, "running", live->running);
	json_put_bool(json, "answers", live->answers);
	json_put_text(json, "version", live->version);
	json_put_number(json, "pid", live->pid);
	json_put_text(json, "since", live->since);
	json_close_object(json);
	json_put_text(json, "host", live->host);
	json_put_bool(json, "enabled", live->enabled);
	emit_faults(json, "configuration", faults_of(ctl, live));
	json_put_text(json, "left_out", live->left_out);
	put_endpoints(json, live);
	put_databases(json, live, report);
	json_close_object(json);
	json_print(json);
}

static void print_daemon(const Ctl *ctl, const Live *live)
{
	const GPtrArray *faults = faults_of(ctl, live);

	if (live->answers)
		paint_line(PAINT_GOOD, NAME_DAEMON " %s runs since %s (process %u)", live->version,
			live->since, live->pid);
	else if (live->running)
		paint_line(PAINT_BAD, "%s", live->trouble);
	else
		paint_line(PAINT_NOTE,
			NAME_DAEMON " does not run; what follows was looked up just now");
	if (!live->enabled)
		paint_line(PAINT_NOTE, "propagation is switched off ([propagation] enabled)");

	if (faults->len == 0)
		paint_line(PAINT_PLAIN, "the configuration has no faults");
	for (guint i = 0; i < faults->len; i++) {
		const ConfigFault *fault = g_ptr_array_index(faults, i);
		g_autofree char *text = config_fault_text(fault);

		paint_line(fault->warning ? PAINT_NOTE : PAINT_BAD, "configuration: %s%s",
			fault->warning ? "warning: " : "", text);
	}
}

static Paint paint_of_reader(const char *state)
{
	if (strcmp(state, "read") == 0)
		return PAINT_GOOD;

	return strcmp(state, "empty") == 0 ? PAINT_FAINT : PAINT_NOTE;
}

static void print_reader(Table *table, const SeenReader *reader)
{
	table_cell(table, PAINT_STRONG, reader->name);
	table_cell(table, paint_of_reader(reader->state), reader->state);
	if (*reader->retry_at != '\0')
		table_cellf(
			table, PAINT_PLAIN, "%s; next try at %s", reader->reason, reader->retry_at);
	else if (*reader->reading_since != '\0')
		table_cellf(table, PAINT_PLAIN, "since %s, %u certificates so far",
			reader->reading_since, reader->n_read);
	else
		table_cell(table, PAINT_PLAIN, reader->reason);
	table_end_row(table);

	for (guint i = 0; i < reader->tokens->len; i++) {
		const SeenToken *token = g_ptr_array_index(reader->tokens, i);

		table_cellf(table, PAINT_PLAIN, "  \"%s\" (%s, %s, serial %s)", token->token->label,
			token->token->manufacturer, token->token->model, token->token->serial);
		table_cellf(
			table, PAINT_PLAIN, "%" G_GUINT64_FORMAT " certificates", token->n_certs);
		table_cell(table, PAINT_FAINT, token->module);
		table_end_row(table);
	}
}

/* That a connection is not there is no fault. */
static Paint paint_of_endpoint(const SeenEndpoint *endpoint)
{
	if (seen_endpoint_live(endpoint))
		return PAINT_STRONG;

	return route_redirected(endpoint->name) && strcmp(endpoint->state, "absent") == 0
		       ? PAINT_NOTE
		       : PAINT_BAD;
}

static void print_endpoints(const Live *live)
{
	for (guint i = 0; i < live->endpoints->len; i++) {
		const SeenEndpoint *endpoint = g_ptr_array_index(live->endpoints, i);
		g_autoptr(Table) table = table_new(2);
		g_autofree char *whose = seen_endpoint_whose(endpoint);

		paint_line(paint_of_endpoint(endpoint), "readers, %s: %s%s%s", endpoint->name,
			endpoint->state, *endpoint->detail != '\0' ? ", " : "", endpoint->detail);
		if (seen_endpoint_live(endpoint) && endpoint->readers->len == 0)
			paint_line(PAINT_PLAIN, "  no reader is connected");
		for (guint j = 0; j < endpoint->readers->len; j++)
			print_reader(table, g_ptr_array_index(endpoint->readers, j));
		if (whose != NULL)
			paint_line(PAINT_PLAIN, "  %s", whose);
		if (endpoint->held)
			paint_line(
				PAINT_PLAIN, "  what it has brought stays until the grace is over");
		table_print(table);
	}
	if (*live->left_out != '\0')
		paint_line(PAINT_NOTE, "there are too many redirected endpoints, left out are: %s",
			live->left_out);
}

/* "4 certificates, key present" for the usual case of one answer, else each that is not 0. */
static char *counts_text(const Counts *counts, guint total)
{
	GString *text = g_string_new(NULL);

	g_string_append_printf(text, "%u certificate%s", total, total == 1 ? "" : "s");
	for (Key key = KEY_PRESENT; key <= KEY_UNKNOWN; key++) {
		if (counts->keys[key] == total && total > 0)
			g_string_append_printf(text, ", key %s", key_word(key));
		else if (counts->keys[key] > 0)
			g_string_append_printf(
				text, ", key %s for %u", key_word(key), counts->keys[key]);
	}
	return g_string_free(text, FALSE);
}

/* Of each certificate. */
static void print_keys(const ReportDatabase *database, const Live *live)
{
	g_autoptr(Table) table = table_new(4);

	for (guint i = 0; i < database->certs->len; i++) {
		const ReportCert *cert = g_ptr_array_index(database->certs, i);
		Key key = key_of_cert(cert, live->endpoints, live->host);

		table_cellf(table, key == KEY_PRESENT ? PAINT_GOOD : PAINT_FAINT, "key %s",
			key_word(key));
		table_cell(table, PAINT_PLAIN, cert->nickname);
		table_end_row(table);
	}
	table_print(table);
}

static void print_database(const ReportDatabase *database, const Live *live)
{
	g_autoptr(Table) table = table_new(2);
	Counts counts = count_keys(database, live);
	g_autofree char *text = counts_text(&counts, database->certs->len);

	table_cell(table, PAINT_STRONG, database->path);
	table_cell(table, PAINT_PLAIN, database->application);
	table_cell(table, paint_of_status(database->status), database->status);
	table_cell(table, PAINT_PLAIN, database->certs->len > 0 ? text : NULL);
	table_end_row(table);
	table_print(table);
	if (*database->reason != '\0')
		paint_line(PAINT_PLAIN, "    %s", database->reason);
	print_keys(database, live);
}

static void print_databases(const Live *live, const Report *report)
{
	paint_line(PAINT_STRONG, "databases");
	if (report->databases->len == 0)
		paint_line(PAINT_PLAIN, "  none");
	for (guint i = 0; i < report->databases->len; i++)
		print_database(g_ptr_array_index(report->databases, i), live);
}

int verb_status(Ctl *ctl, char **args)
{
	g_autoptr(Config) built_in = config_new();
	const Config *config = ctl->config != NULL ? ctl->config : built_in;
	g_autoptr(GError) error = NULL;
	g_autoptr(Listing) listing = listing_start(config, WIRE_STORE_LIST, 0);
	g_autoptr(Live) live = live_start(config, LIVE_LOOK);

	progress_start("reading the cards …");
	const Report *report = listing_wait(listing, &error);
	live_wait(live);
	logind_fill(live->endpoints);
	progress_stop();

	if (ctl->json) {
		print_json(ctl, live, report);
	} else {
		print_daemon(ctl, live);
		print_endpoints(live);
		if (report != NULL)
			print_databases(live, report);
	}

	if (report == NULL) {
		paint_complain("cannot list the databases: %s", error->message);
		return EXIT_STATUS_PARTLY;
	}

	int status = report_complain(report);
	return status == EXIT_STATUS_FAILED ? EXIT_STATUS_PARTLY : status;
}
