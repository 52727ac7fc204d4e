/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What several batches did, database by database: the reports of one `certpropctl sync` added up.
 */

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

G_END_DECLS
