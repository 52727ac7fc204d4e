/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Cues: where something would have to happen for the next look to find more databases, or one that
 * was in trouble in order. Whoever wants to know at once watches them; see daemon/vigil.h.
 */

#include <glib.h>

#include "config.h"
#include "reports.h"
#include "run.h"

G_BEGIN_DECLS

#define CUES_MAX 1024u

typedef struct Cues Cues;

/* As it is now, before anything is looked at: first the places, then, when they are found, the
   databases. */
Cues *cues_new(const Config *config);
void cues_add_databases(Cues *cues, const GPtrArray *runs);
/* The places, and the databases of the runs (Run) that were not served. */
void cues_tell(const Cues *cues, const GPtrArray *runs, Reports *reports);
Cues *cues_free(Cues *cues);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cues, cues_free)

G_END_DECLS
