/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One user's turn: a child that becomes the user and runs the command, and what came of it.
 */

#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>

#include "inside.h"
#include "json.h"
#include "users.h"

G_BEGIN_DECLS

#define VISIT_BYTES_MAX     (8u << 20) /* of the child's JSON */
#define VISIT_COMPLAINT_MAX 2048u      /* of its complaints */

typedef enum { VISIT_OK, VISIT_FAILED, VISIT_SKIPPED } VisitStatus;

typedef struct VisitResult {
	User *user; /* as far as he is known */
	VisitStatus status;
	char *reason; /* one line, safe to print; "" for VISIT_OK */
	JsonDoc *doc; /* what the command printed; NULL if that cannot be used */
} VisitResult;

typedef struct Visit Visit;

typedef struct VisitPlan {
	InsideFunc func;
	gpointer data;
	gint64 timeout;       /* microseconds */
	const sigset_t *mask; /* of signals, for the child */
} VisitPlan;

/* Forks. In a process with one thread and nothing in its output buffers. */
Visit *visit_start(
	const User *user, const VisitPlan *plan, GError **error) G_GNUC_WARN_UNUSED_RESULT;

#define VISIT_FDS 3
/* What to wait for; after poll(), what happened. */
void visit_watch(const Visit *visit, struct pollfd fds[VISIT_FDS]);
void visit_serve(Visit *visit, const struct pollfd fds[VISIT_FDS]);
/* When it will be killed, by the monotonic clock. */
gint64 visit_deadline(const Visit *visit);
/* Kills it if its time is over. */
void visit_check(Visit *visit, gint64 now);
/* It has this long, at most. */
void visit_hurry(Visit *visit, gint64 until);
bool visit_ended(const Visit *visit);
/* After its end, once. */
VisitResult *visit_result(Visit *visit) G_GNUC_WARN_UNUSED_RESULT;
VisitResult *visit_result_free(VisitResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VisitResult, visit_result_free)
/* Kills it, if it still runs, and waits for that. */
Visit *visit_free(Visit *visit);

G_END_DECLS
