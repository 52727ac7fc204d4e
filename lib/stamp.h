/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What can be seen of a directory's entry without opening it, as a text to compare: two processes
 * that get the same saw the same.
 */

#include <glib.h>

G_BEGIN_DECLS

#define STAMP_MAX 256u /* bytes */

/* Of `name` in `dir`; "" if there is no such entry, one word if it is where ground.h does not go.
   An empty name is the directory itself. Of what is no regular file only what it is and whose, not
   when something in it changed. */
char *stamp_take(const char *dir, const char *name) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
