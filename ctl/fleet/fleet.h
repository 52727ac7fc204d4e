/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One command, in the homes of many users.
 */

#include <stdbool.h>

#include "inside.h"

G_BEGIN_DECLS

#define FLEET_SECONDS_DEFAULT 300
#define FLEET_SECONDS_MAX     86400

typedef struct Fleet {
	const char *verb;
	const char *homes; /* a directory of homes; NULL: the accounts' */
	int seconds;       /* for each user */
	bool json, dry_run;
	InsideFunc func; /* the command, in each child; it prints one JSON object */
	gpointer data;
} Fleet;

/* As root. Before anything in this process was asked about a home, a user or the main loop.
   Returns the exit status. */
int fleet_run(const Fleet *fleet);

G_END_DECLS
