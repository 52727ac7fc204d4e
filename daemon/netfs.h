/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * File systems that other machines may have a hand in.
 */

#include <glib.h>

G_BEGIN_DECLS

/* By statfs()'s f_type; NULL: it is this machine's alone. */
const char *netfs_name(guint64 type);
/* Of the file system on which the path is; NULL also if that cannot be told. */
const char *netfs_of(const char *path);

G_END_DECLS
