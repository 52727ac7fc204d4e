/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which redirected endpoints there are: those that the configuration names, and xrdp's.
 */

#include <glib.h>
#include <stdbool.h>

#include "endpoint.h"
#include "presence.h"

G_BEGIN_DECLS

typedef struct Redirected Redirected;

Redirected *redirected_new(Manager *manager);
Redirected *redirected_free(Redirected *redirected);
/* Finds them; again when the configuration has changed. */
void redirected_update(Redirected *redirected);
/* Which there are, and which of them have a place, may be another thing now. May be called from
   anywhere: nothing happens before redirected_settle(). */
void redirected_review(Redirected *redirected);
/* Looks, if that is due, and forgets (and frees) those of xrdp's whose directory has gone, and
   whose grace is over. Both of NULL do nothing. */
void redirected_settle(Redirected *redirected);
/* What is to be known of those that are not among the manager's endpoints. */
void redirected_tell(const Redirected *redirected, Presence *presence);
/* There are claims that wait for one: it will be looked at them when that is over. */
void redirected_await(Redirected *redirected);
/* Those that are not named may be there: the daemon has just started, or they are too many. */
bool redirected_expecting(const Redirected *redirected);
/* Names of those that are over the cap; "" if there are none. */
const char *redirected_left_out(const Redirected *redirected);

G_END_DECLS
