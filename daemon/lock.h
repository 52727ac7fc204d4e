/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One certpropd a user.
 */

#include <glib.h>

G_BEGIN_DECLS

/* Takes the lock and writes our pid into it. Returns the descriptor that holds it, or -1: BUSY,
   with the pid of the holder, or FAILED. */
int lock_take(const char *runtime_dir, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
