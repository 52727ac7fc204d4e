/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A machine with Debian's xrdp, xrdp-sesman and xorgxrdp, and one user whose home is a RigHome. It
   listens where only programs of the test reach it. Needs root. */

#include "home.h"
#include "process.h"

#define RIG_SERVER_USER     "ada"
#define RIG_SERVER_USER_ID  29999
#define RIG_SERVER_PASSWORD "secret" /* of which rig/xrdp/shadow has the hash */

typedef struct RigServer RigServer;

/* Up, with nobody logged in. Home and runtime directory become the user's. */
RigServer *rig_server_new(const RigHome *home) G_GNUC_WARN_UNUSED_RESULT;
/* Ends with all that runs in it. */
void rig_server_free(RigServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RigServer, rig_server_free)

pid_t rig_server_sesman(const RigServer *server);
/* For rig_process_start(): there, as the user. */
RigProcessOptions rig_server_options(const RigServer *server, char **environment);
/* What it has logged, for a test that fails. Free with g_free(). */
char *rig_server_story(const RigServer *server) G_GNUC_WARN_UNUSED_RESULT;
