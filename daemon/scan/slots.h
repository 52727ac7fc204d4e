/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which of a module's slots are the wanted reader.
 */

#include <glib.h>
#include <stdbool.h>

#include "p11.h"

G_BEGIN_DECLS

typedef struct Slot {
	const char *description; /* CK_SLOT_INFO.slotDescription without its padding, or NULL */
	bool token;              /* there is one in it */
	bool chosen;             /* out: it is the wanted reader's, and has a token */
} Slot;

/* Errors: MISSING when the module does not show the reader; FAILED when it cannot be told which one
   it is. No slot chosen: the reader is there, without a card that the module can read. Pure. */
bool slots_choose(Slot *slots, gsize n_slots, const P11Request *request,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
