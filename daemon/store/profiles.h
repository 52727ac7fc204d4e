/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which profiles a Mozilla program has: profiles.ini, installs.ini.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

#define PROFILES_INI  "profiles.ini"
#define INSTALLS_INI  "installs.ini"
#define PROFILES_MAX  128u                 /* that one file may name */
#define PROFILES_SIZE ((gsize)256 * 1024u) /* bytes of one file */

typedef struct Profile {
	char *dir; /* absolute; as it was written, and believed by nobody yet */
	char *name;
} Profile;

/* Adds what `file` in the directory `base` names to `profiles` (Profile). A file that is not there
   names nothing, and that is no error. Errors: FOREIGN, DAMAGED, DENIED, LIMIT; what was added
   until then stays. */
bool profiles_read(const char *base, const char *file, GPtrArray *profiles,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* An array for it. */
GPtrArray *profiles_new(void) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
