/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What certpropctl's text and JSON are made with: columns, escapes, suggestions, event lines.
 */

#include <json-glib/json-glib.h>
#include <string.h>

#include "harness.h"
#include "json.h"
#include "notice.h"
#include "suggest.h"
#include "table.h"

#define HOSTILE                        \
	"\033]0;owned\a a\nb \xc2\x9b" \
	"31m \xe2\x80\xae"             \
	"txt \x7f\x1f"

/* No byte that a terminal obeys, but for newlines. */
static void assert_harmless(const char *text)
{
	ck_assert(g_utf8_validate(text, -1, NULL));
	for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);

		ck_assert_msg(c == '\n' || (c >= 0x20 && c != 0x7f && (c < 0x80 || c > 0x9f)),
			"U+%04X is in the output", c);
		ck_assert_msg(c < 0x202a || c > 0x202e, "bidi mark U+%04X is in the output", c);
	}
}

START_TEST(columns_align_by_width)
{
	g_autoptr(Table) table = table_new(2);

	table_row(table, PAINT_PLAIN, "a", "b", NULL);
	table_row(table, PAINT_PLAIN, "日本", "c", NULL);      /* two cells a character */
	table_row(table, PAINT_PLAIN, "e\xcc\x81", "d", NULL); /* e and a combining accent */
	table_row(table, PAINT_PLAIN, "last", "", NULL);

	g_autofree char *text = table_text(table);
	ck_assert_str_eq(text, "  a     b\n"
			       "  日本  c\n"
			       "  e\xcc\x81     d\n"
			       "  last\n");
}
END_TEST

START_TEST(cells_are_escaped)
{
	g_autoptr(Table) table = table_new(0);

	table_cell(table, PAINT_BAD, HOSTILE);
	table_cellf(table, PAINT_PLAIN, "%s", HOSTILE);
	table_cell(table, PAINT_PLAIN, NULL);
	table_end_row(table);

	g_autofree char *text = table_text(table);
	assert_harmless(text);
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1); /* one row, one line */
}
END_TEST

START_TEST(json_reads_back)
{
	g_autoptr(Json) json = json_new();
	g_autoptr(JsonParser) parser = json_parser_new();

	json_open_object(json, NULL);
	json_put_text(json, "text", HOSTILE);
	json_put_text(json, "none", NULL);
	json_put_number(json, "number", 9007199254740991);
	json_put_bool(json, "yes", true);
	json_put_time(json, "time", 1795338000);
	json_open_array(json, "list");
	json_put_text(json, NULL, "\xf0\x9f\x94\x91"); /* beyond the first plane, printable */
	json_put_text(json, NULL, "\xf3\xa0\x80\xa0"); /* a tag character: invisible */
	json_close_array(json);
	json_close_object(json);

	g_autofree char *text = json_text(json, _i != 0);
	assert_harmless(text);
	ck_assert_ptr_null(strstr(text, "\xf3\xa0\x80\xa0"));
	ck_assert_ptr_nonnull(strstr(text, "\\udb40\\udc20"));
	ck_assert(json_parser_load_from_data(parser, text, -1, NULL));

	JsonObject *root = json_node_get_object(json_parser_get_root(parser));
	ck_assert_str_eq(json_object_get_string_member(root, "text"), HOSTILE);
	ck_assert_str_eq(json_object_get_string_member(root, "none"), "");
	ck_assert_int_eq(json_object_get_int_member(root, "number"), 9007199254740991);
	ck_assert(json_object_get_boolean_member(root, "yes"));
	ck_assert_str_eq(json_object_get_string_member(root, "time"), "2026-11-22T09:00:00Z");
	JsonArray *list = json_object_get_array_member(root, "list");
	ck_assert_str_eq(json_array_get_string_element(list, 0), "\xf0\x9f\x94\x91");
	ck_assert_str_eq(json_array_get_string_element(list, 1), "\xf3\xa0\x80\xa0");
	ck_assert_int_eq(strchr(text, '\n') == text + strlen(text) - 1, _i == 0);
}
END_TEST

static const struct {
	const char *typed, *meant;
} mistypings[] = {
	{"lst", "list"},
	{"lits", NULL}, /* two edits of four letters */
	{"LIST", "list"},
	{"stauts", "status"},
	{"data", "databases"},
	{"monitorr", "monitor"},
	{"s", NULL}, /* status, show, sync: no guess */
	{"frobnicate", NULL},
	{"", NULL},
};

START_TEST(suggestion)
{
	static const char *const words[] = {
		"status", "list", "show", "sync", "monitor", "databases", "config", NULL};

	ck_assert_pstr_eq(suggest_word(mistypings[_i].typed, words), mistypings[_i].meant);
}
END_TEST

START_TEST(suggestion_of_a_long_word)
{
	static const char *const words[] = {"status", NULL};
	g_autofree char *longest = g_strnfill(100000, 's');

	ck_assert_ptr_null(suggest_word(longest, words));
}
END_TEST

START_TEST(event_lines)
{
	g_autoptr(GVariant) event =
		g_variant_ref_sink(notice_new("card-in", "local", "Reader \n\033 0", "because"));
	g_autofree char *text = notice_text(event);
	g_autofree char *line = notice_json(event);
	g_autoptr(JsonParser) parser = json_parser_new();

	ck_assert_ptr_nonnull(strstr(text, "  card-in  local  [Reader \n\033 0]  (because)"));
	assert_harmless(line);
	ck_assert(strchr(line, '\n') == line + strlen(line) - 1);
	ck_assert(json_parser_load_from_data(parser, line, -1, NULL));
	JsonObject *root = json_node_get_object(json_parser_get_root(parser));
	ck_assert_str_eq(json_object_get_string_member(root, "reader"), "Reader \n\033 0");
	ck_assert_str_eq(json_object_get_string_member(root, "kind"), "card-in");
	ck_assert(!json_object_has_member(root, "token"));
}
END_TEST

START_TEST(event_with_members_of_other_types)
{
	g_autoptr(GVariant) event = g_variant_ref_sink(
		g_variant_new_parsed("{'kind': <uint32 7>, 'reader': <['a']>, 'time': <'now'>}"));
	g_autofree char *text = notice_text(event);
	g_autofree char *line = notice_json(event);

	ck_assert_str_eq(text, "now");
	ck_assert_str_eq(line, "{\"time\":\"now\"}\n");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("ctl-print");
	TCase *table = tcase_create("table");
	TCase *json = tcase_create("json");
	TCase *suggest = tcase_create("suggest");
	TCase *event = tcase_create("event");

	tcase_add_test(table, columns_align_by_width);
	tcase_add_test(table, cells_are_escaped);
	tcase_add_loop_test(json, json_reads_back, 0, 2);
	tcase_add_loop_test(suggest, suggestion, 0, G_N_ELEMENTS(mistypings));
	tcase_add_test(suggest, suggestion_of_a_long_word);
	tcase_add_test(event, event_lines);
	tcase_add_test(event, event_with_members_of_other_types);
	suite_add_tcase(suite, table);
	suite_add_tcase(suite, json);
	suite_add_tcase(suite, suggest);
	suite_add_tcase(suite, event);

	return harness_run(suite, argc, argv);
}
