/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What certpropctl module says of a report, for the commands that do the same among other things.
 */

#include <stdbool.h>

#include "report.h"

G_BEGIN_DECLS

/* One line to standard output for each module that was, or would be, registered or taken out, and
   for each that need not be. Returns how many were changed. */
unsigned module_tell_changes(const Report *report, bool dry_run);
/* Each module that cannot be registered on standard error, after report_complain(), whose status it
   takes and returns, or a worse one. */
int module_complain(const Report *report, int status);
/* To standard output: what has to be restarted. */
void module_tell_restart(void);

G_END_DECLS
