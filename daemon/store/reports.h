/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the store says, as report frames on one descriptor.
 */

#include <glib.h>
#include <stdbool.h>

#include "databases.h"
#include "plan.h"
#include "reach.h"
#include "row.h"

G_BEGIN_DECLS

typedef struct Reports {
	int fd;
	const Database *told; /* borrowed; the last one that was named */
	unsigned n_errors;
	bool broken; /* nobody listens any more: nothing new is begun */
} Reports;

void reports_token(Reports *reports, const PlanToken *token);
/* The frames that follow belong to it. `error` says what is wrong with it, NULL nothing. */
void reports_database(Reports *reports, const Database *database, const GError *error);
/* The same, unless it is the one that was named last and nothing is wrong with it; and then the
 * error. */
void reports_about(Reports *reports, const Database *database, const GError *error);
void reports_cert(Reports *reports, const PlanObject *object);
/* nickname NULL: that of the step's object. reason NULL: the step's own. */
/* A step about a certificate that no plan is made for. */
void reports_restore(Reports *reports, PlanAction action, const Cert *cert, const char *nickname,
	const char *reason, bool done);
/* The certificate of a removal, and the claims that it takes away. */
void reports_going(Reports *reports, const PlanStep *step);
/* The object of the step, whole. */
void reports_object(Reports *reports, const PlanStep *step, const Row *row);
void reports_step(Reports *reports, PlanAction action, const PlanStep *step, const char *nickname,
	const char *reason, bool done);
/* `sum` of the scan, or "". */
void reports_scanned(Reports *reports, const char *sum);
/* Claims that stay only because their endpoint may still come. */
void reports_waiting(Reports *reports, unsigned n);
/* Certificates that the scan has read so far. */
void reports_progress(Reports *reports, unsigned n);
void reports_pending(Reports *reports, unsigned removals, unsigned additions);
/* `reason`: why it cannot be, or NULL. Its ways follow. */
void reports_module(
	Reports *reports, const char *path, const char *change, bool done, const char *reason);
void reports_reach(Reports *reports, const Reach *reach);
void reports_cues(Reports *reports, guint n);
void reports_cue(
	Reports *reports, const char *dir, const char *name, const char *stamp, guint64 flags);
void reports_error(Reports *reports, const GError *error);
void reports_end(Reports *reports);

G_END_DECLS
