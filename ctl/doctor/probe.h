/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One certprop-scan whose result is only counted: does the module load, and what does it show of a
 * card without a PIN?
 */

#include <glib.h>
#include <stdbool.h>

#include "config.h"

G_BEGIN_DECLS

#define PROBE_NOTES_MAX 8u

typedef struct Probe {
	char *module;   /* as in the configuration */
	char *path;     /* where that is */
	char *reader;   /* NULL: the module alone, no card */
	GError *error;  /* NULL if all went well */
	bool no_scan;   /* it is certprop-scan itself that cannot be run */
	guint n_tokens; /* and of these, not initialised: */
	guint n_blank;
	guint n_certs; /* and of these, not readable: */
	guint n_opaque;
	guint n_keys;     /* certificates whose private key was seen */
	guint n_without;  /* whose key is not there */
	GPtrArray *notes; /* char *: what was passed over; at most PROBE_NOTES_MAX */
} Probe;

/* Runs it to its end, or to the deadline of [limits] scan-seconds. `others` (char *): readers that
   are none of its business. */
Probe *probe_run(const Config *config, const char *module, const char *reader,
	const GPtrArray *others) G_GNUC_WARN_UNUSED_RESULT;
void probe_free(Probe *probe);

G_END_DECLS
