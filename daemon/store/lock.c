/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The writers' lock: flock() on a file in $XDG_RUNTIME_DIR/certprop, so that the kernel lets go of
 * it when its holder dies. Where the session has no runtime directory of its own, a directory in
 * the user's state will do.
 */

#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "error.h"
#include "names.h"

#define WAIT_SECONDS 20

static bool is_own_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static char *lock_dir(void)
{
	const char *runtime = g_getenv("XDG_RUNTIME_DIR");

	if (runtime != NULL && g_path_is_absolute(runtime) && is_own_dir(runtime))
		return g_build_filename(runtime, NAME_RUNTIME_DIR, NULL);

	return g_build_filename(g_get_user_state_dir(), NAME_RUNTIME_DIR, NULL);
}

static void on_alarm(int signal)
{
	/* Only there so that flock() comes back. */
	(void)signal;
}

/* flock() with a deadline. The timer repeats, in case it fires before flock() has begun. */
static int flock_patiently(int fd)
{
	const struct sigaction interrupt = {.sa_handler = on_alarm};
	const struct itimerval on = {
		.it_value = {.tv_sec = WAIT_SECONDS}, .it_interval = {.tv_sec = 1}};
	const struct itimerval off = {0};
	struct sigaction before;
	int saved;
	int r;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return -1;

	(void)sigaction(SIGALRM, &interrupt, &before);
	(void)setitimer(ITIMER_REAL, &on, NULL);
	r = flock(fd, LOCK_EX);
	saved = errno;
	(void)setitimer(ITIMER_REAL, &off, NULL);
	(void)sigaction(SIGALRM, &before, NULL);
	errno = saved;
	return r;
}

int lock_writer(GError **error)
{
	static bool waited_in_vain;
	g_autofree char *dir = lock_dir();
	g_autofree char *path = g_build_filename(dir, NAME_LOCK_WRITER, NULL);
	int fd;

	if (g_mkdir_with_parents(dir, 0700) < 0) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"Creating the directory %s for the writers' lock failed: %s", dir,
			g_strerror(errno));
		return -1;
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"Opening the writers' lock %s failed: %s", path, g_strerror(errno));
		return -1;
	}
	/* Who holds it for so long would make us wait as long again for each database. */
	if (waited_in_vain ? flock(fd, LOCK_EX | LOCK_NB) < 0 : flock_patiently(fd) < 0) {
		int code = errno == EINTR || errno == EWOULDBLOCK ? CERTPROP_ERROR_BUSY
								  : CERTPROP_ERROR_FAILED;

		waited_in_vain = true;

		g_set_error(error, CERTPROP_ERROR, code,
			"Waiting for the writers' lock %s failed: %s", path,
			code == CERTPROP_ERROR_BUSY ? "another one has held it for too long"
						    : g_strerror(errno));
		close(fd);
		return -1;
	}

	return fd;
}
