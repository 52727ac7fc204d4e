/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What was seen, told to a store.
 */

#include <glib.h>

#include "presence.h"
#include "seen.h"

G_BEGIN_DECLS

/* SeenEndpoint; may be NULL. */
void tell_add_all(Presence *presence, const GPtrArray *endpoints);
/* SeenEndpoint that a daemon looks after, or nobody does; may be NULL. What was said of the
   redirected ones has aged by the time that a store judges by it, and nobody here watches them: so
   they are told as live and not settled, of which nothing follows. */
void tell_add_others(Presence *presence, const GPtrArray *endpoints);

G_END_DECLS
