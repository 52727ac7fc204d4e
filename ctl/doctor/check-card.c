/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cards: is each of them recognised, does somebody keep it for himself, and what does it show
 * without a PIN? The look tells the first, a probe the rest.
 */

#include "chart.h"

#include <string.h>

#include "culprit.h"
#include "environment.h"
#include "process.h"
#include "remedy.h"
#include "route.h"
#include "site.h"

/* With the endpoint's name before it, if that is not this machine's own. */
static char *title_of(const SeenEndpoint *endpoint, const SeenReader *reader)
{
	if (!route_redirected(endpoint->name))
		return g_strdup(reader->name);

	return g_strdup_printf("%s, %s", endpoint->name, reader->name);
}

static void add_token(const char *title, const SeenToken *token, GPtrArray *findings)
{
	finding_add_ok(findings, "cards", title,
		"\"%s\" (%s, %s, serial %s), recognised by %s, %" G_GUINT64_FORMAT " certificates",
		token->token->label, token->token->manufacturer, token->token->model,
		token->token->serial, token->module, token->n_certs);
}

/* The likeliest of them: scdaemon, whose habit it is; else the only one. NULL: nobody knows. */
static const Process *suspect(const GPtrArray *culprits)
{
	for (guint i = 0; i < culprits->len; i++) {
		const Process *culprit = g_ptr_array_index(culprits, i);

		if (strcmp(culprit->name, "scdaemon") == 0)
			return culprit;
	}

	return culprits->len == 1 ? g_ptr_array_index(culprits, 0) : NULL;
}

/* The socket by which programs come to that endpoint; NULL: pcscd's usual one. */
static char *socket_of(const Chart *chart, const SeenEndpoint *endpoint)
{
	g_autoptr(GPtrArray) sites = sites_find(chart->config);
	const Site *site = sites_get(sites, endpoint->name);

	if (route_redirected(endpoint->name))
		return site != NULL ? g_strdup(site->socket) : NULL;
	return environment_stray_socket() == NULL ? g_strdup(g_getenv("PCSCLITE_CSOCK_NAME"))
						  : NULL;
}

/* By none of the user's programs here. */
static void add_held_elsewhere(const SeenEndpoint *endpoint, Finding *finding)
{
	if (route_redirected(endpoint->name)) {
		finding_cause(finding, "held-remotely",
			"It is a program on the machine at which the reader is: have it end there");
		return;
	}
	finding_cause(finding, "held-by-others",
		"It is none of yours: another user's, or a service's. Without pcscd it has to let "
		"go");
	finding_mend(finding, remedy_pcscd(true, true), true);
}

static void add_held(
	const Chart *chart, const SeenEndpoint *endpoint, const char *title, GPtrArray *findings)
{
	Finding *finding = finding_add(findings, "cards", "held", VERDICT_WRONG, title,
		"another program holds the card for itself");
	g_autofree char *socket = socket_of(chart, endpoint);
	g_autoptr(GPtrArray) culprits = culprits_of_service(socket);
	const Process *likely = suspect(culprits);
	g_autofree char *text = culprits_text(culprits);

	if (culprits->len == 0) {
		add_held_elsewhere(endpoint, finding);
	} else if (likely == NULL) {
		finding_why(finding,
			"These are connected to pcscd, and it is probably one of them: %s. End one "
			"after the other, from its own menu or so, until the card is free",
			text);
		for (guint i = 0; i < culprits->len; i++)
			culprit_mend(finding, g_ptr_array_index(culprits, i));
	} else {
		finding_why(finding, "It is probably %s (process %d)%s", likely->name,
			(int)likely->pid,
			strcmp(likely->name, "scdaemon") != 0
				? ", which is connected to pcscd"
				: ", which does so unless pcsc-shared stands in "
				  "~/.gnupg/scdaemon.conf (from GnuPG 2.2.28 on)");
		culprit_mend(finding, likely);
	}
}

static bool all_modules_fail(const Chart *chart)
{
	bool all = chart->loads->len > 0;

	for (guint i = 0; i < chart->loads->len; i++)
		all = all && ((const Probe *)g_ptr_array_index(chart->loads, i))->error != NULL;

	return all;
}

