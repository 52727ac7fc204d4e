/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The protocol of xrdp 0.9 to 0.10.5, written from what goes over the socket. Protocol numbers and
 * control codes on the wire are Windows'; here they are pcsc-lite's.
 *
 * Opcodes 05 (reconnect), 0e, 0f and 10 (attributes) are swallowed without an answer and are not
 * sent; 0d (cancel) is not needed, since no wait on the wire is a long one.
 */
#include "remote.h"

#include <string.h>

enum {
	OP_ESTABLISH = 0x01,
	OP_RELEASE = 0x02,
	OP_LIST = 0x03,
	OP_CONNECT = 0x04,
	OP_DISCONNECT = 0x06,
	OP_BEGIN = 0x07,
	OP_END = 0x08,
	OP_TRANSMIT = 0x09,
	OP_CONTROL = 0x0a,
	OP_STATUS = 0x0b,
	OP_CHANGE = 0x0c,
};

/* Long enough for a client that is there; who leaves does not wait for one that is not. */
#define RELEASE_MS        (CONNECTION_REPLY_MS < 5000 ? CONNECTION_REPLY_MS : 5000)
#define ATR_FIELD         36
#define PCI_LENGTH        8 /* a SCARD_IO_REQUEST as Windows has it */
#define MS_PROTOCOL_RAW   0x10000u
#define LITE_CONTROL      0x42000000u /* SCARD_CTL_CODE(n) is this + n */
#define MS_CONTROL        0x00310000u /* and there, this + 4n */
#define LIST_BYTES        8192        /* of names, UTF-16, as much as it may be */
#define PCSC_CODE         0x80100000u
#define PCSC_CODE_MASK    0xffffff00u
#define CHANGE_BYTES      3800 /* of its 4 KiB for the client, what is left for readers */
#define CHANGE_PER_READER 80   /* in there, without the name, which has two bytes a character */

/* Where the reply ends: its status, and the verdict on all of it. */
static LONG finish(const Remote *remote, Reply *reply)
{
	uint32_t status = reply_u32(reply);

	if (!reply_whole(reply))
		return connection_spoil(remote->connection);
	if (status == 0)
		return SCARD_S_SUCCESS;
	if ((status & PCSC_CODE_MASK) == PCSC_CODE)
		return (LONG)status;
	return SCARD_F_COMM_ERROR;
}

LONG remote_establish(Connection *connection, uint32_t scope, Remote *ret_remote)
{
	Remote remote = {.connection = connection};
	Request request;
	Reply reply;
	LONG code;

	request_begin(&request, OP_ESTABLISH);
	request_u32(&request, scope);
	code = connection_exchange(connection, &request, CONNECTION_REPLY_MS, &reply);
	if (code == SCARD_S_SUCCESS) {
		remote.context = reply_u32(&reply);
		code = finish(&remote, &reply);
	}
	if (code == SCARD_S_SUCCESS)
		*ret_remote = remote;
	else
		connection_close(connection);
	return code;
}

/* With an answer still to come, closing says as much and does not wait: chansrv then releases the
   context itself. */
void remote_release(Remote *remote)
{
	Request request;
	Reply reply;

	if (!connection_owes(remote->connection)) {
		request_begin(&request, OP_RELEASE);
		request_u32(&request, remote->context);
		(void)connection_exchange(remote->connection, &request, RELEASE_MS, &reply);
	}
	connection_close(remote->connection);
	remote->connection = NULL;
}

LONG remote_list(const Remote *remote, RemoteReaders *ret_readers)
{
	RemoteReaders readers = {0};
	Request request;
	Reply reply;
	LONG code;

	request_begin(&request, OP_LIST);
	request_u32(&request, remote->context);
	request_u32(&request, 0); /* no groups */
	request_u32(&request, LIST_BYTES);
	code = connection_exchange(remote->connection, &request, CONNECTION_REPLY_MS, &reply);
	if (code != SCARD_S_SUCCESS)
		return code;
	(void)reply_u32(&reply);
	for (uint32_t n = reply_u32(&reply); n > 0 && !reply.overrun; n--) {
		const uint8_t *name = reply_bytes(&reply, READER_NAME_MAX);

		if (name == NULL || name[0] == '\0' || readers.count == READERS_MAX)
			continue;
		memcpy(readers.names[readers.count], name, READER_NAME_MAX - 1);
		readers.count++;
	}
	code = finish(remote, &reply);
	if (code == SCARD_S_SUCCESS)
		*ret_readers = readers;
	return code;
}

