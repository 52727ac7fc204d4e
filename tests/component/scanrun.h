/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Runs the real certprop-scan and takes its frames apart.
 */

#include <glib.h>
#include <stdbool.h>

#include "wire.h"

typedef struct ScanCert {
	guint token; /* index of the token it belongs to */
	GBytes *id;
	char *label;
	guint64 key;
	GBytes *der;
} ScanCert;

typedef struct ScanToken {
	char *manufacturer, *model, *serial, *label;
	guint64 initialized;
} ScanToken;

typedef struct ScanRun {
	GPid pid;
	int out, err;
	GString *output; /* everything on standard output, when it is no frames */
	GString *errors;
	WireReader *frames;

	GPtrArray *tokens; /* ScanToken */
	GPtrArray *certs;  /* ScanCert */
	GPtrArray *notes;  /* char * */
	bool ended;        /* an END frame came */
	guint64 code;      /* of it: 0 complete, else CertpropError + 1 */
	char *reason;
	bool exited; /* by itself, with `status`; otherwise by a signal */
	int status;
} ScanRun;

/* Starts it with these arguments and with NAME=VALUE settings on top of our environment. */
ScanRun *scan_run_start(const char *const *arguments, const char *const *settings);
/* Reads until END and the exit, or fails the test after 20 s. */
void scan_run_finish(ScanRun *run);
/* Reads until `text` stands on standard error, or fails the test after 20 s. */
void scan_run_wait_error(ScanRun *run, const char *text);
/* Reads what comes within `ms`; for what must not come. */
void scan_run_linger(ScanRun *run, int ms);
/* Without frames: gathers standard output as text, until the exit. */
void scan_run_finish_text(ScanRun *run);
/* Kills it if it runs. */
void scan_run_free(ScanRun *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ScanRun, scan_run_free)

const ScanToken *scan_run_token(const ScanRun *run, guint i);
const ScanCert *scan_run_cert(const ScanRun *run, guint i);
