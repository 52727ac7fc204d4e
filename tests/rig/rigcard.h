/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A virtual card (fake-card) in a reader of a RigPcscd. */

#include "deal.h"
#include "pcscd.h"

typedef struct RigCard RigCard;

/* A card dealt into a new directory; the test owns the path. Fails the test on error. */
char *rig_deal(const Deal *deal) G_GNUC_WARN_UNUSED_RESULT;
/* Short for a card of so many certificates, RSA and EC in turn, with this GUID (NULL: a fixed one).
 */
char *rig_deal_simple(unsigned certs, const char *guid) G_GNUC_WARN_UNUSED_RESULT;
/* The certificate that the directory holds in a place (0 is the first). Free with g_bytes_unref().
 */
GBytes *rig_dealt_der(const char *directory, unsigned index) G_GNUC_WARN_UNUSED_RESULT;

/* For a reader, not yet in it. A reader takes one RigCard at a time: a second card would be queued
   by vpcd and go in when the first leaves. */
RigCard *rig_card_new(
	const RigPcscd *pcscd, unsigned reader, const char *directory) G_GNUC_WARN_UNUSED_RESULT;
/* Ends the card's program: the card leaves. */
void rig_card_free(RigCard *card);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RigCard, rig_card_free)

/* Any command of `fake-card --help`, printf-like. Returns what follows "ok", or fails the test. */
char *rig_card_command(RigCard *card, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Each returns when the card's side is done. */
void rig_card_insert(RigCard *card);
void rig_card_remove(RigCard *card);
/* Takes the card out, waits until pcscd has seen that, and puts another one in: two events, of
   which the second may still be to come. */
void rig_card_swap(RigCard *card, const char *directory);
/* These return when pcscd has seen it too. */
void rig_card_insert_seen(RigCard *card);
void rig_card_remove_seen(RigCard *card);
/* APDUs since insertion: of one instruction, or in all with ins < 0. */
unsigned rig_card_count(RigCard *card, int ins);
/* How often a key of the card has signed or decrypted, since the card was dealt. The instruction
   for it (87) says less: it also comes without a PIN, and for what the card cannot do. */
unsigned rig_card_used(RigCard *card);
/* Waits, 10 s, until that many have come, answered or not. */
void rig_card_wait_count(RigCard *card, unsigned at_least);
/* Waits, 20 s, until nobody has asked the card anything for so long. */
void rig_card_wait_still(RigCard *card, unsigned ms);
/* When the reader first asked for the ATR (CLOCK_MONOTONIC, microseconds); 0: not yet. */
gint64 rig_card_seen(RigCard *card);
/* "removed", "inserted" or "hanging" by itself (pull-after, hang-after): waits for it, 10 s. */
void rig_card_wait_state(RigCard *card, const char *state);
