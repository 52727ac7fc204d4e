/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * JSON, written from top to bottom. Hides json-glib.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct Json Json;

Json *json_new(void);
Json *json_free(Json *json);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Json, json_free)

/* `key` is NULL for an element of an array and for the outermost value. */
void json_open_object(Json *json, const char *key);
void json_close_object(Json *json);
void json_open_array(Json *json, const char *key);
void json_close_array(Json *json);
/* NULL text is "". */
void json_put_text(Json *json, const char *key, const char *text);
void json_put_number(Json *json, const char *key, gint64 number);
void json_put_bool(Json *json, const char *key, bool value);
/* As an ISO 8601 text. */
void json_put_time(Json *json, const char *key, gint64 seconds);

/* A document that was read. */
typedef struct JsonDoc JsonDoc;

/* One object, of `len` bytes that strict_check() has accepted. Errors: PROTOCOL. */
JsonDoc *json_doc_read(const char *text, gsize len, GError **error) G_GNUC_WARN_UNUSED_RESULT;
JsonDoc *json_doc_free(JsonDoc *doc);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JsonDoc, json_doc_free)
/* Its members into the open object, but for those in `except` (ends with NULL). */
void json_put_members(Json *json, const JsonDoc *doc, const char *const *except);
/* What the objects of its member `array` say of themselves: how many there are (`member` NULL), or
   the sum of a number of each, or of the lengths of an array of each. 0 for what is not there. */
guint64 json_doc_sum(const JsonDoc *doc, const char *array, const char *member);
/* A text among its members; "" if there is none. Borrowed. */
const char *json_doc_text(const JsonDoc *doc, const char *member);

/* One value of a document; the document's. */
typedef struct JsonItem JsonItem;

const JsonItem *json_doc_item(const JsonDoc *doc);
/* A member of an object, if it is of that kind: false, and *ret_x as it was, if not. */
bool json_item_text(const JsonItem *item, const char *member, const char **ret_text);
bool json_item_number(const JsonItem *item, const char *member, gint64 *ret_number);
bool json_item_array(const JsonItem *item, const char *member, guint *ret_n);
/* The nth element of the array `member`, which is there. */
const JsonItem *json_item_element(const JsonItem *item, const char *member, guint n);

/* The finished text with a newline after it: on one line, or indented for people. */
char *json_text(Json *json, bool pretty) G_GNUC_WARN_UNUSED_RESULT;
/* To standard output, indented if that is a terminal. */
void json_print(Json *json);

G_END_DECLS
