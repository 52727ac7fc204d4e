/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * chansrv answers in order and without numbers, so a connection carries one question at a time.
 * When the RDP client disconnects, chansrv removes its socket and forgets the connection without
 * closing it: an answer never comes. That is why every wait also watches the socket's directory,
 * and why every call first looks whether the socket is still the one that it connected to.
 *
 * Where no inotify instance is to be had (there is a small limit per user), waits look at the
 * socket every LOOK_MS instead.
 */
#include "connection.h"

#include "deadline.h"
#include "place.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_SECONDS 5 /* a queue that is full */
#define LOOK_MS         500
#define NO_OPCODE       0

struct Connection {
	int socket, watch; /* watch < 0: there is none */
	Place place;
	bool broken;
	uint32_t owed; /* opcode of an answer that nobody waits for any more */
	size_t filled;
	uint8_t in[REPLY_MAX];
};

static LONG broken(Connection *connection)
{
	connection->broken = true;
	return SCARD_E_NO_SERVICE;
}

LONG connection_spoil(Connection *connection)
{
	connection->broken = true;
	return SCARD_F_COMM_ERROR;
}

bool connection_owes(const Connection *connection)
{
	return connection->owed != NO_OPCODE;
}

static void watch_directory(Connection *connection)
{
	connection->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (connection->watch < 0)
		return;
	if (inotify_add_watch(connection->watch, connection->place.directory,
		    IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR) < 0) {
		(void)close(connection->watch);
		connection->watch = -1;
	}
}

static bool peer_is_ours(int fd)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
	       peer.uid == geteuid();
}

/* The socket that was looked at is the one that was connected to only if it is still there after.
 */
static bool connect_to(Connection *connection)
{
	const struct sockaddr_un *address = &connection->place.address;
	struct timeval patience = {.tv_sec = CONNECT_SECONDS};

	connection->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return connection->socket >= 0 &&
	       setsockopt(connection->socket, SOL_SOCKET, SO_SNDTIMEO, &patience,
		       sizeof(patience)) == 0 &&
	       connect(connection->socket, (const struct sockaddr *)address, sizeof(*address)) ==
		       0 &&
	       peer_is_ours(connection->socket) && place_holds(&connection->place);
}

LONG connection_open(Connection **ret_connection)
{
	Connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL)
		return SCARD_E_NO_MEMORY;
	connection->socket = connection->watch = -1;
	if (!place_find(&connection->place) || !place_pin(&connection->place)) {
		connection_close(connection);
		return SCARD_E_NO_SERVICE;
	}
	watch_directory(connection);
	if (!connect_to(connection)) {
		connection_close(connection);
		return SCARD_E_NO_SERVICE;
	}
	*ret_connection = connection;
	return SCARD_S_SUCCESS;
}

void connection_close(Connection *connection)
{
	if (connection == NULL)
		return;
	if (connection->socket >= 0)
		(void)close(connection->socket);
	if (connection->watch >= 0)
		(void)close(connection->watch);
	free(connection);
}

/* What happened does not matter: whether the socket is there is asked of the file system. */
static void drain_watch(const Connection *connection)
{
	char events[4096];

	while (read(connection->watch, events, sizeof(events)) > 0)
		continue;
}

/* Until the socket is ready for `events`; with no events, until the deadline (SCARD_E_TIMEOUT). */
static LONG wait_for(Connection *connection, short events, Deadline deadline, int interrupt)
{
	for (;;) {
		struct pollfd fds[] = {
			{.fd = events != 0 ? connection->socket : -1, .events = events},
			{.fd = connection->watch, .events = POLLIN},
			{.fd = interrupt, .events = POLLIN}};
		int left = deadline_left(deadline);
		bool last = connection->watch >= 0 || left <= LOOK_MS;
		int ready = poll(fds, 3, last ? left : LOOK_MS);

		if (ready < 0 && errno != EINTR)
			return broken(connection);
		if (ready < 0)
			continue;
		if (fds[1].revents != 0)
			drain_watch(connection);
		if ((fds[1].revents != 0 || ready == 0) && !place_holds(&connection->place))
			return broken(connection);
		if (fds[2].revents != 0)
			return SCARD_E_CANCELLED;
		if (fds[0].revents != 0)
			return SCARD_S_SUCCESS;
		if (deadline_left(deadline) == 0)
			return SCARD_E_TIMEOUT;
	}
}

