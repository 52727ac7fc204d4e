/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * desired (tokens present × policy) − actual (marked certificates of one database) = plan.
 *
 * Pure: same input, same plan; a plan applied and planned again is empty; a plan never names an
 * object that carries no marker of ours. It knows nothing of NSS: an object is a handle and what
 * was read of it.
 */

#include <glib.h>
#include <stdbool.h>

#include "cert.h"
#include "config.h"
#include "marker.h"
#include "policy.h"

G_BEGIN_DECLS

/* Actual: one certificate object of the database. */
typedef struct PlanObject {
	gulong handle;
	Cert *cert;     /* owned reference; NULL if its DER cannot be parsed (then it has no marker
			   for us: left alone) */
	char *label;    /* CKA_LABEL */
	GBytes *id;     /* CKA_ID */
	Marker *marker; /* NULL if there is no CKA_URL, or one that is over the cap */
	bool has_trust; /* a trust object exists for its issuer and serial */
	bool own_trust; /* it is the only one, and such as we write */
	bool has_key;   /* a public or private key object of the database belongs to it */
} PlanObject;

PlanObject *plan_object_free(PlanObject *object);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlanObject, plan_object_free)

/* The user imported it again: CKA_ID is not ours any more, or he has its key. It is his. */
bool plan_object_reimported(const PlanObject *object);
/* Reimported, or he renamed or trusted it: still ours to tell about, never deleted. */
bool plan_object_adopted(const PlanObject *object);
/* Its trust object is ours: a claim says so, and nobody has changed it. */
bool plan_object_trusted(const PlanObject *object);

/* Desired: a token that was read. */
typedef struct PlanCert {
	Cert *cert; /* owned reference */
	GBytes *id;
	char *object;
	WireKey key;
} PlanCert;

PlanCert *plan_cert_free(PlanCert *cert);

typedef struct PlanToken {
	Token *token;
	char *endpoint;
	char *reader;
	char *module;
	GPtrArray *certs; /* PlanCert */
	bool whole; /* read whole, without error, and the reader is confirmed unchanged: what it no
		       longer carries may be released (if it carries at least one) */
} PlanToken;

PlanToken *plan_token_free(PlanToken *token);

/* What is live on this host. */
typedef struct PlanEndpoint {
	char *name;
	bool live;    /* its readers can be asked, or the grace for that is not over */
	bool settled; /* every card in it was read: who is not in `present` is absent */
} PlanEndpoint;

typedef struct PlanPresent {
	Token *token;
	char *endpoint;
} PlanPresent;

typedef struct PlanInput {
	const Config *config;
	const char *host;
	gint64 now;     /* Unix seconds */
	gint64 session; /* when this user's session here began; 0: not known */
	bool logout;
	bool expecting; /* redirected endpoints that are not named may still come back */
	bool reading;   /* this look is at a card, also if it shows no token: of others it knows
			   only what was so when it began, and judges nothing by their absence */
	bool can_trust; /* the database takes trust: it has no password that would have to be asked
			   for */
	GPtrArray *objects;   /* PlanObject: those that are marked or that a token offers */
	GPtrArray *tokens;    /* PlanToken: what was read in this look; possibly none */
	GPtrArray *endpoints; /* PlanEndpoint */
	GPtrArray *present;   /* PlanPresent: tokens in live readers, those just read included */
	/* NULL, or the SHA-256 (hex) of certificates whose claims by `tokens` turned out to be
	   unfounded: the plan is to take these claims back, and nothing else. */
	GHashTable *doubted;
} PlanInput;

typedef enum {
	PLAN_CREATE,  /* a new object: cert, id, nickname, marker */
	PLAN_CLAIM,   /* write marker: a claim is added or brought up to date, none goes */
	PLAN_RELEASE, /* write marker: a claim goes; "" hands the certificate to the user */
	PLAN_DELETE,  /* the last claim goes and nobody touched it */
	PLAN_KEEP,    /* already as it should be */
	PLAN_SKIP,    /* not propagated, and why */
} PlanAction;

/* As in WIRE_REPORT_STEP. */
const char *plan_word(PlanAction action);

/* What the step means for the trust object. */
typedef enum {
	PLAN_TRUST_LEAVE,
	PLAN_TRUST_GIVE, /* after the marker, which says that it is ours, is written */
	PLAN_TRUST_TAKE, /* before the marker or the certificate goes */
} PlanTrust;

/* Whether our trust, if it is there, is to go when the marker becomes `after` (NULL: the
   certificate goes). */
PlanTrust plan_object_trust_after(const PlanObject *object, const Marker *after);

typedef struct PlanStep {
	PlanAction action;
	PlanTrust trust;
	const PlanObject
		*object;      /* borrowed; NULL for CREATE and for SKIP of one that is not there */
	const PlanCert *cert; /* borrowed; for CREATE and SKIP */
	const PlanToken *token; /* borrowed; for CREATE, CLAIM, KEEP, SKIP */
	Marker *marker;         /* owned: as it should stand afterwards; CREATE, CLAIM, RELEASE */
	const char *reason;     /* static word: "new", "superseded", "policy", "removed", "logout",
				   "swept", "adopted", "users-own", "expired", … */
} PlanStep;

typedef struct Plan {
	GPtrArray *steps;   /* PlanStep: creates and claims first, then releases and deletes */
	unsigned n_waiting; /* claims that stay because their endpoint is expected */
} Plan;

/* Everything in `input` must outlive the plan. */
Plan *plan_make(const PlanInput *input);
Plan *plan_free(Plan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Plan, plan_free)

/* Writes that add (CREATE, CLAIM) and that take away (RELEASE, DELETE). */
unsigned plan_additions(const Plan *plan);
unsigned plan_removals(const Plan *plan);

G_END_DECLS
