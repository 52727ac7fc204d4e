/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whoever looks up a path on a mount whose server has gone sleeps where no signal reaches him, and
 * stat() is enough for that. So first the kernel is asked to go to the path without entering any
 * mount on the way (RESOLVE_NO_XDEV), which it can tell without asking anybody. Where there is a
 * mount on the way, the way is gone part by part, and the table of mounts says, before a mount is
 * entered, of what type it is. The same where the kernel has no openat2(), or a filter does not let
 * it through.
 *
 * The home is the exception, whatever it lies on: if it hangs, nothing of its user's goes on
 * anyway. Paths below it begin there.
 *
 * A mount that comes between the look at the table and the next step is not seen. Nor is one that
 * hangs although it is of a local type: a disk that is about to fail.
 */

#include "ground.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINKS_MAX 40u /* as the kernel */
#define MOUNTS    "/proc/self/mountinfo"

typedef struct Walk {
	int fd;       /* where we are */
	char *at;     /* its path, without a link in it */
	char *rest;   /* what is still to come */
	char *home;   /* without a link in it; NULL: there is none */
	char *mounts; /* the table; NULL: it cannot be read */
	unsigned n_links;
} Walk;

static void walk_clear(Walk *walk)
{
	int error = errno;

	if (walk->fd >= 0)
		(void)close(walk->fd);
	g_free(walk->at);
	g_free(walk->rest);
	g_free(walk->home);
	g_free(walk->mounts);
	errno = error;
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Walk, walk_clear)

static bool is_below(const char *path, const char *dir)
{
	gsize len = strlen(dir);

	return strncmp(path, dir, len) == 0 &&
	       (path[len] == '/' || path[len] == '\0' || (len > 0 && dir[len - 1] == '/'));
}

/* Where the way to `path` begins, and what of it is left from there. */
static int open_start(const char *path, const char **ret_rest)
{
	const char *home = g_get_home_dir();
	const char *start =
		home != NULL && g_path_is_absolute(home) && is_below(path, home) ? home : "/";

	*ret_rest = path + strlen(start);
	*ret_rest += strspn(*ret_rest, "/");
	return open(start, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static char *path_of(int fd)
{
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);

	return g_file_read_link(link, NULL);
}

/* Without any mount on the way */

static int open_straight(const char *path, bool follow)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW),
		.resolve = RESOLVE_NO_XDEV,
	};
	const char *rest;
	int start = open_start(path, &rest), fd, error;

	if (start < 0)
		return -1;
	fd = (int)syscall(SYS_openat2, start, *rest != '\0' ? rest : ".", &how, sizeof how);
	error = errno;
	(void)close(start);
	errno = error;
	return fd;
}

/* The table of mounts */

static bool is_remote_type(const char *type)
{
	static const char *const remote[] = {"9p", "acfs", "afs", "autofs", "beegfs", "ceph",
		"cifs", "coda", "gfs", "gfs2", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2",
		"orangefs", "panfs", "prl_fs", "pvfs2", "smb3", "smbfs", "vboxsf", "virtiofs",
		"vmhgfs", NULL};

	/* fuse, fuseblk, fuse.sshfs */
	return g_str_has_prefix(type, "fuse") || g_strv_contains(remote, type);
}

/* A line is "ID PARENT MAJOR:MINOR ROOT PLACE OPTIONS… - TYPE SOURCE OPTIONS"; see proc(5). */
static bool line_names(const char *line, const char *place)
{
	g_auto(GStrv) fields = g_strsplit(line, " ", -1);
	g_autofree char *mounted = NULL;
	guint i = 0;

	if (g_strv_length(fields) < 6)
		return false;
	mounted = g_strcompress(fields[4]);
	if (strcmp(mounted, place) != 0)
		return false;
	while (fields[i] != NULL && strcmp(fields[i], "-") != 0)
		i++;
	return fields[i] == NULL || fields[i + 1] == NULL || is_remote_type(fields[i + 1]);
}

/* A mount is there that may not answer. */
static bool is_shaky(const Walk *walk, const char *place)
{
	g_auto(GStrv) lines = NULL;

	if (walk->home != NULL && is_below(walk->home, place))
		return false;
	if (walk->mounts == NULL)
		return true;
	lines = g_strsplit(walk->mounts, "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		if (line_names(*line, place))
			return true;
	}
	return false;
}

