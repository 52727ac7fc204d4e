/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon's face to other programs. The socket of our own is there in every session, with a
 * session bus or without; only processes of the same user get through its authentication. The
 * session bus is taken where it is and never started: no bus is an ordinary state.
 *
 * Authentication on the socket runs in a thread of GDBus for each client, so that one that connects
 * and says nothing keeps nobody waiting. Everything in this file runs in the main loop; GDBus would
 * also tell of new clients in their threads (G_DBUS_SERVER_FLAGS_RUN_IN_THREAD), and nothing here
 * is made for that.
 */

#include "bus.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

#include "bus-generated.h"
#include "log.h"
#include "names.h"
#include "runtime.h"
#include "status.h"
#include "text.h"

struct Bus {
	Manager *manager;
	BusManager1 *skeleton;
	char *socket;
	GDBusServer *server;
	GPtrArray *peers; /* GDBusConnection */
	GCancellable *connecting;
	GDBusConnection *session;
	guint name;
};

static gboolean on_get_status(BusManager1 *skeleton, GDBusMethodInvocation *call, gpointer data)
{
	Bus *bus = data;

	bus_manager1_complete_get_status(skeleton, call, status_make(bus->manager));
	return TRUE;
}

static gboolean on_look(BusManager1 *skeleton, GDBusMethodInvocation *call, gpointer data)
{
	Bus *bus = data;

	manager_look(bus->manager);
	bus_manager1_complete_look(skeleton, call);
	return TRUE;
}

static gboolean on_reload(BusManager1 *skeleton, GDBusMethodInvocation *call, gpointer data)
{
	Bus *bus = data;
	bool taken = manager_reload(bus->manager);
	g_auto(GStrv) messages = status_messages(bus->manager);

	bus_manager1_complete_reload(skeleton, call, taken, (const char *const *)messages);
	return TRUE;
}

/* Exports the interface on one more connection. */
static bool export(Bus *bus, GDBusConnection *connection)
{
	const LogContext context = {.action = "bus"};
	g_autoptr(GError) error = NULL;

	if (g_dbus_interface_skeleton_export(
		    G_DBUS_INTERFACE_SKELETON(bus->skeleton), connection, NAME_BUS_PATH, &error))
		return true;
	log_say(G_LOG_LEVEL_WARNING, &context, "Offering %s on D-Bus failed, ignoring: %s",
		NAME_BUS_IFACE, error->message);
	return false;
}

static void unexport(Bus *bus, GDBusConnection *connection)
{
	GDBusInterfaceSkeleton *skeleton = G_DBUS_INTERFACE_SKELETON(bus->skeleton);

	if (g_dbus_interface_skeleton_has_connection(skeleton, connection))
		g_dbus_interface_skeleton_unexport_from_connection(skeleton, connection);
}

static void on_peer_closed(
	GDBusConnection *connection, gboolean vanished, GError *error, gpointer data)
{
	Bus *bus = data;

	unexport(bus, connection);
	g_signal_handlers_disconnect_by_data(connection, bus);
	g_ptr_array_remove(bus->peers, connection);
}

static gboolean on_new_peer(GDBusServer *server, GDBusConnection *connection, gpointer data)
{
	Bus *bus = data;

	/* One that has left already would never be heard of again. */
	if (g_dbus_connection_is_closed(connection) || !export(bus, connection))
		return FALSE;

	g_ptr_array_add(bus->peers, g_object_ref(connection));
	g_signal_connect(connection, "closed", G_CALLBACK(on_peer_closed), bus);
	return TRUE;
}

static void serve(Bus *bus, const char *runtime_dir)
{
	const LogContext context = {.action = "bus"};
	const GDBusServerFlags flags = G_DBUS_SERVER_FLAGS_AUTHENTICATION_REQUIRE_SAME_USER;
	g_autofree char *guid = g_dbus_generate_guid();
	g_autofree char *escaped = NULL;
	g_autofree char *address = NULL;
	g_autoptr(GError) error = NULL;

	bus->socket = g_build_filename(runtime_dir, NAME_RUNTIME_BUS, NULL);
	escaped = g_dbus_address_escape_value(bus->socket);
	address = g_strdup_printf("unix:path=%s", escaped);
	/* Of an instance that was killed: the lock says that there is no other. */
	(void)g_unlink(bus->socket);
	bus->server = g_dbus_server_new_sync(address, flags, guid, NULL, NULL, &error);
	if (bus->server == NULL) {
		log_say(G_LOG_LEVEL_WARNING, &context,
			"Listening on %s failed, " NAME_CTL " cannot ask this instance: %s",
			bus->socket, error->message);
		return;
	}
	g_signal_connect(bus->server, "new-connection", G_CALLBACK(on_new_peer), bus);
	g_dbus_server_start(bus->server);
}