static bool fits_the_client(const RemoteState *states, unsigned count)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < count; i++)
		bytes += CHANGE_PER_READER + 2 * strlen(states[i].reader);
	return bytes <= CHANGE_BYTES;
}

static void put_state(Request *request, const RemoteState *state)
{
	request_field(request, state->reader, READER_NAME_MAX);
	request_u32(request, state->event & ~(uint32_t)SCARD_STATE_CHANGED);
	request_u32(request, state->event & ~(uint32_t)SCARD_STATE_CHANGED);
	request_u32(request, (uint32_t)state->atr_length);
	request_bytes(request, state->atr, sizeof(state->atr));
	request_field(request, "", ATR_FIELD - sizeof(state->atr));
}

static void get_state(Reply *reply, RemoteState *state)
{
	uint32_t event, length;
	const uint8_t *atr;

	(void)reply_u32(reply);
	event = reply_u32(reply);
	length = reply_u32(reply);
	atr = reply_bytes(reply, ATR_FIELD);
	if (atr == NULL)
		return;
	/* An ATR has 33 bytes at most, whatever the field could hold. */
	if (length > sizeof(state->atr))
		length = sizeof(state->atr);
	state->event = event;
	state->atr_length = length;
	memcpy(state->atr, atr, sizeof(state->atr));
}

LONG remote_change(const Remote *remote, int ms, int interrupt, RemoteState *states, unsigned count)
{
	Request request;
	Reply reply;
	uint32_t answered;
	LONG code;

	if (!fits_the_client(states, count))
		return SCARD_E_NO_MEMORY;
	request_begin(&request, OP_CHANGE);
	request_u32(&request, remote->context);
	request_u32(&request, (uint32_t)ms);
	request_u32(&request, count);
	for (unsigned i = 0; i < count; i++)
		put_state(&request, &states[i]);
	code = connection_wait(
		remote->connection, &request, ms + CONNECTION_REPLY_MS, interrupt, &reply);
	if (code != SCARD_S_SUCCESS)
		return code;
	answered = reply_u32(&reply);
	if (answered != 0 && answered != count)
		return connection_spoil(remote->connection);
	for (unsigned i = 0; i < answered; i++)
		get_state(&reply, &states[i]);
	return finish(remote, &reply);
}

static uint32_t protocols_to_wire(uint32_t protocols)
{
	if ((protocols & SCARD_PROTOCOL_RAW) == 0)
		return protocols;
	return (protocols & ~(uint32_t)SCARD_PROTOCOL_RAW) | MS_PROTOCOL_RAW;
}

static uint32_t protocol_from_wire(uint32_t protocol)
{
	return protocol == MS_PROTOCOL_RAW ? SCARD_PROTOCOL_RAW : protocol;
}

LONG remote_connect(const Remote *remote, const char *reader, uint32_t share, uint32_t protocols,
	uint32_t *ret_card, uint32_t *ret_protocol)
{
	uint32_t card, protocol;
	Request request;
	Reply reply;
	LONG code;

	request_begin(&request, OP_CONNECT);
	request_u32(&request, remote->context);
	request_field(&request, reader, READER_NAME_MAX);
	request_u32(&request, share);
	request_u32(&request, protocols_to_wire(protocols));
	code = connection_exchange(remote->connection, &request, CONNECTION_CARD_MS, &reply);
	if (code != SCARD_S_SUCCESS)
		return code;
	card = reply_u32(&reply);
	protocol = reply_u32(&reply);
	code = finish(remote, &reply);
	if (code == SCARD_S_SUCCESS) {
		*ret_card = card;
		*ret_protocol = protocol_from_wire(protocol);
	}
	return code;
}

/* Of a card: its handle, perhaps one more number, and nothing but a status comes back. */
static LONG simple(
	const Remote *remote, uint32_t opcode, uint32_t card, const uint32_t *disposition)
{
	Request request;
	Reply reply;
	LONG code;

	request_begin(&request, opcode);
	request_u32(&request, card);
	if (disposition != NULL)
		request_u32(&request, *disposition);
	code = connection_exchange(remote->connection, &request, CONNECTION_CARD_MS, &reply);
	return code == SCARD_S_SUCCESS ? finish(remote, &reply) : code;
}

