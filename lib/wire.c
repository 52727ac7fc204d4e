/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The frames between our processes. The other end may be a helper that a hostile card has taken
 * over, so the decoder is the smallest thing that can carry what we say: a head, flat fields, named
 * caps. It never recurses, never trusts a length before it has compared it, and an ill-formed frame
 * costs its sender one batch and nobody else anything. It knows nothing of what frames mean.
 */

#include "wire.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "error.h"

#define HEAD_LEN 8u

static void append_u32(GByteArray *bytes, guint32 value)
{
	guint32 le = GUINT32_TO_LE(value);

	g_byte_array_append(bytes, (const guint8 *)&le, sizeof le);
}

static guint32 read_u32(const guint8 *at)
{
	guint32 le;

	memcpy(&le, at, sizeof le);
	return GUINT32_FROM_LE(le);
}

void wire_frame_begin(WireFrame *frame, WireType type)
{
	frame->over = false;
	frame->bytes = g_byte_array_sized_new(256);
	append_u32(frame->bytes, (guint32)type);
	append_u32(frame->bytes, 0); /* the length, known at the end */
}

void wire_frame_bytes(WireFrame *frame, const void *data, gsize len)
{
	/* The peer would hang up on it, and what a card or a module says must not end us: so the
	   frame is given up and its sender is told. */
	gsize room = HEAD_LEN + WIRE_FRAME_MAX - frame->bytes->len;

	if (frame->over || room < 4 || len > room - 4) {
		frame->over = true;
		return;
	}
	append_u32(frame->bytes, (guint32)len);
	g_byte_array_append(frame->bytes, data, (guint)len);
}

void wire_frame_number(WireFrame *frame, guint64 value)
{
	guint64 le = GUINT64_TO_LE(value);

	wire_frame_bytes(frame, &le, sizeof le);
}

void wire_frame_text(WireFrame *frame, const char *text)
{
	g_autofree char *valid = NULL;
	const char *end;
	gsize len;

	if (text == NULL)
		text = "";
	valid = g_utf8_make_valid(text, -1);
	len = strlen(valid);
	if (len > WIRE_TEXT_MAX) {
		end = g_utf8_find_prev_char(valid, valid + WIRE_TEXT_MAX + 1);
		len = (gsize)(end - valid);
	}
	wire_frame_bytes(frame, valid, len);
}

GBytes *wire_frame_end(WireFrame *frame)
{
	g_autoptr(GByteArray) bytes = g_steal_pointer(&frame->bytes);
	guint32 le = GUINT32_TO_LE((guint32)(bytes->len - HEAD_LEN));

	if (frame->over)
		return NULL;

	memcpy(bytes->data + 4, &le, sizeof le);
	return g_byte_array_free_to_bytes(g_steal_pointer(&bytes));
}

static bool write_all(int fd, const guint8 *data, gsize len, GError **error)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
				"Writing a frame failed: %s", g_strerror(errno));
			return false;
		}
		data += n;
		len -= (gsize)n;
	}

	return true;
}

bool wire_frame_send(WireFrame *frame, int fd, GError **error)
{
	g_autoptr(GBytes) bytes = wire_frame_end(frame);
	const guint8 *data;
	gsize len;

	if (bytes == NULL) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_LIMIT,
			"What was to be sent does not fit into a frame of %u bytes",
			WIRE_FRAME_MAX);
		return false;
	}

	data = g_bytes_get_data(bytes, &len);
	return write_all(fd, data, len, error);
}

static void frame_fields(WireFrame *frame, WireType type, const char *fields, va_list args)
{
	wire_frame_begin(frame, type);
	for (const char *f = fields; *f != '\0'; f++) {
		if (*f == 'n') {
			wire_frame_number(frame, va_arg(args, guint64));
		} else if (*f == 't') {
			wire_frame_text(frame, va_arg(args, const char *));
		} else {
			const void *data = va_arg(args, const void *);

			g_assert(*f == 'b');
			wire_frame_bytes(frame, data, va_arg(args, gsize));
		}
	}
}

bool wire_send(int fd, GError **error, WireType type, const char *fields, ...)
{
	WireFrame frame;
	va_list args;

	va_start(args, fields);
	frame_fields(&frame, type, fields, args);
	va_end(args);

	return wire_frame_send(&frame, fd, error);
}

GBytes *wire_pack(WireType type, const char *fields, ...)
{
	WireFrame frame;
	va_list args;

	va_start(args, fields);
	frame_fields(&frame, type, fields, args);
	va_end(args);

	return wire_frame_end(&frame);
}

