/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * certpropctl's own look at the readers: a watcher of its own for each endpoint, and for each
 * reader with a card the pipelines that the daemon would run. As a dry run it tells which tokens
 * are here; for real it is `certpropctl sync`.
 */

#include "config.h"
#include "report.h"
#include "seen.h"

G_BEGIN_DECLS

typedef struct Look {
	GPtrArray *endpoints;  /* SeenEndpoint, as they were found; the local one first */
	char *left_out;        /* redirected ones that are over the cap, or NULL */
	GPtrArray *reports;    /* const Report *, one of each store that ran */
	GPtrArray *errors;     /* char *: what went wrong outside any database */
	struct LookWork *work; /* private */
} Look;

typedef enum {
	LOOK_TOKENS, /* which tokens are here: a dry run, reader by reader */
	LOOK_PLAN,   /* and what would be done, also about cards that left */
	LOOK_APPLY,  /* and do it */
} LookMode;

/* `told`: SeenEndpoint, what a daemon has told of, empty if it does not answer; NULL where there is
   none. Redirected endpoints are the daemon's business: beside one a look looks at the local
   readers only, and leaves the others' claims as they are. Must outlive the look, as must `config`.
 */
Look *look_start(const Config *config, LookMode mode, const GPtrArray *told);
/* Runs the main loop until it has ended. */
void look_wait(Look *look);
/* Some endpoint answers. */
bool look_any_live(const Look *look);
Look *look_free(Look *look);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Look, look_free)

G_END_DECLS
