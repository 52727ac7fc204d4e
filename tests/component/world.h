/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A certpropd in a world of its own: two virtual readers, an empty home, and the daemon's own
 * socket to ask it what it sees. What is in the database is read as bare SQLite.
 */

#include <gio/gio.h>
#include <stdbool.h>

#include "rig.h"

#define WORLD_READERS 2

typedef struct World {
	RigHome *home;
	char **environment;
	RigProcessOptions where; /* certpropd runs there, with the environment above */
	RigPcscd *pcscd;
	RigProcess *daemon;
	GDBusConnection *bus;
	char *database; /* directory of the shared database */
	RigCard *cards[WORLD_READERS];
} World;

extern World world;

/* For tcase_add_checked_fixture(). pcscd runs, certpropd does not yet. */
void world_setup(void);
void world_teardown(void);

/* The user's certprop.conf. */
void world_configure(const char *text);
/* Starts certpropd. */
void world_launch(void);
/* A new connection to it, in the place of the one that there was. */
void world_connect(void);
/* Starts certpropd and waits until it answers. */
void world_start(void);
/* The same without the right of root to ignore file modes. */
void world_start_plain(void);
/* SIGTERM. Returns the exit status. */
int world_stop(void);
/* A card of `certs` certificates for the reader, not yet in. Borrowed directory: free it. */
char *world_deal(unsigned reader, unsigned certs, const char *guid) G_GNUC_WARN_UNUSED_RESULT;

/* What GetStatus says of the nth reader; NULL if it knows no such reader. Free with g_free(). */
char *world_reader(unsigned reader, const char *key) G_GNUC_WARN_UNUSED_RESULT;
/* Waits until the daemon says that the reader is in this state. */
void world_wait_reader(unsigned reader, const char *state);
/* Waits until the endpoint's service is in this state. */
void world_wait_service(const char *state);
/* Waits until so many certificates of the database carry a marker. */
void world_wait_marked(unsigned n);
/* The first `n` certificates of the card are in the database, each once, each marked. */
void world_check_stored(const char *card, unsigned n);
/* Waits until nothing but certprop-watch runs below the daemon. */
void world_wait_quiet(void);
/* Calls a method without arguments; its answer. */
GVariant *world_call(const char *method) G_GNUC_WARN_UNUSED_RESULT;
