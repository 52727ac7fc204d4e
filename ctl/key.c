/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Presence is a statement about tokens, never a guess: "absent" is said only of a claim of this
 * host whose endpoint answers and has all its cards read. A card that another host propagated may
 * be in that host's reader; a card that could not be read may be the one. A token without identity
 * (no serial) that is here may be any card of its kind, so it makes nothing "present".
 */

#include "key.h"

#include <string.h>

const char *key_word(Key key)
{
	switch (key) {
	case KEY_PRESENT:
		return "present";
	case KEY_ABSENT:
		return "absent";
	case KEY_UNKNOWN:
		return "unknown";
	}

	return "unknown";
}

Key key_of_claim(const ReportClaim *claim, const GPtrArray *endpoints, const char *host)
{
	if (seen_find_token(endpoints, claim->token) != NULL)
		return token_has_identity(claim->token) ? KEY_PRESENT : KEY_UNKNOWN;

	if (strcmp(claim->host, host) != 0)
		return KEY_UNKNOWN;

	const SeenEndpoint *endpoint = seen_find(endpoints, claim->endpoint);
	if (endpoint == NULL || !seen_endpoint_live(endpoint) || !endpoint->settled)
		return KEY_UNKNOWN;

	return KEY_ABSENT;
}

Key key_of_cert(const ReportCert *cert, const GPtrArray *endpoints, const char *host)
{
	Key key = cert->claims->len > 0 ? KEY_ABSENT : KEY_UNKNOWN;

	for (guint i = 0; i < cert->claims->len; i++) {
		Key one = key_of_claim(g_ptr_array_index(cert->claims, i), endpoints, host);

		if (one == KEY_PRESENT)
			return KEY_PRESENT;
		if (one == KEY_UNKNOWN)
			key = KEY_UNKNOWN;
	}

	return key;
}
