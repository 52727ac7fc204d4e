/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop.h"

#include <string.h>

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

		/* GLib's own thread closes these, some time after the child is reaped: also
		   between the name and the link. */
		if (target != NULL && strcmp(target, "anon_inode:[pidfd]") != 0)
			n++;
	}
	return n;
}

/* Zombies count as well; the harness may have a child of its own, and that does not. */
static bool is_helper(const char *pid)
{
	g_autofree char *path = g_build_filename("/proc", pid, "comm", NULL);
	g_autofree char *comm = NULL;

	return g_file_get_contents(path, &comm, NULL, NULL) && g_str_has_prefix(comm, "certprop-");
}

static bool has_helpers(void)
{
	g_autoptr(GDir) dir = g_dir_open("/proc/self/task", 0, NULL);
	const char *thread;
	bool found = false, looked = false;

	while ((thread = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path =
			g_build_filename("/proc/self/task", thread, "children", NULL);
		g_autofree char *text = NULL;
		g_auto(GStrv) pids = NULL;

		if (!g_file_get_contents(path, &text, NULL, NULL))
			continue; /* the thread has ended */
		looked = true;
		pids = g_strsplit_set(text, " \n", -1);
		for (char **pid = pids; *pid != NULL; pid++)
			found = found || ((*pid)[0] != '\0' && is_helper(*pid));
	}

	g_assert(looked); /* CONFIG_PROC_CHILDREN */
	return found;
}

bool loop_no_children(void)
{
	bool late = false;
	guint source = g_timeout_add_seconds(10, on_late, &late);

	while (helper_living() > 0 && !late)
		(void)g_main_context_iteration(NULL, TRUE);
	if (!late)
		g_source_remove(source);
	return helper_living() == 0 && !has_helpers();
}
