/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules are written from the documentation, claim by claim, without a plan: what a look finds
 * is added, then each claim of its host is asked whether it stays. What the model cannot know, the
 * second in which a claim was made and the nickname it chose, it learns from the database once, and
 * insists on from then on.
 */
#include "life.h"

#include <check.h>
#include <string.h>

#define OURS "x-certprop=1"

static const char *const endpoints[LIFE_ENDPOINTS] = {"local", "xrdp%3A10", "forwarded%3Adesk"};

static void forget(LifeCert *cert)
{
	g_clear_pointer(&cert->rest, g_free);
	g_clear_pointer(&cert->url, g_free);
}

static void drop(LifeClaim *claim)
{
	claim->there = false;
	claim->fresh = false;
	g_clear_pointer(&claim->since, g_free);
}

static void drop_all(LifeCert *cert)
{
	for (unsigned i = 0; i < LIFE_CARDS * LIFE_ENDPOINTS * LIFE_HOSTS; i++)
		drop(&(&cert->claims[0][0][0])[i]);
}

static void cert_free(gpointer data)
{
	LifeCert *cert = data;

	drop_all(cert);
	forget(cert);
	g_bytes_unref(cert->der);
	g_free(cert);
}

Life *life_new(void)
{
	Life *life = g_new0(Life, 1);

	life->certs = g_ptr_array_new_with_free_func(cert_free);
	life->ecc = true;
	life_begin(life);
	return life;
}

Life *life_free(Life *life)
{
	if (life == NULL)
		return NULL;

	for (unsigned i = 0; i < LIFE_CARDS; i++)
		g_free(life->serials[i]);
	for (unsigned i = 0; i < LIFE_HOSTS; i++)
		g_free(life->hosts[i]);
	g_ptr_array_unref(life->certs);
	g_free(life->began);
	g_free(life->others);
	g_free(life);
	return NULL;
}

LifeCert *life_cert(Life *life, GBytes *der, bool ec)
{
	LifeCert *cert;

	for (guint i = 0; i < life->certs->len; i++) {
		cert = g_ptr_array_index(life->certs, i);
		if (g_bytes_equal(cert->der, der))
			return cert;
	}
	cert = g_new0(LifeCert, 1);
	cert->der = g_bytes_ref(der);
	cert->ec = ec;
	g_ptr_array_add(life->certs, cert);
	return cert;
}

bool life_claimed(const LifeCert *cert)
{
	for (unsigned i = 0; i < LIFE_CARDS * LIFE_ENDPOINTS * LIFE_HOSTS; i++) {
		if ((&cert->claims[0][0][0])[i].there)
			return true;
	}
	return false;
}

static char *now_text(void)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();

	return g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
}

void life_begin(Life *life)
{
	g_free(life->began);
	life->began = now_text();
}

/* What the product does */

static bool carries(const Life *life, unsigned card, const LifeCert *cert)
{
	for (unsigned i = 0; i < LIFE_PLACES; i++) {
		if (life->cards[card][i] == cert)
			return true;
	}
	return false;
}

static bool wants(const Life *life, const LifeCert *cert, LifeEndpoint endpoint)
{
	return (life->ecc || !cert->ec) &&
	       (endpoint == LIFE_LOCAL || life->redirected != LIFE_IGNORE);
}

/* The session in which it was made is over. */
static bool is_old(
	const Life *life, const LifeView *view, LifeEndpoint endpoint, const LifeClaim *claim)
{
	return endpoint == LIFE_LOCAL && life->on_logout && view->session != NULL &&
	       !claim->fresh && strcmp(claim->since, view->session) < 0;
}

static void add(Life *life, const LifeView *view, unsigned card, LifeEndpoint endpoint)
{
	for (unsigned i = 0; i < LIFE_PLACES; i++) {
		LifeCert *cert = life->cards[card][i];
		LifeClaim *claim = &cert->claims[card][endpoint][view->host];

		if (!wants(life, cert, endpoint) ||
			(cert->there && (cert->reimported || !life_claimed(cert))))
			continue;
		if (claim->there && !is_old(life, view, endpoint, claim))
			continue;
		drop(claim);
		claim->there = true;
		claim->fresh = true;
		cert->there = true;
		g_clear_pointer(&cert->url, g_free);
	}
}

static bool goes_with_session(
	const Life *life, const LifeView *view, unsigned card, LifeEndpoint endpoint)
{
	if (life->redirected != LIFE_SESSION)
		return life->redirected == LIFE_IGNORE;
	if (view->logout)
		return true;
	if (view->reading)
		return false;
	return !view->live[endpoint] || (view->settled[endpoint] && !view->in[card][endpoint]);
}

