/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One claim, told. Everything that it remembers is said as it was then, and by its side what holds
 * now: whether the card is here, and what the configuration of this moment makes of it. Nothing
 * here looks at a card or decides anything.
 */

#include "provenance.h"

#include <string.h>

#include "emit.h"
#include "fate.h"
#include "key.h"
#include "names.h"
#include "table.h"

static const struct {
	FateEvent event;
	const char *title;
	const char *member;
} events[] = {
	{FATE_ON_REMOVAL, "Card leaves", "on_removal"},
	{FATE_ON_LOGOUT, "Log-off", "on_logout"},
	{FATE_ON_RENEWAL, "Renewed", "on_renewal"},
	{FATE_ON_EXPIRY, "Expired", "on_expiry"},
};

static bool is_here(const Live *live, const ReportClaim *claim)
{
	return strcmp(claim->host, live->host) == 0;
}

static bool is_authority(const ReportCert *cert)
{
	return (cert->flags & WIRE_CERT_CA) != 0;
}

static char *key_sentence(const Live *live, const ReportClaim *claim)
{
	const SeenReader *reader = seen_find_token(live->endpoints, claim->token);

	switch (key_of_claim(claim, live->endpoints, live->host)) {
	case KEY_PRESENT:
		return g_strdup_printf("present: the card is in reader \"%s\"", reader->name);
	case KEY_ABSENT:
		return g_strdup("absent: the card is in no reader");
	case KEY_UNKNOWN:
		break;
	}

	if (reader != NULL)
		return g_strdup(
			"unknown: a card of this kind is here, but it has no serial number");
	if (!is_here(live, claim))
		return g_strdup("unknown: another host propagated it, and the card is not here");

	return g_strdup("unknown: not all readers could be asked; see " NAME_CTL " status");
}

/* Why it is here at all. */
static char *why_sentence(const ReportCert *cert, const ReportClaim *claim)
{
	const char *what = is_authority(cert) ? "this authority's certificate ([ca] intermediates)"
					      : "this certificate, and no [filter] kept it out";

	if (strcmp(claim->endpoint, "local") == 0)
		return g_strdup_printf("a card in a local reader carried %s", what);
	return g_strdup_printf(
		"a card in a reader of %s carried %s ([redirected] policy)", claim->endpoint, what);
}

static const char *when(const ReportClaim *claim, FateEvent event)
{
	switch (event) {
	case FATE_ON_REMOVAL:
		return strcmp(claim->endpoint, "local") == 0
			       ? "when the card is taken out"
			       : "when the card or the connection goes";
	case FATE_ON_LOGOUT:
		return "when the session ends";
	case FATE_ON_RENEWAL:
		return "when the card is read and does not carry it any more";
	case FATE_ON_EXPIRY:
		return "when the card is read after the end of the validity";
	}

	return "";
}

static void print_origin(Table *table, const Live *live, const ReportClaim *claim)
{
	const Token *token = claim->token;
	const char *serial = *token->serial != '\0' ? token->serial : "(none)";
	g_autofree char *card = g_strdup_printf("\"%s\", serial %s, manufacturer %s, model %s",
		token->label, serial, token->manufacturer, token->model);
	g_autofree char *object = g_strdup_printf("id %s, \"%s\"", claim->id, claim->object);
	g_autofree char *reader =
		g_strdup_printf("%s, endpoint %s", claim->reader, claim->endpoint);
	g_autofree char *host = is_here(live, claim) ? g_strdup("this one")
						     : g_strdup_printf("another (%s)", claim->host);

	table_field(table, "Token", card);
	table_field(table, "Key there", object);
	table_field(table, "Module", claim->module);
	table_field(table, "Reader", reader);
	table_field(table, "Host", host);
	table_field(table, "Since", claim->since);
}

/* Behind the endpoint now; a display may have been another session's when the claim was made. */
static const SeenEndpoint *find_endpoint(const Live *live, const ReportClaim *claim)
{
	const SeenEndpoint *endpoint =
		is_here(live, claim) ? seen_find(live->endpoints, claim->endpoint) : NULL;

	return endpoint != NULL && seen_endpoint_live(endpoint) ? endpoint : NULL;
}

void provenance_print(
	const Config *config, const Live *live, const ReportCert *cert, const ReportClaim *claim)
{
	g_autoptr(Table) table = table_new(4);
	g_autofree char *why = why_sentence(cert, claim);
	g_autofree char *key = key_sentence(live, claim);
	const SeenEndpoint *endpoint = find_endpoint(live, claim);
	g_autofree char *whose = endpoint != NULL ? seen_endpoint_whose(endpoint) : NULL;

	print_origin(table, live, claim);
	if (whose != NULL)
		table_field(table, "There now", whose);
	table_field(table, "Why", why);
	table_field(table, "Key now", key);
	for (gsize i = 0; i < G_N_ELEMENTS(events); i++) {
		Fate fate = fate_of_claim(config, cert, claim, live->host, events[i].event);
		g_autofree char *text = g_strdup_printf(
			"%s, %s", when(claim, events[i].event), fate_sentence(fate));

		table_field(table, events[i].title, text);
	}
	table_print(table);
}

void provenance_put(Json *json, const Config *config, const Live *live, const ReportCert *cert,
	const ReportClaim *claim)
{
	g_autofree char *why = why_sentence(cert, claim);
	const SeenEndpoint *endpoint = find_endpoint(live, claim);

	json_open_object(json, NULL);
	emit_claim(json, claim);
	json_put_text(json, "session", endpoint != NULL ? endpoint->session : "");
	json_put_text(json, "remote_host", endpoint != NULL ? endpoint->remote_host : "");
	json_put_text(json, "key", key_word(key_of_claim(claim, live->endpoints, live->host)));
	json_put_bool(json, "this_host", is_here(live, claim));
	json_put_text(json, "why", why);
	for (gsize i = 0; i < G_N_ELEMENTS(events); i++)
		json_put_text(json, events[i].member,
			fate_word(fate_of_claim(config, cert, claim, live->host, events[i].event)));
	json_close_object(json);
}