/* Part by part */

static void move(Walk *walk, int fd, char *at)
{
	if (walk->fd >= 0)
		(void)close(walk->fd);
	walk->fd = fd;
	g_free(walk->at);
	walk->at = at;
}

static void prepend(Walk *walk, const char *path)
{
	char *rest = g_strconcat(path, "/", walk->rest, NULL);

	g_free(walk->rest);
	walk->rest = rest;
}

static bool begin(Walk *walk, const char *path)
{
	const char *home = g_get_home_dir(), *rest;
	int home_fd = home != NULL ? open(home, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (home_fd >= 0) {
		walk->home = path_of(home_fd);
		(void)close(home_fd);
	}
	(void)g_file_get_contents(MOUNTS, &walk->mounts, NULL, NULL);
	walk->fd = open_start(path, &rest);
	if (walk->fd < 0)
		return false;
	walk->at = path_of(walk->fd);
	walk->rest = g_strdup(rest);
	return walk->at != NULL;
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

static bool is_last(const Walk *walk)
{
	return walk->rest[strspn(walk->rest, "/")] == '\0';
}

/* Goes on at `path`, from the top if it is absolute. */
static bool turn(Walk *walk, const char *path)
{
	int fd;

	if (++walk->n_links > LINKS_MAX) {
		errno = ELOOP;
		return false;
	}
	prepend(walk, path);
	if (*path != '/')
		return true;
	fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	move(walk, fd, g_strdup("/"));
	return true;
}

/* What lies above was perhaps never looked at. */
static bool climb(Walk *walk)
{
	g_autofree char *parent = g_path_get_dirname(walk->at);
	struct stat st;

	if (fstat(walk->fd, &st) == 0 && !S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return false;
	}
	return turn(walk, parent);
}

static bool follow_link(Walk *walk, int fd)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(fd, "", target, sizeof target - 1);

	if (len <= 0)
		return false;
	target[len] = '\0';
	return turn(walk, target);
}

static bool step(Walk *walk, const char *part, bool follow)
{
	g_autofree char *place = g_build_filename(walk->at, part, NULL);
	struct stat st;
	bool gone;
	int fd;

	if (is_shaky(walk, place)) {
		errno = EXDEV;
		return false;
	}
	fd = openat(walk->fd, part, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) < 0 || !S_ISLNK(st.st_mode) || (is_last(walk) && !follow)) {
		move(walk, fd, g_steal_pointer(&place));
		return true;
	}
	gone = follow_link(walk, fd);
	(void)close(fd);
	return gone;
}

static int open_by_steps(const char *path, bool follow)
{
	g_auto(Walk) walk = {.fd = -1};
	bool gone = begin(&walk, path);
	int fd;

	while (gone) {
		g_autofree char *part = next_part(&walk);

		if (part == NULL)
			break;
		if (strcmp(part, "..") == 0)
			gone = climb(&walk);
		else if (strcmp(part, ".") != 0)
			gone = step(&walk, part, follow);
	}
	if (!gone)
		return -1;

	fd = walk.fd;
	walk.fd = -1;
	return fd;
}

/* For others */

int ground_open(const char *path, bool follow)
{
	int fd = open_straight(path, follow);

	/* EPERM: a seccomp filter that is older than the call. */
	if (fd < 0 && (errno == EXDEV || errno == ENOSYS || errno == EPERM))
		return open_by_steps(path, follow);
	return fd;
}

int ground_stat(const char *path, bool follow, struct stat *ret_st)
{
	int fd = ground_open(path, follow), result, error;

	if (fd < 0)
		return -1;
	result = fstat(fd, ret_st);
	error = errno;
	(void)close(fd);
	errno = error;
	return result;
}

/* By way of the descriptor the kernel asks nobody for the way again. */
int ground_watch(int inotify, const char *path, guint32 mask)
{
	int fd = ground_open(path, true), watch, error;
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);

	if (fd < 0)
		return -1;
	watch = inotify_add_watch(inotify, link, mask);
	error = errno;
	(void)close(fd);
	errno = error;
	return watch;
}

const char *ground_strerror(int error)
{
	return error == EXDEV ? "it is on a network file system or FUSE, which may not answer"
			      : g_strerror(error);
}
