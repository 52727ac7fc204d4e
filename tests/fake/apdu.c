/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The seven forms of ISO 7816-3, 12.1.3, told apart by the length of the message. */
#include "apdu.h"

#define HEADER 4

static bool parse_short(Apdu *apdu, const guint8 *message, gsize length)
{
	gsize size = message[HEADER];

	if (length == HEADER + 1) {
		apdu->expected = size != 0 ? size : 256;
		return true;
	}
	if (size == 0 || length < HEADER + 1 + size || length > HEADER + 2 + size)
		return false;
	apdu->data = message + HEADER + 1;
	apdu->length = size;
	if (length == HEADER + 2 + size)
		apdu->expected = message[length - 1] != 0 ? message[length - 1] : 256;
	return true;
}

static gsize expected_extended(const guint8 *at)
{
	gsize expected = (gsize)at[0] << 8 | at[1];

	return expected != 0 ? expected : 65536;
}

static bool parse_extended(Apdu *apdu, const guint8 *message, gsize length)
{
	const gsize start = HEADER + 3;
	gsize size = (gsize)message[HEADER + 1] << 8 | message[HEADER + 2];

	if (length == start) {
		apdu->expected = expected_extended(message + HEADER + 1);
		return true;
	}
	if (size == 0 || (length != start + size && length != start + size + 2))
		return false;
	apdu->data = message + start;
	apdu->length = size;
	if (length == start + size + 2)
		apdu->expected = expected_extended(message + start + size);
	return true;
}

bool apdu_parse(Apdu *ret_apdu, const guint8 *message, gsize length)
{
	Apdu apdu = {0};

	if (length < HEADER)
		return false;
	apdu.cla = message[0];
	apdu.ins = message[1];
	apdu.p1 = message[2];
	apdu.p2 = message[3];
	if (length > HEADER) {
		bool extended = length >= HEADER + 3 && message[HEADER] == 0;

		if (!(extended ? parse_extended(&apdu, message, length)
			       : parse_short(&apdu, message, length)))
			return false;
	}
	*ret_apdu = apdu;
	return true;
}
