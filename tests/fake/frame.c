/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Blocking: each connection of fake-chansrv has a thread to itself. */
#include "frame.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static guint32 read_u32(const guint8 *bytes)
{
	guint32 value;

	memcpy(&value, bytes, sizeof(value));
	return GUINT32_FROM_LE(value);
}

const guint8 *frame_bytes(Frame *frame, gsize length)
{
	static const guint8 nothing[FRAME_MAX];
	const guint8 *bytes = frame->at;

	if (length > frame->left) {
		frame->bad = true;
		return nothing;
	}
	frame->at += length;
	frame->left -= length;
	return bytes;
}

guint32 frame_u32(Frame *frame)
{
	return read_u32(frame_bytes(frame, sizeof(guint32)));
}

void frame_put_u32(GByteArray *payload, guint32 value)
{
	guint32 little = GUINT32_TO_LE(value);

	g_byte_array_append(payload, (const guint8 *)&little, sizeof(little));
}

void frame_put_field(GByteArray *payload, const char *text, gsize length)
{
	guint at = payload->len;

	g_byte_array_set_size(payload, at + (guint)length);
	memset(payload->data + at, 0, length);
	memcpy(payload->data + at, text, strnlen(text, length - 1));
}

GByteArray *frame_seal(const GByteArray *payload, guint32 opcode)
{
	GByteArray *frame = g_byte_array_new();

	frame_put_u32(frame, payload->len);
	frame_put_u32(frame, opcode);
	g_byte_array_append(frame, payload->data, payload->len);
	return frame;
}

bool frame_send(int fd, const guint8 *bytes, gsize length)
{
	while (length > 0) {
		ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		length -= (gsize)n;
	}
	return true;
}

static bool receive(int fd, guint8 *bytes, gsize length)
{
	while (length > 0) {
		ssize_t n = recv(fd, bytes, length, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		length -= (gsize)n;
	}
	return true;
}

bool frame_receive(int fd, GByteArray *buffer, Frame *ret_frame)
{
	guint8 header[FRAME_HEADER];
	guint32 length;

	if (!receive(fd, header, sizeof(header)))
		return false;
	length = read_u32(header);
	if (length > FRAME_MAX - FRAME_HEADER)
		return false;
	g_byte_array_set_size(buffer, length);
	if (!receive(fd, buffer->data, length))
		return false;
	*ret_frame = (Frame){.opcode = read_u32(header + 4), .at = buffer->data, .left = length};
	return true;
}
