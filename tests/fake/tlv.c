/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Just enough BER for the data objects and for the template of GENERAL AUTHENTICATE. */
#include "tlv.h"

static void append_byte(GByteArray *to, guint32 byte)
{
	guint8 one = (guint8)byte;

	g_byte_array_append(to, &one, 1);
}

void tlv_append(GByteArray *to, guint32 tag, const void *value, gsize length)
{
	g_assert(length <= G_MAXUINT16);
	for (int shift = 16; shift >= 0; shift -= 8) {
		if (tag >> shift != 0)
			append_byte(to, tag >> shift);
	}
	if (length > 0xff) {
		append_byte(to, 0x82);
		append_byte(to, (guint32)(length >> 8));
	} else if (length > 0x7f) {
		append_byte(to, 0x81);
	}
	append_byte(to, (guint32)length);
	if (length > 0)
		g_byte_array_append(to, value, (guint)length);
}

/* Advances *at over a length field. */
static bool read_length(const guint8 *data, gsize length, gsize *at, gsize *ret_value)
{
	gsize bytes, value = 0;

	if (*at >= length)
		return false;
	if (data[*at] < 0x80) {
		*ret_value = data[(*at)++];
		return true;
	}
	bytes = data[(*at)++] & 0x7f;
	if (bytes < 1 || bytes > 2 || length - *at < bytes)
		return false;
	while (bytes-- > 0)
		value = value << 8 | data[(*at)++];
	*ret_value = value;
	return true;
}

bool tlv_find(
	const guint8 *data, gsize length, guint8 tag, const guint8 **ret_value, gsize *ret_length)
{
	gsize at = 0;

	while (at < length) {
		guint8 seen = data[at++];
		gsize size;

		if (!read_length(data, length, &at, &size) || length - at < size)
			return false;
		if (seen == tag) {
			*ret_value = data + at;
			*ret_length = size;
			return true;
		}
		at += size;
	}
	return false;
}
