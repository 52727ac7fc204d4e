/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The objects of the request, back in the databases that they were taken from.
 */

#include "reports.h"
#include "request.h"

/* `runs` (Run) of all databases. What goes wrong is reported. */
void undo_run(const Request *request, Reports *reports, const GPtrArray *runs);