static void add_unread(
	const Chart *chart, const char *title, const SeenReader *reader, GPtrArray *findings)
{
	bool unknown = strcmp(reader->state, "unrecognised") == 0;
	Finding *finding = finding_add(findings, "cards", NULL, VERDICT_WRONG, title, "%s%s%s%s",
		reader->reason, *reader->atr != '\0' ? " (ATR " : "", reader->atr,
		*reader->atr != '\0' ? ")" : "");

	if (chart->databases_error != NULL)
		finding_cause(finding, "no-store",
			"It is certprop-store that tells what a card has shown: see the step "
			"databases");
	else if (all_modules_fail(chart))
		finding_cause(finding, "no-module", "No module can be used: see the step modules");
	else if (unknown && *reader->atr != '\0')
		finding_cause(finding, "unknown",
			"Is there a PKCS#11 module from the card's maker? Install it, and name it "
			"in [propagation] modules");
	else if (unknown)
		finding_cause(finding, "mute",
			"Take it out, wipe its contacts, and put it in again, the right way round");
	else
		finding_cause(finding, "unread",
			"Take the card out and put it in again; a card that hangs stays so until "
			"then. If other cards fail like this, it is the module");
}

/* By the daemon, whose business readers behind slow lines are. */
static void add_being_read(const Chart *chart, const SeenEndpoint *endpoint,
	const SeenReader *reader, const char *title, GPtrArray *findings)
{
	Finding *finding = finding_add(findings, "cards", "being-read", VERDICT_UNKNOWN, title,
		"it is being read just now");

	finding_why(finding,
		"That began at %s, and %u certificates have come since. Ask again; a card that "
		"hangs is given up after %u s",
		reader->reading_since, reader->n_read,
		config_scan_seconds(chart->config, endpoint->name));
}

static void check_card(const Chart *chart, const SeenEndpoint *endpoint, const SeenReader *reader,
	GPtrArray *findings)
{
	g_autofree char *title = title_of(endpoint, reader);

	if (strcmp(reader->state, "waiting") == 0) {
		add_held(chart, endpoint, title, findings);
		return;
	}
	if (strcmp(reader->state, "scanning") == 0) {
		add_being_read(chart, endpoint, reader, title, findings);
		return;
	}
	if (strcmp(reader->state, "read") != 0) {
		add_unread(chart, title, reader, findings);
		return;
	}

	for (guint i = 0; i < reader->tokens->len; i++)
		add_token(title, g_ptr_array_index(reader->tokens, i), findings);
}

static bool is_empty(const SeenReader *reader)
{
	return strcmp(reader->state, "empty") == 0 || strcmp(reader->state, "twin") == 0 ||
	       reader->unavailable;
}

void check_cards(const Chart *chart, GPtrArray *findings)
{
	guint n_readers = 0, n_cards = 0;

	for (guint e = 0; e < chart->endpoints->len; e++) {
		const SeenEndpoint *endpoint = g_ptr_array_index(chart->endpoints, e);

		for (guint i = 0; seen_endpoint_live(endpoint) && i < endpoint->readers->len; i++) {
			const SeenReader *reader = g_ptr_array_index(endpoint->readers, i);

			n_readers++;
			if (is_empty(reader))
				continue;
			check_card(chart, endpoint, reader, findings);
			n_cards++;
		}
	}
	if (n_cards == 0 && (n_readers > 0 || chart_is_redirected(chart)))
		finding_add(findings, "cards", "none", VERDICT_UNKNOWN, NULL,
			"no card is in; the steps about cards were left out");
}

/*
 * What a card shows
 */

/* A card that one module knows may be nothing to another. */
static bool shows_card(const Probe *probe)
{
	return probe->error != NULL || probe->n_tokens > 0;
}

/* Some module knows the card that is in its reader. */
static bool is_shown(const Chart *chart, const Probe *probe)
{
	for (guint i = 0; i < chart->reads->len; i++) {
		const Probe *other = g_ptr_array_index(chart->reads, i);

		if (strcmp(other->reader, probe->reader) == 0 && shows_card(other))
			return true;
	}

	return false;
}

/* The look that came before had no trouble. */
static void add_lost(const Probe *probe, GPtrArray *findings)
{
	Finding *finding = finding_add(findings, "certificates", "lost", VERDICT_WRONG,
		probe->reader, "%s",
		probe->error != NULL ? probe->error->message : "no module sees the card any more");

	finding_why(finding,
		"It could be read a moment ago: ask again. If it stays so, the card's contact is "
		"bad, or %s is not made for two programs at a time",
		probe->path);
}

static void add_blank(const Probe *probe, GPtrArray *findings)
{
	Finding *finding = finding_add(findings, "certificates", "blank", VERDICT_WRONG,
		probe->reader, "the card is not initialised");

	finding_why(finding,
		"There is nothing on it yet; it has to be issued, with the program of its maker");
}

