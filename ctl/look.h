/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * certpropctl's own look at the local readers: a watcher of its own, and for each reader with a
 * card the pipelines that the daemon would run. As a dry run it tells which tokens are here; for
 * real it is `certpropctl sync`.
 */

#include "config.h"
#include "report.h"
#include "seen.h"

G_BEGIN_DECLS

typedef struct Look {
	SeenEndpoint *endpoint; /* "local", as it was found */
	GPtrArray *reports;     /* const Report *, one of each store that ran */
	GPtrArray *errors;      /* char *: what went wrong outside any database */
	struct LookWork *work;  /* private */
} Look;

typedef enum {
	LOOK_TOKENS, /* which tokens are here: a dry run, reader by reader */
	LOOK_PLAN,   /* and what would be done, also about cards that left */
	LOOK_APPLY,  /* and do it */
} LookMode;

/* `others` (SeenEndpoint, may be NULL): endpoints besides "local" of which the daemon told, so that
   claims of theirs are not taken for left-overs. Must outlive the look, as must `config`. */
Look *look_start(const Config *config, LookMode mode, const GPtrArray *others);
/* Runs the main loop until it has ended. */
void look_wait(Look *look);
Look *look_free(Look *look);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Look, look_free)

G_END_DECLS
