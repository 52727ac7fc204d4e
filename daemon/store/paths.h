/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Names of directories: what they stand for, and whether one lies within another.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* With the home directory for "~". */
char *paths_expand(const char *path) G_GNUC_WARN_UNUSED_RESULT;
/* The absolute path behind symlinks, as far as there is one. */
char *paths_resolve(const char *path) G_GNUC_WARN_UNUSED_RESULT;
/* Both as they are, without a link followed. */
bool paths_below(const char *dir, const char *fence);
/* A pattern as in [databases] exclude means this path, which is absolute, or something above it. */
bool paths_match(const char *pattern, const char *path);

G_END_DECLS
