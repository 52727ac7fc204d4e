/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A walk over two documents at once.
 */

#include "contract.h"

#include <check.h>
#include <string.h>

#include "text.h"

static void check_node(JsonNode *node, JsonNode *contract, const char *where);

static bool is_hex(const char *text)
{
	return strspn(text, "0123456789abcdef") == strlen(text);
}

static bool is_one_of(const char *text, const char *words)
{
	g_auto(GStrv) list = g_strsplit(words, "|", -1);

	return g_strv_contains((const char *const *)list, text);
}

static bool text_keeps(const char *text, const char *kind)
{
	gint64 seconds;

	if (*kind == '=')
		return is_one_of(text, kind + 1);
	if (strcmp(kind, "text+") == 0)
		return *text != '\0';
	if (strcmp(kind, "sha256") == 0)
		return strlen(text) == 64 && is_hex(text);
	if (strcmp(kind, "hex") == 0)
		return is_hex(text);
	if (strcmp(kind, "time") == 0)
		return text_time_parse(text, &seconds);

	ck_assert_str_eq(kind, "text");
	return true;
}

static void check_value(JsonNode *node, const char *kind, const char *where)
{
	GType type = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_value_type(node) : G_TYPE_INVALID;

	if (strcmp(kind, "int") == 0) {
		ck_assert_msg(type == G_TYPE_INT64, "%s is no number", where);
	} else if (strcmp(kind, "bool") == 0) {
		ck_assert_msg(type == G_TYPE_BOOLEAN, "%s is neither true nor false", where);
	} else {
		ck_assert_msg(type == G_TYPE_STRING, "%s is no text", where);
		ck_assert_msg(text_keeps(json_node_get_string(node), kind), "%s is \"%s\", not %s",
			where, json_node_get_string(node), kind);
	}
}

static void check_object(JsonNode *node, JsonNode *contract, const char *where)
{
	JsonObject *wanted = json_node_get_object(contract);
	g_autoptr(GList) members = json_object_get_members(wanted);

	ck_assert_msg(JSON_NODE_HOLDS_OBJECT(node), "%s is no object", where);
	for (GList *at = members; at != NULL; at = at->next) {
		g_autofree char *name = g_strdup_printf("%s.%s", where, (char *)at->data);
		JsonNode *member = json_object_get_member(json_node_get_object(node), at->data);

		ck_assert_msg(member != NULL, "%s is missing", name);
		check_node(member, json_object_get_member(wanted, at->data), name);
	}
}

static void check_array(JsonNode *node, JsonNode *contract, const char *where)
{
	ck_assert_msg(JSON_NODE_HOLDS_ARRAY(node), "%s is no array", where);

	JsonArray *array = json_node_get_array(node);
	JsonNode *wanted = json_array_get_element(json_node_get_array(contract), 0);
	for (guint i = 0; i < json_array_get_length(array); i++) {
		g_autofree char *name = g_strdup_printf("%s[%u]", where, i);

		check_node(json_array_get_element(array, i), wanted, name);
	}
}

static void check_node(JsonNode *node, JsonNode *contract, const char *where)
{
	if (JSON_NODE_HOLDS_OBJECT(contract))
		check_object(node, contract, where);
	else if (JSON_NODE_HOLDS_ARRAY(contract))
		check_array(node, contract, where);
	else
		check_value(node, json_node_get_string(contract), where);
}

static JsonNode *parse(const char *text)
{
	g_autoptr(JsonParser) parser = json_parser_new_immutable();
	g_autoptr(GError) error = NULL;

	ck_assert_msg(json_parser_load_from_data(parser, text, -1, &error), "%s in:\n%s",
		error != NULL ? error->message : "", text);

	return json_parser_steal_root(parser);
}

JsonNode *contract_check(const char *text, const char *contract)
{
	g_autoptr(JsonNode) wanted = parse(contract);
	JsonNode *root = parse(text);

	check_node(root, wanted, "the document");

	return root;
}

guint contract_length(JsonObject *object, const char *array)
{
	ck_assert_msg(json_object_has_member(object, array), "no member %s", array);

	return json_array_get_length(json_object_get_array_member(object, array));
}

JsonObject *contract_element(JsonObject *object, const char *array, guint i)
{
	ck_assert_uint_lt(i, contract_length(object, array));

	return json_array_get_object_element(json_object_get_array_member(object, array), i);
}

JsonObject *contract_member(JsonNode *root, const char *array, guint i)
{
	return contract_element(json_node_get_object(root), array, i);
}

const char *contract_text(JsonObject *object, const char *member)
{
	ck_assert_msg(json_object_has_member(object, member), "no member %s", member);

	return json_object_get_string_member(object, member);
}
