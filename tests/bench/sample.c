/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Medians, because one late wake-up of a busy machine must not decide anything. */
#include "sample.h"

Sample *sample_new(const char *name)
{
	Sample *sample = g_new0(Sample, 1);

	sample->name = name;
	sample->ms = g_array_new(FALSE, FALSE, sizeof(double));
	return sample;
}

void sample_free(Sample *sample)
{
	g_array_unref(sample->ms);
	g_free(sample);
}

static int compare(gconstpointer x, gconstpointer y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return a < b ? -1 : a > b;
}

void sample_add(Sample *sample, double ms)
{
	g_array_append_val(sample->ms, ms);
	g_array_sort(sample->ms, compare);
}

static double at(const Sample *sample, guint i)
{
	return g_array_index(sample->ms, double, i);
}

double sample_median(const Sample *sample)
{
	guint n = sample->ms->len;

	g_assert(n > 0);
	return n % 2 == 1 ? at(sample, n / 2) : (at(sample, n / 2 - 1) + at(sample, n / 2)) / 2;
}

void sample_print(const Sample *sample)
{
	guint n = sample->ms->len;

	g_print("  %-44s %8.1f ms  (%.1f to %.1f, n=%u)\n", sample->name, sample_median(sample),
		at(sample, 0), at(sample, n - 1), n);
}

double sample_now(void)
{
	return (double)g_get_monotonic_time() / 1000.0;
}

gboolean ratio_print(const char *name, double value, double limit, gboolean at_most)
{
	gboolean met = at_most ? value <= limit : value >= limit;

	g_print("  %-44s %8.2f     (target: %s %.2f)  %s\n", name, value,
		at_most ? "at most" : "at least", limit, met ? "met" : "MISSED");
	return met;
}
