/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a database's directory holds may have been put there by a sandboxed program, and SQLite
 * trusts all of it: it follows links, opens whatever bears the name of a journal, waits for ever at
 * a FIFO, and plays back what it finds. So a name counts only if it is a regular file, ours, and no
 * other file by another name: a link in a sandbox could mean any file that is out of its reach.
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

/* `st` is of the name itself, not of what it leads to. A journal that is just being removed may
   have no name left. */
static bool check_kind(const struct stat *st, const char *path, GError **error)
{
	if (S_ISREG(st->st_mode) && st->st_nlink <= 1)
		return true;

	if (S_ISREG(st->st_mode))
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FOREIGN,
			"%s is a file with several names (hard links)", path);
	else if (S_ISLNK(st->st_mode))
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FOREIGN, "%s is a link", path);
	else
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_DAMAGED,
			"%s is not a regular file", path);
	return false;
}

static bool check_file(const struct stat *st, const char *path, GError **error)
{
	return dbfile_check_owner(st, "file", path, error) && check_kind(st, path, error);
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

/* The file could not be opened. Somebody else's, or a link, is told as such, whatever the reason.
 */
static void set_open_error(const char *path, int code, GError **error)
{
	struct stat st;

	if (code != ENOENT && lstat(path, &st) == 0 && !check_file(&st, path, error))
		return;

	g_set_error(error, CERTPROP_ERROR,
		code == ENOENT ? CERTPROP_ERROR_MISSING : CERTPROP_ERROR_DENIED,
		"Opening %s failed: %s", path, g_strerror(code));
}

int dbfile_open(const char *path, GError **error)
{
	/* Not blocking: it could be a FIFO. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0) {
		set_open_error(path, errno, error);
		return -1;
	}
	if (fstat(fd, &st) < 0 || !check_file(&st, path, error) ||
		!check_content(fd, path, error)) {
		close(fd);
		return -1;
	}

	return fd;
}

bool dbfile_verify(const char *path, int fd, GError **error)
{
	struct stat opened, named;

	if (fstat(fd, &opened) < 0 || lstat(path, &named) < 0 || opened.st_dev != named.st_dev ||
		opened.st_ino != named.st_ino) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_BUSY,
			"Another file has taken the place of %s meanwhile", path);
		return false;
	}
	for (gsize i = 0; i < G_N_ELEMENTS(beside); i++) {
		g_autofree char *name = g_strconcat(path, beside[i], NULL);

		if (lstat(name, &named) == 0 && !check_file(&named, name, error))
			return false;
	}

	return true;
}

/* SQLite takes anything that does not begin with a zero byte for a journal that is to be played
   back. What has its magic number may be one. */
bool dbfile_interrupted(const char *path)
{
	static const guint8 magic[] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
	g_autofree char *name = g_strconcat(path, "-journal", NULL);
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	guint8 head[sizeof magic];
	bool interrupted;

	if (fd < 0)
		return false;

	interrupted = pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head &&
		      memcmp(head, magic, sizeof magic) == 0;
	close(fd);
	return interrupted;
}
