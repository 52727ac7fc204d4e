/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON through json-glib's builder, which cannot produce a document that does not balance. The
 * values are what the cards and databases say, not escaped for people; but of the characters that a
 * terminal might obey (C1 controls, bidi marks, DEL: json-glib leaves them as they are) none stands
 * in the text as itself: JSON can say them as \uXXXX, and a parser reads the same value.
 */

#include "json.h"

#include <json-glib/json-glib.h>

#include "error.h"
#include "paint.h"
#include "text.h"

struct Json {
	JsonBuilder *builder;
};

Json *json_new(void)
{
	Json *json = g_new0(Json, 1);

	json->builder = json_builder_new();

	return json;
}

Json *json_free(Json *json)
{
	if (json == NULL)
		return NULL;

	g_object_unref(json->builder);
	g_free(json);

	return NULL;
}

static void put_key(Json *json, const char *key)
{
	if (key != NULL)
		json_builder_set_member_name(json->builder, key);
}

void json_open_object(Json *json, const char *key)
{
	put_key(json, key);
	json_builder_begin_object(json->builder);
}

void json_close_object(Json *json)
{
	json_builder_end_object(json->builder);
}

void json_open_array(Json *json, const char *key)
{
	put_key(json, key);
	json_builder_begin_array(json->builder);
}

void json_close_array(Json *json)
{
	json_builder_end_array(json->builder);
}

void json_put_text(Json *json, const char *key, const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text != NULL ? text : "", -1);

	put_key(json, key);
	json_builder_add_string_value(json->builder, valid);
}

void json_put_number(Json *json, const char *key, gint64 number)
{
	put_key(json, key);
	json_builder_add_int_value(json->builder, number);
}

void json_put_bool(Json *json, const char *key, bool value)
{
	put_key(json, key);
	json_builder_add_boolean_value(json->builder, value);
}

void json_put_time(Json *json, const char *key, gint64 seconds)
{
	g_autofree char *text = text_time(seconds);

	json_put_text(json, key, text);
}

struct JsonDoc {
	JsonNode *root; /* an object */
};

JsonDoc *json_doc_read(const char *text, gsize len, GError **error)
{
	g_autoptr(JsonParser) parser = json_parser_new_immutable();
	g_autoptr(GError) local = NULL;
	JsonDoc *doc;

	if (!json_parser_load_from_data(parser, text, (gssize)len, &local)) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL,
			"Reading JSON failed: %s", local->message);
		return NULL;
	}
	if (!JSON_NODE_HOLDS_OBJECT(json_parser_get_root(parser))) {
		g_set_error_literal(
			error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL, "It is no JSON object");
		return NULL;
	}

	doc = g_new0(JsonDoc, 1);
	doc->root = json_node_ref(json_parser_get_root(parser));
	return doc;
}

JsonDoc *json_doc_free(JsonDoc *doc)
{
	if (doc == NULL)
		return NULL;

	json_node_unref(doc->root);
	g_free(doc);

	return NULL;
}

void json_put_members(Json *json, const JsonDoc *doc, const char *const *except)
{
	JsonObjectIter iter;
	const char *name;
	JsonNode *value;

	json_object_iter_init_ordered(&iter, json_node_get_object(doc->root));
	while (json_object_iter_next_ordered(&iter, &name, &value)) {
		if (g_strv_contains(except, name))
			continue;
		json_builder_set_member_name(json->builder, name);
		json_builder_add_value(json->builder, json_node_copy(value));
	}
}

static JsonNode *member_of(JsonNode *node, const char *name)
{
	return JSON_NODE_HOLDS_OBJECT(node)
		       ? json_object_get_member(json_node_get_object(node), name)
		       : NULL;
}

static guint64 amount(JsonNode *node)
{
	if (node != NULL && JSON_NODE_HOLDS_ARRAY(node))
		return json_array_get_length(json_node_get_array(node));
	if (node != NULL && json_node_get_value_type(node) == G_TYPE_INT64)
		return (guint64)MAX(json_node_get_int(node), 0);

	return 0;
}

