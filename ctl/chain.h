/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The pipelines of one reader, one module after the other; or, without a reader, the store alone,
 * once.
 */

#include "config.h"
#include "report.h"
#include "seen.h"

G_BEGIN_DECLS

/* What the daemon waits too before anything is taken away: longer than two polls of pcscd. */
#define CHAIN_SETTLE_MS 1000

/* What all chains of a look share. */
typedef struct ChainShared {
	const Config *config;
	bool dry_run;
	bool expecting;             /* redirected endpoints that are not named may still come */
	const GPtrArray *endpoints; /* SeenEndpoint: told to the store as they stand when a
				       pipeline starts */
	const GPtrArray *others;    /* SeenEndpoint that a daemon looks after, or nobody */
	GPtrArray *reports;         /* out: const Report *, owned by the chains */
	GPtrArray *errors;          /* out: char * */
} ChainShared;

typedef struct Chain Chain;

/* The last pipeline has ended. May come from within chain_run(). */
typedef void (*ChainFunc)(Chain *chain, gpointer data);

/* Everything but `socket`, which is that of a redirected endpoint or NULL, must outlive it. The
   reader's state and tokens are kept up to date. */
Chain *chain_new(const ChainShared *shared, const SeenEndpoint *endpoint, const char *socket,
	SeenReader *reader, ChainFunc ended, gpointer data);
void chain_run(Chain *chain);
/* What the chain goes by has changed: nothing more may be written for it. Ends soon. */
void chain_outdate(Chain *chain);
Chain *chain_free(Chain *chain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Chain, chain_free)

/* NULL for the store alone. */
const SeenReader *chain_reader(const Chain *chain);
bool chain_ended(const Chain *chain);
/* It was told to take something away, and then what it goes by changed. */
bool chain_overtaken(const Chain *chain);
/* Ended, and everything was read. */
bool chain_whole(const Chain *chain);

G_END_DECLS
