/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A context of a program: one connection, and the cards that were connected through it. Calls on
 * one context take turns; different contexts have nothing in common.
 */

#include "card.h"

typedef struct Context Context;

LONG context_new(DWORD scope, SCARDCONTEXT *ret_handle);
/* Waits for its turn. NULL: there is no such context. */
Context *context_take(SCARDCONTEXT handle);
/* The same, by one of its cards. */
Context *context_take_card(SCARDHANDLE handle, Card **ret_card);
void context_give(Context *context);
bool context_exists(SCARDCONTEXT handle);

const Remote *context_remote(const Context *context);
/* For the owner of the turn: no call finds it from here on. */
void context_release(Context *context);
/* Takes the card, gives it its handle. */
SCARDHANDLE context_add_card(Context *context, Card *card);
void context_drop_card(Context *context, Card *card);

/* Around a wait that context_cancel() may end: the descriptor to wait on, or -1. */
int context_begin_wait(Context *context);
void context_end_wait(Context *context);
/* false: there is no such context. Without a wait it does nothing. */
bool context_cancel(SCARDCONTEXT handle);
