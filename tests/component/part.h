/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A PC/SC service that plays a script, for the states that no real one will produce to order. As
 * long as the script does not say otherwise it behaves as pcsc-lite 1.9.9 does.
 */

#include <glib.h>
#include <stdbool.h>

#include "pcsc.h"
#include "watch.h"
#include "wire.h"

#define PART_READERS 80u

typedef struct PartReader {
	const char *name;
	guint32 state;
	guint32 counter;
	guint32 atr_len;
} PartReader;

typedef struct Part Part;

/* What happens during one wait: `act` changes the part; a code that is not 0 ends the wait with
   it; `wake` ends it although nothing changed. Otherwise the wait goes on with the next turn. */
typedef struct PartTurn {
	void (*act)(Part *part);
	guint32 code;
	bool wake;
	unsigned times; /* 0 counts as 1 */
} PartTurn;

/* What was said, read back from the frames. */
typedef struct PartSaid {
	guint64 service;
	guint64 code;
	char *detail;
	guint n_readers;
	struct {
		char *name;
		guint64 ordinal;
		guint64 flags;
		guint64 counter;
		gsize atr_len;
	} readers[PART_READERS];
} PartSaid;

struct Part {
	PartReader readers[PART_READERS];
	guint n_readers;
	gsize max_entries;      /* more are refused; 0: no limit */
	const guint32 *opening; /* codes of the first attempts to establish … */
	guint n_opening;
	guint n_woken;        /* so many pauses end at once, by the socket */
	bool reopen;          /* … and whether later ones succeed */
	const char *raw_list; /* instead of the readers' names */
	gsize raw_len;
	gsize lie_len; /* instead of the list's length */
	void (*after_list)(Part *part);
	guint32 look_code; /* each look fails with this */
	PartTurn *turns;
	guint n_turns;

	/* what came of it */
	GArray *pauses;   /* guint32 */
	GArray *timeouts; /* guint32, of each wait */
	gsize last_entries;
	bool last_pnp;
	guint n_establish, n_release, n_list, n_wait, turn, times;
	GPtrArray *said; /* PartSaid */
	bool sent;       /* watch_run()'s result */
};

/* Runs the watcher against the script until its end. */
void part_run(Part *part, bool once);
void part_clear(Part *part);
/* The nth thing said; fails the test if there is none. */
const PartSaid *part_said(const Part *part, guint n);
