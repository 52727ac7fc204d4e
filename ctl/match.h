/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Finding the certificate that a user means.
 */

#include "report.h"

G_BEGIN_DECLS

#define MATCH_PREFIX_MIN 4 /* hex digits of a SHA-256 */

typedef struct Match {
	const ReportDatabase *database;
	const ReportCert *cert;
} Match;

/* Match, of every database: those whose nickname is `text`; if there is none, those whose SHA-256
   begins with it or whose serial number it is; if there is none, those whose subject or nickname
   contains it, in any case of letters. */
GPtrArray *match_text(const Report *report, const char *text);
/* Match: those with this SHA-256 (64 hex digits). */
GPtrArray *match_sha256(const Report *report, const char *sha256);
/* How many different certificates they are. */
guint match_distinct(const GPtrArray *matches);

/* The SHA-256 of the one certificate in a file's content, PEM or DER. Errors: DAMAGED. */
char *match_file_sha256(const guint8 *data, gsize len, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
