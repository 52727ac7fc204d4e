/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When the RDP client disconnects, chansrv does not close what was connected: requests are read and
 * never answered. When a client connects again, an old connection gets answers in which there is
 * nothing.
 */
#include "serve.h"

#include "hostile.h"
#include "relay.h"

#include <unistd.h>

typedef struct {
	int fd;
	gint client; /* to which the connection belongs */
	ServeShared *shared;
	Relay *relay;
	GRand *rand;
} Server;

static GByteArray *hasty(Frame *frame)
{
	guint32 count;
	GByteArray *answer = g_byte_array_new();

	(void)frame_u32(frame);
	(void)frame_u32(frame);
	count = frame_u32(frame);
	frame_put_u32(answer, count);
	for (guint32 i = 0; i < count && !frame->bad; i++) {
		(void)frame_bytes(frame, 100);
		g_byte_array_append(answer, frame_bytes(frame, 48), 48);
	}
	frame_put_u32(answer, 0);
	return answer;
}

/* false: chansrv closes the connection. */
static bool answer(Server *server, Frame *frame)
{
	gint mode = g_atomic_int_get(&server->shared->mode);
	gint client = g_atomic_int_get(&server->shared->client);
	g_autoptr(GByteArray) payload = NULL;
	g_autoptr(GByteArray) sealed = NULL;
	bool ends = false;

	if (mode == SERVE_SILENT || client == 0)
		return true;
	if (mode == SERVE_HOSTILE)
		return hostile_answer(server->fd, server->rand, frame);
	relay_set_confused(server->relay, mode == SERVE_CONFUSED);
	if (client != server->client)
		payload = relay_answer_nothing(frame);
	else if (mode == SERVE_HASTY && frame->opcode == FRAME_CHANGE)
		payload = hasty(frame);
	else
		payload = relay_answer(server->relay, frame, &ends);
	/* It may have gone in the meantime. */
	if (payload == NULL || g_atomic_int_get(&server->shared->client) == 0)
		return !ends;
	sealed = frame_seal(payload, frame->opcode);
	return frame_send(server->fd, sealed->data, sealed->len);
}

void serve(int fd, ServeShared *shared)
{
	gint number = g_atomic_int_add(&shared->seed, 1);
	Server server = {.fd = fd,
		.client = g_atomic_int_get(&shared->client),
		.shared = shared,
		.relay = relay_new(),
		.rand = g_rand_new_with_seed((guint32)number)};
	g_autoptr(GByteArray) buffer = g_byte_array_new();
	Frame frame;

	do {
		if (!frame_receive(fd, buffer, &frame))
			break;
		g_atomic_int_inc(&shared->requests);
	} while (answer(&server, &frame));
	relay_free(server.relay);
	g_rand_free(server.rand);
	close(fd);
}
