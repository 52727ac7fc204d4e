/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl show CERT: one certificate in plain words. Which card it came from, through what,
 * when, whether its key is here now, and what becomes of it. Certificates that are not ours are
 * found as well, so that the answer to "did certprop put this here?" can be no.
 */

#include <string.h>

#include "ctl.h"
#include "emit.h"
#include "key.h"
#include "listing.h"
#include "live.h"
#include "logind.h"
#include "match.h"
#include "names.h"
#include "progress.h"
#include "provenance.h"
#include "table.h"
#include "text.h"

#define SHOW_FILE_MAX (1u << 20) /* bytes of a certificate file */

/* What the answers are made from. */
typedef struct Show {
	const Config *config;
	const Live *live;
	const GPtrArray *matches; /* all of one certificate, one for each database */
} Show;

static bool is_ours(const ReportCert *cert)
{
	return (cert->flags & WIRE_CERT_OURS) != 0;
}

static void print_json(const Show *show)
{
	const Match *first = g_ptr_array_index(show->matches, 0);
	g_autoptr(Json) json = json_new();

	json_open_object(json, NULL);
	emit_cert(json, first->cert);
	json_open_array(json, "databases");
	for (guint i = 0; i < show->matches->len; i++) {
		const Match *match = g_ptr_array_index(show->matches, i);
		const ReportCert *cert = match->cert;
		Key key = key_of_cert(cert, show->live->endpoints, show->live->host);

		json_open_object(json, NULL);
		emit_database(json, match->database->path, match->database->application,
			match->database->profile, match->database->status, match->database->reason);
		json_put_text(json, "nickname", cert->nickname);
		json_put_bool(json, "propagated", is_ours(cert));
		json_put_bool(json, "adopted", (cert->flags & WIRE_CERT_ADOPTED) != 0);
		json_put_text(json, "trust", emit_trust_word(cert));
		json_put_text(json, "key", key_word(key));
		json_open_array(json, "claims");
		for (guint j = 0; j < cert->claims->len; j++)
			provenance_put(json, show->config, show->live, cert,
				g_ptr_array_index(cert->claims, j));
		json_close_array(json);
		json_close_object(json);
	}
	json_close_array(json);
	json_close_object(json);
	json_print(json);
}

static void print_cert(const ReportCert *cert)
{
	g_autoptr(Table) table = table_new(0);
	g_autofree char *from = text_time(cert->not_before);
	g_autofree char *until = text_time(cert->not_after);
	gint64 now = g_get_real_time() / G_USEC_PER_SEC;
	const char *state = cert->not_after < now    ? "expired"
			    : cert->not_before > now ? "not valid yet"
						     : "valid now";
	g_autofree char *validity = g_strdup_printf("%s, from %s until %s", state, from, until);

	table_field(table, "Subject", cert->subject);
	table_field(table, "Issuer", cert->issuer);
	table_field(table, "Serial", cert->serial);
	table_field(table, "SHA-256", cert->sha256);
	table_field(table, "Validity", validity);
	if ((cert->flags & WIRE_CERT_CA) != 0)
		table_field(table, "Kind", "certificate of an authority (CA)");
	table_print(table);
}

static void print_match(const Show *show, const Match *match)
{
	const ReportCert *cert = match->cert;

	paint_line(PAINT_PLAIN, "%s", "");
	paint_line(PAINT_STRONG, "%s (%s)", match->database->path, match->database->application);
	paint_line(PAINT_PLAIN, "  nickname \"%s\"", cert->nickname);
	if (!is_ours(cert)) {
		paint_line(PAINT_PLAIN, "  not propagated; the user's own: " NAME_CTL
					" and " NAME_DAEMON " never change it");
		return;
	}

	paint_line(PAINT_PLAIN, "  propagated, %s",
		(cert->flags & WIRE_CERT_ADOPTED) != 0
			? "and since then changed by you: adopted, never deleted"
			: "not adopted: unchanged since");
	if ((cert->flags & WIRE_CERT_PINNED) != 0)
		paint_line(PAINT_PLAIN, "  trusted for servers and mail, because [ca] "
					"trusted-roots pins it");
	for (guint i = 0; i < cert->claims->len; i++) {
		if (cert->claims->len > 1)
			paint_line(PAINT_PLAIN, "  claim %u of %u", i + 1, cert->claims->len);
		provenance_print(
			show->config, show->live, cert, g_ptr_array_index(cert->claims, i));
	}
}

