/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text and JSON are made from the same members, so they cannot drift apart. A member that is
 * missing is left out of both; one that is no text is left out too, for the peer sent what it must
 * not.
 */

#include "notice.h"

#include <string.h>

#include "json.h"
#include "text.h"

/* In the order in which people read them. */
static const struct {
	const char *key;
	const char *before, *after; /* around the value in a line of text */
} members[] = {
	{"time", "", ""},
	{"kind", "  ", ""},
	{"endpoint", "  ", ""},
	{"reader", "  [", "]"},
	{"token", "  token \"", "\""},
	{"nickname", "  \"", "\""},
	{"sha256", "  ", ""},
	{"database", "  in ", ""},
	{"reason", "  (", ")"},
};

GVariant *notice_new(const char *kind, const char *endpoint, const char *reader, const char *reason)
{
	GVariantBuilder builder;
	g_autofree char *now = text_time(g_get_real_time() / G_USEC_PER_SEC);

	g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
	g_variant_builder_add(&builder, "{sv}", "time", g_variant_new_string(now));
	g_variant_builder_add(&builder, "{sv}", "kind", g_variant_new_string(kind));
	g_variant_builder_add(&builder, "{sv}", "endpoint", g_variant_new_string(endpoint));
	if (reader != NULL)
		g_variant_builder_add(&builder, "{sv}", "reader", g_variant_new_string(reader));
	if (reason != NULL && *reason != '\0')
		g_variant_builder_add(&builder, "{sv}", "reason", g_variant_new_string(reason));

	return g_variant_builder_end(&builder);
}

char *notice_text(GVariant *event)
{
	GString *line = g_string_new(NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(members); i++) {
		const char *value;

		if (!g_variant_lookup(event, members[i].key, "&s", &value) || *value == '\0')
			continue;
		/* a fingerprint in full is for programs; people get enough to tell it apart */
		int n = strcmp(members[i].key, "sha256") == 0 ? 12 : -1;
		g_string_append_printf(
			line, "%s%.*s%s", members[i].before, n, value, members[i].after);
	}

	return g_string_free(line, FALSE);
}

char *notice_json(GVariant *event)
{
	g_autoptr(Json) json = json_new();

	json_open_object(json, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(members); i++) {
		const char *value;

		if (g_variant_lookup(event, members[i].key, "&s", &value))
			json_put_text(json, members[i].key, value);
	}
	json_close_object(json);

	return json_text(json, false);
}
