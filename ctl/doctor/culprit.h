/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which programs of this user hold what the doctor finds held: as far as a user can see that.
 */

#include <glib.h>
#include <stdbool.h>

#include "finding.h"
#include "process.h"

G_BEGIN_DECLS

/* In all of these: Process. */

/* Processes that are connected to pcscd, without certprop's own. `socket` NULL: at its usual place.
 */
GPtrArray *culprits_of_service(const char *socket) G_GNUC_WARN_UNUSED_RESULT;
/* Processes that have locked the NSS database in this directory. */
GPtrArray *culprits_of_database(const char *dir) G_GNUC_WARN_UNUSED_RESULT;
/* Processes that have locked this file. */
GPtrArray *culprits_of_lock(const char *path) G_GNUC_WARN_UNUSED_RESULT;
/* A process of this user with this name. */
bool culprit_runs(const char *name);

/* "scdaemon (process 4711)", several with commas. */
char *culprits_text(const GPtrArray *culprits) G_GNUC_WARN_UNUSED_RESULT;
/* Adds the command that makes it let go. */
void culprit_mend(Finding *finding, const Process *culprit);

G_END_DECLS
