/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Notices when xrdp makes a directory for the readers of another display, and what happens in those
 * that nobody else looks after.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct Displays Displays;

/* Calls `func` from the main loop when such a directory comes up in `home`, or something happens in
   one that is followed. Never NULL; why nothing will be noticed is said in the log. */
Displays *displays_new(const char *home, void (*func)(gpointer data), gpointer data);
/* Site: follows these, and no others. Returns whether one is followed that was not before: then
   something may have happened to it that nobody will tell of. */
bool displays_follow(Displays *displays, const GPtrArray *sites);
Displays *displays_free(Displays *displays);

G_END_DECLS
