/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who looks decides, who prints does not: a finding has all that either printer says, already in
 * words. Nothing in it is escaped.
 */

#include "finding.h"

static void mend_free(gpointer data)
{
	Mend *mend = data;

	g_free(mend->command);
	g_free(mend);
}

static void finding_free(gpointer data)
{
	Finding *finding = data;

	g_free(finding->subject);
	g_free(finding->found);
	g_free(finding->why);
	g_ptr_array_unref(finding->mends);
	g_free(finding);
}

GPtrArray *findings_new(void)
{
	return g_ptr_array_new_with_free_func(finding_free);
}

/* Takes `found`. */
static Finding *add(GPtrArray *findings, const char *step, const char *subject, char *found)
{
	Finding *finding = g_new0(Finding, 1);

	finding->step = step;
	finding->id = "";
	finding->verdict = VERDICT_OK;
	finding->subject = g_strdup(subject != NULL ? subject : "");
	finding->found = found;
	finding->why = g_strdup("");
	finding->mends = g_ptr_array_new_with_free_func(mend_free);
	g_ptr_array_add(findings, finding);

	return finding;
}

Finding *finding_add(GPtrArray *findings, const char *step, const char *id, Verdict verdict,
	const char *subject, const char *format, ...)
{
	Finding *finding;
	va_list args;

	va_start(args, format);
	finding = add(findings, step, subject, g_strdup_vprintf(format, args));
	va_end(args);
	finding->verdict = verdict;
	if (id != NULL && verdict != VERDICT_OK)
		finding->id = id;

	return finding;
}

void finding_add_ok(
	GPtrArray *findings, const char *step, const char *subject, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(findings, step, subject, g_strdup_vprintf(format, args));
	va_end(args);
}

void finding_why(Finding *finding, const char *format, ...)
{
	va_list args;

	g_free(finding->why);
	va_start(args, format);
	finding->why = g_strdup_vprintf(format, args);
	va_end(args);
}

void finding_cause(Finding *finding, const char *id, const char *format, ...)
{
	va_list args;

	finding->id = id;
	g_free(finding->why);
	va_start(args, format);
	finding->why = g_strdup_vprintf(format, args);
	va_end(args);
}

void finding_mend(Finding *finding, char *command, bool root)
{
	Mend *mend;

	if (command == NULL)
		return;

	mend = g_new0(Mend, 1);
	mend->command = command;
	mend->root = root;
	g_ptr_array_add(finding->mends, mend);
}

const char *verdict_word(Verdict verdict)
{
	static const char *const words[] = {
		[VERDICT_OK] = "ok",
		[VERDICT_NOTE] = "note",
		[VERDICT_UNKNOWN] = "unknown",
		[VERDICT_WRONG] = "wrong",
	};

	return words[verdict];
}
