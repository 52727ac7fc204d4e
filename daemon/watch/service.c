/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waits for pcscd's socket without asking for it. An inotify watch sits on the deepest directory of
 * its path that exists; when the next part of the path appears, the watch moves down. In the last
 * directory everything that happens to the socket's name ends the wait: creation, a change of mode
 * (pcscd's chmod comes after its listen(), so that this is the moment when it can be reached),
 * renaming, removal. The watch stays while there is a link: its events are read, and count, at the
 * next wait, so that a restart between two looks is not lost.
 *
 * A socket that is there says nothing: pcscd leaves it behind when it is killed. Whether it answers
 * only the caller's next attempt can tell, and a pause that ends by its time covers what inotify
 * does not see (a network file system, a link in the path that is turned).
 */

#include "service.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define DIRECTORY_EVENTS                                                                    \
	(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | \
		IN_MOVE_SELF | IN_ONLYDIR)

struct Service {
	char *path;
	int fd;
	int inotify;
	int watch;  /* its descriptor; -1: none */
	char *next; /* the part of the path that is awaited in the watched directory */
	bool last;  /* that part is the socket itself */
};

/* Moves the watch to the deepest directory that exists. The new one is there before the old one
   goes; on the same directory it is the same one. */
static void watch_deepest(Service *service)
{
	g_autofree char *name = g_strdup(service->path);
	int old = service->watch;

	service->watch = -1;
	while (service->inotify >= 0 && strlen(name) > 1) {
		g_autofree char *directory = g_path_get_dirname(name);

		service->watch = inotify_add_watch(service->inotify, directory, DIRECTORY_EVENTS);
		if (service->watch >= 0 || (errno != ENOENT && errno != ENOTDIR))
			break;
		g_free(name);
		name = g_steal_pointer(&directory);
	}

	g_free(service->next);
	service->next = g_path_get_basename(name);
	service->last = strcmp(name, service->path) == 0;
	if (old >= 0 && old != service->watch)
		(void)inotify_rm_watch(service->inotify, old);
}

/* The same until it holds: a directory may come just before the one above it is watched. */
static void watch_path(Service *service)
{
	g_autofree char *next = NULL;

	do {
		g_free(next);
		next = g_strdup(service->next);
		watch_deepest(service);
	} while (service->watch >= 0 && !service->last && g_strcmp0(next, service->next) != 0);
}

Service *service_new(const char *path, int fd)
{
	Service *service = g_new0(Service, 1);

	service->path = g_canonicalize_filename(path, NULL);
	service->fd = fd;
	service->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	service->watch = -1;
	watch_path(service);
	return service;
}

Service *service_free(Service *service)
{
	if (service == NULL)
		return NULL;

	if (service->inotify >= 0)
		(void)close(service->inotify);
	g_free(service->path);
	g_free(service->next);
	g_free(service);
	return NULL;
}

/* One event: does it concern the path? */
static bool event_matters(const Service *service, const struct inotify_event *event)
{
	if ((event->mask & IN_Q_OVERFLOW) != 0)
		return true;
	if (event->wd != service->watch)
		return false;
	if ((event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) != 0)
		return true;
	return event->len > 0 && strcmp(event->name, service->next) == 0;
}

/* Reads what inotify has. Returns true if the socket is worth an attempt. */
static bool take_events(Service *service)
{
	_Alignas(struct inotify_event) char buffer[4096];
	bool matters = false;
	ssize_t n;

	while ((n = read(service->inotify, buffer, sizeof buffer)) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event = (const void *)(buffer + at);

			matters = event_matters(service, event) || matters;
			at += (ssize_t)(sizeof *event + event->len);
		}
	}

	if (!matters)
		return false;
	/* Also when it is the socket's: its directory may be a new one of the old name. */
	watch_path(service);
	return service->last;
}

WatchWake service_wait(Service *service, guint32 ms)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)ms * 1000;

	for (;;) {
		struct pollfd fds[] = {
			{.fd = service->fd, .events = 0},
			{.fd = service->inotify, .events = POLLIN},
		};
		gint64 left = (deadline - g_get_monotonic_time() + 999) / 1000;
		int n = poll(fds, G_N_ELEMENTS(fds), left > 0 ? (int)left : 0);

		if (n < 0 && errno != EINTR)
			return WATCH_WAKE_CLOSED;
		if (n > 0 && (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
			return WATCH_WAKE_CLOSED;
		if (n > 0 && (fds[1].revents & POLLIN) != 0 && take_events(service))
			return WATCH_WAKE_CHANGED;
		if (left <= 0)
			return WATCH_WAKE_TIMEOUT;
	}
}
