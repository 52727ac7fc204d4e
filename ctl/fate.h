/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What becomes of a propagated certificate when its card leaves or was renewed, when the session
 * ends or its validity, under a given configuration. Tells, decides nothing: the store's plan does
 * that.
 */

#include "config.h"
#include "report.h"

G_BEGIN_DECLS

typedef enum {
	FATE_ON_REMOVAL, /* the card of this claim is taken out */
	FATE_ON_LOGOUT,  /* the session of this host ends */
	FATE_ON_RENEWAL, /* the card is read and carries it no longer */
	FATE_ON_EXPIRY,  /* the card is read when its validity has ended */
} FateEvent;

typedef enum {
	FATE_STAYS,     /* the configuration keeps it */
	FATE_SHARED,    /* the claim goes, another one holds the certificate */
	FATE_HANDED,    /* the claim goes; the user made the certificate his own: it stays */
	FATE_DELETED,   /* it goes with its last claim */
	FATE_ELSEWHERE, /* the claim is another host's: that one decides */
} Fate;

/* "stays", "shared", "handed-over", "deleted", "elsewhere" */
const char *fate_word(Fate fate);
const char *fate_sentence(Fate fate);

Fate fate_of_claim(const Config *config, const ReportCert *cert, const ReportClaim *claim,
	const char *host, FateEvent event);

G_END_DECLS
