/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a purge takes away: selectors, and what they mean for the certificates of one database.
 * Pure, as the planner is: it decides, others do it.
 *
 * Selectors are joined by AND. Some look at a claim (whose is it, is its card here, since when):
 * the claims that they name go, and the last one to go decides over the certificate. The others
 * look at the certificate, and take all of its claims.
 */

#include <glib.h>
#include <stdbool.h>

#include "plan.h"

G_BEGIN_DECLS

#define SELECT_TEXT_MAX 1024u /* bytes of one value */

typedef struct Select {
	/* of a claim */
	char *token;    /* serial number or label of it; NULL: any, here and below */
	char *endpoint; /* its name, or the kind before the colon */
	bool absent;    /* the card is known not to be here */
	bool has_before;
	gint64 before; /* claimed before that, Unix seconds */
	/* of a certificate */
	char *subject; /* a part of it, in any case of letters */
	char *issuer;
	bool expired;
	bool all;

	bool unmarked; /* and certificates without our marker that look alike */
} Select;

Select *select_new(void);
Select *select_free(Select *select);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Select, select_free)

/* One more: "token", "subject", "issuer", "endpoint" and "older-than" want a value; "absent",
   "expired", "all" and "unmarked" want "". Errors: CONFIG, with a message for whoever typed it. */
bool select_add(Select *select, const char *kind, const char *value, gint64 now,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Is it enough to go by? Nothing selected is an error and not everything; so is `unmarked` with
   nothing that can tell which. Errors: CONFIG. */
bool select_check(const Select *select, GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct SelectInput {
	const Select *select;
	const char *host;
	gint64 now;
	const GPtrArray *endpoints; /* PlanEndpoint */
	const GPtrArray *present;   /* PlanPresent */
	const GPtrArray *objects;   /* PlanObject: what is marked */
} SelectInput;

/* RELEASE and DELETE steps, reasons "purged" and "adopted". Everything in `input` must outlive it.
 */
Plan *select_plan(const SelectInput *input);

/* Is this certificate, without a marker, one that `unmarked` means? Not by its keys and trust: that
   is for the caller to see. `input->objects` tell what the token of the selector carries. */
bool select_unmarked(const SelectInput *input, const PlanObject *object);
/* A DELETE step, reason "unmarked", for each of `objects` (PlanObject), which must outlive it. */
Plan *select_plan_unmarked(const GPtrArray *objects);

G_END_DECLS
