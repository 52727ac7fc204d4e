/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What stands before everything else: the configuration and the clock. A faulty line is mended by
 * making a comment of it: what it was meant to say only its author knows.
 */

#include "chart.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "remedy.h"
#include "text.h"

#define DAY 86400

static const char *id_of(const ConfigFault *fault)
{
	if (fault->warning)
		return "ignored";
	if (fault->strangers)
		return "foreign";

	return fault->line != 0 ? "faulty-line" : "faulty-file";
}

static void add_fault(const ConfigFault *fault, GPtrArray *findings)
{
	Finding *finding = finding_add(findings, "configuration", id_of(fault),
		fault->warning ? VERDICT_NOTE : VERDICT_WRONG, fault->file, "%s", fault->message);
	g_autofree char *aside = g_strconcat(fault->file, ".faulty", NULL);

	if (!fault->warning)
		finding_why(finding,
			"As long as one line is faulty, none of the files counts, and nothing is "
			"propagated");
	if (fault->line != 0) {
		g_free(finding->subject);
		finding->subject = g_strdup_printf("%s:%u", fault->file, fault->line);
		remedy_comment_out(finding, fault->file, fault->line);
	} else if (!fault->strangers) {
		remedy_put_aside(finding, fault->file, aside);
	}
}

void check_configuration(const Chart *chart, GPtrArray *findings)
{
	for (guint i = 0; i < chart->faults->len; i++)
		add_fault(g_ptr_array_index(chart->faults, i), findings);

	if (!chart->config->enabled) {
		Finding *finding = finding_add(findings, "configuration", "disabled", VERDICT_WRONG,
			config_origin(chart->config, "propagation", "enabled"),
			"propagation is switched off");

		remedy_take_back(finding, chart->config, "propagation", "enabled");
	}
	if (chart->faults->len == 0)
		finding_add_ok(findings, "configuration", NULL, "it has no faults");
}

/* The clock. What all certificates of the cards say of it; a step comes once for each database. */
typedef struct Judged {
	GHashTable *all;   /* SHA-256 */
	GHashTable *early; /* not yet valid */
} Judged;

static void judge(const Chart *chart, const Judged *judged)
{
	for (guint r = 0; r < chart->look->reports->len; r++) {
		const Report *report = g_ptr_array_index(chart->look->reports, r);

		for (guint d = 0; d < report->databases->len; d++) {
			const ReportDatabase *database = g_ptr_array_index(report->databases, d);

			for (guint s = 0; s < database->steps->len; s++) {
				const ReportStep *step = g_ptr_array_index(database->steps, s);

				g_hash_table_add(judged->all, step->sha256);
				if (strcmp(step->reason, "not-yet-valid") == 0)
					g_hash_table_add(judged->early, step->sha256);
			}
		}
	}
}

static void add_wrong_clock(GPtrArray *findings, const char *now, const char *why)
{
	Finding *finding = finding_add(findings, "clock", "early", VERDICT_WRONG, NULL,
		"it says %s, and that cannot be", now);

	finding_why(finding, "%s. Set the clock, or let it be set by the network", why);
	if (remedy_has_program("timedatectl"))
		finding_mend(finding, g_strdup("timedatectl set-ntp true"), true);
}

void check_clock(const Chart *chart, GPtrArray *findings)
{
	g_autoptr(GHashTable) all = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GHashTable) early = g_hash_table_new(g_str_hash, g_str_equal);
	g_autofree char *now = text_time(chart->now);
	g_autofree char *made = text_time(chart->made);
	g_autofree char *why = NULL;

	judge(chart, &(Judged){.all = all, .early = early});
	if (chart->now + DAY < chart->made)
		why = g_strdup_printf("This program was made on %s", made);
	else if (g_hash_table_size(early) > 0 && g_hash_table_size(early) == g_hash_table_size(all))
		why = g_strdup("All certificates of the cards are not yet valid by it");

	if (why != NULL)
		add_wrong_clock(findings, now, why);
	else
		finding_add_ok(findings, "clock", NULL, "it says %s", now);
}
