/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The 24 places of a PIV card that hold a key and a certificate, in the order in which a card is
 * filled: 9A, 9C, 9D, 9E, then the retired keys 82 to 95 (NIST SP 800-73-4, part 1, table 4b).
 */

#include <glib.h>

#include <stdbool.h>

#define SLOT_COUNT 24

typedef struct {
	const char *name; /* "9a": key reference in hex, also the stem of the files of a card */
	guint8 reference;
	guint32 tag; /* of the data object with the certificate */
} Slot;

const Slot *slot_at(unsigned index);
/* By key reference ("9a", "82") or by position from 1 ("1" to "24"); the two do not overlap. */
bool slot_parse(const char *text, unsigned *ret_index) G_GNUC_WARN_UNUSED_RESULT;
bool slot_by_reference(guint8 reference, unsigned *ret_index) G_GNUC_WARN_UNUSED_RESULT;
bool slot_by_tag(guint32 tag, unsigned *ret_index) G_GNUC_WARN_UNUSED_RESULT;
