/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * flock() on a file: the kernel lets go of it when we end, however we end, and the file itself may
 * stay. The pid in it is for the message only; who holds the lock is decided by the lock.
 */

#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "error.h"
#include "names.h"

#define PID_TEXT_MAX 32

static void busy(const char *path, int fd, GError **error)
{
	char text[PID_TEXT_MAX] = "";
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	gint64 pid = n > 0 ? g_ascii_strtoll(text, NULL, 10) : 0;

	if (pid > 0)
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_BUSY,
			NAME_DAEMON " runs already for this user, as process %" G_GINT64_FORMAT,
			pid);
	else
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_BUSY,
			NAME_DAEMON " runs already for this user (it holds %s)", path);
}

int lock_take(const char *runtime_dir, GError **error)
{
	g_autofree char *path = g_build_filename(runtime_dir, NAME_LOCK_INSTANCE, NULL);
	char text[PID_TEXT_MAX];
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int len;

	if (fd < 0) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED, "Opening %s failed: %s",
			path, g_strerror(errno));
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			busy(path, fd, error);
		else
			g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
				"Locking %s failed: %s", path, g_strerror(errno));
		(void)close(fd);
		return -1;
	}

	len = snprintf(text, sizeof text, "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) != len) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED, "Writing %s failed: %s",
			path, g_strerror(errno));
		(void)close(fd);
		return -1;
	}

	return fd;
}
