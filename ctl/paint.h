/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Text on its way to the terminal: colours where they are wanted, and every byte that somebody else
 * wrote made harmless.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef enum {
	PAINT_PLAIN,
	PAINT_STRONG,
	PAINT_FAINT,
	PAINT_GOOD,
	PAINT_NOTE,
	PAINT_BAD,
} Paint;

/* Once, before any output. Colours only if standard output is a terminal, NO_COLOR is unset and
   `never` is false. */
void paint_setup(bool never);
/* Standard output is a terminal. */
bool paint_tty(void);

/* The sequences around a painted text; empty when colours are off. Static. */
const char *paint_begin(Paint paint);
const char *paint_end(Paint paint);

/* For a database's status. */
Paint paint_of_status(const char *status);

/* One line to standard output. Whatever the arguments carry is escaped: the line stays one line. */
void paint_line(Paint paint, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* One line to standard error, with the program's name before it, escaped as well. */
void paint_complain(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* Text that is safe already (a table, JSON) to standard output. */
void paint_raw(const char *text);

G_END_DECLS
