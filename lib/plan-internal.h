/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Shared by the files of the planner: what the tokens of this look offer, and what becomes of a
 * claim.
 */

#include "plan.h"

G_BEGIN_DECLS

/* One certificate on one token, judged. */
typedef struct PlanOffer {
	const PlanToken *token;
	const PlanCert *cert;
	PolicyVerdict verdict;
} PlanOffer;

/* All of them, by certificate, then owner, then wanted ones first: the same for any order of the
   input. */
GArray *plan_offers(const PlanInput *input);

bool plan_same_owner(const PlanOffer *a, const PlanOffer *b);
bool plan_owns(const PlanInput *input, const PlanToken *token, const Claim *claim);

/* The claim is of a session that should have taken it along when it ended. */
bool plan_outlived(const PlanInput *input, const Cert *cert, const Claim *claim);
/* Its endpoint is not there, and that is no reason yet. */
bool plan_waits(const PlanInput *input, const Claim *claim);
/* Why the claim on `cert` goes; NULL if it stays. */
const char *plan_fate(
	const PlanInput *input, const GArray *offers, const Cert *cert, const Claim *claim);

G_END_DECLS
