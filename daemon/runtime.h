/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The directory of this user's session, for the socket and the locks.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* $XDG_RUNTIME_DIR if it is ours and nobody else may write there, else /run/user/UID if that is
   such a directory, else NULL. */
char *runtime_session(void) G_GNUC_WARN_UNUSED_RESULT;
/* "certprop" in that, or in $XDG_STATE_HOME where there is none. Need not exist. */
char *runtime_dir(void) G_GNUC_WARN_UNUSED_RESULT;
/* Makes it, mode 0700, or finds that it is there and nobody else's. */
bool runtime_make(const char *dir, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
