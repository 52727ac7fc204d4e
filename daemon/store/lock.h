/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Writers of one user take turns: NSS is at its worst when two of them start on one database at the
 * same time.
 */

#include <glib.h>

G_BEGIN_DECLS

/* Waits for the turn. Returns a descriptor; closing it gives the turn to the next. Errors: BUSY,
   FAILED. */
int lock_writer(GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
