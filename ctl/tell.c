/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From what was seen to what a store is told.
 */

#include "tell.h"

#include "route.h"

/* One that a daemon holds, because its client may be just coming back, is neither gone nor are its
   cards; nor is one of which nothing was heard, for want of a helper that works. */
static void tell_add(Presence *presence, const SeenEndpoint *seen)
{
	bool open = seen->held || seen->unheard;

	presence_add_endpoint(
		presence, seen->name, seen_endpoint_live(seen) || open, seen->settled && !open);
	for (guint i = 0; i < seen->readers->len; i++) {
		const SeenReader *reader = g_ptr_array_index(seen->readers, i);

		for (guint j = 0; j < reader->tokens->len; j++) {
			const SeenToken *token = g_ptr_array_index(reader->tokens, j);

			presence_add_token(presence, seen->name, reader->name, token->token);
		}
	}
}

void tell_add_others(Presence *presence, const GPtrArray *endpoints)
{
	for (guint i = 0; endpoints != NULL && i < endpoints->len; i++) {
		const SeenEndpoint *seen = g_ptr_array_index(endpoints, i);

		if (route_redirected(seen->name))
			presence_add_endpoint(presence, seen->name, true, false);
	}
}

void tell_add_all(Presence *presence, const GPtrArray *endpoints)
{
	for (guint i = 0; endpoints != NULL && i < endpoints->len; i++)
		tell_add(presence, g_ptr_array_index(endpoints, i));
}
