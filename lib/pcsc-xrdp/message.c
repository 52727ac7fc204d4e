/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing a request and reading a reply. Both know their bounds and nothing of what the fields
 * mean; no length that comes from the other side is used before it was compared with what is there.
 */
#include "message.h"

#include <string.h>

static void put_u32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

uint32_t message_u32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

void request_begin(Request *request, uint32_t opcode)
{
	request->length = MESSAGE_HEADER;
	request->overrun = false;
	put_u32(request->bytes, 0);
	put_u32(request->bytes + 4, opcode);
}

/* Where so many bytes go; NULL when there is no room. */
static uint8_t *request_room(Request *request, size_t length)
{
	uint8_t *room = request->bytes + request->length;

	if (request->overrun || length > sizeof(request->bytes) - request->length) {
		request->overrun = true;
		return NULL;
	}
	request->length += length;
	return room;
}

void request_u32(Request *request, uint32_t value)
{
	uint8_t *room = request_room(request, 4);

	if (room != NULL)
		put_u32(room, value);
}

void request_bytes(Request *request, const void *bytes, size_t length)
{
	uint8_t *room = request_room(request, length);

	if (room != NULL && length > 0)
		memcpy(room, bytes, length);
}

void request_field(Request *request, const char *text, size_t length)
{
	uint8_t *room = request_room(request, length);

	if (room == NULL)
		return;
	memset(room, 0, length);
	memcpy(room, text, strnlen(text, length - 1));
}

bool request_end(Request *request)
{
	put_u32(request->bytes, (uint32_t)(request->length - MESSAGE_HEADER));
	return !request->overrun;
}

uint32_t request_opcode(const Request *request)
{
	return message_u32(request->bytes + 4);
}

const uint8_t *reply_bytes(Reply *reply, size_t length)
{
	const uint8_t *bytes = reply->bytes + reply->at;

	if (reply->overrun || length > reply->length - reply->at) {
		reply->overrun = true;
		return NULL;
	}
	reply->at += length;
	return bytes;
}

uint32_t reply_u32(Reply *reply)
{
	const uint8_t *bytes = reply_bytes(reply, 4);

	return bytes != NULL ? message_u32(bytes) : 0;
}

bool reply_whole(const Reply *reply)
{
	return !reply->overrun && reply->at == reply->length;
}
