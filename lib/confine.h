/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a helper does to itself before it reads its first byte. The one place where a stronger
 * sandbox goes.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef enum {
	CONFINE_WATCH, /* blocks for days, needs nothing */
	CONFINE_SCAN,  /* runs a foreign module */
	CONFINE_STORE, /* writes databases */
} ConfineProfile;

/* No new privileges, no core dump, resource limits of the profile, umask 077, and death with the
   parent when started by one of ours (`parent` is its pid; 0: started by a person). Ends the
   process if the parent is gone already. */
bool confine_self(ConfineProfile profile, gint64 parent, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