static void add_none(const Probe *probe, GPtrArray *findings)
{
	Finding *finding = finding_add(findings, "certificates", "none", VERDICT_WRONG,
		probe->reader, "no certificate can be read without a PIN");

	finding_why(finding,
		"Either there is none on the card, or it shows them only after a login, which "
		"certprop never makes (read through %s)",
		probe->path);
}

static void add_unreadable(const Probe *probe, GPtrArray *findings)
{
	Finding *finding = finding_add(findings, "certificates", "all-unreadable", VERDICT_WRONG,
		probe->reader, "none of the %u on the card can be read", probe->n_certs);

	finding_why(finding,
		"They are no readable X.509: whoever has issued the card has to put that right");
}

static void add_read(const Probe *probe, GPtrArray *findings)
{
	Finding *finding = finding_add(findings, "certificates", "unreadable",
		probe->n_opaque > 0 ? VERDICT_NOTE : VERDICT_OK, probe->reader,
		"%u can be read without a PIN", probe->n_certs - probe->n_opaque);

	if (probe->n_opaque > 0)
		finding_why(finding,
			"%u more are there that are no readable X.509; whoever has issued the card "
			"has to put that right",
			probe->n_opaque);
}

void check_certificates(const Chart *chart, GPtrArray *findings)
{
	for (guint i = 0; i < chart->reads->len; i++) {
		const Probe *probe = g_ptr_array_index(chart->reads, i);

		if (!shows_card(probe) && is_shown(chart, probe))
			continue;
		if (!shows_card(probe) || probe->error != NULL)
			add_lost(probe, findings);
		else if (probe->n_blank == probe->n_tokens)
			add_blank(probe, findings);
		else if (probe->n_certs == 0)
			add_none(probe, findings);
		else if (probe->n_opaque == probe->n_certs)
			add_unreadable(probe, findings);
		else
			add_read(probe, findings);
		for (guint n = 0; n < probe->notes->len && probe->n_blank == 0; n++)
			finding_add(findings, "certificates", "passed-over", VERDICT_NOTE,
				probe->reader, "%s",
				(const char *)g_ptr_array_index(probe->notes, n));
	}
}

/* "4 certificates: the private key of 1 is seen, of 3 it cannot be told without the PIN" */
static char *keys_text(const Probe *probe)
{
	const struct {
		guint n;
		const char *text;
	} parts[] = {
		{probe->n_keys, "is seen"},
		{probe->n_without, "is not there"},
		{probe->n_certs - probe->n_keys - probe->n_without,
			"cannot be told of without the PIN"},
	};
	GString *text = g_string_new(NULL);

	g_string_append_printf(text, "%u certificates", probe->n_certs);
	for (gsize i = 0; i < G_N_ELEMENTS(parts); i++)
		if (parts[i].n > 0)
			g_string_append_printf(text, "%s the private key of %u %s",
				strchr(text->str, ':') == NULL ? ":" : ",", parts[i].n,
				parts[i].text);

	return g_string_free(text, FALSE);
}

/* Whatever the configuration makes of them, such a card is good for nothing. */
static void add_no_key(const Probe *probe, const char *text, GPtrArray *findings)
{
	Finding *finding =
		finding_add(findings, "keys", "none", VERDICT_WRONG, probe->reader, "%s", text);

	finding_why(finding,
		"No program can log in or sign with it: the keys on it belong to other "
		"certificates; whoever has issued the card has to put that right");
}

static void add_keys(const Chart *chart, const Probe *probe, const char *text, GPtrArray *findings)
{
	bool unwanted = probe->n_without > 0 && chart->config->without_key != CONFIG_SKIP;
	Finding *finding = finding_add(findings, "keys", "missing",
		unwanted ? VERDICT_NOTE : VERDICT_OK, probe->reader, "%s", text);

	if (unwanted)
		finding_why(finding, "Certificates without their key are good for looking at only; "
				     "[filter] without-key=skip keeps them out");
}

void check_keys(const Chart *chart, GPtrArray *findings)
{
	for (guint i = 0; i < chart->reads->len; i++) {
		const Probe *probe = g_ptr_array_index(chart->reads, i);
		g_autofree char *text = keys_text(probe);

		if (probe->error != NULL || probe->n_certs == 0)
			continue;
		if (probe->n_without == probe->n_certs)
			add_no_key(probe, text, findings);
		else
			add_keys(chart, probe, text, findings);
	}
}
