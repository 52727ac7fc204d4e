/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The pieces of JSON that more than one command prints.
 */

#include "config.h"
#include "json.h"
#include "report.h"
#include "seen.h"

G_BEGIN_DECLS

/* "path", "application", "profile", "status", "reason" into the open object. */
void emit_database(Json *json, const char *path, const char *application, const char *profile,
	const char *status, const char *reason);
/* What a certificate says of itself, into the open object. */
void emit_cert(Json *json, const ReportCert *cert);
/* What the database says of its trust: "pinned" is ours, "users" is somebody else's word; "none";
   "unknown" of what is not ours, which nobody looked at. */
const char *emit_trust_word(const ReportCert *cert);
/* One claim's members, into the open object. */
void emit_claim(Json *json, const ReportClaim *claim);
/* "manufacturer" … "certificates" into the open object. */
void emit_token(Json *json, const SeenToken *token);
/* An array of faults. */
void emit_faults(Json *json, const char *key, const GPtrArray *faults);

G_END_DECLS
