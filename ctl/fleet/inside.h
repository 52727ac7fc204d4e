/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The child of one visit: what it does until it is the user, and after that.
 */

#include <glib.h>
#include <sys/types.h>

#include "users.h"

G_BEGIN_DECLS

#define INSIDE_NAME_MAX 256

/* Said on standard output before anything else, and while still root, as soon as it is known: so it
   can be believed, which nothing can be that comes after it. */
typedef struct InsideHead {
	guint32 uid;
	char name[INSIDE_NAME_MAX];
} InsideHead;

/* Exit statuses besides those of a command; the reason stands on standard error. */
enum {
	INSIDE_SKIPPED = 100, /* nothing of that user's is there to be looked at */
	INSIDE_BARRED = 101,  /* it is, and he cannot be served there */
};

/* The command, as that user. Returns its exit status. */
typedef int (*InsideFunc)(gpointer data);

/* Becomes the user whose home it is, runs `func` with an environment of his, and ends. `parent` is
   the process that forked. Standard streams are the pipes of the visit. */
_Noreturn void inside_run(const User *user, pid_t parent, InsideFunc func, gpointer data);

G_END_DECLS