guint64 json_doc_sum(const JsonDoc *doc, const char *array, const char *member)
{
	JsonNode *list = member_of(doc->root, array);
	guint64 sum = 0;

	if (list == NULL || !JSON_NODE_HOLDS_ARRAY(list) || member == NULL)
		return amount(list);
	for (guint i = 0; i < json_array_get_length(json_node_get_array(list)); i++)
		sum += amount(
			member_of(json_array_get_element(json_node_get_array(list), i), member));

	return sum;
}

const char *json_doc_text(const JsonDoc *doc, const char *member)
{
	JsonNode *node = member_of(doc->root, member);

	if (node == NULL || json_node_get_value_type(node) != G_TYPE_STRING)
		return "";
	return json_node_get_string(node);
}

/* JsonItem is what callers call a JsonNode that they may only read. */
static JsonNode *item_member(const JsonItem *item, const char *name)
{
	return member_of((JsonNode *)(gpointer)item, name);
}

const JsonItem *json_doc_item(const JsonDoc *doc)
{
	return (const JsonItem *)doc->root;
}

bool json_item_text(const JsonItem *item, const char *member, const char **ret_text)
{
	JsonNode *node = item_member(item, member);

	if (node == NULL || json_node_get_value_type(node) != G_TYPE_STRING)
		return false;

	*ret_text = json_node_get_string(node);
	return true;
}

bool json_item_number(const JsonItem *item, const char *member, gint64 *ret_number)
{
	JsonNode *node = item_member(item, member);

	if (node == NULL || json_node_get_value_type(node) != G_TYPE_INT64)
		return false;

	*ret_number = json_node_get_int(node);
	return true;
}

bool json_item_array(const JsonItem *item, const char *member, guint *ret_n)
{
	JsonNode *node = item_member(item, member);

	if (node == NULL || !JSON_NODE_HOLDS_ARRAY(node))
		return false;

	*ret_n = json_array_get_length(json_node_get_array(node));
	return true;
}

const JsonItem *json_item_element(const JsonItem *item, const char *member, guint n)
{
	JsonArray *array = json_node_get_array(item_member(item, member));

	return (const JsonItem *)json_array_get_element(array, n);
}

static bool must_escape(gunichar c)
{
	GUnicodeType type = g_unichar_type(c);

	if (c == '\n') /* the generator's own; those of the values are \n already */
		return false;

	return type == G_UNICODE_CONTROL || type == G_UNICODE_FORMAT ||
	       type == G_UNICODE_LINE_SEPARATOR || type == G_UNICODE_PARAGRAPH_SEPARATOR;
}

static void append_escaped(GString *out, gunichar c)
{
	if (c < 0x10000) {
		g_string_append_printf(out, "\\u%04x", c);
		return;
	}

	c -= 0x10000;
	g_string_append_printf(out, "\\u%04x\\u%04x", 0xd800 + (c >> 10), 0xdc00 + (c & 0x3ff));
}

char *json_text(Json *json, bool pretty)
{
	g_autoptr(JsonGenerator) generator = json_generator_new();
	g_autoptr(JsonNode) root = json_builder_get_root(json->builder);

	json_generator_set_root(generator, root);
	json_generator_set_pretty(generator, pretty);

	g_autofree char *plain = json_generator_to_data(generator, NULL);
	GString *out = g_string_sized_new(256);
	for (const char *at = plain; *at != '\0'; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);

		if (must_escape(c))
			append_escaped(out, c);
		else
			g_string_append_unichar(out, c);
	}
	g_string_append_c(out, '\n');

	return g_string_free(out, FALSE);
}

void json_print(Json *json)
{
	g_autofree char *text = json_text(json, paint_tty());

	paint_raw(text);
}
