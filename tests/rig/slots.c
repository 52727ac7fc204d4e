/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One table, shared by what makes a card's directory and by the card that answers from it, so that
 * both mean the same place by the same name.
 */
#include "slots.h"

static const Slot slots[SLOT_COUNT] = {
	{"9a", 0x9a, 0x5fc105},
	{"9c", 0x9c, 0x5fc10a},
	{"9d", 0x9d, 0x5fc10b},
	{"9e", 0x9e, 0x5fc101},
	{"82", 0x82, 0x5fc10d},
	{"83", 0x83, 0x5fc10e},
	{"84", 0x84, 0x5fc10f},
	{"85", 0x85, 0x5fc110},
	{"86", 0x86, 0x5fc111},
	{"87", 0x87, 0x5fc112},
	{"88", 0x88, 0x5fc113},
	{"89", 0x89, 0x5fc114},
	{"8a", 0x8a, 0x5fc115},
	{"8b", 0x8b, 0x5fc116},
	{"8c", 0x8c, 0x5fc117},
	{"8d", 0x8d, 0x5fc118},
	{"8e", 0x8e, 0x5fc119},
	{"8f", 0x8f, 0x5fc11a},
	{"90", 0x90, 0x5fc11b},
	{"91", 0x91, 0x5fc11c},
	{"92", 0x92, 0x5fc11d},
	{"93", 0x93, 0x5fc11e},
	{"94", 0x94, 0x5fc11f},
	{"95", 0x95, 0x5fc120},
};

const Slot *slot_at(unsigned index)
{
	g_assert(index < SLOT_COUNT);
	return &slots[index];
}

bool slot_parse(const char *text, unsigned *ret_index)
{
	guint64 position;

	for (unsigned i = 0; i < SLOT_COUNT; i++) {
		if (g_ascii_strcasecmp(text, slots[i].name) == 0) {
			*ret_index = i;
			return true;
		}
	}
	if (!g_ascii_string_to_unsigned(text, 10, 1, SLOT_COUNT, &position, NULL))
		return false;
	*ret_index = (unsigned)position - 1;
	return true;
}

bool slot_by_reference(guint8 reference, unsigned *ret_index)
{
	for (unsigned i = 0; i < SLOT_COUNT; i++) {
		if (slots[i].reference == reference) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

bool slot_by_tag(guint32 tag, unsigned *ret_index)
{
	for (unsigned i = 0; i < SLOT_COUNT; i++) {
		if (slots[i].tag == tag) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}
