/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NSS has one database open at a time and waits for a lock without a limit, so one profile that
 * another program writes to for a minute would keep all others waiting. Hence a first round in
 * which nobody is waited for, and then rounds over what was locked, for as long altogether as one
 * of them deserves: most locks are gone in milliseconds. What is still locked then is reported, and
 * whoever started us comes again later.
 *
 * Why not a process each: it would cost a start of NSS per profile, and the locks that all of them
 * have to take in turns would put them in a row again.
 */

#include "fanout.h"

#include <poll.h>

#include "error.h"

#define WAIT_US        (2 * G_USEC_PER_SEC) /* for all locks together */
#define PAUSE_FIRST_MS 5
#define PAUSE_MAX_MS   20 /* a lock that comes and goes is free for moments only */

bool fanout_comes_again(const GError *error, bool last)
{
	return !last && g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_BUSY);
}

static void one_round(GPtrArray *left, bool first, bool last, FanoutFunc func, gpointer data)
{
	guint kept = 0;

	for (guint i = 0; i < left->len; i++) {
		Run *run = g_ptr_array_index(left, i);
		/* To look costs less than to start NSS and be told. */
		bool locked = !first && !last && run_locked(run);

		if (locked || !func(run, last, data))
			g_ptr_array_index(left, kept++) = run;
	}
	g_ptr_array_set_size(left, (int)kept);
}

void fanout(const GPtrArray *runs, FanoutFunc func, gpointer data)
{
	g_autoptr(GPtrArray) left = g_ptr_array_new();
	int pause = PAUSE_FIRST_MS;
	gint64 deadline;

	for (guint i = 0; i < runs->len; i++) {
		Run *run = g_ptr_array_index(runs, i);

		run->patient = false;
		g_ptr_array_add(left, run);
	}

	one_round(left, true, false, func, data);
	deadline = g_get_monotonic_time() + WAIT_US;
	while (left->len > 0) {
		/* Nobody tells when an SQLite lock goes; SQLite itself looks again and again. */
		(void)poll(NULL, 0, pause);
		pause = MIN(2 * pause, PAUSE_MAX_MS);
		one_round(left, false, g_get_monotonic_time() >= deadline, func, data);
	}
}
