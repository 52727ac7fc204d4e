/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Waiting for a condition in a main loop, and what must be left of a test: nothing.
 */

#include <glib.h>
#include <stdbool.h>

/* Runs the default main context until *flag, at most `seconds`. Returns *flag. */
bool loop_until(const bool *flag, unsigned seconds);
/* How many descriptors this process has open. */
unsigned loop_count_fds(void);
/* Waits, at most ten seconds, until every helper is reaped; true if then there is no child left. */
bool loop_no_children(void);
