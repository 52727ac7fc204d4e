/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An xrdp session with redirected readers (fake-chansrv): those of the rig's pcscd. */

#include <glib.h>

typedef struct RigChansrv RigChansrv;

/* For a home and a display ("10"); as yet without an RDP client. */
RigChansrv *rig_chansrv_new(const char *home, const char *display) G_GNUC_WARN_UNUSED_RESULT;
/* As a session that ends. */
void rig_chansrv_free(RigChansrv *chansrv);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RigChansrv, rig_chansrv_free)

/* An RDP client connects, or disconnects. */
void rig_chansrv_connect(RigChansrv *chansrv);
void rig_chansrv_disconnect(RigChansrv *chansrv);
/* chansrv dies; its socket stays. */
void rig_chansrv_kill(RigChansrv *chansrv);
/* "normal", "silent", "confused", "hasty" or "hostile": see `fake-chansrv --help`. */
void rig_chansrv_set_mode(RigChansrv *chansrv, const char *mode);
/* Requests that have come so far. */
guint64 rig_chansrv_requests(RigChansrv *chansrv);
/* The environment that xrdp gives to the programs of a session, in the place of the given one. */
char **rig_chansrv_environment(
	const RigChansrv *chansrv, char **environment) G_GNUC_WARN_UNUSED_RESULT;
/* The provider library, as it was built. Free with g_free(). */
char *rig_chansrv_library(void) G_GNUC_WARN_UNUSED_RESULT;
