/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * After sudo or su, HOME and the XDG variables often still name the home of the one who called it.
 * What stands there is then another user's word: his configuration would name modules that are
 * loaded with our rights, and directories that we make would be in his way for ever. Root is
 * believed: what root wants of us it can have in simpler ways.
 *
 * A directory that is ours in one that somebody else may write to is ours only until he renames it
 * and makes another. So a way is followed from the top, link by link, as the kernel goes it. In a
 * sticky directory only the owner of a thing can rename it, and that is looked at next. A group is
 * somebody else, also one that has the user's name: who is in it is not asked, which could take
 * long. sshd(8) is as strict about a home.
 */

#include "owner.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"

#define LINKS_MAX 40u /* as the kernel */

bool owner_trusted(const struct stat *st)
{
	return st->st_uid == geteuid() || st->st_uid == 0;
}

bool owner_check_place(const char *path, GError **error)
{
	g_autofree char *dir = g_path_get_dirname(path);
	struct stat st;

	while (stat(dir, &st) < 0) {
		char *parent = g_path_get_dirname(dir);
		bool top = strcmp(parent, dir) == 0;

		g_free(dir);
		dir = parent;
		if (top)
			return true;
	}
	if (owner_trusted(&st))
		return true;

	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FOREIGN,
		"%s belongs to user %u, not to us: nothing is made in it (is HOME right?)", dir,
		(unsigned)st.st_uid);
	return false;
}

/* How far the way was gone. */
typedef struct Walk {
	char *at;   /* a directory, without a link on the way to it */
	char *rest; /* what is still to come */
	uid_t top;  /* the owner of "/": in a user namespace root may have another number */
	unsigned n_links;
} Walk;

static void walk_clear(Walk *walk)
{
	g_free(walk->at);
	g_free(walk->rest);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Walk, walk_clear)

/* Why it could be another one soon, or NULL. */
static const char *find_flaw(const Walk *walk, const struct stat *st)
{
	if (!owner_trusted(st) && st->st_uid != walk->top)
		return "belongs to somebody else";
	if (S_ISDIR(st->st_mode) && (st->st_mode & (S_IWGRP | S_IWOTH)) != 0 &&
		(st->st_mode & S_ISVTX) == 0)
		return "can be written to by others";
	return NULL;
}

/* The next part of the way; NULL at its end. */
static char *next_part(Walk *walk)
{
	const char *from = walk->rest + strspn(walk->rest, "/");
	gsize len = strcspn(from, "/");
	char *part = len > 0 ? g_strndup(from, len) : NULL;
	char *rest = g_strdup(from + len);

	g_free(walk->rest);
	walk->rest = rest;
	return part;
}

/* Goes on where the link leads. */
static const char *follow(Walk *walk, const char *link)
{
	char target[PATH_MAX];
	ssize_t len = readlink(link, target, sizeof target - 1);
	char *rest;

	if (len <= 0 || ++walk->n_links > LINKS_MAX)
		return "leads nowhere";

	target[len] = '\0';
	rest = g_strconcat(target, "/", walk->rest, NULL);
	g_free(walk->rest);
	walk->rest = rest;
	if (*target == '/') {
		g_free(walk->at);
		walk->at = g_strdup("/");
	}
	return NULL;
}

/* Goes to `place`. */
static const char *step(Walk *walk, const char *place)
{
	struct stat st;
	const char *flaw;

	if (lstat(place, &st) < 0)
		return "cannot be looked at";
	flaw = find_flaw(walk, &st);
	if (flaw != NULL)
		return flaw;
	if (S_ISLNK(st.st_mode))
		return follow(walk, place);

	g_free(walk->at);
	walk->at = g_strdup(place);
	return NULL;
}

static char *place_of(const Walk *walk, const char *part)
{
	if (strcmp(part, ".") == 0)
		return g_strdup(walk->at);
	if (strcmp(part, "..") == 0)
		return g_path_get_dirname(walk->at);
	return g_build_filename(walk->at, part, NULL);
}

char *owner_find_gap(const char *directory, const char **ret_why)
{
	g_auto(Walk) walk = {.at = g_strdup("/"), .rest = g_strdup(directory)};
	g_autofree char *part = g_strdup(".");
	struct stat st;

	if (lstat("/", &st) == 0)
		walk.top = st.st_uid;
	while (part != NULL) {
		g_autofree char *place = place_of(&walk, part);
		const char *why = step(&walk, place);

		if (why != NULL) {
			*ret_why = why;
			return g_steal_pointer(&place);
		}
		g_free(part);
		part = next_part(&walk);
	}

	return NULL;
}

/* What the name itself stands for, link or not, and where it leads. */
static bool is_trusted(const char *path, unsigned *ret_owner)
{
	struct stat st;

	for (int follow = 0; follow < 2; follow++) {
		if ((follow != 0 ? stat(path, &st) : lstat(path, &st)) == 0 &&
			!owner_trusted(&st)) {
			*ret_owner = (unsigned)st.st_uid;
			return false;
		}
	}

	return true;
}

char *owner_stranger(const char *path, int fd)
{
	g_autofree char *real = realpath(path, NULL);
	g_autofree char *dir = g_path_get_dirname(path);
	g_autofree char *real_dir = g_path_get_dirname(real != NULL ? real : path);
	unsigned owner;
	struct stat st;

	if (fstat(fd, &st) == 0 && !owner_trusted(&st))
		return g_strdup_printf("It belongs to user %u", (unsigned)st.st_uid);
	if (!is_trusted(path, &owner))
		return g_strdup_printf("It is a link of user %u", owner);
	if (!is_trusted(dir, &owner) || !is_trusted(real_dir, &owner))
		return g_strdup_printf("Its directory belongs to user %u", owner);

	return NULL;
}
