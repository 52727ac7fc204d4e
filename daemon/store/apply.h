/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A plan, carried out.
 */

#include <glib.h>
#include <stdbool.h>

#include "nssdb.h"
#include "pace.h"
#include "plan.h"
#include "reports.h"

G_BEGIN_DECLS

typedef struct Apply {
	Nssdb *db; /* borrowed; NULL in a dry run over a database that is not there */
	Reports *reports;
	bool dry_run;  /* say it, do not do it */
	bool unmarked; /* the removals are of certificates without any marker, which a person
			  named; see lib/select.h */
	Pace pace;
} Apply;

/* What adds: creates and claims; and says what stays as it is and what is passed over. */
void apply_additions(Apply *apply, const Plan *plan);
/* What takes away: releases and deletes. */
void apply_removals(Apply *apply, const Plan *plan);

G_END_DECLS
