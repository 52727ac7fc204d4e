/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the doctor found at one step: plain data, from which both text and JSON are printed.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef enum {
	VERDICT_OK,
	VERDICT_NOTE,    /* worth knowing; all may be well */
	VERDICT_UNKNOWN, /* it could not be looked at: all may be well, or not */
	VERDICT_WRONG,   /* something does not work because of it */
} Verdict;

/* A line for a shell. */
typedef struct Mend {
	char *command; /* without sudo */
	bool root;     /* it takes root */
} Mend;

typedef struct Finding {
	const char *step; /* static, as the next */
	const char *id;   /* a word of the step's for what is wrong, or "": see docs/doctor.md */
	Verdict verdict;
	char *subject;    /* the reader, database, module … that it is about, or "" */
	char *found;      /* one sentence, no full stop */
	char *why;        /* what that means and what to do, or "" */
	GPtrArray *mends; /* Mend, in the order in which they are to be run */
} Finding;

/* An array that owns Findings. */
GPtrArray *findings_new(void) G_GNUC_WARN_UNUSED_RESULT;

/* Adds one at the end; borrowed. `id` NULL: finding_cause() is going to say it. `subject` NULL:
   none. One that is well has no id, whatever is given here. */
Finding *finding_add(GPtrArray *findings, const char *step, const char *id, Verdict verdict,
	const char *subject, const char *format, ...) G_GNUC_PRINTF(6, 7);
/* One that is well. */
void finding_add_ok(GPtrArray *findings, const char *step, const char *subject, const char *format,
	...) G_GNUC_PRINTF(4, 5);
/* What it means; in the place of what was said before. */
void finding_why(Finding *finding, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The same, where it is this by which a script would tell what to do. */
void finding_cause(Finding *finding, const char *id, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* Takes `command`; NULL is ignored. */
void finding_mend(Finding *finding, char *command, bool root);

/* "ok", "note", "unknown", "wrong" */
const char *verdict_word(Verdict verdict);

G_END_DECLS
