/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon's face to other programs. The socket of our own is there in every session, with a
 * session bus or without (door.c). The session bus is taken where it is and never started: no bus
 * is an ordinary state.
 *
 * So many clients are served at once, and some more are told that they are too many, with a
 * deadline for taking notice. What waits for each has its limit in guest.c. All of it runs in the
 * main loop.
 */

#include "bus.h"

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "bus-generated.h"
#include "door.h"
#include "guest.h"
#include "log.h"
#include "names.h"
#include "runtime.h"
#include "status.h"
#include "text.h"

#define BUS_SERVED_MAX  32u
#define BUS_REFUSED_MAX 32u
#define BUS_REFUSED_MS  5000u /* to ask something and be told why there is no answer */
#define BUS_CALLS_MAX   64u   /* of one client, not answered */

/* D-Bus Specification, org.freedesktop.DBus.RequestName */
#define NAME_DO_NOT_QUEUE 4u
#define NAME_IS_OURS      1u

struct Bus {
	Manager *manager;
	BusManager1 *skeleton;
	BusManager1 *refusal; /* what those get to see who are too many */
	Door *door;
	GPtrArray *guests;
	bool crowded; /* that was said */
	GCancellable *connecting;
	Guest *session;
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

static gboolean on_refused(BusManager1 *skeleton, GDBusMethodInvocation *call, gpointer data)
{
	g_dbus_method_invocation_return_error(call, G_DBUS_ERROR, G_DBUS_ERROR_LIMITS_EXCEEDED,
		NAME_DAEMON " serves %u clients at once and has as many; end one of them (" NAME_CTL
			    " monitor, or what else uses its socket) and try again",
		BUS_SERVED_MAX);
	return TRUE;
}

static Guest *receive(Bus *bus, GDBusConnection *connection, BusManager1 *skeleton,
	unsigned calls_max, GuestFunc left)
{
	const LogContext context = {.action = "bus"};
	g_autoptr(GError) error = NULL;
	Guest *guest = guest_new(
		connection, G_DBUS_INTERFACE_SKELETON(skeleton), calls_max, left, bus, &error);

	if (guest == NULL)
		log_say(G_LOG_LEVEL_WARNING, &context, "Offering %s on D-Bus failed, ignoring: %s",
			NAME_BUS_IFACE, error->message);
	return guest;
}

static bool is_served(const Bus *bus, const Guest *guest)
{
	return guest_skeleton(guest) == G_DBUS_INTERFACE_SKELETON(bus->skeleton);
}

static unsigned served(const Bus *bus)
{
	unsigned n = 0;

	for (guint i = 0; i < bus->guests->len; i++)
		n += is_served(bus, g_ptr_array_index(bus->guests, i));
	return n;
}

static void on_guest_left(Guest *guest, gpointer data)
{
	Bus *bus = data;

	g_ptr_array_remove(bus->guests, guest);
}

/* Whether there is a place for one more; once for each time that there is none any more, it is
   said. */
static bool has_place(Bus *bus)
{
	const LogContext context = {.action = "bus"};
	bool place = served(bus) < BUS_SERVED_MAX;

	if (!place && !bus->crowded)
		log_say(G_LOG_LEVEL_WARNING, &context,
			"%u clients are connected, as many as are served at once; more are refused",
			BUS_SERVED_MAX);
	bus->crowded = !place;
	return place;
}

static void on_newcomer(GDBusConnection *connection, gpointer data)
{
	Bus *bus = data;
	Guest *guest;
	bool place;

	/* One that has left already would never be heard of again. */
	if (g_dbus_connection_is_closed(connection) ||
		bus->guests->len >= BUS_SERVED_MAX + BUS_REFUSED_MAX)
		return;
	place = has_place(bus);
	guest = receive(bus, connection, place ? bus->skeleton : bus->refusal, BUS_CALLS_MAX,
		on_guest_left);
	if (guest == NULL)
		return;

	if (!place)
		guest_limit(guest, BUS_REFUSED_MS);
	g_ptr_array_add(bus->guests, guest);
	g_dbus_connection_start_message_processing(connection);
}

static void serve(Bus *bus, const char *runtime_dir)
{
	const LogContext context = {.action = "bus"};
	g_autofree char *path = g_build_filename(runtime_dir, NAME_RUNTIME_BUS, NULL);
	g_autoptr(GError) error = NULL;

	/* Of an instance that was killed: the lock says that there is no other. */
	(void)g_unlink(path);
	bus->door = door_open(path, on_newcomer, bus, &error);
	if (bus->door == NULL)
		log_say(G_LOG_LEVEL_WARNING, &context,
			"Listening on %s failed, " NAME_CTL " cannot ask this instance: %s", path,
			error->message);
}

/* With the connection goes the name. */
static void leave_session(Bus *bus)
{
	bus->session = guest_free(bus->session);
}

static void on_session_left(Guest *guest, gpointer data)
{
	leave_session(data);
}

static void on_name(GObject *source, GAsyncResult *result, gpointer data)
{
	const LogContext context = {.action = "bus"};
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) answer =
		g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
	guint32 fate = 0;

