/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Notices when xrdp makes a directory for the readers of another display.
 */

#include <glib.h>

G_BEGIN_DECLS

typedef struct Displays Displays;

/* Calls `func` from the main loop when such a directory comes up in `home`. Never NULL; why nothing
   will be noticed is said in the log. */
Displays *displays_new(const char *home, void (*func)(gpointer data), gpointer data);
Displays *displays_free(Displays *displays);

G_END_DECLS
