/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What one command did, database by database: the reports of all its batches added up.
 */

#include "json.h"
#include "report.h"

G_BEGIN_DECLS

typedef struct OutcomeDatabase {
	char *path, *application, *profile, *status, *reason;
	unsigned created, claimed, released, deleted, kept;
	GPtrArray *steps;   /* const ReportStep *: all but "keep" and "skip", in order */
	GPtrArray *skipped; /* const ReportStep *, once for each certificate and reason */
	GPtrArray *errors;  /* const char *, borrowed as well */
} OutcomeDatabase;

/* OutcomeDatabase, in the order in which they first occur. `reports` (const Report *) must outlive
   it. */
GPtrArray *outcome_merge(const GPtrArray *reports);
/* Something was written, or would be. */
unsigned outcome_writes(const OutcomeDatabase *database);

/* Its members, into the open object. */
void outcome_emit(Json *json, const OutcomeDatabase *database);
/* A table to standard output. `told` (may be NULL): where the certificates and their tokens are
   told of. */
void outcome_print(const OutcomeDatabase *database, const ReportDatabase *told);
/* Every error to standard error; `failures` (char *) are those outside the databases. Returns the
   exit status that follows. */
int outcome_complain(const GPtrArray *databases, const GPtrArray *failures);

G_END_DECLS
