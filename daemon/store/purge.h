/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A purge: what the request's selectors name goes out of every database, once the caller has said
 * that he has what he needs to bring it back.
 */

#include "intake.h"
#include "reports.h"
#include "request.h"

/* `runs` (Run) of all databases. What goes wrong is reported. */
void purge_run(const Request *request, Intake *intake, Reports *reports, const GPtrArray *runs);
