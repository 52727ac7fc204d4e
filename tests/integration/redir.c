/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "redir.h"

#include <string.h>

#include "names.h"

#define TURNS 4u

Redir redir;

static void setup(void)
{
	world_setup();
	redir = (Redir){0};
	redir.chansrv = rig_chansrv_new(world.home->home, REDIR_DISPLAY);
	redir.socket = g_build_filename(world.home->runtime, "desk.comm", NULL);
	redir.card = world_deal(0, REDIR_CERTS, REDIR_GUID_A);
	world.environment = g_environ_setenv(
		world.environment, "PCSCLITE_CSOCK_NAME", "/nonexistent/pcscd.comm", TRUE);
}

static void teardown(void)
{
	g_clear_pointer(&redir.chansrv, rig_chansrv_free);
	g_clear_pointer(&redir.card, g_free);
	g_clear_pointer(&redir.socket, g_free);
	world_teardown();
}

TCase *redir_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, REDIR_CASE_S);
	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	return tcase;
}

void redir_reach_local(void)
{
	const char *named = g_getenv("PCSCLITE_CSOCK_NAME");

	world.environment = g_environ_unsetenv(world.environment, "PCSCLITE_CSOCK_NAME");
	if (named != NULL)
		world.environment =
			g_environ_setenv(world.environment, "PCSCLITE_CSOCK_NAME", named, TRUE);
}

void redir_configure(const char *lines)
{
	g_autofree char *text =
		g_strdup_printf("[redirected]\nforwarded=desk:%s\n%s", redir.socket, lines);

	world_configure(text);
}

static GVariant *find(GVariant *dict, const char *list, const char *name)
{
	g_autoptr(GVariant) entries = g_variant_lookup_value(dict, list, G_VARIANT_TYPE("aa{sv}"));

	for (gsize i = 0; i < g_variant_n_children(entries); i++) {
		g_autoptr(GVariant) entry = g_variant_get_child_value(entries, i);
		const char *its = NULL;

		if (g_variant_lookup(entry, "name", "&s", &its) && strcmp(its, name) == 0)
			return g_steal_pointer(&entry);
	}

	return NULL;
}

static GVariant *status_of(const char *endpoint)
{
	g_autoptr(GVariant) answer = world_call("GetStatus");
	g_autoptr(GVariant) status = g_variant_get_child_value(answer, 0);

	return find(status, "endpoints", endpoint);
}

char *redir_word(const char *endpoint, const char *key)
{
	g_autoptr(GVariant) status = status_of(endpoint);
	char *word = NULL;

	if (status != NULL)
		(void)g_variant_lookup(status, key, "s", &word);
	return word;
}

typedef struct {
	const char *endpoint, *state;
} Wanted;

static bool is_in_state(gpointer data)
{
	const Wanted *wanted = data;
	g_autofree char *state = redir_word(wanted->endpoint, "state");

	return g_strcmp0(state, wanted->state) == 0;
}

void redir_wait(const char *endpoint, const char *state)
{
	Wanted wanted = {endpoint, state};
	g_autofree char *what =
		g_strdup_printf("%s is %s", endpoint, state != NULL ? state : "forgotten");

	rig_wait_until(is_in_state, &wanted, REDIR_WAIT_MS, what);
}

unsigned redir_readers(const char *endpoint, const char *state)
{
	g_autoptr(GVariant) status = status_of(endpoint);
	g_autoptr(GVariant) readers = NULL;
	unsigned n = 0;

	if (status == NULL)
		return 0;
	readers = g_variant_lookup_value(status, "readers", G_VARIANT_TYPE("aa{sv}"));
	for (gsize i = 0; i < g_variant_n_children(readers); i++) {
		g_autoptr(GVariant) entry = g_variant_get_child_value(readers, i);
		const char *its = NULL;

		n += g_variant_lookup(entry, "state", "&s", &its) && strcmp(its, state) == 0;
	}

	return n;
}

static bool has_reader(gpointer data)
{
	const Wanted *wanted = data;

	return redir_readers(wanted->endpoint, wanted->state) > 0;
}

void redir_wait_reader(const char *endpoint, const char *state)
{
	Wanted wanted = {endpoint, state};
	g_autofree char *what = g_strdup_printf("a reader of %s is %s", endpoint, state);

	rig_wait_until(has_reader, &wanted, REDIR_WAIT_MS, what);
}

static bool is_settled(gpointer data)
{
	g_autoptr(GVariant) status = status_of(data);
	gboolean settled = FALSE, held = TRUE;

	return status != NULL && g_variant_lookup(status, "settled", "b", &settled) &&
	       g_variant_lookup(status, "held", "b", &held) && settled && !held;
}

void redir_wait_settled(const char *endpoint)
{
	rig_wait_until(is_settled, (gpointer)endpoint, REDIR_WAIT_MS, "a settled endpoint");
}

unsigned redir_stored(const char *card)
{
	g_autoptr(GPtrArray) rows = NULL;
	unsigned n = 0;

	if (!rig_db_exists(world.database))
		return 0;
	rows = rig_db_certificates(world.database);
	for (unsigned i = 0; i < REDIR_CERTS; i++) {
		g_autoptr(GBytes) der = rig_dealt_der(card, i);

		n += rig_db_find(rows, der) != NULL;
	}
	return n;
}

typedef struct {
	const char *card, *endpoint;
	unsigned n;
} Count;

static bool are_stored(gpointer data)
{
	const Count *count = data;

	return redir_stored(count->card) == count->n;
}

void redir_wait_stored(const char *card, unsigned n)
{
	Count count = {.card = card, .n = n};
	g_autofree char *what = g_strdup_printf("%u certificates of the card", n);

	rig_wait_until(are_stored, &count, REDIR_WAIT_MS, what);
}

unsigned redir_claims(const char *card, const char *endpoint)
{
	g_autoptr(GPtrArray) rows = NULL;
	g_autoptr(GBytes) der = rig_dealt_der(card, 0);
	g_auto(GStrv) parts = g_strsplit(endpoint != NULL ? endpoint : "", ":", 2);
	g_autofree char *escaped = g_strjoinv("%3A", parts);
	g_autofree char *word = g_strconcat("x-endpoint=", escaped, NULL);
	const RigDbRow *row;
	unsigned n = 0;

	if (!rig_db_exists(world.database))
		return 0;
	rows = rig_db_certificates(world.database);
	row = rig_db_find(rows, der);
	if (row == NULL || row->url == NULL)
		return 0;
	for (const char *at = row->url; (at = strstr(at, word)) != NULL; at += strlen(word))
		n++;
	return n;
}

static bool are_claims(gpointer data)
{
	const Count *count = data;

	return redir_claims(count->card, count->endpoint) == count->n;
}

void redir_wait_claims(const char *card, const char *endpoint, unsigned n)
{
	Count count = {card, endpoint, n};
	g_autofree char *what = g_strdup_printf(
		"%u claims of %s", n, endpoint != NULL ? endpoint : "all endpoints");

	rig_wait_until(are_claims, &count, REDIR_WAIT_MS, what);
}

/* Between two helpers there are a few turns of the daemon's loop in which none runs. */
static bool is_at_rest(gpointer data)
{
	for (unsigned i = 0; i < TURNS; i++) {
		g_autoptr(GArray) children = rig_descendants(rig_process_pid(world.daemon));

		if (children->len != *(const unsigned *)data)
			return false;
		g_variant_unref(world_call("GetStatus"));
	}
	return true;
}

void redir_wait_rest(unsigned n)
{
	rig_wait_until(is_at_rest, &n, REDIR_WAIT_MS, "nothing but watchers");
}
