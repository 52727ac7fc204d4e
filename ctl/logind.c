/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which session a display belongs to is asked of logind, over the system bus, and only when there
 * is a display to ask about. A session counts if it is this user's, of this display, and of
 * xrdp's PAM service: a display's number is used by one session after the other.
 *
 * The remote host is the one from which the session was begun, if xrdp has said so to PAM (0.10
 * does, 0.9 does not). Who is connected now logind does not know. What cannot be known stays empty;
 * that is not worth a message.
 */

#include "logind.h"

#include <gio/gio.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "route.h"
#include "seen.h"

#define BUS          "org.freedesktop.login1"
#define DEADLINE_MS  1000
#define SESSIONS_MAX 64u
#define XRDP_SERVICE "xrdp-sesman"

typedef struct Logind {
	GPtrArray *endpoints; /* SeenEndpoint */
	GCancellable *cancellable;
	unsigned n_open; /* questions without an answer */
} Logind;

/* The question's own data: the answers come in any order. */
typedef struct Question {
	Logind *logind;
	char *session;
} Question;

static SeenEndpoint *find_display(const GPtrArray *endpoints, const char *display)
{
	for (guint i = 0; i < endpoints->len; i++) {
		SeenEndpoint *endpoint = g_ptr_array_index(endpoints, i);
		unsigned number;
		g_autofree char *plain = NULL;

		if (!route_display(endpoint->name, &number))
			continue;
		plain = g_strdup_printf(":%u", number);
		if (g_str_has_prefix(display, plain) &&
			(display[strlen(plain)] == '\0' || display[strlen(plain)] == '.'))
			return endpoint;
	}

	return NULL;
}

static const char *property(GVariant *properties, const char *name)
{
	const char *value = "";

	(void)g_variant_lookup(properties, name, "&s", &value);
	return value;
}

static void take_session(Logind *logind, const char *session, GVariant *properties)
{
	SeenEndpoint *endpoint = find_display(logind->endpoints, property(properties, "Display"));

	if (endpoint == NULL || strcmp(property(properties, "Service"), XRDP_SERVICE) != 0 ||
		strcmp(property(properties, "State"), "closing") == 0)
		return;

	g_free(endpoint->session);
	g_free(endpoint->remote_host);
	endpoint->session = g_strdup(session);
	endpoint->remote_host = g_strdup(property(properties, "RemoteHost"));
}

static void on_properties(GObject *source, GAsyncResult *result, gpointer data)
{
	Question *question = data;
	g_autoptr(GVariant) answer =
		g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);

	if (answer != NULL) {
		g_autoptr(GVariant) properties = g_variant_get_child_value(answer, 0);

		take_session(question->logind, question->session, properties);
	}
	question->logind->n_open--;
	g_free(question->session);
	g_free(question);
}

static void ask_session(Logind *logind, GDBusConnection *bus, const char *session, const char *path)
{
	Question *question = g_new0(Question, 1);

	question->logind = logind;
	question->session = g_strdup(session);
	logind->n_open++;
	g_dbus_connection_call(bus, BUS, path, "org.freedesktop.DBus.Properties", "GetAll",
		g_variant_new("(s)", BUS ".Session"), G_VARIANT_TYPE("(a{sv})"),
		G_DBUS_CALL_FLAGS_NO_AUTO_START, DEADLINE_MS, logind->cancellable, on_properties,
		question);
}

static void on_sessions(GObject *source, GAsyncResult *result, gpointer data)
{
	Logind *logind = data;
	GDBusConnection *bus = G_DBUS_CONNECTION(source);
	g_autoptr(GVariant) answer = g_dbus_connection_call_finish(bus, result, NULL);
	g_autoptr(GVariant) sessions = NULL;
	guint32 uid;
	const char *id, *user, *seat, *path;

	logind->n_open--;
	if (answer == NULL)
		return;

	sessions = g_variant_get_child_value(answer, 0);
	for (gsize i = 0; i < MIN(g_variant_n_children(sessions), SESSIONS_MAX); i++) {
		g_variant_get_child(sessions, i, "(&su&s&s&o)", &id, &uid, &user, &seat, &path);
		if (uid == (guint32)geteuid())
			ask_session(logind, bus, id, path);
	}
}

static void on_bus(GObject *source, GAsyncResult *result, gpointer data)
{
	Logind *logind = data;
	g_autoptr(GDBusConnection) bus = g_dbus_connection_new_for_address_finish(result, NULL);

	if (bus == NULL) {
		logind->n_open--;
		return;
	}

	g_dbus_connection_set_exit_on_close(bus, FALSE);
	g_dbus_connection_call(bus, BUS, "/org/freedesktop/login1", BUS ".Manager", "ListSessions",
		NULL, G_VARIANT_TYPE("(a(susso))"), G_DBUS_CALL_FLAGS_NO_AUTO_START, DEADLINE_MS,
		logind->cancellable, on_sessions, logind);
}

static bool any_display(const GPtrArray *endpoints)
{
	unsigned display;

	for (guint i = 0; i < endpoints->len; i++) {
		const SeenEndpoint *endpoint = g_ptr_array_index(endpoints, i);

		if (route_display(endpoint->name, &display))
			return true;
	}

	return false;
}

static gboolean on_deadline(gpointer data)
{
	GCancellable **cancellable = data;

	g_cancellable_cancel(*cancellable);
	g_clear_object(cancellable);
	return G_SOURCE_REMOVE;
}

void logind_fill(GPtrArray *endpoints)
{
	g_autofree char *address = g_dbus_address_get_for_bus_sync(G_BUS_TYPE_SYSTEM, NULL, NULL);
	g_autoptr(GCancellable) cancellable = g_cancellable_new();
	GCancellable *late = NULL; /* NULL once the time is over */
	Logind logind = {.endpoints = endpoints, .cancellable = cancellable};
	guint source;

	if (address == NULL || !any_display(endpoints))
		return;

	late = g_object_ref(cancellable);
	source = g_timeout_add(DEADLINE_MS, on_deadline, &late);
	logind.n_open++;
	g_dbus_connection_new_for_address(address,
		G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
			G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
		NULL, cancellable, on_bus, &logind);
	/* Also after the deadline: what was cancelled answers at once. */
	while (logind.n_open > 0)
		(void)g_main_context_iteration(NULL, TRUE);
	if (late != NULL) {
		g_source_remove(source);
		g_object_unref(late);
	}
}
