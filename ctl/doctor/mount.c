/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /proc/self/mountinfo lists the mounts in the order in which they were made: of those above a path
 * the one with the longest name counts, and of several on one directory the last.
 */

#include "mount.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MOUNTS_FILE      "/proc/self/mountinfo"
#define MOUNTS_BYTES_MAX (8u << 20)
#define POINT_FIELD      4 /* "36 35 98:0 /root /point rw,…", counted from 0 */

static bool is_above(const char *point, const char *path)
{
	gsize len = strlen(point);

	if (strcmp(point, "/") == 0)
		return true;
	return strncmp(point, path, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* A blank in it is written as "\040". */
static char *point_of(const char *line)
{
	g_auto(GStrv) fields = g_strsplit(line, " ", POINT_FIELD + 2);

	return g_strv_length(fields) > POINT_FIELD ? g_strcompress(fields[POINT_FIELD]) : NULL;
}

char *mount_point(const char *path)
{
	g_autofree char *real = realpath(path, NULL);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	char *longest = NULL;
	gsize len;

	if (real == NULL || !g_file_get_contents(MOUNTS_FILE, &text, &len, NULL) ||
		len > MOUNTS_BYTES_MAX)
		return NULL;

	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		g_autofree char *point = point_of(*line);

		if (point == NULL || !is_above(point, real) ||
			(longest != NULL && strlen(point) < strlen(longest)))
			continue;
		g_free(longest);
		longest = g_steal_pointer(&point);
	}
	return longest;
}
