/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the readers of all endpoints show, for `certpropctl monitor` without a daemon.
 */

#include <gio/gio.h>

#include "config.h"

G_BEGIN_DECLS

typedef struct Scene Scene;

/* An event, as change.h makes them. */
typedef void (*SceneFunc)(GVariant *event, gpointer data);

/* `config` must outlive it; NULL: only the readers of this machine are watched. */
Scene *scene_new(const Config *config, SceneFunc func, gpointer data);
Scene *scene_free(Scene *scene);

G_END_DECLS
