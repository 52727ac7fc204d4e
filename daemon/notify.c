/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sd_notify(3) is one datagram to the socket that $NOTIFY_SOCKET names. That does not need a
 * library.
 */

#include "notify.h"

#include <glib.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* Not for ever for a manager that hangs, yet not lost because one is busy: without READY it takes
   the start for failed. */
static const struct timeval NOTIFY_WAIT = {.tv_sec = 1};

void notify_send(const char *state)
{
	const char *name = g_getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = name != NULL ? strlen(name) : 0;
	int fd;

	if (len < 2 || len >= sizeof address.sun_path || (name[0] != '/' && name[0] != '@'))
		return;

	memcpy(address.sun_path, name, len);
	if (name[0] == '@') /* the abstract namespace */
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &NOTIFY_WAIT, sizeof NOTIFY_WAIT);
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	(void)close(fd);
}

void notify_reloading(void)
{
	/* sd_notify(3) wants both together; Type=notify-reload would not believe it without the
	   time. */
	g_autofree char *state = g_strdup_printf(
		"RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time());

	notify_send(state);
}
