/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Looks up paths without setting foot on a file system that may never answer: for a process that
 * has to go on whatever hangs.
 */

#include <glib.h>
#include <stdbool.h>
#include <sys/stat.h>

G_BEGIN_DECLS

/* A descriptor for no more than to know what it is (O_PATH). `follow`: if it is a link, what it
   leads to. -1 and errno; EXDEV: the way leads over a network file system or FUSE, and not to the
   home. */
int ground_open(const char *path, bool follow) G_GNUC_WARN_UNUSED_RESULT;
/* The same for what stat() or lstat() says. 0, or -1 and errno. */
int ground_stat(const char *path, bool follow, struct stat *ret_st) G_GNUC_WARN_UNUSED_RESULT;
/* inotify_add_watch(). */
int ground_watch(int inotify, const char *path, guint32 mask) G_GNUC_WARN_UNUSED_RESULT;
/* The error in words: EXDEV, and all that the system has words for. Static. */
const char *ground_strerror(int error);

G_END_DECLS
