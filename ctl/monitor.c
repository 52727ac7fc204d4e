/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl monitor: one line for each event, until the user or the service manager ends it. The
 * daemon's events where one runs; without it, or once it has gone, what watchers of our own see:
 * cards and card services, but not what becomes of certificates.
 */

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "error.h"
#include "names.h"
#include "notice.h"
#include "paint.h"
#include "peer.h"
#include "scene.h"
#include "seen.h"

typedef struct Monitor {
	bool json;
	GMainLoop *loop;
	Peer *peer;
	gulong closed;        /* handler on the peer's connection */
	const Config *config; /* NULL: it is faulty */
	Scene *scene;
} Monitor;

static void print_event(const Monitor *monitor, GVariant *event)
{
	if (monitor->json) {
		g_autofree char *line = notice_json(event);

		paint_raw(line);
	} else {
		g_autofree char *line = notice_text(event);

		paint_line(PAINT_PLAIN, "%s", line);
	}

	/* somebody reads along; when nobody does any more, it is over */
	if (fflush(stdout) != 0)
		g_main_loop_quit(monitor->loop);
}

static void on_event(GVariant *event, gpointer data)
{
	print_event(data, event);
}

static void watch_alone(Monitor *monitor, const char *why)
{
	paint_complain(
		"%s; reporting what the readers show, not what becomes of certificates", why);
	monitor->scene = scene_new(monitor->config, on_event, monitor);
}

static void print_state(const Monitor *monitor, const char *kind, const char *endpoint,
	const char *reader, const char *reason)
{
	g_autoptr(GVariant) event = g_variant_ref_sink(notice_new(kind, endpoint, reader, reason));

	print_event(monitor, event);
}

/* Where things stand at first, as a watcher of our own would tell it. */
static void print_status(const Monitor *monitor, GVariant *status)
{
	g_autoptr(GPtrArray) endpoints = seen_from_status(status);

	for (guint i = 0; i < endpoints->len; i++) {
		const SeenEndpoint *endpoint = g_ptr_array_index(endpoints, i);

		print_state(monitor, "service", endpoint->name, NULL, endpoint->state);
		for (guint j = 0; j < endpoint->readers->len; j++) {
			const SeenReader *reader = g_ptr_array_index(endpoint->readers, j);

			if (strcmp(reader->state, "empty") != 0)
				print_state(monitor, "card-in", endpoint->name, reader->name, NULL);
		}
	}
}

static void on_closed(GDBusConnection *connection, gboolean by_peer, GError *error, gpointer data)
{
	Monitor *monitor = data;

	g_clear_signal_handler(&monitor->closed, connection);
	watch_alone(monitor, NAME_DAEMON " has gone");
}

static void on_answer(Peer *peer, GVariant *status, const GError *error, gpointer data)
{
	Monitor *monitor = data;

	if (status == NULL) {
		watch_alone(monitor, error->message);
		return;
	}

	GDBusConnection *connection = peer_connection(peer);
	print_status(monitor, status);
	monitor->closed = g_signal_connect(connection, "closed", G_CALLBACK(on_closed), monitor);
}

static gboolean on_signal(gpointer data)
{
	Monitor *monitor = data;

	g_main_loop_quit(monitor->loop);

	return G_SOURCE_CONTINUE;
}

int verb_monitor(Ctl *ctl, char **args)
{
	Monitor monitor = {
		.json = ctl->json,
		.loop = g_main_loop_new(NULL, FALSE),
		.config = ctl->config,
	};
	guint interrupted = g_unix_signal_add(SIGINT, on_signal, &monitor);
	guint terminated = g_unix_signal_add(SIGTERM, on_signal, &monitor);

	monitor.peer = peer_open(on_answer, on_event, &monitor);
	g_main_loop_run(monitor.loop);

	if (monitor.closed != 0)
		g_clear_signal_handler(&monitor.closed, peer_connection(monitor.peer));
	peer_free(monitor.peer);
	scene_free(monitor.scene);
	g_source_remove(interrupted);
	g_source_remove(terminated);
	g_main_loop_unref(monitor.loop);

	return EXIT_STATUS_DONE;
}
