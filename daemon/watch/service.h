/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where the service will appear: its socket in the file system.
 */

#include <glib.h>
#include <stdbool.h>

#include "watch.h"

G_BEGIN_DECLS

typedef struct Service Service;

/* `path` of the socket, which need not exist, nor any directory on the way to it. `fd` is where
   frames go: a pipe that nobody reads any more ends a wait. Never fails: where inotify does not
   work, a wait only ends with its time. */
Service *service_new(const char *path, int fd);
Service *service_free(Service *service);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Service, service_free)

/* Waits until something happens to the socket (also if it did since the last call), at most `ms`.
 */
WatchWake service_wait(Service *service, guint32 ms);

G_END_DECLS
