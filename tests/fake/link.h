/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The card's side of vpcd's TCP connection: what comes in is a control byte or an APDU. */

#include <glib.h>

#include <stdbool.h>

#define LINK_OFF   0
#define LINK_ON    1
#define LINK_RESET 2
#define LINK_ATR   4

typedef struct Link Link;

/* A message of one byte is a LINK_… control; message NULL: the reader has gone, free the link. */
typedef void (*LinkMessage)(const guint8 *message, gsize length, gpointer data);

Link *link_connect(
	guint16 port, LinkMessage message, gpointer data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void link_free(Link *link);
void link_send(Link *link, const guint8 *message, gsize length);
