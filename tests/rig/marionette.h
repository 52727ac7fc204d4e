/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A connection to a running Firefox by which scripts are run in it with all its privileges. */

#include <glib.h>

typedef struct Marionette Marionette;

/* Returns with a session. */
Marionette *marionette_new(guint16 port) G_GNUC_WARN_UNUSED_RESULT;
void marionette_free(Marionette *marionette);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Marionette, marionette_free)

/* Runs a script, which returns a string, with one string as its arguments[0] (NULL: ""). NULL while
   Firefox asks its user something, which stops scripts. Any other failure fails the test. */
char *marionette_run(
	Marionette *marionette, const char *script, const char *argument) G_GNUC_WARN_UNUSED_RESULT;
/* Ends Firefox. */
void marionette_quit(Marionette *marionette);
