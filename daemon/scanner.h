/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How certprop-scan is started for one card and one module, as often as need be. */

#include "helper.h"

G_BEGIN_DECLS

typedef struct Scanner Scanner;
typedef struct PipelineRequest PipelineRequest;

/* Copies what it needs. Without a reader in the request: all of them. */
Scanner *scanner_new(const PipelineRequest *request);
Scanner *scanner_free(Scanner *scanner);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scanner, scanner_free)
unsigned scanner_deadline_ms(const PipelineRequest *request);
/* With this descriptor as its stdout, which is taken; -1: its frames come to `funcs`. */
Helper *scanner_start(Scanner *scanner, int output, const HelperFuncs *funcs, gpointer data,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
