/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One request, carried out over all databases, one after the other.
 */

#include "intake.h"
#include "reports.h"
#include "request.h"

/* What goes wrong is reported, to the end. */
void batch_run(const Request *request, Intake *intake, Reports *reports);
