/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A card and the hand that holds it: in the reader or not, and the ways in which it misbehaves. */

#include "contents.h"

typedef struct Card Card;

Card *card_new(guint16 port, const char *directory, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void card_free(Card *card);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Card, card_free)

bool card_insert(Card *card, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void card_remove(Card *card);
/* Another card in the same reader; the old one stays in when the new one cannot be read. */
bool card_swap(Card *card, const char *directory, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The card's directory is read again while the card stays where it is. */
bool card_rewrite(Card *card, GError **error) G_GNUC_WARN_UNUSED_RESULT;
const char *card_directory(const Card *card);
void card_spoil(Card *card, unsigned index, Flaw flaw);

bool card_set_atr(Card *card, const char *hex) G_GNUC_WARN_UNUSED_RESULT;
/* false: a card with some other application, which knows none of the commands. */
void card_set_applet(Card *card, bool there);
void card_set_delay(Card *card, guint milliseconds);
/* After so many more APDUs (counted from now, or from the next insertion): the card leaves,
   respectively answers nothing more. Negative: never. */
void card_set_pull_after(Card *card, gint64 apdus);
void card_set_hang_after(Card *card, gint64 apdus);
/* After so many more APDUs it is another card, and the reader has noticed nothing. */
bool card_set_turn_after(
	Card *card, gint64 apdus, const char *directory, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void card_hang(Card *card);
/* Answers what was asked meanwhile, and goes on. */
void card_resume(Card *card);

/* "removed", "inserted" or "hanging". */
const char *card_state(const Card *card);
/* Since the last insertion: "total=52 cb=30 … seen=MICROSECONDS", the time (CLOCK_MONOTONIC) at
   which the reader first asked for the ATR, 0 when it has not yet. */
char *card_counts(const Card *card);
