/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A moment of CLOCK_MONOTONIC by which something must have happened. */

#include <limits.h>
#include <stdint.h>
#include <time.h>

typedef struct {
	int64_t at; /* milliseconds */
} Deadline;

static inline int64_t deadline_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline Deadline deadline_in(int64_t ms)
{
	return (Deadline){.at = deadline_now() + ms};
}

/* What is left of it, for poll(): 0 when it has passed. */
static inline int deadline_left(Deadline deadline)
{
	int64_t left = deadline.at - deadline_now();

	if (left <= 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}
