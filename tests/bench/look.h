/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The product's own way from a reader's wake-up to the last certificate stored, with its clock. */

#include <glib.h>

#include "watcher.h"

typedef struct Look Look;

/* Watches the rig's pcscd with the daemon's own watcher. */
Look *look_new(void);
void look_free(Look *look);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Look, look_free)

/* Returns when the watcher has reported so many readers with a card. */
void look_await_cards(Look *look, unsigned n);
/* From now on, each card that comes is read and stored as certpropd would. Returns when `cards` of
   them are done: the time of the slowest from its own wake-up to its last certificate stored, in
   milliseconds, and how many certificates there were. */
double look_insert(
	Look *look, unsigned cards, void (*insert)(gpointer), gpointer data, unsigned *ret_created);
const WatcherView *look_view(const Look *look);
