/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A scratch home, and the environment in which the product's programs run in it. */

#include <glib.h>
#include <sys/types.h>

typedef struct {
	char *home, *config, *data, *state, *cache, *runtime;
} RigHome;

/* All directories are there, private and empty; they go with the rig's directory. */
RigHome *rig_home_new(void) G_GNUC_WARN_UNUSED_RESULT;
void rig_home_free(RigHome *home);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RigHome, rig_home_free)

/* HOME, XDG_…, PATH, TMPDIR, a UTF-8 locale, helpers from the build directory, the pcscd of an
   activated rig, and what sanitizers read; nothing else of the test's own. Free with
   g_strfreev(); add to it with g_environ_setenv(). */
char **rig_home_environment(const RigHome *home) G_GNUC_WARN_UNUSED_RESULT;
/* Writes a file below the home, with its directories. */
void rig_home_write(const RigHome *home, const char *path, const char *text);
/* The path of something below the home. Free with g_free(). */
char *rig_home_path(const RigHome *home, const char *path) G_GNUC_WARN_UNUSED_RESULT;
/* To another user, who may then pass through the rig's directory on his way to it. */
void rig_home_give(const RigHome *home, uid_t user);
