/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pcscd's socket and vpcd's port have fixed names, so tests can only run side by side when each
 * has its own /run and its own loopback. Root needs no user namespace for that; others get one in
 * which they keep their user id.
 *
 * The minder is a subreaper: whatever outlives its parent becomes the minder's child and is ended
 * with the test program. It gets no say in what the tests do, and forwards no signals: it kills.
 */
#include "enter.h"

#include "process.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_US       5000
#define SELDOM_US     100000
#define OPEN_FDS_MAX  16
#define SIGNAL_STATUS 128

static char *directory;
static bool isolated;

bool rig_isolated(void)
{
	return isolated;
}

const char *rig_directory(void)
{
	g_assert(directory != NULL);
	return directory;
}

char *rig_make_directory(const char *stem)
{
	g_autofree char *path = g_strdup_printf("%s/%s-XXXXXX", rig_directory(), stem);

	ck_assert_ptr_nonnull(g_mkdtemp(path));
	return g_steal_pointer(&path);
}

char *rig_program(const char *path)
{
	return g_build_filename(RIG_BUILD_ROOT, path, NULL);
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* In a new user namespace everyone keeps the ids that he has. */
static bool map_ids(uid_t uid, gid_t gid)
{
	g_autofree char *uids = g_strdup_printf("%u %u 1", uid, uid);
	g_autofree char *gids = g_strdup_printf("%u %u 1", gid, gid);

	return write_file("/proc/self/setgroups", "deny") &&
	       write_file("/proc/self/uid_map", uids) && write_file("/proc/self/gid_map", gids);
}

static bool leave_namespaces(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWNS | CLONE_NEWNET) == 0)
		return true;
	return unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) == 0 && map_ids(uid, gid);
}

/* Inside a chroot "/" is no mount point and cannot be made private (EINVAL). */
static bool private_mounts(void)
{
	return mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 || errno == EINVAL;
}

static bool own_run(void)
{
	return private_mounts() &&
	       mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") == 0 &&
	       mkdir("/run/pcscd", 0755) == 0;
}

static bool loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok;

	if (fd < 0)
		return false;
	ok = ioctl(fd, SIOCGIFFLAGS, &request) == 0;
	request.ifr_flags |= IFF_UP | IFF_RUNNING;
	ok = ok && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
	close(fd);
	return ok;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
	(void)remove(path);
	return 0;
}

static pid_t any_child(void)
{
	g_autoptr(GArray) children = rig_children(getpid());

	return children->len > 0 ? g_array_index(children, pid_t, 0) : 0;
}

/* Kills what is left, which may bring up more orphans, until there is no child. */
static void end_orphans(void)
{
	pid_t child;

	while ((child = any_child()) != 0) {
		kill(child, SIGKILL);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		g_usleep(TICK_US);
	}
}

/* Waits for the test program and takes orphans in meanwhile. */
static int mind(pid_t test, const sigset_t *signals)
{
	int status = -1, number;

	for (;;) {
		pid_t ended = waitpid(-1, &status, WNOHANG);

		if (ended == test)
			return WIFEXITED(status) ? WEXITSTATUS(status)
						 : SIGNAL_STATUS + WTERMSIG(status);
		if (ended > 0)
			continue;
		number = sigwaitinfo(signals, NULL);
		if (number > 0 && number != SIGCHLD) {
			kill(test, SIGKILL);
			return SIGNAL_STATUS + number;
		}
	}
}

/* Returns in the child only. */
static void start_minder(void)
{
	sigset_t signals, before;
	pid_t test;
	int status;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, &before);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	test = fork();
	if (test < 0)
		g_error("cannot start the test program: %s", g_strerror(errno));
	if (test == 0) {
		(void)prctl(PR_SET_CHILD_SUBREAPER, 0);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigprocmask(SIG_SETMASK, &before, NULL);
		return;
	}
	status = mind(test, &signals);
	end_orphans();
	(void)nftw(directory, remove_entry, OPEN_FDS_MAX, FTW_DEPTH | FTW_PHYS);
	_exit(status);
}

void rig_enter(void)
{
	const char *wish = g_getenv("CERTPROP_RIG");
	g_autoptr(GError) error = NULL;

	directory = g_dir_make_tmp("certprop-rig-XXXXXX", &error);
	if (directory == NULL)
		g_error("cannot make a scratch directory: %s", error->message);
	start_minder();
	if (g_strcmp0(wish, "activation") != 0 && leave_namespaces()) {
		if (!own_run() || !loopback_up())
			g_error("cannot set up own namespaces: %s", g_strerror(errno));
		isolated = true;
	}
	/* The harness keeps standard output for the results; this is a line for people. */
	g_printerr("# rig: %s in %s\n",
		isolated ? "own namespaces" : "no namespaces: pcscd by socket activation",
		directory);
}

void rig_setup(void)
{
	rig_process_end_all();
}

void rig_teardown(void)
{
	rig_process_end_all();
}

static void wait_until(
	RigCondition done, gpointer data, gulong tick_us, unsigned ms, const char *what)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)ms * 1000;

	while (!done(data)) {
		if (g_get_monotonic_time() > deadline)
			ck_abort_msg("not within %u ms: %s", ms, what);
		g_usleep(tick_us);
	}
}

void rig_wait_until(RigCondition done, gpointer data, unsigned ms, const char *what)
{
	wait_until(done, data, TICK_US, ms, what);
}

void rig_wait_looking_seldom(RigCondition done, gpointer data, unsigned ms, const char *what)
{
	wait_until(done, data, SELDOM_US, ms, what);
}
