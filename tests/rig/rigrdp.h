/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The machine that somebody sits at: a screen (Xvfb) and an RDP client (rdesktop) that lends the
   readers of the rig's pcscd to the session. */

#include <glib.h>
#include <stdbool.h>

typedef struct RigRdp RigRdp;

/* With a screen, without a client. */
RigRdp *rig_rdp_new(void) G_GNUC_WARN_UNUSED_RESULT;
void rig_rdp_free(RigRdp *rdp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RigRdp, rig_rdp_free)

/* Starts the client, and does not wait for what comes of it. */
void rig_rdp_start(RigRdp *rdp, const char *user, const char *password);
bool rig_rdp_runs(RigRdp *rdp);
/* The client ends, by itself or not. */
void rig_rdp_stop(RigRdp *rdp);
/* As when the line goes: no word of farewell. */
void rig_rdp_kill(RigRdp *rdp);
/* What the client has said. Free with g_free(). */
char *rig_rdp_errors(const RigRdp *rdp) G_GNUC_WARN_UNUSED_RESULT;
