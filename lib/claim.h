/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A claim: one owner of a certificate that we created, as one RFC 7512 URI. Parsed and formatted
 * with p11-kit's URI API; this is the only place that includes it. See marker.h for the list of
 * them.
 */

#include <glib.h>
#include <stdbool.h>

#include "token.h"

G_BEGIN_DECLS

typedef struct Claim {
	Token *token;
	GBytes *id;     /* CKA_ID of the certificate on the token */
	char *object;   /* CKA_LABEL of it there */
	char *module;   /* path of the PKCS#11 module it was read with */
	char *endpoint; /* "local", "forwarded:NAME", "xrdp:N" */
	char *reader;   /* the reader through which it came; information only */
	char *host;     /* host_here() of the machine that claimed */
	char *since;    /* ISO 8601 UTC, written once */
	char *nickname; /* the CKA_LABEL that we gave the certificate; the same in every claim */
	bool trust;     /* for this owner it got a trust object: it is a root that is pinned */
} Claim;

Claim *claim_dup(const Claim *claim);
Claim *claim_free(Claim *claim);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Claim, claim_free)

/* NULL if the line is no claim of ours: no PKCS#11 URI, or without x-certprop=1. What the URI
   leaves out is an empty text. */
Claim *claim_parse(const char *line) G_GNUC_WARN_UNUSED_RESULT;
/* One line, no newline, ASCII only. Over-long fields are cut. */
char *claim_format(const Claim *claim, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* It tells of the certificate with this CKA_ID and label on its token, as far as it can keep them.
 */
bool claim_same_object(const Claim *claim, GBytes *id, const char *object);
void claim_set_object(Claim *claim, GBytes *id, const char *object);

/* The same owner: token, endpoint and host agree. */
bool claim_same_owner(const Claim *a, const Claim *b);
/* Manufacturer, model and serial agree. Two tokens without identity pass for the same when
   manufacturer and model do: only the certificate at hand can tell more. */
bool claim_same_token(const Token *a, const Token *b);

G_END_DECLS
