/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Times of one kind, in milliseconds: their median and spread, and a line about them. */

#include <glib.h>

typedef struct {
	const char *name;
	GArray *ms; /* double */
} Sample;

Sample *sample_new(const char *name);
void sample_free(Sample *sample);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sample, sample_free)
void sample_add(Sample *sample, double ms);
double sample_median(const Sample *sample);
/* "name   12.3 ms  (11.9 to 14.0, n=9)" */
void sample_print(const Sample *sample);

/* CLOCK_MONOTONIC in milliseconds. */
double sample_now(void);

/* Beside its target: "name  1.04  (at most 1.10)  met". Returns whether it is. */
gboolean ratio_print(const char *name, double value, double limit, gboolean at_most);
