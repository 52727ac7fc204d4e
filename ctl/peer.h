/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The connection to a running certpropd: its own socket below $XDG_RUNTIME_DIR, peer to peer, so
 * that no session bus is needed.
 */

#include <gio/gio.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* Nobody is kept waiting for a daemon that hangs. */
#define PEER_DEADLINE_MS 1500

typedef struct Peer Peer;

/* Called once. `status` is GetStatus's answer, or NULL and `error`: MISSING when no daemon runs,
   TIMEOUT when one runs and does not answer. Both borrowed. */
typedef void (*PeerFunc)(Peer *peer, GVariant *status, const GError *error, gpointer data);

/* One Event (a{sv}) of the daemon, borrowed. */
typedef void (*PeerEventFunc)(GVariant *event, gpointer data);

/* Connects and asks for the status. `event` may be NULL; none is missed that comes after the
 * status. */
Peer *peer_open(PeerFunc func, PeerEventFunc event, gpointer data);
Peer *peer_free(Peer *peer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Peer, peer_free)

/* Once there was an answer: has it look at every reader again. Does not wait for what comes of it.
 */
bool peer_look(const Peer *peer, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Once there was an answer; borrowed. NULL before. */
GDBusConnection *peer_connection(const Peer *peer);

G_END_DECLS
