/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is live: told by a running daemon, else by a look of our own.
 */

#include "config.h"
#include "seen.h"

G_BEGIN_DECLS

typedef struct Live {
	bool running;          /* there is a certpropd */
	bool answers;          /* and what follows is from it */
	char *trouble;         /* why it does not answer, or "" */
	char *version, *since; /* "" without an answer */
	guint32 pid;
	bool enabled;
	GPtrArray *faults; /* ConfigFault, of the daemon's last load; empty without an answer */

	char *host;           /* this machine, as claims name it */
	GPtrArray *endpoints; /* SeenEndpoint */
	char *left_out;       /* redirected ones that are over the cap, or "" */

	struct LiveWork *work; /* private */
} Live;

typedef enum {
	LIVE_ASK,  /* the daemon only: no endpoints without one */
	LIVE_LOOK, /* a look of our own if there is no answer */
} LiveMode;

/* `config` must outlive it; may be NULL with LIVE_ASK. */
Live *live_start(const Config *config, LiveMode mode);
/* Runs the main loop until everything is known. */
void live_wait(Live *live);
/* Where it answers: has the daemon look at every reader again. */
bool live_look_again(Live *live, GError **error) G_GNUC_WARN_UNUSED_RESULT;
Live *live_free(Live *live);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Live, live_free)

G_END_DECLS
