/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A picture is taken whole and sent whole. Whoever reads it needs no memory of earlier ones, and
 * whoever sends it can tell whether there is anything new to say by comparing two of them.
 *
 * Names are bytes to PC/SC and UTF-8 to everybody else. A reader is asked for by its bytes; it is
 * told apart from others by the repaired name and an ordinal, as two names may be repaired to one.
 */

#include "picture.h"

#include <string.h>

static void reader_free(gpointer data)
{
	PictureReader *reader = data;

	g_free(reader->name);
	g_free(reader->wire_name);
	g_free(reader);
}

Picture *picture_new(WireService service, guint32 code, const char *detail)
{
	Picture *picture = g_new0(Picture, 1);

	picture->service = service;
	picture->code = code;
	picture->detail = g_strdup(detail);
	picture->readers = g_ptr_array_new_with_free_func(reader_free);
	return picture;
}

static PictureReader *reader_dup(const PictureReader *reader)
{
	PictureReader *copy = g_memdup2(reader, sizeof *reader);

	copy->name = g_strdup(reader->name);
	copy->wire_name = g_strdup(reader->wire_name);
	return copy;
}

Picture *picture_dup(const Picture *picture)
{
	Picture *copy = picture_new(picture->service, picture->code, picture->detail);

	for (guint i = 0; i < picture->readers->len; i++)
		g_ptr_array_add(copy->readers, reader_dup(g_ptr_array_index(picture->readers, i)));
	return copy;
}

Picture *picture_free(Picture *picture)
{
	if (picture == NULL)
		return NULL;

	g_free(picture->detail);
	g_ptr_array_unref(picture->readers);
	g_free(picture);
	return NULL;
}

static char *repair_name(const char *name)
{
	g_autofree char *valid = g_utf8_make_valid(name, -1);
	gsize len = strlen(valid);

	if (len > WIRE_NAME_MAX)
		len = (gsize)(g_utf8_find_prev_char(valid, valid + WIRE_NAME_MAX + 1) - valid);
	return g_strndup(valid, len);
}

static void add_reader(Picture *picture, const char *name, gsize len)
{
	PictureReader *reader = g_new0(PictureReader, 1);

	reader->name = g_strndup(name, len);
	reader->wire_name = repair_name(reader->name);
	reader->state = PCSC_STATE_UNAVAILABLE;
	for (guint i = 0; i < picture->readers->len; i++) {
		const PictureReader *other = g_ptr_array_index(picture->readers, i);

		if (strcmp(other->wire_name, reader->wire_name) == 0)
			reader->ordinal++;
		if (strcmp(other->name, reader->name) == 0)
			reader->twin = true;
	}
	g_ptr_array_add(picture->readers, reader);
}

void picture_add_list(Picture *picture, const char *names, gsize len)
{
	const char *end = names + len;

	while (names < end && picture->readers->len < PCSC_READERS_MAX) {
		gsize name_len = strnlen(names, (gsize)(end - names));

		if (name_len == 0)
			return;
		add_reader(picture, names, name_len);
		names += name_len + 1;
	}
}

bool picture_same_list(const Picture *a, const Picture *b)
{
	if (a->readers->len != b->readers->len)
		return false;
	for (guint i = 0; i < a->readers->len; i++) {
		const PictureReader *ra = g_ptr_array_index(a->readers, i);
		const PictureReader *rb = g_ptr_array_index(b->readers, i);

		if (strcmp(ra->name, rb->name) != 0)
			return false;
	}

	return true;
}

static guint32 reader_counter(const PictureReader *reader)
{
	return reader->state >> 16;
}

guint64 picture_reader_flags(const PictureReader *reader)
{
	static const struct {
		guint32 state;
		guint32 flag;
	} table[] = {
		{PCSC_STATE_PRESENT, WIRE_READER_PRESENT},
		{PCSC_STATE_MUTE, WIRE_READER_MUTE},
		{PCSC_STATE_EXCLUSIVE, WIRE_READER_EXCLUSIVE},
		{PCSC_STATE_IN_USE, WIRE_READER_IN_USE},
		{PCSC_STATE_UNAVAILABLE, WIRE_READER_UNAVAILABLE},
		{PCSC_STATE_UNKNOWN, WIRE_READER_UNAVAILABLE},
	};
	guint64 flags = reader->twin ? WIRE_READER_TWIN : 0;

	for (gsize i = 0; i < G_N_ELEMENTS(table); i++)
		if ((reader->state & table[i].state) != 0)
			flags |= table[i].flag;
	return flags;
}

static bool reader_equal(const PictureReader *a, const PictureReader *b)
{
	return a->ordinal == b->ordinal && reader_counter(a) == reader_counter(b) &&
	       picture_reader_flags(a) == picture_reader_flags(b) && a->atr_len == b->atr_len &&
	       memcmp(a->atr, b->atr, a->atr_len) == 0;
}

bool picture_equal(const Picture *a, const Picture *b)
{
	if (a->service != b->service || a->code != b->code || strcmp(a->detail, b->detail) != 0 ||
		!picture_same_list(a, b))
		return false;
	for (guint i = 0; i < a->readers->len; i++)
		if (!reader_equal(
			    g_ptr_array_index(a->readers, i), g_ptr_array_index(b->readers, i)))
			return false;

	return true;
}

bool picture_send(const Picture *picture, int fd, GError **error)
{
	if (!wire_send(fd, error, WIRE_WATCH_BEGIN, "nnt", (guint64)picture->service,
		    (guint64)picture->code, picture->detail))
		return false;

	for (guint i = 0; i < picture->readers->len; i++) {
		const PictureReader *reader = g_ptr_array_index(picture->readers, i);

		if (!wire_send(fd, error, WIRE_WATCH_READER, "tnnnb", reader->wire_name,
			    (guint64)reader->ordinal, picture_reader_flags(reader),
			    (guint64)reader_counter(reader), reader->atr, reader->atr_len))
			return false;
	}

	return wire_send(fd, error, WIRE_WATCH_END, "");
}
