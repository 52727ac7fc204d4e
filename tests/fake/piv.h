/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The PIV application of a card (NIST SP 800-73-4, part 2), as far as a reader of cards asks. */

#include "contents.h"

#define PIV_INS_VERIFY       0x20
#define PIV_INS_AUTHENTICATE 0x87
#define PIV_INS_SELECT       0xa4
#define PIV_INS_GET_RESPONSE 0xc0
#define PIV_INS_GET_DATA     0xcb

typedef struct Piv Piv;

/* Borrows the contents. */
Piv *piv_new(Contents *contents);
void piv_free(Piv *piv);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Piv, piv_free)

/* Power lost, or a reset: nobody is logged in, nothing is pending. */
void piv_reset(Piv *piv);
/* How often a key of the card has done its work, over all insertions of these
   contents. */
guint32 piv_used(const Piv *piv);
/* The whole answer, with its status word. */
GByteArray *piv_answer(Piv *piv, const guint8 *message, gsize length) G_GNUC_WARN_UNUSED_RESULT;
