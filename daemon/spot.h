/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A redirected endpoint's socket, kept in sight: whether it may be used, and whether it is still
 * the same one.
 */

#include <glib.h>

#include "site.h"

G_BEGIN_DECLS

typedef struct Spot Spot;

/* It is another one, or in another state. From the main loop, never from within spot_new(). */
typedef void (*SpotFunc)(gpointer data);

Spot *spot_new(const Site *site, SpotFunc func, gpointer data);
Spot *spot_free(Spot *spot);

/* Nobody has answered there for a while. Finds out whether anybody listens: if not, the state is
   SITE_STALE until there is another socket, or a later check finds somebody. Returns as
   spot_look(). */
bool spot_doubt(Spot *spot);
/* Looks again, for what nothing tells of (a library that was installed). Returns whether it is
   another one, or in another state; `func` is not called. */
bool spot_look(Spot *spot);
const Site *spot_site(const Spot *spot);
SiteState spot_state(const Spot *spot);
/* Why it is in that state; never NULL. */
const char *spot_detail(const Spot *spot);
/* Another number for each socket. */
unsigned spot_epoch(const Spot *spot);

G_END_DECLS
