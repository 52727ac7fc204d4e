/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vpcd sends the two length bytes and the message in two writes and leaves Nagle's algorithm on,
 * so the second waits until the first is acknowledged; with the receiver's delayed
 * acknowledgement that costs 40 ms a message. TCP_QUICKACK does not last: it is set again before
 * every wait.
 */
#include "link.h"

#include <glib-unix.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER      2
#define MESSAGE_MAX G_MAXUINT16

struct Link {
	int fd;
	guint watch;
	LinkMessage message;
	gpointer data;
	guint8 buffer[HEADER + MESSAGE_MAX];
	gsize filled;
};

static void acknowledge_at_once(Link *link)
{
	int one = 1;

	(void)setsockopt(link->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
}

static gsize message_length(const Link *link)
{
	return (gsize)link->buffer[0] << 8 | link->buffer[1];
}

/* The handler of a message may free the link, so nothing is touched after it. */
static gboolean readable(gint fd, GIOCondition condition, gpointer data)
{
	Link *link = data;
	gsize want = link->filled < HEADER ? HEADER : HEADER + message_length(link);
	ssize_t got = recv(fd, link->buffer + link->filled, want - link->filled, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	if (got <= 0) {
		link->watch = 0;
		link->message(NULL, 0, link->data);
		return G_SOURCE_REMOVE;
	}
	acknowledge_at_once(link);
	link->filled += (gsize)got;
	if (link->filled > HEADER && link->filled == HEADER + message_length(link)) {
		link->filled = 0;
		link->message(link->buffer + HEADER, message_length(link), link->data);
	} else if (link->filled == HEADER && message_length(link) == 0) {
		link->filled = 0;
	}
	return G_SOURCE_CONTINUE;
}

Link *link_connect(guint16 port, LinkMessage message, gpointer data, GError **error)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;
	Link *link;

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno),
			"no virtual reader at port %u: %s", port, g_strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	link = g_new0(Link, 1);
	link->fd = fd;
	link->message = message;
	link->data = data;
	acknowledge_at_once(link);
	link->watch = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, readable, link);
	return link;
}

void link_free(Link *link)
{
	if (link == NULL)
		return;
	if (link->watch != 0)
		g_source_remove(link->watch);
	close(link->fd);
	g_free(link);
}

/* A message is far smaller than the socket's buffer and vpcd waits for it: a blocking send does
   not block. That the reader has gone shows at the next read. */
void link_send(Link *link, const guint8 *message, gsize length)
{
	g_autofree guint8 *frame = g_malloc(HEADER + length);
	gsize sent = 0;

	g_assert(length <= MESSAGE_MAX);
	frame[0] = (guint8)(length >> 8);
	frame[1] = (guint8)length;
	memcpy(frame + HEADER, message, length);
	while (sent < HEADER + length) {
		ssize_t n = send(link->fd, frame + sent, HEADER + length - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		sent += (gsize)n;
	}
	acknowledge_at_once(link);
}
