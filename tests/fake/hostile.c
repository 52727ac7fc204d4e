/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A random sequence that a seed repeats. What costs the other side its patience (silence, a byte at
 * a time) is rare, because a run of many calls has to pay for each.
 */
#include "hostile.h"

#include <poll.h>
#include <string.h>

#define NAME_FIELD  100
#define STATE_BYTES 48
#define RANDOM_MAX  20000
#define ATR_LENGTH  20

static guint32 any_number(GRand *rand)
{
	static const guint32 likely[] = {
		0, 1, 2, 15, 16, 17, 99, 100, 0x7fffffff, 0x80000000, 0xffffffff, 8192, 65536};

	if (g_rand_boolean(rand))
		return likely[g_rand_int_range(rand, 0, G_N_ELEMENTS(likely))];
	return g_rand_int(rand);
}

static void put_random(GByteArray *payload, GRand *rand, gsize length)
{
	for (gsize i = 0; i < length; i++) {
		guint8 byte = (guint8)g_rand_int(rand);

		g_byte_array_append(payload, &byte, 1);
	}
}

static void put_states(GByteArray *payload, GRand *rand, const Frame *frame)
{
	static const guint32 states[] = {0x10, 0x20, 0x120, 0xa0, 0x220, 0x8, 0x4, 0};
	Frame request = *frame;
	guint32 count;

	(void)frame_u32(&request);
	(void)frame_u32(&request);
	count = frame_u32(&request);
	count = MIN(count, 16);
	frame_put_u32(payload, count);
	for (guint32 i = 0; i < count; i++) {
		frame_put_u32(payload, 0);
		frame_put_u32(payload, states[g_rand_int_range(rand, 0, G_N_ELEMENTS(states))] |
					       g_rand_int_range(rand, 0, 3) << 16);
		frame_put_u32(
			payload, g_rand_int_range(rand, 0, 8) ? ATR_LENGTH : any_number(rand));
		put_random(payload, rand, STATE_BYTES - 12);
	}
}

/* As a real one would answer. */
static void put_plausible(GByteArray *payload, GRand *rand, const Frame *frame)
{
	switch (frame->opcode) {
	case FRAME_ESTABLISH:
		frame_put_u32(payload, 101);
		break;
	case FRAME_LIST:
		frame_put_u32(payload, 4);
		frame_put_u32(payload, 2);
		frame_put_field(payload, "Reader One 00 00", NAME_FIELD);
		frame_put_field(payload, "Reader Two 00 00", NAME_FIELD);
		break;
	case FRAME_CONNECT:
		frame_put_u32(payload, 102);
		frame_put_u32(payload, (guint32)g_rand_int_range(rand, 0, 3));
		break;
	case FRAME_TRANSMIT:
		frame_put_u32(payload, 2);
		frame_put_u32(payload, 8);
		frame_put_u32(payload, 0);
		frame_put_u32(payload, 2);
		put_random(payload, rand, 2);
		break;
	case FRAME_CONTROL:
		frame_put_u32(payload, 6);
		put_random(payload, rand, 6);
		break;
	case FRAME_STATUS:
		frame_put_u32(payload, 4);
		put_random(payload, rand, 4);
		frame_put_u32(payload, 0x34);
		frame_put_u32(payload, 2);
		frame_put_u32(payload, ATR_LENGTH);
		put_random(payload, rand, ATR_LENGTH);
		break;
	case FRAME_CHANGE:
		put_states(payload, rand, frame);
		break;
	default:
		break;
	}
	frame_put_u32(payload, g_rand_int_range(rand, 0, 20) ? 0 : any_number(rand));
}

static void spoil(GByteArray *payload, GRand *rand)
{
	guint at = (guint)g_rand_int_range(rand, 0, (gint32)(payload->len / 4)) * 4;
	guint32 number = any_number(rand);

	switch (g_rand_int_range(rand, 0, 4)) {
	case 0: /* a number that is another */
		memcpy(payload->data + at, &number, sizeof(number));
		break;
	case 1: /* shorter than its lengths say */
		g_byte_array_set_size(payload, at);
		break;
	case 2: /* and longer */
		put_random(payload, rand, (gsize)g_rand_int_range(rand, 1, 100));
		break;
	default:
		g_byte_array_set_size(payload, 0);
		put_random(payload, rand, (gsize)g_rand_int_range(rand, 0, RANDOM_MAX));
		break;
	}
}

/* A byte a millisecond, until the other side has had enough. */
static bool dribble(int fd, GRand *rand, const GByteArray *sealed)
{
	guint8 byte = 0;

	if (!frame_send(fd, sealed->data, MIN(sealed->len, FRAME_HEADER + 2)))
		return false;
	do {
		(void)poll(NULL, 0, 1);
		byte = (guint8)g_rand_int(rand);
	} while (frame_send(fd, &byte, 1));
	return false;
}

/* Of so many answers, how many are of which kind; all others are plausible. */
enum {
	SPOILT = 600,
	OF_ANOTHER = SPOILT + 60,
	OF_ANOTHER_LENGTH = OF_ANOTHER + 60,
	TRUNCATED = OF_ANOTHER_LENGTH + 60,
	TWICE = TRUNCATED + 20,
	SILENT = TWICE + 6,
	DRIBBLED = SILENT + 6,
	ALL = 20000,
};

bool hostile_answer(int fd, GRand *rand, const Frame *frame)
{
	g_autoptr(GByteArray) payload = g_byte_array_new();
	g_autoptr(GByteArray) sealed = NULL;
	gint32 dice = g_rand_int_range(rand, 0, ALL);
	guint32 length = GUINT32_TO_LE(any_number(rand));

	put_plausible(payload, rand, frame);
	if (dice < SPOILT)
		spoil(payload, rand);
	sealed = frame_seal(
		payload, dice >= SPOILT && dice < OF_ANOTHER ? any_number(rand) : frame->opcode);
	if (dice >= OF_ANOTHER && dice < OF_ANOTHER_LENGTH)
		memcpy(sealed->data, &length, sizeof(length));
	if (dice >= OF_ANOTHER_LENGTH && dice < TRUNCATED) {
		(void)frame_send(
			fd, sealed->data, (gsize)g_rand_int_range(rand, 0, (gint32)sealed->len));
		return false;
	}
	if (dice >= TRUNCATED && dice < TWICE)
		(void)frame_send(fd, sealed->data, sealed->len);
	if (dice >= TWICE && dice < SILENT)
		return true;
	if (dice >= SILENT && dice < DRIBBLED)
		return dribble(fd, rand, sealed);
	return frame_send(fd, sealed->data, sealed->len);
}
