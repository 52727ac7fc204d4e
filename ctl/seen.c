/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The same picture from two sources: the daemon's GetStatus, decoded here, and certpropctl's own
 * look (look.c). What uses it need not know which it was.
 */

#include "seen.h"

#include <string.h>

#include "route.h"

static void seen_token_free(gpointer data)
{
	SeenToken *token = data;

	token_free(token->token);
	g_free(token->module);
	g_free(token);
}

SeenToken *seen_token_new(const Token *token, const char *module, guint64 n_certs)
{
	SeenToken *seen = g_new0(SeenToken, 1);

	seen->token = token_dup(token);
	seen->module = g_strdup(module);
	seen->n_certs = n_certs;

	return seen;
}

SeenReader *seen_reader_new(const char *name, unsigned ordinal)
{
	SeenReader *reader = g_new0(SeenReader, 1);

	reader->name = g_strdup(name);
	reader->ordinal = ordinal;
	reader->state = g_strdup("empty");
	reader->reason = g_strdup("");
	reader->atr = g_strdup("");
	reader->retry_at = g_strdup("");
	reader->reading_since = g_strdup("");
	reader->tokens = g_ptr_array_new_with_free_func(seen_token_free);

	return reader;
}

void seen_reader_free(SeenReader *reader)
{
	if (reader == NULL)
		return;

	g_free(reader->name);
	g_free(reader->state);
	g_free(reader->reason);
	g_free(reader->atr);
	g_free(reader->retry_at);
	g_free(reader->reading_since);
	g_ptr_array_unref(reader->tokens);
	g_free(reader);
}

void seen_reader_set_state(SeenReader *reader, const char *state, const char *reason)
{
	char *new_reason = g_strdup(reason != NULL ? reason : "");

	g_free(reader->state);
	reader->state = g_strdup(state);
	g_free(reader->reason);
	reader->reason = new_reason;
}

SeenEndpoint *seen_endpoint_new(const char *name)
{
	SeenEndpoint *endpoint = g_new0(SeenEndpoint, 1);

	endpoint->name = g_strdup(name);
	endpoint->state = g_strdup("unknown");
	endpoint->detail = g_strdup("");
	endpoint->session = g_strdup("");
	endpoint->remote_host = g_strdup("");
	endpoint->readers = g_ptr_array_new_with_free_func((GDestroyNotify)seen_reader_free);

	return endpoint;
}

void seen_endpoint_free(SeenEndpoint *endpoint)
{
	if (endpoint == NULL)
		return;

	g_free(endpoint->name);
	g_free(endpoint->state);
	g_free(endpoint->detail);
	g_free(endpoint->session);
	g_free(endpoint->remote_host);
	g_ptr_array_unref(endpoint->readers);
	g_free(endpoint);
}

void seen_endpoint_set_state(
	SeenEndpoint *endpoint, const char *state, guint32 code, const char *detail)
{
	g_free(endpoint->state);
	g_free(endpoint->detail);
	endpoint->state = g_strdup(state);
	endpoint->code = code;
	endpoint->detail = g_strdup(detail != NULL ? detail : "");
}

bool seen_endpoint_live(const SeenEndpoint *endpoint)
{
	return strcmp(endpoint->state, "ok") == 0;
}

char *seen_endpoint_whose(const SeenEndpoint *endpoint)
{
	GString *text;
	unsigned display;

	if (!route_display(endpoint->name, &display))
		return NULL;

	text = g_string_new(NULL);
	g_string_append_printf(text, "display :%u", display);
	if (*endpoint->session != '\0')
		g_string_append_printf(text, ", session %s", endpoint->session);
	if (*endpoint->remote_host != '\0')
		g_string_append_printf(text, ", begun from %s", endpoint->remote_host);
	return g_string_free(text, FALSE);
}

const SeenEndpoint *seen_find(const GPtrArray *endpoints, const char *name)
{
	for (guint i = 0; i < endpoints->len; i++) {
		const SeenEndpoint *endpoint = g_ptr_array_index(endpoints, i);

		if (strcmp(endpoint->name, name) == 0)
			return endpoint;
	}

	return NULL;
}

