/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Is the private key of a propagated certificate here now? That is: is a token that one of its
 * claims names in a live reader? (Whether the card really holds the key cannot be known without a
 * PIN.)
 */

#include "report.h"
#include "seen.h"

G_BEGIN_DECLS

typedef enum {
	KEY_PRESENT, /* the token is in a reader now */
	KEY_ABSENT,  /* it is not, and all cards that are in were read */
	KEY_UNKNOWN, /* it cannot be told */
} Key;

/* "present", "absent", "unknown" */
const char *key_word(Key key);

/* `host` is this machine, as claims name it. */
Key key_of_claim(const ReportClaim *claim, const GPtrArray *endpoints, const char *host);
/* Of all claims together: one token that is here is enough. */
Key key_of_cert(const ReportCert *cert, const GPtrArray *endpoints, const char *host);

G_END_DECLS
