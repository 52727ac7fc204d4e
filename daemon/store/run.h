/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The run over one database: opened, listed, planned for. It opens for writing only when it is told
 * to, and sees to it that what it has listed is what there is.
 */

#include <glib.h>
#include <stdbool.h>

#include "databases.h"
#include "newdb.h"
#include "nssdb.h"
#include "plan.h"

G_BEGIN_DECLS

typedef struct Run {
	const Database *database; /* borrowed */
	Nssdb *db;                /* NULL: closed, or not there */
	Newdb *newdb;             /* built, not yet in its place */
	GPtrArray *objects;       /* PlanObject */
	guint32 generation;       /* of the database, when it was listed */
	unsigned n_looked;        /* certificates of the tokens that were looked up in it */
	unsigned n_removals;      /* for the caller's use */
	GHashTable *added;        /* SHA-256 (hex) of what the scan has added; NULL: nothing */
	bool troubled;            /* it could not be served … */
	int trouble;              /* … CertpropError: why */
	bool patient;             /* waits a little for another program's lock */
} Run;

Run *run_new(const Database *database);
Run *run_free(Run *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Run, run_free)

/* Opens the database, if it is not open so, and lists in it what is marked and what `tokens`
   (PlanToken; it may have grown since) offer. What is not there and may be created is created when
   we want to write, and passes for an empty one otherwise. */
bool run_ready(
	Run *run, const GPtrArray *tokens, bool write, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Does in advance, and puts nothing in place, what run_ready() for writing needs time for. */
void run_prepare(Run *run, const GPtrArray *tokens);
bool run_prepared(const Run *run);
/* How it went; NULL: well. */
void run_went(Run *run, const GError *error);
/* Another program holds a lock that would keep us from writing. */
bool run_locked(const Run *run);
/* The plan for what is listed; `input` without objects. It borrows from the run. */
Plan *run_plan(Run *run, PlanInput *input) G_GNUC_WARN_UNUSED_RESULT;
void run_close(Run *run);

G_END_DECLS