static bool reader_has(const SeenReader *reader, const Token *token)
{
	for (guint i = 0; i < reader->tokens->len; i++) {
		const SeenToken *seen = g_ptr_array_index(reader->tokens, i);

		if (token_equal(seen->token, token))
			return true;
	}

	return false;
}

const SeenReader *seen_find_token(const GPtrArray *endpoints, const Token *token)
{
	for (guint i = 0; i < endpoints->len; i++) {
		const SeenEndpoint *endpoint = g_ptr_array_index(endpoints, i);

		if (!seen_endpoint_live(endpoint))
			continue;
		for (guint j = 0; j < endpoint->readers->len; j++) {
			const SeenReader *reader = g_ptr_array_index(endpoint->readers, j);

			if (reader_has(reader, token))
				return reader;
		}
	}

	return NULL;
}

static char *lookup_text(GVariant *dict, const char *key)
{
	const char *text = "";

	(void)g_variant_lookup(dict, key, "&s", &text);

	return g_strdup(text);
}

static guint64 lookup_number(GVariant *dict, const char *key)
{
	guint32 number = 0;

	(void)g_variant_lookup(dict, key, "u", &number);

	return number;
}

typedef gpointer (*DecodeFunc)(GVariant *dict);

/* Appends what `decode` makes of each element of the aa{sv} under `key`. */
static void lookup_list(GVariant *dict, const char *key, DecodeFunc decode, GPtrArray *list)
{
	g_autoptr(GVariant) array = g_variant_lookup_value(dict, key, G_VARIANT_TYPE("aa{sv}"));

	if (array == NULL)
		return;

	gsize n = MIN(g_variant_n_children(array), SEEN_MAX);
	for (gsize i = 0; i < n; i++) {
		g_autoptr(GVariant) child = g_variant_get_child_value(array, i);

		g_ptr_array_add(list, decode(child));
	}
}

static gpointer decode_token(GVariant *dict)
{
	g_autofree char *manufacturer = lookup_text(dict, "manufacturer");
	g_autofree char *model = lookup_text(dict, "model");
	g_autofree char *serial = lookup_text(dict, "serial");
	g_autofree char *label = lookup_text(dict, "label");
	g_autofree char *module = lookup_text(dict, "module");
	g_autoptr(Token) token = token_new(manufacturer, model, serial, label);

	return seen_token_new(token, module, lookup_number(dict, "certificates"));
}

static gpointer decode_reader(GVariant *dict)
{
	g_autofree char *name = lookup_text(dict, "name");
	g_autofree char *state = lookup_text(dict, "state");
	g_autofree char *reason = lookup_text(dict, "reason");
	SeenReader *reader = seen_reader_new(name, (unsigned)lookup_number(dict, "ordinal"));

	seen_reader_set_state(reader, state, reason);
	reader->counter = (guint32)lookup_number(dict, "counter");
	g_free(reader->atr);
	reader->atr = lookup_text(dict, "atr");
	g_free(reader->retry_at);
	reader->retry_at = lookup_text(dict, "retry_at");
	g_free(reader->reading_since);
	reader->reading_since = lookup_text(dict, "reading_since");
	reader->n_read = (guint32)lookup_number(dict, "certificates_read");
	lookup_list(dict, "tokens", decode_token, reader->tokens);

	return reader;
}

static gpointer decode_endpoint(GVariant *dict)
{
	g_autofree char *name = lookup_text(dict, "name");
	SeenEndpoint *endpoint = seen_endpoint_new(name);
	gboolean settled = FALSE, held = FALSE;

	g_free(endpoint->state);
	endpoint->state = lookup_text(dict, "state");
	endpoint->code = (guint32)lookup_number(dict, "code");
	g_free(endpoint->detail);
	endpoint->detail = lookup_text(dict, "detail");
	(void)g_variant_lookup(dict, "settled", "b", &settled);
	endpoint->settled = settled;
	(void)g_variant_lookup(dict, "held", "b", &held);
	endpoint->held = held;
	lookup_list(dict, "readers", decode_reader, endpoint->readers);

	return endpoint;
}

GPtrArray *seen_from_status(GVariant *status)
{
	GPtrArray *endpoints = g_ptr_array_new_with_free_func((GDestroyNotify)seen_endpoint_free);

	lookup_list(status, "endpoints", decode_endpoint, endpoints);

	return endpoints;
}