WireReader *wire_reader_new(void)
{
	WireReader *reader = g_new0(WireReader, 1);

	reader->buffer = g_byte_array_new();
	return reader;
}

WireReader *wire_reader_free(WireReader *reader)
{
	if (reader == NULL)
		return NULL;

	g_byte_array_unref(reader->buffer);
	g_free(reader);
	return NULL;
}

void wire_reader_push(WireReader *reader, const void *data, gsize len)
{
	/* The frames before are done with: their fields were copied out. What was not, is lost, and
	   must not look as if it had been read. */
	if (reader->taken > 0) {
		reader->bad = reader->bad || reader->left > 0;
		g_byte_array_remove_range(reader->buffer, 0, (guint)reader->taken);
		reader->taken = 0;
		reader->at = NULL;
		reader->left = 0;
	}
	g_byte_array_append(reader->buffer, data, (guint)len);
}

int wire_reader_next(WireReader *reader, GError **error)
{
	gsize have = reader->buffer->len - reader->taken;
	const guint8 *head;
	guint32 len;

	if (have < HEAD_LEN)
		return 0;

	head = reader->buffer->data + reader->taken;
	len = read_u32(head + 4);
	if (len > WIRE_FRAME_MAX) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL,
			"A frame of %u bytes is over the cap of %u", len, WIRE_FRAME_MAX);
		return -1;
	}
	if (have - HEAD_LEN < len)
		return 0;

	reader->type = (WireType)read_u32(head);
	reader->at = head + HEAD_LEN;
	reader->left = len;
	reader->bad = false;
	reader->taken += HEAD_LEN + len;
	return 1;
}

bool wire_reader_pending(const WireReader *reader)
{
	return reader->buffer->len > reader->taken;
}

/* Steps over one field; NULL (and the frame is bad) if there is none that fits. */
static const guint8 *next_field(WireReader *reader, gsize max, gsize *ret_len)
{
	const guint8 *data;
	guint32 len;

	if (reader->bad || reader->left < 4)
		goto bad;
	len = read_u32(reader->at);
	if (len > reader->left - 4 || len > max)
		goto bad;

	data = reader->at + 4;
	reader->at += 4 + len;
	reader->left -= 4 + len;
	*ret_len = len;
	return data;

bad:
	reader->bad = true;
	*ret_len = 0;
	return NULL;
}

guint64 wire_get_number(WireReader *reader)
{
	gsize len;
	const guint8 *data = next_field(reader, sizeof(guint64), &len);
	guint64 le;

	if (data == NULL || len != sizeof le) {
		reader->bad = true;
		return 0;
	}
	memcpy(&le, data, sizeof le);
	return GUINT64_FROM_LE(le);
}

char *wire_get_text(WireReader *reader, gsize max)
{
	gsize len;
	const guint8 *data = next_field(reader, MIN(max, WIRE_TEXT_MAX), &len);

	/* g_utf8_validate_len() refuses a NUL as well. */
	if (data == NULL || !g_utf8_validate_len((const char *)data, len, NULL)) {
		reader->bad = true;
		return g_strdup("");
	}
	return g_strndup((const char *)data, len);
}

GBytes *wire_get_bytes(WireReader *reader, gsize max)
{
	gsize len;
	const guint8 *data = next_field(reader, max, &len);

	return g_bytes_new(data, len);
}

bool wire_reader_done(WireReader *reader, GError **error)
{
	if (!reader->bad && reader->left == 0)
		return true;

	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL,
		"A frame of type 0x%02x has missing, ill-formed or surplus fields", reader->type);
	return false;
}

void wire_reader_sum(const WireReader *reader, GChecksum *sum)
{
	guint8 type = (guint8)reader->type;

	if (reader->type != WIRE_SCAN_TOKEN && reader->type != WIRE_SCAN_CERT)
		return;
	g_checksum_update(sum, &type, 1);
	g_checksum_update(sum, reader->at, (gssize)reader->left);
}

int wire_reader_fill(WireReader *reader, int fd, GError **error)
{
	guint8 chunk[16384];

	for (;;) {
		int r = wire_reader_next(reader, error);
		ssize_t n;

		if (r != 0)
			return r;

		n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
				"Reading a frame failed: %s", g_strerror(errno));
			return -1;
		}
		if (n == 0 && wire_reader_pending(reader)) {
			g_set_error_literal(error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL,
				"The other end went away in the middle of a frame");
			return -1;
		}
		if (n == 0)
			return 0;
		wire_reader_push(reader, chunk, (gsize)n);
	}
}
