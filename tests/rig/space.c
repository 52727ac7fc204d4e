/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A namespace lives as long as there is a descriptor for it, so no process has to stay in it.
 * Moving in sets the root directory to the one of the namespace; in a chroot that is not the one
 * that the test program has, and so there is a descriptor for that one, too.
 *
 * What a session has started may have any parent by the time the test ends, or none; but it cannot
 * leave the namespace, and by that it is found.
 */
#include "space.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "enter.h"

#define GONE_MS 10000

struct RigSpace {
	int mounts, root;
	ino_t number; /* of the namespace */
};

static bool complain(const char *what, const char *path)
{
	g_printerr("cannot %s '%s': %s\n", what, path, g_strerror(errno));
	return false;
}

bool rig_space_mount_empty(const char *path, const char *mode)
{
	g_autofree char *option = g_strconcat("mode=", mode, NULL);

	return mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, option) == 0 ||
	       complain("mount an empty directory on", path);
}

bool rig_space_bind(const char *from, const char *path)
{
	return mount(from, path, NULL, MS_BIND | MS_REC, NULL) == 0 ||
	       complain("put something in the place of", path);
}

/* The uppermost directory of the path that other users may not pass through, or NULL. */
static char *closed_directory(const char *path)
{
	for (const char *at = strchr(path + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
		g_autofree char *directory = g_strndup(path, (gsize)(at - path));
		struct stat info;

		if (stat(directory, &info) != 0)
			return NULL;
		if ((info.st_mode & S_IXOTH) == 0)
			return g_steal_pointer(&directory);
	}
	return NULL;
}

bool rig_space_show(const char *stash, const char *path)
{
	g_autofree char *closed = closed_directory(path);

	if (closed != NULL && !rig_space_mount_empty(closed, "0755"))
		return false;
	if (g_mkdir_with_parents(path, 0755) != 0)
		return complain("make the directory", path);
	return rig_space_bind(stash, path);
}

void rig_space_open(void)
{
	const char *shared[] = {RIG_BUILD_ROOT, rig_directory()};
	const char *stashes[] = {"/run/rig/build", "/run/rig/directory"};

	/* both are laid aside before directories above them are covered */
	for (gsize i = 0; i < G_N_ELEMENTS(shared); i++)
		ck_assert(g_mkdir_with_parents(stashes[i], 0755) == 0 &&
			  rig_space_bind(shared[i], stashes[i]));
	for (gsize i = 0; i < G_N_ELEMENTS(shared); i++)
		ck_assert(rig_space_show(stashes[i], shared[i]));
}

/* The child has furnished when it says so; it stays until it has been looked at. */
static void furnish_and_wait(RigFurnish furnish, gpointer data, int fd)
{
	char looked;

	if (unshare(CLONE_NEWNS) != 0) {
		g_printerr("a mount namespace needs root: %s\n", g_strerror(errno));
		_exit(1);
	}
	if (!furnish(data) || write(fd, "", 1) != 1)
		_exit(1);
	_exit(read(fd, &looked, 1) == 1 ? 0 : 1);
}

static int open_of(pid_t pid, const char *name, int flags)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/%s", pid, name);
	int fd = open(path, flags | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "cannot open '%s': %s", path, g_strerror(errno));
	return fd;
}

RigSpace *rig_space_new(RigFurnish furnish, gpointer data)
{
	RigSpace *space = g_new0(RigSpace, 1);
	struct stat info;
	int pair[2], status;
	char ready;
	pid_t child;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		close(pair[0]);
		furnish_and_wait(furnish, data, pair[1]);
	}
	close(pair[1]);
	ck_assert_msg(read(pair[0], &ready, 1) == 1, "no namespace for another machine: see above");
	space->mounts = open_of(child, "ns/mnt", O_RDONLY);
	space->root = open_of(child, "root", O_PATH | O_DIRECTORY);
	ck_assert_int_eq(fstat(space->mounts, &info), 0);
	space->number = info.st_ino;
	ck_assert_int_eq(write(pair[0], "", 1), 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	close(pair[0]);
	return space;
}

bool rig_space_enter(const RigSpace *space)
{
	return setns(space->mounts, CLONE_NEWNS) == 0 && fchdir(space->root) == 0 &&
	       chroot(".") == 0;
}

/* A zombie has no namespace any more. */
static bool is_in(const RigSpace *space, const char *pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%s/ns/mnt", pid);
	struct stat info;

	return stat(path, &info) == 0 && info.st_ino == space->number;
}

static bool is_empty(gpointer data)
{
	g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
	const char *name;
	bool found = false;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		if (!g_ascii_isdigit(name[0]) || !is_in(data, name))
			continue;
		kill((pid_t)g_ascii_strtoll(name, NULL, 10), SIGKILL);
		found = true;
	}
	return !found;
}

void rig_space_free(RigSpace *space)
{
	if (space == NULL)
		return;
	rig_wait_until(is_empty, space, GONE_MS, "the end of all programs of another machine");
	close(space->mounts);
	close(space->root);
	g_free(space);
}
