/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GDBus queues for its peer without end, so a client that was stopped, or does not read, would grow
 * the daemon with every event and every answer. So it is counted here what is on its way to each.
 * A filter of the connection sees each message when it leaves GDBus's queue for the socket, and
 * each call when it comes; it runs in GDBus's thread, with which it shares the counters only.
 *
 * What the kernel holds for the peer has a limit of its own and does not count.
 */

#include "guest.h"

#include "log.h"
#include "names.h"

#define GUEST_EVENTS_MAX 1024

typedef struct Traffic {
	int events; /* atomic; in GDBus's queue */
	int calls;  /* atomic; not answered, or the answer is in GDBus's queue */
	int calls_max;
} Traffic;

struct Guest {
	GDBusConnection *connection;
	GDBusInterfaceSkeleton *skeleton;
	Traffic *traffic;
	guint filter;
	guint limit;
	GuestFunc left;
	gpointer data;
};

/* May be called in any thread. */
static void say_full(GDBusConnection *connection, const char *what)
{
	const LogContext context = {.action = "bus"};
	GCredentials *peer = g_dbus_connection_get_peer_credentials(connection);
	int pid = peer != NULL ? (int)g_credentials_get_unix_pid(peer, NULL) : -1;

	if (pid > 0)
		log_say(G_LOG_LEVEL_WARNING, &context,
			"Process %d does not take %s, its connection is closed", pid, what);
	else
		log_say(G_LOG_LEVEL_WARNING, &context,
			"The session bus does not take %s, the connection to it is closed", what);
}

/* Answered in any case: only with its answer is a call done with. What comes in may be exchanged,
   but not changed. NULL if there is no memory, or no descriptor for one of its own. */
static GDBusMessage *to_be_answered(GDBusMessage *call)
{
	GDBusMessageFlags flags = g_dbus_message_get_flags(call);
	GDBusMessage *copy;

	if ((flags & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) == 0)
		return call;
	copy = g_dbus_message_copy(call, NULL);
	if (copy != NULL)
		g_dbus_message_set_flags(copy, flags & ~G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
	g_object_unref(call);
	return copy;
}

/* NULL: it is not to go on. */
static GDBusMessage *take_call(Traffic *traffic, GDBusConnection *connection, GDBusMessage *call)
{
	GDBusMessage *taken = to_be_answered(call);

	if (taken == NULL || g_atomic_int_add(&traffic->calls, 1) < traffic->calls_max ||
		traffic->calls_max == 0)
		return taken;
	say_full(connection, "the answers to its calls");
	g_dbus_connection_close(connection, NULL, NULL, NULL);
	g_object_unref(taken);
	return NULL;
}

/* In GDBus's thread. */
static GDBusMessage *on_message(
	GDBusConnection *connection, GDBusMessage *message, gboolean incoming, gpointer data)
{
	Traffic *traffic = data;
	GDBusMessageType type = g_dbus_message_get_message_type(message);

	if (incoming) {
		if (type == G_DBUS_MESSAGE_TYPE_METHOD_CALL)
			message = take_call(traffic, connection, message);
	} else if (type == G_DBUS_MESSAGE_TYPE_SIGNAL) {
		g_atomic_int_add(&traffic->events, -1);
	} else if (type != G_DBUS_MESSAGE_TYPE_METHOD_CALL) {
		g_atomic_int_add(&traffic->calls, -1);
	}
	return message;
}

static void on_closed(GDBusConnection *connection, gboolean vanished, GError *error, gpointer data)
{
	Guest *guest = data;

	guest->left(guest, guest->data);
}

Guest *guest_new(GDBusConnection *connection, GDBusInterfaceSkeleton *skeleton, unsigned calls_max,
	GuestFunc left, gpointer data, GError **error)
{
	Guest *guest;

	if (!g_dbus_interface_skeleton_export(skeleton, connection, NAME_BUS_PATH, error))
		return NULL;

	guest = g_new0(Guest, 1);
	guest->connection = g_object_ref(connection);
	guest->skeleton = g_object_ref(skeleton);
	guest->traffic = g_atomic_rc_box_new0(Traffic);
	guest->traffic->calls_max = (int)calls_max;
	guest->left = left;
	guest->data = data;
	guest->filter = g_dbus_connection_add_filter(connection, on_message,
		g_atomic_rc_box_acquire(guest->traffic), (GDestroyNotify)g_atomic_rc_box_release);
	g_signal_connect(connection, "closed", G_CALLBACK(on_closed), guest);
	return guest;
}

Guest *guest_free(Guest *guest)
{
	if (guest == NULL)
		return NULL;

	g_clear_handle_id(&guest->limit, g_source_remove);
	g_signal_handlers_disconnect_by_data(guest->connection, guest);
	if (g_dbus_interface_skeleton_has_connection(guest->skeleton, guest->connection))
		g_dbus_interface_skeleton_unexport_from_connection(
			guest->skeleton, guest->connection);
	if (!g_dbus_connection_is_closed(guest->connection))
		g_dbus_connection_close(guest->connection, NULL, NULL, NULL);
	g_dbus_connection_remove_filter(guest->connection, guest->filter);
	g_object_unref(guest->connection);
	g_object_unref(guest->skeleton);
	g_atomic_rc_box_release(guest->traffic);
	g_free(guest);
	return NULL;
}

static gboolean on_limit(gpointer data)
{
	Guest *guest = data;

	guest->limit = 0;
	g_dbus_connection_close(guest->connection, NULL, NULL, NULL);
	return G_SOURCE_REMOVE;
}

void guest_limit(Guest *guest, unsigned ms)
{
	guest->limit = g_timeout_add(ms, on_limit, guest);
}

bool guest_takes_event(Guest *guest)
{
	if (g_atomic_int_add(&guest->traffic->events, 1) < GUEST_EVENTS_MAX)
		return true;
	say_full(guest->connection, "its events");
	return false;
}

const GDBusInterfaceSkeleton *guest_skeleton(const Guest *guest)
{
	return guest->skeleton;
}
