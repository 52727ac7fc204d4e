/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One connection of fake-chansrv, from its first request to its end. */

#include <glib.h>

#include <stdbool.h>

typedef enum {
	SERVE_NORMAL,
	SERVE_SILENT,   /* requests are read, and that is all */
	SERVE_CONFUSED, /* no card can be used, whatever a connect says */
	SERVE_HASTY,    /* a wait for a change ends at once, without one */
	SERVE_HOSTILE,  /* see hostile.h */
} ServeMode;

/* What the process that takes commands shares with those that serve. */
typedef struct {
	gint mode;     /* ServeMode */
	gint client;   /* which RDP client is connected, counted from 1; 0: none */
	gint requests; /* that came */
	gint seed;     /* of a hostile one */
} ServeShared;

/* Ends with the connection. Borrows what is shared. */
void serve(int fd, ServeShared *shared);
