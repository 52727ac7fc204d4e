/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One purge: a store that is told what to take away, and the backup that comes before it.
 */

#include "backup.h"
#include "ctl.h"
#include "live.h"
#include "report.h"
#include "tell.h"

G_BEGIN_DECLS

typedef struct Purging {
	const Report *report; /* claims of its certificates: only those that go */
	GPtrArray *failures;  /* char *: what went wrong outside the databases */
	char *file;           /* the backup, or NULL: nothing was to be taken away */
	bool outdated; /* nothing was taken away: a daemon has seen a card or reader change */

	struct PurgingWork *work; /* private */
} Purging;

typedef struct PurgingRequest {
	const Config *config;
	const GPtrArray *frames;  /* GBytes: the selectors */
	const Presence *presence; /* told to the store */
	bool watched;             /* a daemon has said what is present, and it must still say so */
	bool dry_run;
	const GHashTable *agreed; /* purging_name()s of what may go: if anything else would, nothing
				     does. NULL: anything may */
} PurgingRequest;

/* From beginning to end. */
Purging *purging_run(const PurgingRequest *request);
Purging *purging_free(Purging *purging);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Purging, purging_free)

char *purging_name(const char *path, const char *sha256) G_GNUC_WARN_UNUSED_RESULT;

/* Says what was done, and what went wrong. Returns the exit status. */
int purging_tell(const Ctl *ctl, Purging *purging, const Live *live);

G_END_DECLS
