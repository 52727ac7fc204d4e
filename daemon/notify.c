/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sd_notify(3) is one datagram to the socket that $NOTIFY_SOCKET names. That does not need a
 * library.
 *
 * A manager that is stopped or stuck must not hold us, yet nothing may be lost because it is busy:
 * without READY it takes the start for failed. So what it does not take at once waits here, in its
 * order, until poll() says that there is room; the kernel does for a connected socket. The socket
 * is open only as long as something waits.
 */

#include "notify.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* With more the oldest is dropped: the last one always tells where things stand. */
#define NOTIFY_WAITING_MAX 16u

static GQueue waiting = G_QUEUE_INIT; /* char * */
static int manager = -1;
static guint room;

/* -1 if nobody wants to know, or nobody is there any more. */
static int manager_connect(void)
{
	const char *name = g_getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = name != NULL ? strlen(name) : 0;
	int fd;

	if (len < 2 || len >= sizeof address.sun_path || (name[0] != '/' && name[0] != '@'))
		return -1;

	memcpy(address.sun_path, name, len);
	if (name[0] == '@') /* the abstract namespace */
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address,
			       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static void forget(void)
{
	g_queue_clear_full(&waiting, g_free);
	(void)close(manager);
	manager = -1;
}

/* False when all is said, or cannot be. */
static bool say(void)
{
	const char *state;

	while ((state = g_queue_peek_head(&waiting)) != NULL) {
		ssize_t n = send(manager, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0)
			break;
		g_free(g_queue_pop_head(&waiting));
	}

	forget();
	return false;
}

static gboolean on_room(int fd, GIOCondition condition, gpointer data)
{
	if (say())
		return G_SOURCE_CONTINUE;
	room = 0;
	return G_SOURCE_REMOVE;
}

void notify_send(const char *state)
{
	if (manager < 0)
		manager = manager_connect();
	if (manager < 0)
		return;

	g_queue_push_tail(&waiting, g_strdup(state));
	if (g_queue_get_length(&waiting) > NOTIFY_WAITING_MAX)
		g_free(g_queue_pop_head(&waiting));
	if (room == 0 && say())
		room = g_unix_fd_add(manager, G_IO_OUT, on_room, NULL);
}

void notify_reloading(void)
{
	/* sd_notify(3) wants both together; Type=notify-reload would not believe it without the
	   time. */
	g_autofree char *state = g_strdup_printf(
		"RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time());

	notify_send(state);
}
