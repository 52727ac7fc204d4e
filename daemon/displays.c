/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One inotify watch on the home directory, for names that come up in it; what happens to them
 * afterwards each endpoint sees to itself (spot.c). chansrv runs on this machine, so this also
 * works where the home is on a network file system.
 */

#include "displays.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdbool.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "log.h"
#include "route.h"

struct Displays {
	int inotify;
	guint source;
	void (*func)(gpointer data);
	gpointer data;
};

static bool is_display(const struct inotify_event *event)
{
	unsigned display;

	if ((event->mask & IN_Q_OVERFLOW) != 0)
		return true;
	return event->len > 0 && route_directory(event->name, &display);
}

static gboolean on_event(gint fd, GIOCondition condition, gpointer data)
{
	Displays *displays = data;
	_Alignas(struct inotify_event) char buffer[4096];
	bool matters = false;
	ssize_t n;

	while ((n = read(fd, buffer, sizeof buffer)) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event = (const void *)(buffer + at);

			matters = is_display(event) || matters;
			at += (ssize_t)(sizeof *event + event->len);
		}
	}

	if (matters)
		displays->func(displays->data);
	return G_SOURCE_CONTINUE;
}

Displays *displays_new(const char *home, void (*func)(gpointer data), gpointer data)
{
	Displays *displays = g_new0(Displays, 1);

	displays->func = func;
	displays->data = data;
	displays->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (home == NULL || displays->inotify < 0 ||
		inotify_add_watch(displays->inotify, home, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) <
			0) {
		log_say(G_LOG_LEVEL_WARNING, NULL,
			"Watching %s for xrdp sessions failed, new ones are not noticed: %s",
			home != NULL ? home : "the home directory",
			home != NULL ? g_strerror(errno) : "HOME is no absolute path");
		return displays;
	}

	displays->source = g_unix_fd_add(displays->inotify, G_IO_IN, on_event, displays);
	return displays;
}

Displays *displays_free(Displays *displays)
{
	if (displays == NULL)
		return NULL;

	g_clear_handle_id(&displays->source, g_source_remove);
	if (displays->inotify >= 0)
		(void)close(displays->inotify);
	g_free(displays);
	return NULL;
}