/* A deadline in the middle of a question leaves nothing to go on with. */
static LONG wait_ready(Connection *connection, short events, Deadline deadline, int interrupt)
{
	LONG code = wait_for(connection, events, deadline, interrupt);

	return code == SCARD_E_TIMEOUT ? broken(connection) : code;
}

static LONG send_all(Connection *connection, const Request *request, Deadline deadline)
{
	size_t sent = 0;

	while (sent < request->length) {
		ssize_t n = send(connection->socket, request->bytes + sent, request->length - sent,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		LONG code = SCARD_S_SUCCESS;

		if (n > 0)
			sent += (size_t)n;
		else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			code = wait_ready(connection, POLLOUT, deadline, -1);
		else if (n == 0 || errno != EINTR)
			code = broken(connection);
		if (code != SCARD_S_SUCCESS)
			return code;
	}
	return SCARD_S_SUCCESS;
}

/* How many bytes the message in `in` has, as far as that is known; 0: it is none of ours. */
static size_t expected(const Connection *connection, uint32_t opcode)
{
	uint32_t payload;

	if (connection->filled < MESSAGE_HEADER)
		return MESSAGE_HEADER;
	payload = message_u32(connection->in);
	if (message_u32(connection->in + 4) != opcode || payload > REPLY_MAX - MESSAGE_HEADER)
		return 0;
	return MESSAGE_HEADER + payload;
}

/* Goes on where an interrupted call has stopped. */
static LONG receive(Connection *connection, uint32_t opcode, Deadline deadline, int interrupt)
{
	size_t want;

	while ((want = expected(connection, opcode)) > connection->filled ||
		(want != 0 && connection->filled < MESSAGE_HEADER)) {
		ssize_t n = recv(connection->socket, connection->in + connection->filled,
			want - connection->filled, MSG_DONTWAIT);
		LONG code = SCARD_S_SUCCESS;

		if (n > 0)
			connection->filled += (size_t)n;
		else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			code = wait_ready(connection, POLLIN, deadline, interrupt);
		else if (n == 0 || errno != EINTR)
			code = broken(connection);
		if (code != SCARD_S_SUCCESS)
			return code;
		/* A drop at a time is no way around the deadline. */
		if (n > 0 && deadline_left(deadline) == 0)
			return broken(connection);
	}
	return want != 0 ? SCARD_S_SUCCESS : connection_spoil(connection);
}

static LONG take_owed(Connection *connection)
{
	LONG code;

	if (!connection_owes(connection))
		return SCARD_S_SUCCESS;
	code = receive(connection, connection->owed, deadline_in(CONNECTION_REPLY_MS), -1);
	connection->owed = NO_OPCODE;
	connection->filled = 0;
	return code;
}

LONG connection_wait(
	Connection *connection, Request *request, int ms, int interrupt, Reply *ret_reply)
{
	uint32_t opcode = request_opcode(request);
	Deadline deadline;
	LONG code;

	if (!request_end(request))
		return SCARD_E_NO_MEMORY;
	if (connection->broken || !place_holds(&connection->place))
		return broken(connection);
	code = take_owed(connection);
	if (code != SCARD_S_SUCCESS)
		return code;
	deadline = deadline_in(ms);
	connection->filled = 0;
	code = send_all(connection, request, deadline);
	if (code == SCARD_S_SUCCESS)
		code = receive(connection, opcode, deadline, interrupt);
	if (code == SCARD_E_CANCELLED)
		connection->owed = opcode;
	if (code == SCARD_S_SUCCESS)
		*ret_reply = (Reply){.bytes = connection->in + MESSAGE_HEADER,
			.length = connection->filled - MESSAGE_HEADER};
	return code;
}

LONG connection_exchange(Connection *connection, Request *request, int ms, Reply *ret_reply)
{
	return connection_wait(connection, request, ms, -1, ret_reply);
}

LONG connection_pause(Connection *connection, int ms, int interrupt)
{
	LONG code;

	if (connection->broken || !place_holds(&connection->place))
		return broken(connection);
	code = wait_for(connection, 0, deadline_in(ms), interrupt);
	return code == SCARD_E_TIMEOUT ? SCARD_S_SUCCESS : code;
}