	if (answer != NULL)
		g_variant_get(answer, "(u)", &fate);
	if (answer == NULL && !g_dbus_connection_is_closed(G_DBUS_CONNECTION(source)))
		log_say(G_LOG_LEVEL_WARNING, &context,
			"The session bus does not give us the name %s, ignoring: %s", NAME_BUS,
			error->message);
	else if (answer != NULL && fate != NAME_IS_OURS)
		log_say(G_LOG_LEVEL_WARNING, &context,
			"Somebody else owns the name %s on the session bus, ignoring", NAME_BUS);
}

/* g_bus_own_name() gives the name back when it ends, and waits for the bus's answer, which one that
   is stopped does not give. */
static void take_name(GDBusConnection *connection)
{
	g_dbus_connection_call(connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
		"org.freedesktop.DBus", "RequestName",
		g_variant_new("(su)", NAME_BUS, NAME_DO_NOT_QUEUE), G_VARIANT_TYPE("(u)"),
		G_DBUS_CALL_FLAGS_NONE, -1, NULL, on_name, NULL);
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
	/* The bus has limits of its own for those who call. */
	bus->session = receive(bus, connection, bus->skeleton, 0, on_session_left);
	if (bus->session != NULL)
		take_name(connection);
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

static void drop(gpointer guest)
{
	(void)guest_free(guest);
}

static void connect_refusal(Bus *bus)
{
	static const char *const calls[] = {"handle-get-status", "handle-look", "handle-reload"};

	bus->refusal = bus_manager1_skeleton_new();
	bus_manager1_set_version(bus->refusal, CERTPROP_VERSION);
	for (gsize i = 0; i < G_N_ELEMENTS(calls); i++)
		g_signal_connect(bus->refusal, calls[i], G_CALLBACK(on_refused), bus);
}

Bus *bus_new(const char *runtime_dir, Manager *manager)
{
	Bus *bus = g_new0(Bus, 1);

	bus->manager = manager;
	bus->guests = g_ptr_array_new_with_free_func(drop);
	bus->connecting = g_cancellable_new();
	bus->skeleton = bus_manager1_skeleton_new();
	bus_manager1_set_version(bus->skeleton, CERTPROP_VERSION);
	g_signal_connect(bus->skeleton, "handle-get-status", G_CALLBACK(on_get_status), bus);
	g_signal_connect(bus->skeleton, "handle-look", G_CALLBACK(on_look), bus);
	g_signal_connect(bus->skeleton, "handle-reload", G_CALLBACK(on_reload), bus);
	connect_refusal(bus);
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
	bus->door = door_close(bus->door);
	g_ptr_array_unref(bus->guests);
	leave_session(bus);
	g_object_unref(bus->skeleton);
	g_object_unref(bus->refusal);
	g_free(bus);
	return NULL;
}

/* Whoever does not take his events is not sent any more. */
static void make_room(Bus *bus)
{
	for (guint i = bus->guests->len; i-- > 0;) {
		Guest *guest = g_ptr_array_index(bus->guests, i);

		if (is_served(bus, guest) && !guest_takes_event(guest))
			g_ptr_array_remove_index(bus->guests, i);
	}
	if (bus->session != NULL && !guest_takes_event(bus->session))
		leave_session(bus);
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

	make_room(bus);
	if (bus->guests->len == 0 && bus->session == NULL)
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
