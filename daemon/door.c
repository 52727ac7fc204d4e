/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client says who it is in a conversation of several lines, which GDBus only has in a thread that
 * waits. So each newcomer has a thread until it is in, and one that connects and says nothing keeps
 * nobody waiting. There are never more than DOOR_THREADS_MAX; with so many the next ones stay in
 * the kernel's queue until one has got in or its deadline has passed. GDBusServer has the threads
 * as well, but neither the cap nor the deadline: a thousand silent clients took all our
 * descriptors.
 *
 * Who is in is handed over in the main loop, where everything else of ours runs. The threads share
 * nothing but what does not change.
 */

#include "door.h"

#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>

#define DOOR_THREADS_MAX 64
#define DOOR_DEADLINE_MS 5000u

struct Door {
	char *path;
	char *guid;
	GSocketService *service;
	DoorFunc func; /* NULL once it is closed; of the main loop, as data is */
	gpointer data;
};

typedef struct Newcomer {
	Door *door;
	GDBusConnection *connection;
} Newcomer;

static void door_clear(gpointer memory)
{
	Door *door = memory;

	g_free(door->path);
	g_free(door->guid);
}

static void door_unref(Door *door)
{
	g_atomic_rc_box_release_full(door, door_clear);
}

static void newcomer_free(gpointer data)
{
	Newcomer *newcomer = data;

	g_object_unref(newcomer->connection);
	door_unref(newcomer->door);
	g_free(newcomer);
}

static gboolean on_newcomer(gpointer data)
{
	Newcomer *newcomer = data;

	if (newcomer->door->func != NULL)
		newcomer->door->func(newcomer->connection, newcomer->door->data);
	return G_SOURCE_REMOVE;
}

/* Hands a source of the default main context over to it. It runs there even if that context is not
   running at the moment, unlike with g_main_context_invoke(). */
static void attach(GSource *source, GSourceFunc func, gpointer data, GDestroyNotify destroy)
{
	g_source_set_priority(source, G_PRIORITY_DEFAULT);
	g_source_set_callback(source, func, data, destroy);
	(void)g_source_attach(source, NULL);
}

static gboolean on_deadline(gpointer data)
{
	g_cancellable_cancel(data);
	return G_SOURCE_REMOVE;
}

/* In a thread of the newcomer's own. */
static gboolean on_run(
	GThreadedSocketService *service, GSocketConnection *stream, GObject *source, gpointer data)
{
	const GDBusConnectionFlags flags =
		G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
		G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_REQUIRE_SAME_USER |
		G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING;
	Door *door = data;
	g_autoptr(GCancellable) late = g_cancellable_new();
	g_autoptr(GSource) deadline = g_timeout_source_new(DOOR_DEADLINE_MS);
	GDBusConnection *connection;

	attach(deadline, on_deadline, g_object_ref(late), g_object_unref);
	connection = g_dbus_connection_new_sync(
		G_IO_STREAM(stream), door->guid, flags, NULL, late, NULL);
	g_source_destroy(deadline);
	if (connection != NULL) {
		g_autoptr(GSource) idle = g_idle_source_new();
		Newcomer *newcomer = g_new(Newcomer, 1);

		newcomer->door = g_atomic_rc_box_acquire(door);
		newcomer->connection = connection;
		attach(idle, on_newcomer, newcomer, newcomer_free);
	}
	return TRUE;
}

static void on_closure_gone(gpointer data, GClosure *closure)
{
	door_unref(data);
}

Door *door_open(const char *path, DoorFunc func, gpointer data, GError **error)
{
	g_autoptr(GSocketService) service = g_threaded_socket_service_new(DOOR_THREADS_MAX);
	g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
	Door *door;

	if (!g_socket_listener_add_address(G_SOCKET_LISTENER(service), address,
		    G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL, error))
		return NULL;

	door = g_atomic_rc_box_new0(Door);
	door->path = g_strdup(path);
	door->guid = g_dbus_generate_guid();
	door->func = func;
	door->data = data;
	door->service = g_steal_pointer(&service);
	/* The threads have theirs as long as they run. */
	g_signal_connect_data(door->service, "run", G_CALLBACK(on_run),
		g_atomic_rc_box_acquire(door), on_closure_gone, 0);
	g_socket_service_start(door->service);
	return door;
}

Door *door_close(Door *door)
{
	if (door == NULL)
		return NULL;

	door->func = NULL;
	g_socket_service_stop(door->service);
	g_socket_listener_close(G_SOCKET_LISTENER(door->service));
	(void)g_unlink(door->path);
	g_clear_object(&door->service);
	door_unref(door);
	return NULL;
}
