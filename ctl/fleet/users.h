/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whose homes root goes over.
 */

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef struct User {
	char *name; /* "" as long as only the home is known */
	char *home;
	bool known; /* the ids are: he stands in the user database */
	uid_t uid;
	gid_t gid;
} User;

/* Of the accounts of the user database those from UID_MIN to UID_MAX of login.defs; or, with
   `homes`, one user for each entry of that directory, of whom nothing else is known yet. In the
   order of names. */
GPtrArray *users_find(const char *homes, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The owner of a home that he was found by: his name and first group, if he has an account; else
   the number, and the group that the home belongs to. In the visiting child: a directory service
   may hang. */
void users_identify(User *user, uid_t owner, gid_t group);

User *user_dup(const User *user) G_GNUC_WARN_UNUSED_RESULT;
User *user_free(User *user);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(User, user_free)

G_END_DECLS
