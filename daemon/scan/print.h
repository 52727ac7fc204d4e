/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * certprop-scan --print: what is on the cards, for a person, with each certificate as PEM.
 */

#include <stdio.h>

#include "p11.h"

G_BEGIN_DECLS

typedef struct Print {
	FILE *out;
	unsigned n_tokens;
	unsigned n_certs; /* of the last token */
} Print;

/* A sink whose data is a Print. */
extern const P11Sink print_sink;

/* Ends the process, in `seconds`, with a sentence on standard error: a module may never return. */
void print_deadline(unsigned seconds);

/* Says how it went and returns the exit status. `error` is NULL when the scan was complete. */
int print_end(Print *print, const GError *error);

G_END_DECLS