static bool goes(const Life *life, const LifeView *view, const LifeCert *cert, unsigned card,
	LifeEndpoint endpoint)
{
	const LifeClaim *claim = &cert->claims[card][endpoint][view->host];
	bool out = !view->reading && !view->in[card][endpoint];

	if (view->read[card][endpoint] &&
		(!carries(life, card, cert) || !wants(life, cert, endpoint)))
		return true;
	if (endpoint != LIFE_LOCAL)
		return goes_with_session(life, view, card, endpoint);
	if (view->logout && life->on_logout)
		return true;
	if (out && is_old(life, view, endpoint, claim))
		return true;
	return out && life->on_removal && view->live[endpoint] && view->settled[endpoint];
}

static void end_claims(const Life *life, const LifeView *view, LifeCert *cert)
{
	bool changed = false;

	for (unsigned card = 0; card < LIFE_CARDS; card++) {
		for (LifeEndpoint e = 0; e < LIFE_ENDPOINTS; e++) {
			if (!cert->claims[card][e][view->host].there ||
				!goes(life, view, cert, card, e))
				continue;
			drop(&cert->claims[card][e][view->host]);
			changed = true;
		}
	}
	if (!changed)
		return;

	g_clear_pointer(&cert->url, g_free);
	if (!life_claimed(cert) && !cert->adopted)
		life_delete(cert);
}

void life_look(Life *life, const LifeView *view)
{
	for (unsigned card = 0; !view->logout && card < LIFE_CARDS; card++) {
		for (LifeEndpoint e = 0; e < LIFE_ENDPOINTS; e++) {
			if (view->read[card][e])
				add(life, view, card, e);
		}
	}
	for (guint i = 0; i < life->certs->len; i++) {
		LifeCert *cert = g_ptr_array_index(life->certs, i);

		if (!life_claimed(cert))
			continue;
		if (cert->reimported) {
			drop_all(cert);
			g_clear_pointer(&cert->url, g_free);
		} else {
			end_claims(life, view, cert);
		}
	}
}

/* What the user does */

void life_import(LifeCert *cert)
{
	cert->reimported = true;
	cert->there = true;
	forget(cert);
}

void life_delete(LifeCert *cert)
{
	drop_all(cert);
	forget(cert);
	cert->there = false;
	cert->adopted = false;
	cert->reimported = false;
}

void life_adopt(LifeCert *cert)
{
	cert->adopted = true;
	forget(cert);
}

/* Comparing */

static char *rest_of(const RigDbRow *row)
{
	g_auto(GStrv) lines = g_strsplit(row->attributes, "\n", -1);
	GString *text = g_string_new(NULL);

	for (char **line = lines; *line != NULL; line++) {
		if (!g_str_has_prefix(*line, "a89="))
			g_string_append_printf(text, "%s\n", *line);
	}
	return g_string_free(text, FALSE);
}

static char *since_in(const char *line)
{
	const char *at = strstr(line, "x-since=");
	g_autofree char *text = NULL;

	ck_assert_msg(at != NULL, "no x-since in %s", line);
	at += strlen("x-since=");
	text = g_strndup(at, strcspn(at, "&"));
	return g_uri_unescape_string(text, NULL);
}

static bool has(const char *line, const char *key, const char *value, const char *ends)
{
	g_autofree char *word = g_strconcat(key, value, NULL);
	const char *at = strstr(line, word);

	return at != NULL && strchr(ends, at[strlen(word)]) != NULL;
}

/* The line of a marker that is this claim, or NULL. */
static char *find_line(
	const Life *life, char **lines, unsigned card, LifeEndpoint endpoint, LifeHost host)
{
	for (char **line = lines; *line != NULL; line++) {
		if (strstr(*line, OURS) != NULL &&
			has(*line, ";serial=", life->serials[card], ";?") &&
			has(*line, "x-endpoint=", endpoints[endpoint], "&") &&
			has(*line, "x-host=", life->hosts[host], "&"))
			return *line;
	}
	return NULL;
}

static bool right_time(const Life *life, const LifeClaim *claim, const char *since)
{
	g_autofree char *now = now_text();

	if (claim->fresh)
		return strcmp(since, life->began) >= 0 && strcmp(since, now) <= 0;
	return strcmp(since, claim->since) == 0;
}

