/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Watches, while a card is in, the places where a database may appear or get better, and makes a
 * look due when something there is not as the last look saw it.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct Manager Manager;
typedef struct Vigil Vigil;

Vigil *vigil_new(Manager *manager);
Vigil *vigil_free(Vigil *vigil);
/* What a store says is worth watching (ReportCue), perhaps nothing: takes the place of what was. */
void vigil_take(Vigil *vigil, const GPtrArray *cues);
/* A look has ended, or a card has gone: one that is due may begin. */
void vigil_consider(Vigil *vigil);

G_END_DECLS
