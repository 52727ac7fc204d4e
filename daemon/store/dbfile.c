/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a database's directory holds may have been put there by a sandboxed program, and SQLite
 * trusts all of it: it opens whatever bears the name of a journal, waits for ever at a FIFO, and
 * plays back what it finds. So a name counts only if it is a regular file and ours.
 *
 * Between this look and SQLite's own there is a moment in which all can be exchanged. It is kept
 * short (nssdb.c looks again just before NSS does), and who loses that race is ended at his
 * deadline.
 */

#include "dbfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "error.h"

#define HEADER_LEN 100
#define MAGIC      "SQLite format 3"

/* What SQLite opens without being told to. */
static const char *const beside[] = {"-journal", "-wal", "-shm"};

bool dbfile_check_owner(const struct stat *st, const char *what, const char *path, GError **error)
{
	if (st->st_uid == geteuid())
		return true;

	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FOREIGN,
		"The %s %s belongs to user %u, not to us", what, path, (unsigned)st->st_uid);
	return false;
}

static bool check_regular(const struct stat *st, const char *path, GError **error)
{
	if (S_ISREG(st->st_mode))
		return true;

	g_set_error(
		error, CERTPROP_ERROR, CERTPROP_ERROR_DAMAGED, "%s is not a regular file", path);
	return false;
}

static bool check_content(int fd, const char *path, GError **error)
{
	char head[HEADER_LEN];
	ssize_t n = pread(fd, head, sizeof head, 0);

	if (n == 0) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_DAMAGED,
			"%s is empty: a program was interrupted when it created it", path);
		return false;
	}
	if (n < (ssize_t)sizeof head || memcmp(head, MAGIC, sizeof MAGIC) != 0) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_DAMAGED,
			"%s is not an SQLite database", path);
		return false;
	}

	return true;
}

int dbfile_open(const char *path, GError **error)
{
	/* Not blocking: it could be a FIFO. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0) {
		int code = errno == ENOENT ? CERTPROP_ERROR_MISSING : CERTPROP_ERROR_DENIED;

		/* Somebody else's file is told as such, whatever the reason that we cannot read. */
		if (errno == EACCES && stat(path, &st) == 0 &&
			!dbfile_check_owner(&st, "file", path, error))
			return -1;
		g_set_error(error, CERTPROP_ERROR, code, "Opening %s failed: %s", path,
			g_strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) < 0 || !check_regular(&st, path, error) ||
		!dbfile_check_owner(&st, "file", path, error) || !check_content(fd, path, error)) {
		close(fd);
		return -1;
	}

	return fd;
}

bool dbfile_check_beside(const char *path, GError **error)
{
	for (gsize i = 0; i < G_N_ELEMENTS(beside); i++) {
		g_autofree char *name = g_strconcat(path, beside[i], NULL);
		struct stat st;

		if (lstat(name, &st) == 0 && (!check_regular(&st, name, error) ||
						     !dbfile_check_owner(&st, "file", name, error)))
			return false;
	}

	return true;
}