static void on_name_lost(GDBusConnection *connection, const char *name, gpointer data)
{
	const LogContext context = {.action = "bus"};

	if (connection != NULL && !g_dbus_connection_is_closed(connection))
		log_say(G_LOG_LEVEL_WARNING, &context,
			"Somebody else owns the name %s on the session bus, ignoring", name);
}

static void on_session(GObject *source, GAsyncResult *result, gpointer data)
{
	const LogContext context = {.action = "bus"};
	g_autoptr(GError) error = NULL;
	g_autoptr(GDBusConnection) connection =
		g_dbus_connection_new_for_address_finish(result, &error);
	Bus *bus = data;

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return; /* the bus object is gone */
	if (connection == NULL) {
		log_say(G_LOG_LEVEL_INFO, &context, "No session bus: %s", error->message);
		return;
	}
	if (!export(bus, connection))
		return;

	bus->session = g_steal_pointer(&connection);
	bus->name = g_bus_own_name_on_connection(bus->session, NAME_BUS,
		G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE, NULL, on_name_lost, NULL, NULL);
}

/* The address of a session bus that runs already, or NULL. */
static char *session_address(void)
{
	const char *address = g_getenv("DBUS_SESSION_BUS_ADDRESS");
	g_autofree char *dir = runtime_session();
	g_autofree char *path = NULL;
	g_autofree char *escaped = NULL;

	if (address != NULL && address[0] != '\0')
		return g_str_has_prefix(address, "autolaunch:") ? NULL : g_strdup(address);
	if (dir == NULL)
		return NULL;

	path = g_build_filename(dir, "bus", NULL);
	if (!g_file_test(path, G_FILE_TEST_EXISTS))
		return NULL;
	escaped = g_dbus_address_escape_value(path);
	return g_strdup_printf("unix:path=%s", escaped);
}

static void join_session(Bus *bus)
{
	g_autofree char *address = session_address();

	if (address == NULL)
		return;
	g_dbus_connection_new_for_address(address,
		G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
			G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
		NULL, bus->connecting, on_session, bus);
}

Bus *bus_new(const char *runtime_dir, Manager *manager)
{
	Bus *bus = g_new0(Bus, 1);

	bus->manager = manager;
	bus->peers = g_ptr_array_new_with_free_func(g_object_unref);
	bus->connecting = g_cancellable_new();
	bus->skeleton = bus_manager1_skeleton_new();
	bus_manager1_set_version(bus->skeleton, CERTPROP_VERSION);
	g_signal_connect(bus->skeleton, "handle-get-status", G_CALLBACK(on_get_status), bus);
	g_signal_connect(bus->skeleton, "handle-look", G_CALLBACK(on_look), bus);
	g_signal_connect(bus->skeleton, "handle-reload", G_CALLBACK(on_reload), bus);
	serve(bus, runtime_dir);
	join_session(bus);
	return bus;
}

Bus *bus_free(Bus *bus)
{
	if (bus == NULL)
		return NULL;

	g_cancellable_cancel(bus->connecting);
	g_object_unref(bus->connecting);
	if (bus->name != 0)
		g_bus_unown_name(bus->name);
	if (bus->server != NULL) {
		g_signal_handlers_disconnect_by_data(bus->server, bus);
		g_dbus_server_stop(bus->server);
		(void)g_unlink(bus->socket);
		g_object_unref(bus->server);
	}
	for (guint i = 0; i < bus->peers->len; i++) {
		GDBusConnection *peer = g_ptr_array_index(bus->peers, i);

		g_signal_handlers_disconnect_by_data(peer, bus);
		unexport(bus, peer);
	}
	if (bus->session != NULL)
		unexport(bus, bus->session);
	g_ptr_array_unref(bus->peers);
	g_clear_object(&bus->session);
	g_object_unref(bus->skeleton);
	g_free(bus->socket);
	g_free(bus);
	return NULL;
}

static void add(GVariantDict *dict, const char *key, const char *value)
{
	g_autofree char *valid = NULL;

	if (value == NULL || value[0] == '\0')
		return;
	valid = g_utf8_make_valid(value, -1);
	g_variant_dict_insert(dict, key, "s", valid);
}

void bus_emit(Bus *bus, const Event *event)
{
	g_autofree char *time = NULL;
	GVariantDict dict;

	if (bus->peers->len == 0 && bus->session == NULL)
		return;

	time = text_time(g_get_real_time() / G_USEC_PER_SEC);
	g_variant_dict_init(&dict, NULL);
	add(&dict, "time", time);
	add(&dict, "kind", event_word(event->kind));
	add(&dict, "endpoint", event->endpoint);
	add(&dict, "reader", event->reader);
	add(&dict, "token", event->token);
	add(&dict, "sha256", event->sha256);
	add(&dict, "nickname", event->nickname);
	add(&dict, "database", event->database);
	add(&dict, "reason", event->reason);
	bus_manager1_emit_event(bus->skeleton, g_variant_dict_end(&dict));
}
