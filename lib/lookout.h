/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Notices what happens to one path, whether it exists or not, through a descriptor that can be
 * polled.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct Lookout Lookout;

/* Never NULL; where the kernel gives no inotify, nothing is ever noticed (lookout_fd() is -1). */
Lookout *lookout_new(const char *path);
Lookout *lookout_free(Lookout *lookout);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Lookout, lookout_free)

/* Readable when there is something to take. */
int lookout_fd(const Lookout *lookout);
/* Takes what has happened. Returns true if it concerns the path. */
bool lookout_take(Lookout *lookout);
/* An errno: why nothing will be noticed (EMFILE: no more instances, ENOSPC: no more watches), or
   nothing but a change of the way there (EACCES: a directory may not be read; EXDEV: see
   ground.h); 0: all is well. */
int lookout_error(const Lookout *lookout);
/* Which of the kernel's limits is behind such an error, as the end of a sentence; "" if none is. */
const char *lookout_limit(int error);
/* The directory in which it is, or would be, exists. */
bool lookout_near(const Lookout *lookout);

G_END_DECLS
