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

G_END_DECLS
