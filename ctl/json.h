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

/* The finished text with a newline after it: on one line, or indented for people. */
char *json_text(Json *json, bool pretty) G_GNUC_WARN_UNUSED_RESULT;
/* To standard output, indented if that is a terminal. */
void json_print(Json *json);

G_END_DECLS
