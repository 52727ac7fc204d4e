/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The socket of our own: lets processes of the same user in, with a deadline for their saying who
 * they are. What they may do inside is not its business.
 */

#include <gio/gio.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct Door Door;

/* In the main loop. A connection that nobody takes a reference to is closed; its messages wait for
   g_dbus_connection_start_message_processing(). It may be closed already. */
typedef void (*DoorFunc)(GDBusConnection *connection, gpointer data);

/* Listens at the path, where nothing may be. */
Door *door_open(
	const char *path, DoorFunc func, gpointer data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Nobody comes in any more. The file at the path goes. */
Door *door_close(Door *door);

G_END_DECLS
