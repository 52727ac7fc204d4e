/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The marker: the value of CKA_URL on a certificate that we created. A text/uri-list, one RFC 7512
 * URI a line, each a claim: one owner of the certificate (claim.h).
 *
 * Lines that are no claim of ours (no x-certprop=1, or not a pkcs11 URI at all) are kept as they
 * are and count as somebody else's: a certificate that has one is never deleted.
 */

#include <glib.h>
#include <stdbool.h>

#include "claim.h"

G_BEGIN_DECLS

#define MARKER_MAX        (64u * 1024u) /* bytes of the whole text */
#define MARKER_CLAIMS_MAX 64u
#define MARKER_OTHERS_MAX 256u

typedef struct Marker {
	GPtrArray *claims; /* Claim, in the order they were made */
	GPtrArray *others; /* char *, lines that are not ours */
} Marker;

Marker *marker_new(void);
/* Takes any bytes. An empty value gives an empty marker. Never fails on content: what cannot be
   understood is somebody else's. Errors: LIMIT. */
Marker *marker_parse(const void *data, gsize len, GError **error) G_GNUC_WARN_UNUSED_RESULT;
Marker *marker_dup(const Marker *marker);
Marker *marker_free(Marker *marker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Marker, marker_free)

/* At least one claim of ours. Only then may anything be done to the certificate. */
bool marker_is_ours(const Marker *marker);
/* A claim says that the certificate's trust object is ours. */
bool marker_trusts(const Marker *marker);
/* The claim of the same owner as `owner`, or NULL; borrowed. */
Claim *marker_find(const Marker *marker, const Claim *owner);
/* "" when nothing is left. Claims first, then the others. Errors: LIMIT. */
char *marker_format(const Marker *marker, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
