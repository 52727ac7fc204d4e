/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which certificates of a token are propagated. Pure: certificate, configuration and time in,
 * verdict out.
 */

#include <glib.h>

#include "cert.h"
#include "config.h"
#include "wire.h"

G_BEGIN_DECLS

typedef enum {
	POLICY_PROPAGATE,
	POLICY_EXPIRED,
	POLICY_NOT_YET_VALID,
	POLICY_EKU,           /* [filter] require-eku */
	POLICY_ISSUER,        /* [filter] issuers */
	POLICY_ECC,           /* [filter] ecc */
	POLICY_WITHOUT_KEY,   /* [filter] without-key */
	POLICY_DUPLICATE,     /* [filter] duplicates: a newer one is there */
	POLICY_INTERMEDIATE,  /* [ca] intermediates=skip, or a redirected reader */
	POLICY_UNPINNED_ROOT, /* a self-issued CA that the administrator did not pin */
	POLICY_REDIRECTED,    /* [redirected] policy=ignore */
	POLICY_TOO_LARGE,     /* [limits] certificate-bytes */
	POLICY_TOO_MANY,      /* [limits] certificates-per-token */
} PolicyVerdict;

/* As in JSON: "expired", "not-yet-valid", "eku", … ; "propagate" for the first. */
const char *policy_word(PolicyVerdict verdict);

/* One certificate of the token, as the policy sees it. */
typedef struct PolicyItem {
	const Cert *cert;
	WireKey key;
	PolicyVerdict verdict; /* out */
} PolicyItem;

/* A root that the administrator has pinned, on a card in a reader of this machine: nothing else is
   ever trusted. */
bool policy_trusts(const Config *config, const char *endpoint, const Cert *cert);

/* Judges all certificates of one token together (duplicates and caps need all of them). The outcome
   does not depend on their order, but for the cap on their number. */
void policy_judge(
	const Config *config, const char *endpoint, gint64 now, PolicyItem *items, gsize n_items);

G_END_DECLS
