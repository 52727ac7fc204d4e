/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between the moment in which certprop-store looked at a directory and the one in which the daemon
 * begins to watch it something can happen there, and no event will tell. So the store says what it
 * saw, and who watches compares: not events count, but what is there.
 *
 * No content is read: the times of a file tell enough, and cost nothing. What is mounted from
 * elsewhere is not even looked at (ground.h): only that it is there is told.
 */

#include "stamp.h"

#include <errno.h>

#include "ground.h"

#define STAMP_AWAY "away"

char *stamp_take(const char *dir, const char *name)
{
	g_autofree char *path = *name != '\0' ? g_build_filename(dir, name, NULL) : g_strdup(dir);
	struct stat st;

	/* Of a link that leads away, the link. */
	if (ground_stat(path, true, &st) < 0 &&
		(errno != EXDEV || ground_stat(path, false, &st) < 0))
		return g_strdup(errno == EXDEV ? STAMP_AWAY : "");
	if (!S_ISREG(st.st_mode))
		return g_strdup_printf("%lx:%lx:%x:%x", (unsigned long)st.st_dev,
			(unsigned long)st.st_ino, st.st_mode, st.st_uid);

	return g_strdup_printf("%lx:%lx:%x:%x:%lx:%lx.%lx:%lx.%lx", (unsigned long)st.st_dev,
		(unsigned long)st.st_ino, st.st_mode, st.st_uid, (unsigned long)st.st_size,
		(unsigned long)st.st_mtim.tv_sec, (unsigned long)st.st_mtim.tv_nsec,
		(unsigned long)st.st_ctim.tv_sec, (unsigned long)st.st_ctim.tv_nsec);
}
