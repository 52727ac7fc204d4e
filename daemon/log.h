/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What we say to people and to the journal. Objects are given as fields, so that a journal can be
 * searched by reader or certificate; the sentence is for people.
 *
 * Levels: G_LOG_LEVEL_CRITICAL something was lost; WARNING something is ignored or waits; MESSAGE a
 * change of state; INFO only with --verbose; DEBUG for developers.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* What a message is about; NULL where it is not about such a thing. */
typedef struct LogContext {
	const char *endpoint;
	const char *reader;
	const char *token;
	const char *cert; /* SHA-256, hex */
	const char *database;
	const char *action;
	const char *reason;
	const char *helper;
} LogContext;

/* Once, at start. `program` is a literal. */
void log_init(const char *program, bool verbose);
/* Escapes the whole sentence and every field: callers pass what a card or a module said as it is.
   `context` may be NULL. */
void log_say(GLogLevelFlags level, const LogContext *context, const char *format, ...)
	G_GNUC_PRINTF(3, 4);

G_END_DECLS
