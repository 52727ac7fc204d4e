/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* The file system that `path` is on can be asked about it, whether it is there or not. Takes a
   moment where it cannot. */
bool answers(const char *path) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
