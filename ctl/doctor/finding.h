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
	VERDICT_NOTE,  /* worth knowing; all may be well */
	VERDICT_WRONG, /* something does not work because of it */
} Verdict;

/* A line for a shell. */
typedef struct Mend {
	char *command; /* without sudo */
	bool root;     /* it takes root */
} Mend;

typedef struct Finding {
	const char *step; /* static */
	Verdict verdict;
	char *subject;    /* the reader, database, module … that it is about, or "" */
	char *found;      /* one sentence, no full stop */
	char *why;        /* what that means and what to do, or "" */
	GPtrArray *mends; /* Mend, in the order in which they are to be run */
} Finding;

/* An array that owns Findings. */
GPtrArray *findings_new(void) G_GNUC_WARN_UNUSED_RESULT;

/* Adds one at the end; borrowed. `subject` NULL: none. */
Finding *finding_add(GPtrArray *findings, const char *step, Verdict verdict, const char *subject,
	const char *format, ...) G_GNUC_PRINTF(5, 6);
void finding_why(Finding *finding, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Takes `command`; NULL is ignored. */
void finding_mend(Finding *finding, char *command, bool root);

/* "ok", "note", "wrong" */
const char *verdict_word(Verdict verdict);

G_END_DECLS
