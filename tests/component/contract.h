/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * JSON against what scripts rely on. A contract is JSON itself: an object names the members that
 * must be there (more may be), an array of one element says what every element is, and a text says
 * what the value is: "text", "text+" (not empty), "int", "bool", "sha256", "hex", "time", or
 * "=a|b|c".
 */

#include <json-glib/json-glib.h>

/* Fails the test, naming the member, if `text` does not keep the contract. Returns the parsed text.
 */
JsonNode *contract_check(const char *text, const char *contract) G_GNUC_WARN_UNUSED_RESULT;

/* Conveniences over a parsed text: the test fails where there is no such member. */
JsonObject *contract_member(JsonNode *root, const char *array, guint i);
JsonObject *contract_element(JsonObject *object, const char *array, guint i);
guint contract_length(JsonObject *object, const char *array);
const char *contract_text(JsonObject *object, const char *member);
