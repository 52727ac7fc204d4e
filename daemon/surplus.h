/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The redirected endpoints that exist and have no place: more than SITES_MAX of them.
 */

#include <glib.h>
#include <stdbool.h>

#include "presence.h"
#include "site.h"

G_BEGIN_DECLS

typedef struct Manager Manager;
typedef struct Surplus Surplus;

Surplus *surplus_new(Manager *manager);
Surplus *surplus_free(Surplus *surplus);
/* Site, ranked: those that are left out now. One that is not among them any more has gone, or has a
   place. `more`: there are others, which nobody has counted. */
void surplus_set(Surplus *surplus, const GPtrArray *sites, bool more);
/* One that has had its grace already: nobody answers there. */
void surplus_judge(Surplus *surplus, const char *endpoint);
/* They are more than can be told by name. */
bool surplus_over(const Surplus *surplus);
/* As live and not settled: nothing follows of them. */
void surplus_tell(const Surplus *surplus, Presence *presence);

G_END_DECLS
