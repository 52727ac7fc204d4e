/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who is at the other end of a connection: a client on our own socket, or the session bus. It is
 * offered the interface, and what it leaves lying has an end.
 */

#include <gio/gio.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct Guest Guest;

/* The connection was closed, by either side. Free the guest. */
typedef void (*GuestFunc)(Guest *guest, gpointer data);

/* Exports the interface. NULL, with an error, if that fails. `calls_max` of its calls may wait for
   their answers; with more it is shown out. 0: no limit. */
Guest *guest_new(GDBusConnection *connection, GDBusInterfaceSkeleton *skeleton, unsigned calls_max,
	GuestFunc left, gpointer data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Closes the connection, with all that was not taken. `left` does not come. */
Guest *guest_free(Guest *guest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Guest, guest_free)

/* It has to be gone after so long. */
void guest_limit(Guest *guest, unsigned ms);
/* An event is about to go to everybody. False if it does not take those that it got: free it. */
bool guest_takes_event(Guest *guest) G_GNUC_WARN_UNUSED_RESULT;
const GDBusInterfaceSkeleton *guest_skeleton(const Guest *guest);

G_END_DECLS
