/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The pauses of a long batch of writes.
 */

#include <glib.h>

G_BEGIN_DECLS

/* Of one batch in one database; all zero at first. */
typedef struct Pace {
	gint64 began; /* monotonic; 0: not yet */
	gint64 since; /* of the last write */
	gint64 took;  /* microseconds */
} Pace;

/* Around each write. */
void pace_before(Pace *pace);
void pace_after(Pace *pace);

G_END_DECLS