static void print_text(const Show *show)
{
	const Match *first = g_ptr_array_index(show->matches, 0);

	print_cert(first->cert);
	for (guint i = 0; i < show->matches->len; i++)
		print_match(show, g_ptr_array_index(show->matches, i));
}

static int ambiguous(const char *text, const GPtrArray *matches)
{
	g_autoptr(GHashTable) told = g_hash_table_new(g_str_hash, g_str_equal);

	paint_complain("\"%s\" can be any of %u certificates; give more of the SHA-256", text,
		match_distinct(matches));
	for (guint i = 0; i < matches->len; i++) {
		const ReportCert *cert = ((const Match *)g_ptr_array_index(matches, i))->cert;

		if (g_hash_table_add(told, cert->sha256))
			paint_complain("  %.16s  %s", cert->sha256, cert->nickname);
	}

	return EXIT_STATUS_FAILED;
}

/* The SHA-256 in a certificate file; NULL if `text` names none, and `error` if it is a bad one. */
static char *file_sha256(const char *text, GError **error)
{
	g_autofree char *data = NULL;
	gsize len = 0;
	g_autoptr(GFile) file = g_file_new_for_commandline_arg(text);
	g_autoptr(GFileInfo) info = g_file_query_info(file,
		G_FILE_ATTRIBUTE_STANDARD_TYPE "," G_FILE_ATTRIBUTE_STANDARD_SIZE,
		G_FILE_QUERY_INFO_NONE, NULL, NULL);

	if (info == NULL || g_file_info_get_file_type(info) != G_FILE_TYPE_REGULAR)
		return NULL;
	if (g_file_info_get_size(info) > SHOW_FILE_MAX) {
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "it is too large");
		return NULL;
	}
	if (!g_file_load_contents(file, NULL, &data, &len, NULL, error))
		return NULL;

	return match_file_sha256((const guint8 *)data, len, error);
}

/* Nicknames first: a file that happens to lie here must not hide a certificate. */
static GPtrArray *find(const Report *report, const char *text, GError **error)
{
	GPtrArray *matches = match_text(report, text);

	if (matches->len > 0 && strchr(text, '/') == NULL)
		return matches;

	g_autoptr(GError) bad = NULL;
	g_autofree char *sha256 = file_sha256(text, &bad);
	if (bad != NULL && matches->len == 0) {
		g_propagate_prefixed_error(error, g_steal_pointer(&bad), "cannot read %s: ", text);
		g_ptr_array_unref(matches);
		return NULL;
	}
	if (sha256 != NULL) {
		g_ptr_array_unref(matches);
		matches = match_sha256(report, sha256);
	}

	return matches;
}

int verb_show(Ctl *ctl, char **args)
{
	const Config *config = ctl_config(ctl);
	g_autoptr(GError) error = NULL;

	if (config == NULL)
		return EXIT_STATUS_FAILED;

	g_autoptr(Listing) listing = listing_start(config, WIRE_STORE_LIST, WIRE_STORE_ALL);
	g_autoptr(Live) live = live_start(config, LIVE_LOOK);
	const Report *report = listing_wait(listing, &error);
	if (report == NULL) {
		paint_complain("cannot list the databases: %s", error->message);
		return EXIT_STATUS_FAILED;
	}

	int status = report_complain(report);
	g_autoptr(GPtrArray) matches = find(report, args[0], &error);
	if (matches == NULL || matches->len == 0) {
		if (matches == NULL)
			paint_complain("%s", error->message);
		else
			paint_complain("cannot find a certificate \"%s\" in any database; " NAME_CTL
				       " list shows what was propagated",
				args[0]);
		return EXIT_STATUS_FAILED;
	}
	if (match_distinct(matches) > 1)
		return ambiguous(args[0], matches);

	progress_start("reading the cards …");
	live_wait(live);
	logind_fill(live->endpoints);
	progress_stop();
	const Show show = {.config = config, .live = live, .matches = matches};
	if (ctl->json)
		print_json(&show);
	else
		print_text(&show);

	return status;
}
