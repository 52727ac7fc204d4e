/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NSS in other programs fails to start when a database is written to without a pause. A batch that
 * is over soon disturbs nobody; a longer one leaves the others at least as much time as it takes.
 */

#include "pace.h"

#include <poll.h>

#define UNPACED_US 250000 /* a batch as long as this disturbs nobody */
#define PAUSE_US   20000

void pace_before(Pace *pace)
{
	gint64 pause = MAX(PAUSE_US, pace->took);

	if (pace->began == 0)
		pace->began = g_get_monotonic_time();
	else if (g_get_monotonic_time() - pace->began > UNPACED_US)
		(void)poll(NULL, 0, (int)(pause / 1000));
	pace->since = g_get_monotonic_time();
}

void pace_after(Pace *pace)
{
	pace->took = g_get_monotonic_time() - pace->since;
}
