/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A look at the databases without a card: what is claimed there and is not true any more.
 */

#include <gio/gio.h>
#include <stdbool.h>

#include "pipeline.h"
#include "presence.h"

G_BEGIN_DECLS

typedef struct Manager Manager;
typedef struct Batch Batch;

Batch *batch_new(Manager *manager);
Batch *batch_free(Batch *batch);
/* Makes one due; it starts when batch_consider() finds that it can. */
void batch_due(Batch *batch);
/* The same, and not only when the local cards have been read: something redirected has gone. */
void batch_due_now(Batch *batch);
/* Starts what is due, if no local scan runs, or what is due can do without it, and the local
   endpoint has been heard of. */
void batch_consider(Batch *batch);
/* The store alone runs. */
bool batch_running(const Batch *batch);
/* What it was told does not hold any more: it confirms nothing, and is due again. If it has been
   confirmed already, the cards are looked at again when it has ended. */
void batch_void(Batch *batch);
/* The last one: for the end of the session. `done` is called from the main loop,
   once, when it is carried out or its time is over. */
void batch_logout(
	Batch *batch, const Presence *presence, void (*done)(gpointer data), gpointer data);

G_END_DECLS
