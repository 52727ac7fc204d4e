/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the daemon knows, as one dictionary of dictionaries. Made anew for each call: nobody asks
 * often, and what is not kept cannot be out of date.
 */

#include "status.h"

#include <unistd.h>

#include "names.h"
#include "text.h"
#include "watcher.h"

/* D-Bus wants UTF-8; a reader's name is text already, an error message need not be. */
static void add_text(GVariantBuilder *dict, const char *key, const char *value)
{
	g_autofree char *valid = g_utf8_make_valid(value != NULL ? value : "", -1);

	g_variant_builder_add(dict, "{sv}", key, g_variant_new_string(valid));
}

static void add_number(GVariantBuilder *dict, const char *key, guint32 value)
{
	g_variant_builder_add(dict, "{sv}", key, g_variant_new_uint32(value));
}

static void add_bool(GVariantBuilder *dict, const char *key, bool value)
{
	g_variant_builder_add(dict, "{sv}", key, g_variant_new_boolean(value));
}

typedef GVariant *(*EntryFunc)(gconstpointer entry);

static void add_list(
	GVariantBuilder *dict, const char *key, const GPtrArray *entries, EntryFunc func)
{
	GVariantBuilder list;

	g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
	for (guint i = 0; i < entries->len; i++)
		g_variant_builder_add_value(&list, func(g_ptr_array_index(entries, i)));
	g_variant_builder_add(dict, "{sv}", key, g_variant_builder_end(&list));
}

static GVariant *fault_entry(gconstpointer data)
{
	const ConfigFault *fault = data;
	GVariantBuilder dict;

	g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
	add_text(&dict, "file", fault->file);
	add_number(&dict, "line", fault->line);
	add_text(&dict, "message", fault->message);
	add_bool(&dict, "warning", fault->warning);
	return g_variant_builder_end(&dict);
}

static GVariant *token_entry(gconstpointer data)
{
	const ReportToken *read = data;
	GVariantBuilder dict;

	g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
	add_text(&dict, "manufacturer", read->token->manufacturer);
	add_text(&dict, "model", read->token->model);
	add_text(&dict, "serial", read->token->serial);
	add_text(&dict, "label", read->token->label);
	add_text(&dict, "module", read->module);
	add_number(&dict, "certificates", (guint32)MIN(read->n_certs, G_MAXUINT32));
	return g_variant_builder_end(&dict);
}

static GVariant *reader_entry(gconstpointer data)
{
	const Reader *reader = data;
	gsize len;
	const void *atr = g_bytes_get_data(reader->atr, &len);
	g_autofree char *hex = text_hex(atr, len);
	g_autofree char *retry_at =
		reader->retry_at != 0 ? text_time(reader->retry_at) : g_strdup("");
	GVariantBuilder dict;

	g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
	add_text(&dict, "name", reader->name);
	add_number(&dict, "ordinal", reader->ordinal);
	add_text(&dict, "state", reader_state_word(reader->state));
	add_text(&dict, "reason", reader->reason);
	add_number(&dict, "counter", reader->counter);
	add_text(&dict, "atr", hex);
	add_text(&dict, "retry_at", retry_at);
	if (reader->state == READER_SCANNING) {
		g_autofree char *since = text_time(reader->since);

		add_text(&dict, "reading_since", since);
		add_number(&dict, "certificates_read", reader->n_certs);
	}
	add_list(&dict, "tokens", reader->tokens, token_entry);
	return g_variant_builder_end(&dict);
}

static GVariant *endpoint_entry(gconstpointer data)
{
	const Endpoint *endpoint = data;
	GVariantBuilder dict;

	g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
	add_text(&dict, "name", endpoint->name);
	add_text(&dict, "state", endpoint->word);
	add_number(&dict, "code", endpoint->code);
	add_text(&dict, "detail", endpoint->detail);
	add_bool(&dict, "settled", endpoint_settled(endpoint));
	add_bool(&dict, "held", endpoint_held(endpoint));
	add_list(&dict, "readers", endpoint->readers, reader_entry);
	return g_variant_builder_end(&dict);
}

static GVariant *database_entry(gconstpointer data)
{
	const ManagerDatabase *database = data;
	GVariantBuilder dict;

	g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
	add_text(&dict, "path", database->path);
	add_text(&dict, "application", database->application);
	add_text(&dict, "profile", database->profile);
	add_text(&dict, "status", database->status);
	add_text(&dict, "reason", database->reason);
	return g_variant_builder_end(&dict);
}

GVariant *status_make(const Manager *manager)
{
	g_autofree char *since = text_time(manager->since);
	GVariantBuilder dict;

	g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
	add_text(&dict, "version", CERTPROP_VERSION);
	add_number(&dict, "pid", (guint32)getpid());
	add_text(&dict, "since", since);
	add_text(&dict, "host", manager->host);
	add_bool(&dict, "enabled", manager->config->enabled);
	add_bool(&dict, "expecting", redirected_expecting(manager->redirected));
	add_text(&dict, "left_out", redirected_left_out(manager->redirected));
	add_list(&dict, "configuration", manager->faults, fault_entry);
	add_list(&dict, "endpoints", manager->endpoints, endpoint_entry);
	add_list(&dict, "databases", manager->databases, database_entry);
	return g_variant_builder_end(&dict);
}

char **status_messages(const Manager *manager)
{
	g_autoptr(GStrvBuilder) messages = g_strv_builder_new();

	for (guint i = 0; i < manager->faults->len; i++) {
		g_autofree char *text = config_fault_text(g_ptr_array_index(manager->faults, i));
		g_autofree char *valid = g_utf8_make_valid(text, -1);

		g_strv_builder_add(messages, valid);
	}

	return g_strv_builder_end(messages);
}
