/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where the file system begins on which something is.
 */

#include <glib.h>

G_BEGIN_DECLS

/* The directory on which it is mounted; NULL: that cannot be told. */
char *mount_point(const char *path) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
