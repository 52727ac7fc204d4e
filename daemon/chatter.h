/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a helper writes to stderr: lines for the log, capped.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

#define CHATTER_LINE_MAX  1024u       /* bytes of one line; the rest of it is dropped */
#define CHATTER_LINES_MAX 200u        /* lines that are logged of one helper */
#define CHATTER_BYTES_MAX (16u << 20) /* then it is no diagnostic any more */

typedef struct Chatter {
	char *program;
	char *endpoint; /* or NULL */
	char *reader;   /* or NULL */
	GString *line;  /* the unfinished one */
	char *last;     /* the last whole line that was not empty, or NULL */
	unsigned n_lines;
	gsize n_bytes;
} Chatter;

Chatter *chatter_new(const char *program, const char *endpoint, const char *reader);
Chatter *chatter_free(Chatter *chatter);
/* Returns false once there was more than CHATTER_BYTES_MAX of it. */
bool chatter_push(Chatter *chatter, const char *data, gsize len);
/* The stream is at its end: what is left is a line. */
void chatter_end(Chatter *chatter);

G_END_DECLS
