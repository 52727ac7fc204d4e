/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The frame decoder on any bytes. The first byte says how large the pieces are in which the rest
 * arrives; a frame's type says which fields are asked for. A frame that is accepted must be the one
 * that packing the same fields gives.
 */

#include "wire.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define MAX_FIELDS 4

/* abort() and not g_assert(), which a build may leave out. */
static void check(bool condition)
{
	if (!condition)
		abort();
}

static void take_field(WireReader *reader, WireFrame *frame, unsigned kind)
{
	g_autofree char *text = NULL;
	g_autoptr(GBytes) bytes = NULL;
	const void *data;
	gsize len;

	if (kind == 1) {
		wire_frame_number(frame, wire_get_number(reader));
	} else if (kind == 2) {
		text = wire_get_text(reader, WIRE_NAME_MAX);
		check(strlen(text) <= WIRE_NAME_MAX && g_utf8_validate(text, -1, NULL));
		wire_frame_text(frame, text);
	} else {
		bytes = wire_get_bytes(reader, 1000);
		check(g_bytes_get_size(bytes) <= 1000);
		data = g_bytes_get_data(bytes, &len);
		wire_frame_bytes(frame, data, len);
	}
}

static void take_frame(WireReader *reader)
{
	/* Taking moves on in the frame; the reader's buffer keeps it. */
	const guint8 *fields = reader->at;
	gsize len = reader->left;
	g_autoptr(GBytes) again = NULL;
	WireFrame frame;

	wire_frame_begin(&frame, reader->type);
	for (unsigned i = 0; i < MAX_FIELDS; i++) {
		unsigned kind = (unsigned)reader->type >> (2 * i) & 3;

		if (kind != 0)
			take_field(reader, &frame, kind);
	}
	again = wire_frame_end(&frame);
	if (!wire_reader_done(reader, NULL))
		return;
	check(reader->left == 0 && g_bytes_get_size(again) == len + 8);
	check(memcmp((const guint8 *)g_bytes_get_data(again, NULL) + 8, fields, len) == 0);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	g_autoptr(WireReader) reader = wire_reader_new();
	gsize piece;

	if (size == 0)
		return 0;
	piece = (gsize)data[0] + 1;
	for (gsize at = 1; at < size; at += piece) {
		int r;

		wire_reader_push(reader, data + at, MIN(piece, size - at));
		while ((r = wire_reader_next(reader, NULL)) == 1)
			take_frame(reader);
		if (r < 0)
			break;
		(void)wire_reader_pending(reader);
	}

	return 0;
}
