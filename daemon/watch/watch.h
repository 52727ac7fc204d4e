/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The watcher's loop: waits for PC/SC to change, says what is.
 */

#include <glib.h>
#include <stdbool.h>

#include "pcsc.h"

G_BEGIN_DECLS

#define WATCH_SETTLE_MS    2000u    /* after a new list of readers, look at it once more */
#define WATCH_ROUND_MS     3600000u /* otherwise, look again without a reason this often */
#define WATCH_PAUSE_MIN_MS 1000u    /* between two attempts to reach the service … */
#define WATCH_PAUSE_MAX_MS 60000u   /* … at most */
#define WATCH_IDLE_MAX     8u       /* wakes in a row that bring nothing new, before a pause … */
#define WATCH_CALM_MAX_MS  1000u    /* … of at most this */

typedef enum {
	WATCH_WAKE_TIMEOUT, /* the time is over */
	WATCH_WAKE_CHANGED, /* something happened to the service's socket */
	WATCH_WAKE_CLOSED,  /* nobody reads what we say any more */
} WatchWake;

typedef struct Watch {
	const PcscOps *ops;
	gpointer ops_data;
	/* Waits without PC/SC, for `ms` at most. */
	WatchWake (*pause)(gpointer data, guint32 ms);
	gpointer pause_data;
	const char *endpoint; /* its name, for what is said to people */
	int fd;               /* where frames go */
	bool once;
} Watch;

/* Runs until nobody reads from `fd` any more (true), or one picture was sent and `once` is set
   (true), or it could not be sent (false). */
bool watch_run(const Watch *watch, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
