/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A real xrdp: Debian's xrdp, xrdp-sesman and xorgxrdp as another machine, with one user whose home
 * is a RigHome, and an RDP client that lends him the readers of the rig's pcscd. Needs root.
 */

#include "home.h"
#include "process.h"

typedef struct RigXrdp RigXrdp;

/* The machine is up, and nobody is logged in. Home and runtime directory become the user's. */
RigXrdp *rig_xrdp_new(const RigHome *home) G_GNUC_WARN_UNUSED_RESULT;
/* Ends the machine with all that runs in it. */
void rig_xrdp_free(RigXrdp *xrdp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RigXrdp, rig_xrdp_free)

/* The client connects: logs in, or comes back to the session that there is. Returns when the
   session runs and chansrv has made its socket. */
void rig_xrdp_connect(RigXrdp *xrdp);
/* The client leaves, politely or not. Returns when chansrv has noticed. */
void rig_xrdp_disconnect(RigXrdp *xrdp);
void rig_xrdp_lose(RigXrdp *xrdp);
/* The session ends as by logging out. Returns when there is nothing left of it. */
void rig_xrdp_log_out(RigXrdp *xrdp);
void rig_xrdp_kill_chansrv(RigXrdp *xrdp);

/* The session's display without the colon ("10"). Borrowed. */
const char *rig_xrdp_display(const RigXrdp *xrdp);
/* What chansrv has made, whether it is there or not. Borrowed. */
const char *rig_xrdp_socket(const RigXrdp *xrdp);
/* The environment of the programs of the session, as it is. Free with g_strfreev(). */
char **rig_xrdp_environment(const RigXrdp *xrdp) G_GNUC_WARN_UNUSED_RESULT;
/* For rig_process_start(): there, as the user. */
RigProcessOptions rig_xrdp_options(const RigXrdp *xrdp, char **environment);
