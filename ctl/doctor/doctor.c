/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl doctor: walks the way of a certificate, from the card to the browser, and says at
 * each step what is there and, where it is wrong, why, and the command that mends it. It runs none
 * of them, and changes nothing. Later steps are taken also when an earlier one went wrong: there
 * may be more than one thing to mend.
 */

#include "doctor.h"

#include <string.h>

#include "chart.h"
#include "finding.h"
#include "json.h"
#include "names.h"
#include "paint.h"
#include "remedy.h"

static void (*const steps[])(const Chart *chart, GPtrArray *findings) = {
	check_configuration,
	check_clock,
	check_service,
	check_readers,
	check_cards,
	check_modules,
	check_certificates,
	check_keys,
	check_databases,
	check_registration,
	check_applications,
	check_daemon,
	check_propagation,
	check_endpoints,
};

static guint count(const GPtrArray *findings, Verdict verdict)
{
	guint n = 0;

	for (guint i = 0; i < findings->len; i++)
		n += ((const Finding *)g_ptr_array_index(findings, i))->verdict == verdict;

	return n;
}

/* That nothing is wrong is not said to be well where there was nothing to look at. */
static int status_of(const GPtrArray *findings)
{
	if (count(findings, VERDICT_WRONG) > 0)
		return EXIT_STATUS_FAILED;

	return count(findings, VERDICT_UNKNOWN) > 0 ? EXIT_STATUS_PARTLY : EXIT_STATUS_DONE;
}

static void put_finding(Json *json, const Finding *finding)
{
	json_open_object(json, NULL);
	json_put_text(json, "step", finding->step);
	json_put_text(json, "id", finding->id);
	json_put_text(json, "verdict", verdict_word(finding->verdict));
	json_put_text(json, "subject", finding->subject);
	json_put_text(json, "found", finding->found);
	json_put_text(json, "why", finding->why);
	json_open_array(json, "mend");
	for (guint i = 0; i < finding->mends->len; i++) {
		const Mend *mend = g_ptr_array_index(finding->mends, i);

		json_open_object(json, NULL);
		json_put_text(json, "command", mend->command);
		json_put_bool(json, "root", mend->root);
		json_close_object(json);
	}
	json_close_array(json);
	json_close_object(json);
}

/* By their ids, for a script that knows what it need not be told of. */
static void put_unknown(Json *json, const GPtrArray *findings)
{
	json_open_array(json, "unknown");
	for (guint i = 0; i < findings->len; i++) {
		const Finding *finding = g_ptr_array_index(findings, i);
		g_autofree char *id = g_strdup_printf("%s/%s", finding->step, finding->id);

		if (finding->verdict == VERDICT_UNKNOWN)
			json_put_text(json, NULL, id);
	}
	json_close_array(json);
}

static void print_json(const GPtrArray *findings)
{
	g_autoptr(Json) json = json_new();

	json_open_object(json, NULL);
	json_put_bool(json, "well", status_of(findings) == EXIT_STATUS_DONE);
	put_unknown(json, findings);
	json_open_array(json, "findings");
	for (guint i = 0; i < findings->len; i++)
		put_finding(json, g_ptr_array_index(findings, i));
	json_close_array(json);
	json_close_object(json);
	json_print(json);
}

/* The command as it has to be typed. */
static void print_command(const Mend *mend)
{
	if (!remedy_is_showable(mend->command)) {
		paint_line(PAINT_NOTE,
			"        mend: a name in it cannot be shown; it stands in " NAME_CTL
			" doctor --json");
		return;
	}

	g_autofree char *line = g_strconcat("        mend: ", paint_begin(PAINT_STRONG),
		mend->root ? "sudo " : "", mend->command, paint_end(PAINT_STRONG), "\n", NULL);
	paint_raw(line);
}

static void print_finding(const Finding *finding)
{
	static const Paint paints[] = {[VERDICT_OK] = PAINT_GOOD,
		[VERDICT_NOTE] = PAINT_NOTE,
		[VERDICT_UNKNOWN] = PAINT_NOTE,
		[VERDICT_WRONG] = PAINT_BAD};
	bool about = *finding->subject != '\0';

	paint_line(paints[finding->verdict], "%-7s %s: %s%s%s", verdict_word(finding->verdict),
		finding->step, finding->subject, about ? ": " : "", finding->found);
	if (*finding->why != '\0')
		paint_line(PAINT_PLAIN, "        %s%s", finding->why,
			g_str_has_suffix(finding->why, ";") ? "" : ".");
	for (guint i = 0; i < finding->mends->len; i++)
		print_command(g_ptr_array_index(finding->mends, i));
}

/* "cards, applications": each step once. */
static char *steps_unknown(const GPtrArray *findings)
{
	GString *text = g_string_new(NULL);
	const char *last = "";

	for (guint i = 0; i < findings->len; i++) {
		const Finding *finding = g_ptr_array_index(findings, i);

		if (finding->verdict != VERDICT_UNKNOWN || strcmp(finding->step, last) == 0)
			continue;
		g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "", finding->step);
		last = finding->step;
	}

	return g_string_free(text, FALSE);
}

static void print_sum(const GPtrArray *findings)
{
	g_autofree char *unknown = steps_unknown(findings);
	const char *but = *unknown != '\0' ? "; nothing can be said of: " : "";
	guint n = count(findings, VERDICT_WRONG);

	if (n > 0)
		paint_line(PAINT_BAD, "%u thing%s wrong%s%s.", n, n == 1 ? " is" : "s are", but,
			unknown);
	else if (*unknown != '\0')
		paint_line(PAINT_NOTE, "Nothing is wrong%s%s.", but, unknown);
	else
		paint_line(PAINT_GOOD, "All is well.");
}

static void print_text(const GPtrArray *findings)
{
	for (guint i = 0; i < findings->len; i++)
		print_finding(g_ptr_array_index(findings, i));
	print_sum(findings);
}

int doctor_round(const Ctl *ctl)
{
	g_autoptr(Chart) chart = chart_take(ctl);
	g_autoptr(GPtrArray) findings = findings_new();

	for (gsize i = 0; i < G_N_ELEMENTS(steps); i++)
		steps[i](chart, findings);
	if (ctl->json)
		print_json(findings);
	else
		print_text(findings);

	return status_of(findings);
}

int verb_doctor(Ctl *ctl, char **args)
{
	return doctor_round(ctl);
}
