/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The user's service manager, through systemctl.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

#define UNIT_NAME "certpropd.service"

/* One runs for this user, and can be asked. */
bool unit_has_manager(void);
/* Runs "systemctl --user" with these words, NULL at the end. Errors: FAILED with what it said,
   TIMEOUT, MISSING if there is no systemctl. */
bool unit_call(const char *const *words, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