static char *claims_difference(const Life *life, const LifeCert *cert, const RigDbRow *row)
{
	g_auto(GStrv) lines = g_strsplit(row->url != NULL ? row->url : "", "\n", -1);
	guint n = 0, n_lines = row->url != NULL && row->url[0] != '\0' ? g_strv_length(lines) : 0;

	for (unsigned card = 0; card < LIFE_CARDS; card++) {
		for (unsigned i = 0; i < LIFE_ENDPOINTS * LIFE_HOSTS; i++) {
			const LifeClaim *claim =
				&cert->claims[card][i / LIFE_HOSTS][i % LIFE_HOSTS];
			char *line = find_line(life, lines, card, i / LIFE_HOSTS, i % LIFE_HOSTS);
			g_autofree char *since = line != NULL ? since_in(line) : NULL;

			if (claim->there != (line != NULL) ||
				(line != NULL && !right_time(life, claim, since)))
				return g_strdup_printf("\"%s\": the claim of %s at %s by %s is %s",
					row->label, life->serials[card], endpoints[i / LIFE_HOSTS],
					life->hosts[i % LIFE_HOSTS],
					line != NULL ? line : "missing");
			n += claim->there;
		}
	}
	if (n != n_lines)
		return g_strdup_printf(
			"\"%s\" has %u claims, not %u: %s", row->label, n_lines, n, row->url);
	return NULL;
}

static char *cert_difference(const Life *life, const LifeCert *cert, const RigDbRow *row)
{
	g_autofree char *rest = NULL;

	if (cert->there != (row != NULL))
		return g_strdup_printf("a certificate (%s) is %s", cert->ec ? "EC" : "RSA",
			cert->there ? "missing" : row->label);
	if (row == NULL)
		return NULL;

	rest = rest_of(row);
	if (cert->rest != NULL && strcmp(rest, cert->rest) != 0)
		return g_strdup_printf("\"%s\" was changed", row->label);
	if (cert->url != NULL && strcmp(cert->url, row->url != NULL ? row->url : "") != 0)
		return g_strdup_printf("\"%s\": the marker was changed without need, from %s to %s",
			row->label, cert->url, row->url);
	return claims_difference(life, cert, row);
}

char *life_difference(const Life *life, const char *directory)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(directory);
	g_autofree char *others = rig_db_others(directory);
	guint n = 0;

	for (guint i = 0; i < life->certs->len; i++) {
		const LifeCert *cert = g_ptr_array_index(life->certs, i);
		char *difference = cert_difference(life, cert, rig_db_find(rows, cert->der));

		if (difference != NULL)
			return difference;
		n += cert->there;
	}
	if (rows->len != n)
		return g_strdup_printf("%u rows, not %u", rows->len, n);
	if (strcmp(others, life->others) != 0)
		return g_strdup_printf("trust, keys or modules were changed, from\n%sto\n%s",
			life->others, others);
	return NULL;
}

static void learn_claims(const Life *life, LifeCert *cert, const RigDbRow *row)
{
	g_auto(GStrv) lines = g_strsplit(row->url != NULL ? row->url : "", "\n", -1);

	for (unsigned card = 0; card < LIFE_CARDS; card++) {
		for (unsigned i = 0; i < LIFE_ENDPOINTS * LIFE_HOSTS; i++) {
			LifeClaim *claim = &cert->claims[card][i / LIFE_HOSTS][i % LIFE_HOSTS];

			if (!claim->there)
				continue;
			g_free(claim->since);
			claim->since = since_in(
				find_line(life, lines, card, i / LIFE_HOSTS, i % LIFE_HOSTS));
			claim->fresh = false;
		}
	}
}

static void learn(const Life *life, const GPtrArray *rows, LifeCert *cert)
{
	const RigDbRow *row = rig_db_find(rows, cert->der);

	forget(cert);
	if (row == NULL)
		return;
	cert->rest = rest_of(row);
	cert->url = g_strdup(row->url != NULL ? row->url : "");
	learn_claims(life, cert, row);
}

void life_learn_others(Life *life, const char *directory)
{
	g_free(life->others);
	life->others = rig_db_others(directory);
}

void life_learn_cert(Life *life, const char *directory, LifeCert *cert)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(directory);

	learn(life, rows, cert);
	life_learn_others(life, directory);
}

void life_learn(Life *life, const char *directory)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(directory);

	for (guint i = 0; i < life->certs->len; i++)
		learn(life, rows, g_ptr_array_index(life->certs, i));
}
