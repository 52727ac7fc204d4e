/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The commands that start certpropd, or another one in the place of the one that runs.
 */

#include "finding.h"

G_BEGIN_DECLS

/* "systemctl --user ACTION …"; NULL: there is no user manager. */
char *restart_unit(const char *action) G_GNUC_WARN_UNUSED_RESULT;
/* One is started that does not end with the shell. */
char *restart_by_hand(void) G_GNUC_WARN_UNUSED_RESULT;
/* Ends the one that runs with this word ("kill", "kill -KILL"), and starts another. */
void restart_mend(Finding *finding, const char *kill);

G_END_DECLS
