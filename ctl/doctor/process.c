/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What /proc says may be out of date when it is read: a process that ends meanwhile is left out.
 */

#include "process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROCESSES_MAX   65536u
#define DESCRIPTORS_MAX 65536u
#define OURS            "certprop" /* begins the names of all our processes */
#define MAPS_MAX        262144u    /* lines */
#define MAPS_LINE_MAX   (4096u + 128u)
#define SOCKET          "socket:["
#define STARTED_FIELD   20 /* of /proc/PID/stat, counted from 1 behind the name */

static char *path_of(pid_t pid, const char *file)
{
	return g_strdup_printf("/proc/%d/%s", (int)pid, file);
}

/* The line of /proc/PID/status that begins so, without that; NULL: there is none. The owner of
   /proc/PID would not do: it is root where a process does not let itself be looked into. */
static char *status_line(pid_t pid, const char *key)
{
	g_autofree char *file = path_of(pid, "status");
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents(file, &text, NULL, NULL))
		return NULL;

	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line != NULL; line++)
		if (g_str_has_prefix(*line, key))
			return g_strdup(*line + strlen(key));

	return NULL;
}

Process *process_new(pid_t pid)
{
	g_autofree char *uid = status_line(pid, "Uid:\t");
	g_autofree char *file = path_of(pid, "comm");
	g_autofree char *name = NULL;
	Process *process;

	if (uid == NULL || g_ascii_strtoull(uid, NULL, 10) != geteuid() ||
		!g_file_get_contents(file, &name, NULL, NULL))
		return NULL;

	process = g_new0(Process, 1);
	process->pid = pid;
	process->name = g_strchomp(g_steal_pointer(&name));
	return process;
}

bool process_is_ours(const Process *process)
{
	return g_str_has_prefix(process->name, OURS);
}

void process_free(Process *process)
{
	if (process == NULL)
		return;

	g_free(process->name);
	g_free(process);
}

GPtrArray *processes_find(ProcessFunc func, gconstpointer data)
{
	GPtrArray *found = g_ptr_array_new_with_free_func((GDestroyNotify)process_free);
	g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
	const char *name;

	for (guint i = 0; dir != NULL && i < PROCESSES_MAX && (name = g_dir_read_name(dir)); i++) {
		pid_t pid = (pid_t)g_ascii_strtoll(name, NULL, 10);
		Process *process = pid > 0 ? process_new(pid) : NULL;

		if (process != NULL && func(process, data))
			g_ptr_array_add(found, process);
		else
			process_free(process);
	}

	return found;
}

/* The kernel's start, Unix seconds. */
static gint64 boot_time(void)
{
	g_autofree char *text = NULL;
	const char *line;

	if (!g_file_get_contents("/proc/stat", &text, NULL, NULL))
		return 0;

	line = strstr(text, "\nbtime ");
	return line != NULL ? g_ascii_strtoll(line + strlen("\nbtime "), NULL, 10) : 0;
}

gint64 process_started(const Process *process)
{
	g_autofree char *file = path_of(process->pid, "stat");
	g_autofree char *text = NULL;
	g_auto(GStrv) fields = NULL;
	gint64 boot = boot_time();
	long ticks = sysconf(_SC_CLK_TCK);
	const char *behind;

	if (!g_file_get_contents(file, &text, NULL, NULL))
		return 0;

	/* the name may have blanks and parentheses in it */
	behind = strrchr(text, ')');
	if (behind == NULL || boot == 0 || ticks <= 0)
		return 0;
	fields = g_strsplit(behind + 1, " ", -1);
	if (g_strv_length(fields) <= STARTED_FIELD)
		return 0;

	return boot + g_ascii_strtoll(fields[STARTED_FIELD], NULL, 10) / ticks;
}

bool process_has_socket(const Process *process, GHashTable *inodes, bool *ret_hidden)
{
	g_autofree char *path = path_of(process->pid, "fd");
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	*ret_hidden = dir == NULL;
	for (guint i = 0; dir != NULL && i < DESCRIPTORS_MAX && (name = g_dir_read_name(dir));
		i++) {
		g_autofree char *link = g_build_filename(path, name, NULL);
		g_autofree char *target = g_file_read_link(link, NULL);
		guint64 inode;

		if (target == NULL || !g_str_has_prefix(target, SOCKET))
			continue;
		inode = g_ascii_strtoull(target + strlen(SOCKET), NULL, 10);
		if (g_hash_table_contains(inodes, GUINT_TO_POINTER((guint)inode)))
			return true;
	}

	return false;
}

bool process_has_file(const Process *process, const struct stat *st, bool *ret_hidden)
{
	g_autofree char *path = path_of(process->pid, "fd");
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	*ret_hidden = dir == NULL;
	for (guint i = 0; dir != NULL && i < DESCRIPTORS_MAX && (name = g_dir_read_name(dir));
		i++) {
		g_autofree char *link = g_build_filename(path, name, NULL);
		struct stat open;

		if (stat(link, &open) == 0 && open.st_dev == st->st_dev &&
			open.st_ino == st->st_ino)
			return true;
	}

	return false;
}

/* A module has the same name wherever a sandbox has put it; after an update the old one is said to
   be deleted. */
bool process_has_loaded(const Process *process, const char *library)
{
	g_autofree char *path = path_of(process->pid, "maps");
	g_autofree char *real = realpath(library, NULL);
	g_autofree char *base = g_path_get_basename(real != NULL ? real : library);
	g_autofree char *end = g_strdup_printf("/%s\n", base);
	g_autofree char *old = g_strdup_printf("/%s (deleted)\n", base);
	FILE *file = fopen(path, "re");
	char line[MAPS_LINE_MAX];
	bool found = false;

	for (guint i = 0;
		file != NULL && !found && i < MAPS_MAX && fgets(line, sizeof line, file) != NULL;
		i++)
		found = g_str_has_suffix(line, end) || g_str_has_suffix(line, old);
	if (file != NULL)
		(void)fclose(file);

	return found;
}
