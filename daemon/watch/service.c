/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waits for pcscd's socket without asking for it. What happens to its path ends the wait; while
 * there is a link, that is noted, and counts, at the next wait, so that a restart between two looks
 * is not lost.
 *
 * A socket that is there says nothing: pcscd leaves it behind when it is killed. Whether it answers
 * only the caller's next attempt can tell, and a pause that ends by its time covers what inotify
 * does not see (a network file system, a link in the path that is turned).
 */

#include "service.h"

#include <errno.h>
#include <poll.h>

#include "ground.h"
#include "lookout.h"

struct Service {
	char *path;
	int fd;
	Lookout *lookout;
	bool blind; /* and that has been said */
};

/* Once: otherwise nothing tells why a service that has come is noticed late. */
static void say_blind(Service *service)
{
	int error = lookout_error(service->lookout);

	if (error != 0 && !service->blind)
		g_printerr("Watching %s failed: %s%s; it is tried with pauses of up to a minute "
			   "instead\n",
			service->path, ground_strerror(error), lookout_limit(error));
	service->blind = error != 0;
}

Service *service_new(const char *path, int fd)
{
	Service *service = g_new0(Service, 1);

	service->fd = fd;
	service->path = g_strdup(path);
	service->lookout = lookout_new(path);
	return service;
}

Service *service_free(Service *service)
{
	if (service == NULL)
		return NULL;

	lookout_free(service->lookout);
	g_free(service->path);
	g_free(service);
	return NULL;
}

/* The socket is worth an attempt. */
static bool take_events(Service *service)
{
	return lookout_take(service->lookout) && lookout_near(service->lookout);
}

WatchWake service_wait(Service *service, guint32 ms)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)ms * 1000;

	say_blind(service);
	for (;;) {
		struct pollfd fds[] = {
			{.fd = service->fd, .events = 0},
			{.fd = lookout_fd(service->lookout), .events = POLLIN},
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
