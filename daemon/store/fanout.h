/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Over all databases, so that none waits for another one's lock.
 */

#include <glib.h>
#include <stdbool.h>

#include "run.h"

G_BEGIN_DECLS

/* Does what is to be done with one database. Returns false if that is locked and nothing was done
   and nothing said: it is then called again, at the latest with `last`, when that counts as a
   failure like any other. */
typedef bool (*FanoutFunc)(Run *run, bool last, gpointer data);

/* Somebody has it locked, and there is time to wait. */
bool fanout_comes_again(const GError *error, bool last);
/* Calls it for each of `runs` (Run), those that are free first. */
void fanout(const GPtrArray *runs, FanoutFunc func, gpointer data);

G_END_DECLS
