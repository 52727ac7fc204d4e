/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where a propagated certificate comes from, one claim at a time: from which card, through what,
 * when and why, whether its key is here now, and what becomes of it.
 */

#include "config.h"
#include "json.h"
#include "live.h"
#include "report.h"

G_BEGIN_DECLS

/* In plain words, as rows of a table. */
void provenance_print(
	const Config *config, const Live *live, const ReportCert *cert, const ReportClaim *claim);
/* The same as an object of the array that is open. */
void provenance_put(Json *json, const Config *config, const Live *live, const ReportCert *cert,
	const ReportClaim *claim);

G_END_DECLS
