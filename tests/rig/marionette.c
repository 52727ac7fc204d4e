/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Marionette is the protocol below WebDriver: "LENGTH:JSON", where a command is
 * [0, number, name, parameters] and its answer [1, number, error, result]. The tests need no web
 * page but Firefox's own objects, which geckodriver would not hand out.
 */
#include "marionette.h"

#include <check.h>
#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <string.h>

#define ANSWER_S   60
#define LENGTH_MAX 10 /* digits */
#define ANSWER_MAX (64u << 20)

struct Marionette {
	GSocketConnection *connection;
	gint64 number; /* of the last command */
};

static void write_all(Marionette *marionette, const char *text)
{
	GOutputStream *to = g_io_stream_get_output_stream(G_IO_STREAM(marionette->connection));
	g_autoptr(GError) error = NULL;

	ck_assert_msg(g_output_stream_write_all(to, text, strlen(text), NULL, NULL, &error),
		"Firefox takes no command: %s", error->message);
}

static void read_all(Marionette *marionette, char *to, gsize length)
{
	GInputStream *from = g_io_stream_get_input_stream(G_IO_STREAM(marionette->connection));
	g_autoptr(GError) error = NULL;
	gsize got;

	ck_assert_msg(g_input_stream_read_all(from, to, length, &got, NULL, &error),
		"Firefox gives no answer: %s", error->message);
	ck_assert_msg(got == length, "Firefox has hung up");
}

static gsize read_length(Marionette *marionette)
{
	char digits[LENGTH_MAX + 1];
	guint64 length = 0;

	for (gsize n = 0; n < LENGTH_MAX; n++) {
		read_all(marionette, digits + n, 1);
		if (digits[n] == ':') {
			digits[n] = '\0';
			ck_assert(g_ascii_string_to_unsigned(
				digits, 10, 1, ANSWER_MAX, &length, NULL));
			return (gsize)length;
		}
	}
	ck_abort_msg("Firefox does not speak Marionette");
}

static JsonNode *read_packet(Marionette *marionette)
{
	gsize length = read_length(marionette);
	g_autofree char *text = g_malloc(length + 1);
	g_autoptr(GError) error = NULL;
	JsonNode *node;

	read_all(marionette, text, length);
	text[length] = '\0';
	node = json_from_string(text, &error);
	ck_assert_msg(node != NULL, "Firefox does not speak JSON: %s", text);
	return node;
}

/* Consumes the parameters. Returns the whole answer. */
static JsonNode *command(Marionette *marionette, const char *name, JsonObject *parameters)
{
	g_autoptr(JsonNode) node = json_node_new(JSON_NODE_ARRAY);
	JsonArray *array = json_array_new();
	g_autofree char *text = NULL, *packet = NULL;
	JsonNode *answer;

	json_array_add_int_element(array, 0);
	json_array_add_int_element(array, ++marionette->number);
	json_array_add_string_element(array, name);
	json_array_add_object_element(array, parameters);
	json_node_take_array(node, array);
	text = json_to_string(node, FALSE);
	packet = g_strdup_printf("%zu:%s", strlen(text), text);
	write_all(marionette, packet);
	answer = read_packet(marionette);
	ck_assert_int_eq(
		json_array_get_int_element(json_node_get_array(answer), 1), marionette->number);
	return answer;
}

/* The error's name, or NULL; borrowed. */
static const char *error_of(JsonNode *answer)
{
	JsonNode *error = json_array_get_element(json_node_get_array(answer), 2);

	return JSON_NODE_HOLDS_OBJECT(error)
		       ? json_object_get_string_member(json_node_get_object(error), "error")
		       : NULL;
}

static void check(JsonNode *answer)
{
	g_autofree char *text = json_to_string(answer, FALSE);

	ck_assert_msg(error_of(answer) == NULL, "Firefox refuses: %s", text);
}

static void order(Marionette *marionette, const char *name, JsonObject *parameters)
{
	g_autoptr(JsonNode) answer = command(marionette, name, parameters);

	check(answer);
}

/* In the context of Firefox's own windows; and what Firefox asks is left to its user. */
static void begin(Marionette *marionette)
{
	JsonObject *capabilities = json_object_new(), *always = json_object_new();
	JsonObject *session = json_object_new(), *context = json_object_new();

	json_object_set_string_member(always, "unhandledPromptBehavior", "ignore");
	json_object_set_object_member(capabilities, "alwaysMatch", always);
	json_object_set_object_member(session, "capabilities", capabilities);
	order(marionette, "WebDriver:NewSession", session);
	json_object_set_string_member(context, "value", "chrome");
	order(marionette, "Marionette:SetContext", context);
}

Marionette *marionette_new(guint16 port)
{
	g_autoptr(GSocketClient) client = g_socket_client_new();
	g_autoptr(GError) error = NULL;
	Marionette *marionette = g_new0(Marionette, 1);

	g_socket_client_set_timeout(client, ANSWER_S);
	marionette->connection =
		g_socket_client_connect_to_host(client, "127.0.0.1", port, NULL, &error);
	ck_assert_msg(marionette->connection != NULL, "cannot reach Firefox: %s",
		error != NULL ? error->message : "");
	json_node_unref(read_packet(marionette)); /* its greeting */
	begin(marionette);
	return marionette;
}

void marionette_free(Marionette *marionette)
{
	if (marionette == NULL)
		return;
	g_object_unref(marionette->connection);
	g_free(marionette);
}

char *marionette_run(Marionette *marionette, const char *script, const char *argument)
{
	JsonObject *parameters = json_object_new();
	JsonArray *arguments = json_array_new();
	g_autoptr(JsonNode) answer = NULL;
	JsonObject *result;

	json_array_add_string_element(arguments, argument != NULL ? argument : "");
	json_object_set_string_member(parameters, "script", script);
	json_object_set_array_member(parameters, "args", arguments);
	json_object_set_boolean_member(parameters, "newSandbox", TRUE);
	answer = command(marionette, "WebDriver:ExecuteScript", parameters);
	if (g_strcmp0(error_of(answer), "unexpected alert open") == 0)
		return NULL;
	check(answer);
	result = json_array_get_object_element(json_node_get_array(answer), 3);
	return g_strdup(json_object_get_string_member_with_default(result, "value", ""));
}

void marionette_quit(Marionette *marionette)
{
	JsonObject *parameters = json_object_new();
	JsonArray *flags = json_array_new();

	json_array_add_string_element(flags, "eForceQuit");
	json_object_set_array_member(parameters, "flags", flags);
	order(marionette, "Marionette:Quit", parameters);
}
