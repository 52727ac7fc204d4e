/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One child process of ours: certprop-watch, certprop-scan or certprop-store. Started with a clean
 * environment and no descriptors but those given, read without blocking, killed at its deadline,
 * always reaped.
 */

#include <gio/gio.h>
#include <stdbool.h>

#include "error.h"
#include "wire.h"

G_BEGIN_DECLS

typedef struct Helper Helper;

typedef struct HelperFuncs {
	/* A frame is current. An error kills the helper and comes back through `ended`. The helper
	   may be freed in here. */
	bool (*frame)(Helper *helper, WireReader *frame, gpointer data, GError **error);
	/* It is reaped and everything that it said was delivered. `error` is NULL if it ended by
	   itself, with status 0 and not in the middle of a frame. Free it here or later. */
	void (*ended)(Helper *helper, const GError *error, gpointer data);
} HelperFuncs;

typedef struct HelperSpec {
	const char *program;     /* NAME_WATCH, NAME_SCAN, NAME_STORE */
	const char *const *args; /* after "--parent PID"; NULL at the end; or NULL */
	const char *endpoint;    /* whose PC/SC service it may reach, or NULL */
	const char *socket;      /* of that, if it is a redirected one, or NULL */
	const char *reader;      /* for the log, or NULL */
	int output;              /* descriptor for its stdout, taken; -1: we read frames from it */
	int extra;               /* descriptor for its descriptor 3, taken; -1: none */
	bool input;              /* helper_send() will be used; else its stdin is empty */
	gsize bytes_max;         /* of frames in its whole life; 0: no end (it lives for days) */
	unsigned deadline_ms;    /* 0: none */
	bool deadline_restarts;  /* with every byte of frames that it sends */
} HelperSpec;

/* Everything in `spec` is copied; the descriptors are taken in any case. NULL if it cannot be
   started. */
Helper *helper_start(const HelperSpec *spec, const HelperFuncs *funcs, gpointer data,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Queues a frame (taken) for its stdin. Nothing is said if it is not interested any more. */
void helper_send(Helper *helper, GBytes *frame);
/* SIGKILL. `ended` comes with this code and reason, unless an earlier error stands. */
void helper_kill(Helper *helper, CertpropError code, const char *why);
/* Kills it if it still runs; it is reaped later, and `ended` does not come. */
Helper *helper_free(Helper *helper);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Helper, helper_free)

/* The status that it ended with by itself, or -1 (killed, or not ended). */
int helper_status(const Helper *helper);
/* It has ended as the dynamic loader ends a program of which a library is missing. */
bool helper_unloadable(const Helper *helper);

/* How many helpers of this process are not reaped yet, freed ones included. */
unsigned helper_living(void);

G_END_DECLS
