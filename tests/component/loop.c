/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop.h"

#include <errno.h>
#include <sys/wait.h>

#include "helper.h"

static gboolean on_late(gpointer data)
{
	*(bool *)data = true;
	return G_SOURCE_REMOVE;
}

bool loop_until(const bool *flag, unsigned seconds)
{
	bool late = false;
	guint source = g_timeout_add_seconds(seconds, on_late, &late);

	while (!*flag && !late)
		(void)g_main_context_iteration(NULL, TRUE);
	if (!late)
		g_source_remove(source);
	return *flag;
}

unsigned loop_count_fds(void)
{
	g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
	const char *name;
	unsigned n = 0;

	while ((name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path = g_build_filename("/proc/self/fd", name, NULL);
		g_autofree char *target = g_file_read_link(path, NULL);

		/* GLib's own thread closes these, some time after the child is reaped. */
		if (g_strcmp0(target, "anon_inode:[pidfd]") != 0)
			n++;
	}
	return n;
}

bool loop_no_children(void)
{
	bool late = false;
	guint source = g_timeout_add_seconds(1, on_late, &late);

	while (helper_living() > 0 && !late)
		(void)g_main_context_iteration(NULL, TRUE);
	if (!late)
		g_source_remove(source);
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD;
}
