/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What happened between two views of an endpoint's readers, for `certpropctl monitor` without a
 * daemon.
 */

#include <gio/gio.h>

#include "watcher.h"

G_BEGIN_DECLS

typedef struct Change Change;

Change *change_new(const char *endpoint);
Change *change_free(Change *change);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Change, change_free)

/* Compares with the view before it (none at first) and keeps what it needs of this one. Returns
   GVariant a{sv}, one for each event: service, card-out, card-in. */
GPtrArray *change_update(Change *change, const WatcherView *view);
/* There is no view any more, and why: a state in the place of that of a service. */
GPtrArray *change_end(Change *change, const char *state);

G_END_DECLS
