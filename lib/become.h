/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Becoming another user for good: root's child that works on somebody's files.
 */

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef struct BecomeUser {
	uid_t uid;
	gid_t gid;
	const char *name; /* of his account, for its other groups; NULL: he has none */
} BecomeUser;

/* In a child that has one thread: a session of its own without a terminal, his groups, his ids, no
   capability, no new privileges, death with the parent. True only when there was no way back to be
   found; after an error the process is good for nothing but _exit(). */
bool become_user(const BecomeUser *user, pid_t parent, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
