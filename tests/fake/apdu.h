/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A command to the card, short or extended (ISO 7816-4). */

#include <glib.h>

#include <stdbool.h>

typedef struct {
	guint8 cla, ins, p1, p2;
	const guint8 *data; /* borrowed from the message */
	gsize length;
	gsize expected; /* Le; 0: none */
} Apdu;

bool apdu_parse(Apdu *ret_apdu, const guint8 *message, gsize length) G_GNUC_WARN_UNUSED_RESULT;
