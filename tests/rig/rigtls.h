/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A TLS server on the loopback that lets nobody in without a certificate of a virtual card. */

#include <glib.h>

#define RIG_TLS_HOST "localhost" /* the name in its certificate */

typedef struct RigTls RigTls;

/* Its own certificate is of the same issuer as those of the cards. */
RigTls *rig_tls_start(void) G_GNUC_WARN_UNUSED_RESULT;
/* Hangs up on everybody. */
void rig_tls_free(RigTls *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RigTls, rig_tls_free)

/* Borrowed. */
const char *rig_tls_port(const RigTls *server);
const char *rig_tls_url(const RigTls *server);
/* How many have so far proved to have the key of a good certificate; and how many came without
   a certificate. */
unsigned rig_tls_admitted(RigTls *server);
unsigned rig_tls_turned_away(RigTls *server);
/* Waits, 20 s, for the next one after so many: it is counted after it has been told. */
void rig_tls_wait_turned_away(RigTls *server, unsigned before);
