/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Deals a virtual card: a directory with NAME.der and NAME.pem for each filled slot, `chuid` (the
 * GUID in hex, from which OpenSC takes the token's serial number) and ca.der, the issuer.
 */

#include "slots.h"

typedef enum {
	DEAL_MIXED, /* RSA in the 1st, 3rd, … place, EC in the 2nd, 4th, … */
	DEAL_RSA,
	DEAL_EC,
} DealKeys;

typedef struct {
	unsigned certs;   /* 0 to SLOT_COUNT */
	const char *guid; /* 32 hex digits; NULL: a fixed one */
	const char *cn;   /* any bytes; NULL: "Ada Lovelace" */
	gssize cn_length; /* 0 or -1: cn ends at its NUL; to say "empty" pass cn "" */
	const char
		*token_cn; /* CN of the first certificate, which OpenSC makes the token's label */
	gsize token_cn_length;
	const char *email; /* of all of them, which may then encrypt mail as well; or NULL */
	DealKeys keys;
	guint32 expired; /* bit i: place i is no longer valid */
	guint32 ca;      /* bit i: place i holds a CA certificate */
	guint32 empty;   /* bit i: place i holds nothing */
} Deal;

/* Makes the directory if need be; what was on the card before is gone. */
bool deal_card(const char *directory, const Deal *deal, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* A new certificate for a filled place, with the subject and the usages of the old one, a later
   start and another serial number; new_key: with a fresh key of the same kind. */
bool deal_renew(const char *directory, unsigned index, bool new_key,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
