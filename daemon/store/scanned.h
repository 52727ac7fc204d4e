/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What certprop-scan said: its frames as tokens of lib/plan.h. It is believed only as a whole, when
 * END has said that it is complete.
 */

#include <glib.h>
#include <stdbool.h>

#include "request.h"
#include "wire.h"

G_BEGIN_DECLS

#define SCANNED_TOKENS_MAX 16u
#define SCANNED_CERTS_MAX  1024u

typedef struct Scanned {
	GPtrArray *tokens; /* PlanToken; worth something only once `ended` */
	unsigned n_certs;  /* CERT frames so far, those that cannot be parsed included */
	GChecksum *sum;    /* of what was found */
	bool ended;        /* END was seen, and said complete */
} Scanned;

Scanned *scanned_new(void);
Scanned *scanned_free(Scanned *scanned);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scanned, scanned_free)

/* Takes the reader's current frame in. Returns false, and the scan counts as failed, when it said
   so itself or what it says makes no sense. */
bool scanned_add(Scanned *scanned, const Request *request, WireReader *frame,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
