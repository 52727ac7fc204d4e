/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The modes that only read: WIRE_STORE_DATABASES and WIRE_STORE_LIST.
 */

#include <glib.h>

#include "reports.h"
#include "request.h"

G_BEGIN_DECLS

/* Reports each database of `runs` (Run) and, if the request says so, what is in it. */
void look_run(const Request *request, Reports *reports, const GPtrArray *runs);

G_END_DECLS
