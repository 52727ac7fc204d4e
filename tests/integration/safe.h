/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What hostile text must never do: reach a terminal, a nickname or a marker as it is. Judged here
 * by rules of the test's own, not by lib/text.c.
 */

#include "rig.h"

/* How a program is run: its standard output and error are files, or one terminal. */
typedef enum {
	SAFE_FILES,
	SAFE_TERMINAL,
} SafeWhere;

/* Runs the program to its end (60 s). Returns all that it said, with a NUL after it. */
char *safe_run(const char *const *argv, char **environment, SafeWhere where, int *ret_status);

/* Starts it on a terminal of its own. safe_terminal_end() sends SIGTERM, waits, and returns what it
   said. */
typedef struct SafeTerminal SafeTerminal;
SafeTerminal *safe_terminal_start(const char *const *argv, char **environment);
/* What it said so far. Borrowed. */
const char *safe_terminal_text(SafeTerminal *terminal);
char *safe_terminal_end(SafeTerminal *terminal);

/* Valid UTF-8, and nothing in it that a terminal obeys or that shows nothing or turns its
   neighbours round: no control but the line feed, and on a terminal our own colours. */
void safe_assert_text(const char *text, SafeWhere where, const char *what);
/* As above, and not empty, at most 100 bytes, no ':', no blank at either end, one line. */
void safe_assert_nickname(const char *label);
/* One claim on one line of plain ASCII that p11-kit can read, for the token of this serial number
   (NULL: any). */
void safe_assert_marker(const char *url, const char *serial);
