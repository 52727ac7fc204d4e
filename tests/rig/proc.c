/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What /proc tells of a process: descriptors, memory and children, to see that they stay level. */
#include "process.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

unsigned rig_descriptors(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/fd", pid);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	unsigned count = 0;

	ck_assert_msg(dir != NULL, "cannot look into %s", path);
	while (g_dir_read_name(dir) != NULL)
		count++;
	return count;
}

static guint64 rollup_field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	ck_assert_msg(at != NULL, "no %s in smaps_rollup", name);
	return g_ascii_strtoull(at + strlen(name), NULL, 10);
}

RigMemory rig_memory(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/smaps_rollup", pid);
	g_autofree char *text = NULL;

	ck_assert_msg(g_file_get_contents(path, &text, NULL, NULL), "cannot read %s", path);
	return (RigMemory){.pss = rollup_field(text, "\nPss:"),
		.private_dirty = rollup_field(text, "\nPrivate_Dirty:")};
}

/* The field after the last ')': a program's name may hold anything. 0: it has ended meanwhile. */
static pid_t parent_of(const char *pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%s/stat", pid);
	g_autofree char *text = NULL;
	const char *end;
	int parent;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	end = strrchr(text, ')');
	return end != NULL && sscanf(end, ") %*c %d", &parent) == 1 ? parent : 0;
}

GArray *rig_children(pid_t pid)
{
	GArray *children = g_array_new(FALSE, FALSE, sizeof(pid_t));
	g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
	const char *name;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		if (g_ascii_isdigit(name[0]) && parent_of(name) == pid) {
			pid_t child = (pid_t)g_ascii_strtoll(name, NULL, 10);

			g_array_append_val(children, child);
		}
	}
	return children;
}

GArray *rig_descendants(pid_t pid)
{
	GArray *all = rig_children(pid);

	for (guint i = 0; i < all->len; i++) {
		g_autoptr(GArray) more = rig_children(g_array_index(all, pid_t, i));

		if (more->len > 0)
			g_array_append_vals(all, more->data, more->len);
	}
	return all;
}