LONG remote_disconnect(const Remote *remote, uint32_t card, uint32_t disposition)
{
	return simple(remote, OP_DISCONNECT, card, &disposition);
}

LONG remote_begin(const Remote *remote, uint32_t card)
{
	return simple(remote, OP_BEGIN, card, NULL);
}

LONG remote_end(const Remote *remote, uint32_t card, uint32_t disposition)
{
	return simple(remote, OP_END, card, &disposition);
}

LONG remote_status(const Remote *remote, uint32_t card, bool *ret_alive, uint32_t *ret_protocol)
{
	uint32_t name_length, protocol;
	Request request;
	Reply reply;
	LONG code;

	request_begin(&request, OP_STATUS);
	request_u32(&request, card);
	request_u32(&request, READER_NAME_MAX);
	request_u32(&request, MAX_ATR_SIZE);
	code = connection_exchange(remote->connection, &request, CONNECTION_CARD_MS, &reply);
	if (code != SCARD_S_SUCCESS)
		return code;
	name_length = reply_u32(&reply);
	(void)reply_bytes(&reply, name_length);
	(void)reply_u32(&reply); /* a state that no client fills in as it should */
	protocol = reply_u32(&reply);
	(void)reply_bytes(&reply, reply_u32(&reply)); /* an ATR, a byte too short for some cards */
	code = finish(remote, &reply);
	if (code == SCARD_S_SUCCESS) {
		*ret_alive = name_length > 0;
		*ret_protocol = protocol_from_wire(protocol);
	}
	return code;
}

/* What is left of a reply: a length, so many bytes, the status. */
static LONG answer(
	const Remote *remote, Reply *reply, const uint8_t **ret_answer, size_t *ret_length)
{
	uint32_t length = reply_u32(reply);
	const uint8_t *bytes = reply_bytes(reply, length);
	LONG code = finish(remote, reply);

	if (code == SCARD_S_SUCCESS) {
		*ret_answer = bytes;
		*ret_length = length;
	}
	return code;
}

LONG remote_transmit(const Remote *remote, uint32_t card, uint32_t protocol, const void *send,
	size_t send_length, size_t receive_max, const uint8_t **ret_answer, size_t *ret_length)
{
	Request request;
	Reply reply;
	LONG code;

	request_begin(&request, OP_TRANSMIT);
	request_u32(&request, card);
	request_u32(&request, protocols_to_wire(protocol));
	request_u32(&request, PCI_LENGTH);
	request_u32(&request, 0);
	request_u32(&request, (uint32_t)send_length);
	request_bytes(&request, send, send_length);
	request_u32(&request, protocols_to_wire(protocol));
	request_u32(&request, PCI_LENGTH);
	request_u32(&request, 0);
	request_u32(&request, (uint32_t)receive_max);
	code = connection_exchange(remote->connection, &request, CONNECTION_CARD_MS, &reply);
	if (code != SCARD_S_SUCCESS)
		return code;
	(void)reply_u32(&reply);                      /* the protocol, as it was asked with */
	(void)reply_u32(&reply);                      /* and the length of that */
	(void)reply_bytes(&reply, reply_u32(&reply)); /* and what may follow it */
	return answer(remote, &reply, ret_answer, ret_length);
}

static uint32_t control_to_wire(uint32_t code)
{
	if ((code & 0xff000000u) != LITE_CONTROL)
		return code;
	return MS_CONTROL | (code - LITE_CONTROL) << 2;
}

LONG remote_control(const Remote *remote, uint32_t card, uint32_t code, const void *send,
	size_t send_length, size_t receive_max, const uint8_t **ret_answer, size_t *ret_length)
{
	Request request;
	Reply reply;
	LONG result;

	request_begin(&request, OP_CONTROL);
	request_u32(&request, card);
	request_u32(&request, control_to_wire(code));
	request_u32(&request, (uint32_t)send_length);
	request_bytes(&request, send, send_length);
	request_u32(&request, (uint32_t)receive_max);
	result = connection_exchange(remote->connection, &request, CONNECTION_CARD_MS, &reply);
	return result == SCARD_S_SUCCESS ? answer(remote, &reply, ret_answer, ret_length) : result;
}
