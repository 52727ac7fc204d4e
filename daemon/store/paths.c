/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One directory has many names: with a slash at the end, through a symlink, by way of "..". What
 * somebody has written in the configuration must mean it by whichever he used. So whatever can be
 * resolved is, and a pattern is resolved as far as it is a path, up to its first wildcard.
 *
 * These are names only: whose a directory is, and what is in it, is not asked here.
 */

#include "paths.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"

#define WILDCARDS "*?[\\"

char *paths_expand(const char *path)
{
	if (strcmp(path, "~") == 0 || g_str_has_prefix(path, "~/"))
		return g_strconcat(g_get_home_dir(), path + 1, NULL);

	return g_strdup(path);
}

char *paths_resolve(const char *path)
{
	g_autofree char *whole = g_canonicalize_filename(path, "/");
	gsize len = strlen(whole);

	/* Shorter and shorter, until something is there. */
	for (gsize end = len; end > 0 && len < PATH_MAX; end--) {
		g_autofree char *prefix = NULL;
		g_autofree char *real = NULL;

		if (end < len && whole[end] != '/')
			continue;
		prefix = g_strndup(whole, end);
		real = answers(prefix) ? realpath(prefix, NULL) : NULL;
		if (real != NULL)
			return g_build_filename(real, whole + end, NULL);
	}

	return g_steal_pointer(&whole);
}

bool paths_below(const char *dir, const char *fence)
{
	gsize len = strlen(fence);

	return strncmp(dir, fence, len) == 0 && dir[len] == '/';
}

/* '*' takes slashes as well: "~/.mozilla/\*" means all that is below. */
static bool begins_with(const char *path, const char *head, const char *tail)
{
	gsize len = strcmp(head, "/") == 0 ? 0 : strlen(head);

	return strncmp(path, head, len) == 0 && fnmatch(tail, path + len, FNM_LEADING_DIR) == 0;
}

/* `head` is a path, by this name or by its real one; `tail` is a pattern that goes on from there.
 */
static bool matches(const char *head, const char *tail, const char *path)
{
	g_autofree char *plain = g_canonicalize_filename(head, "/");
	g_autofree char *real = paths_resolve(head);

	return begins_with(path, plain, tail) || begins_with(path, real, tail);
}

bool paths_match(const char *pattern, const char *path)
{
	g_autofree char *whole = paths_expand(pattern);
	gsize len = strlen(whole);
	/* The home is no pattern, whatever its name is. */
	gsize end = *pattern == '~' ? len - strlen(pattern + 1) : 0;
	g_autofree char *head = NULL;

	while (len > 0 && whole[len - 1] == '/')
		whole[--len] = '\0';
	/* As it stands: it may be the name of a directory with a wildcard in it. */
	if (matches(whole, "", path))
		return true;

	end += strcspn(whole + end, WILDCARDS);
	if (end >= len)
		return false;
	while (end > 0 && whole[end] != '/')
		end--;
	head = g_strndup(whole, end);
	return matches(head, whole + end, path);
}
