/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One deadline covers connecting, authentication and the call, because a stopped daemon accepts
 * connections (the kernel does that for it) and then says nothing at any of these steps.
 *
 * The asynchronous calls hold a reference of their own, so a Peer may be freed at any moment: what
 * comes back later finds no function to call.
 */

#include "peer.h"

#include <errno.h>
#include <unistd.h>

#include "error.h"
#include "names.h"
#include "runtime.h"

struct Peer {
	PeerFunc func; /* NULL once it was called, or when the owner has gone */
	PeerEventFunc event;
	guint subscription;
	gpointer data;
	GCancellable *cancellable;
	GDBusConnection *connection;
	guint deadline;
};

static void peer_clear(gpointer memory)
{
	Peer *peer = memory;

	g_clear_object(&peer->connection);
	g_clear_object(&peer->cancellable);
}

static void peer_unref(Peer *peer)
{
	g_rc_box_release_full(peer, peer_clear);
}

static void peer_answer(Peer *peer, GVariant *status, const GError *error)
{
	PeerFunc func = peer->func;

	g_clear_handle_id(&peer->deadline, g_source_remove);
	peer->func = NULL;
	if (func != NULL)
		func(peer, status, error, peer->data);
}

static void peer_fail(Peer *peer, const GError *error)
{
	bool nobody = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND) ||
		      g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED) ||
		      g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
	g_autoptr(GError) own =
		g_error_new(CERTPROP_ERROR, nobody ? CERTPROP_ERROR_MISSING : CERTPROP_ERROR_FAILED,
			"%s", nobody ? "no " NAME_DAEMON " runs" : error->message);

	peer_answer(peer, NULL, own);
}

static gboolean on_deadline(gpointer data)
{
	Peer *peer = data;
	g_autoptr(GError) error = g_error_new(CERTPROP_ERROR, CERTPROP_ERROR_TIMEOUT,
		NAME_DAEMON " runs and did not answer within %.1f s", PEER_DEADLINE_MS / 1000.0);

	peer->deadline = 0;
	g_cancellable_cancel(peer->cancellable);
	peer_answer(peer, NULL, error);

	return G_SOURCE_REMOVE;
}

static void on_status(GObject *source, GAsyncResult *result, gpointer data)
{
	Peer *peer = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) answer =
		g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

	if (answer == NULL) {
		(void)g_dbus_error_strip_remote_error(error);
		peer_fail(peer, error);
	} else {
		g_autoptr(GVariant) status = g_variant_get_child_value(answer, 0);

		peer_answer(peer, status, NULL);
	}
	peer_unref(peer);
}

static void on_event(GDBusConnection *connection, const char *sender, const char *path,
	const char *interface, const char *signal, GVariant *parameters, gpointer data)
{
	Peer *peer = data;

	if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(a{sv})")))
		return;

	g_autoptr(GVariant) event = g_variant_get_child_value(parameters, 0);
	peer->event(event, peer->data);
}

/* Before the status is asked for, so that nothing falls between the two. */
static void listen_for_events(Peer *peer)
{
	peer->subscription =
		g_dbus_connection_signal_subscribe(peer->connection, NULL, NAME_BUS_IFACE, "Event",
			NAME_BUS_PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_event, peer, NULL);
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer data)
{
	Peer *peer = data;
	g_autoptr(GError) error = NULL;

	peer->connection = g_dbus_connection_new_for_address_finish(result, &error);
	if (peer->connection == NULL) {
		peer_fail(peer, error);
	} else if (peer->func != NULL) {
		if (peer->event != NULL)
			listen_for_events(peer);
		g_dbus_connection_call(peer->connection, NULL, NAME_BUS_PATH, NAME_BUS_IFACE,
			"GetStatus", NULL, G_VARIANT_TYPE("(a{sv})"), G_DBUS_CALL_FLAGS_NONE,
			PEER_DEADLINE_MS, peer->cancellable, on_status, g_rc_box_acquire(peer));
	}
	peer_unref(peer);
}

static char *peer_path(void)
{
	g_autofree char *dir = runtime_dir();

	return g_build_filename(dir, NAME_RUNTIME_BUS, NULL);
}

static char *peer_address(const char *path)
{
	g_autofree char *escaped = g_dbus_address_escape_value(path);

	return g_strconcat("unix:path=", escaped, NULL);
}

static gboolean on_nobody(gpointer data)
{
	Peer *peer = data;
	g_autoptr(GError) error =
		g_error_new_literal(G_FILE_ERROR, G_FILE_ERROR_NOENT, "there is no socket");

	peer->deadline = 0;
	peer_fail(peer, error);

	return G_SOURCE_REMOVE;
}

Peer *peer_open(PeerFunc func, PeerEventFunc event, gpointer data)
{
	Peer *peer = g_rc_box_new0(Peer);
	g_autofree char *path = peer_path();
	g_autofree char *address = peer_address(path);

	peer->func = func;
	peer->event = event;
	peer->data = data;
	peer->cancellable = g_cancellable_new();
	/* GDBus would start a thread to find that out: too much for each of a thousand users. */
	if (access(path, F_OK) < 0 && errno == ENOENT) {
		peer->deadline = g_idle_add(on_nobody, peer);
		return peer;
	}
	peer->deadline = g_timeout_add(PEER_DEADLINE_MS, on_deadline, peer);
	g_dbus_connection_new_for_address(address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT,
		NULL, peer->cancellable, on_connected, g_rc_box_acquire(peer));

	return peer;
}

Peer *peer_free(Peer *peer)
{
	if (peer == NULL)
		return NULL;

	peer->func = NULL;
	if (peer->subscription != 0)
		g_dbus_connection_signal_unsubscribe(peer->connection, peer->subscription);
	g_clear_handle_id(&peer->deadline, g_source_remove);
	g_cancellable_cancel(peer->cancellable);
	peer_unref(peer);

	return NULL;
}

bool peer_look(const Peer *peer, GError **error)
{
	g_autoptr(GVariant) answer =
		g_dbus_connection_call_sync(peer->connection, NULL, NAME_BUS_PATH, NAME_BUS_IFACE,
			"Look", NULL, NULL, G_DBUS_CALL_FLAGS_NONE, PEER_DEADLINE_MS, NULL, error);

	return answer != NULL;
}

GDBusConnection *peer_connection(const Peer *peer)
{
	return peer->connection;
}
