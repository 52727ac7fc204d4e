/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NSS rewrites pkcs11.txt without a lock: it copies, removes the old one and renames the new one.
 * Nothing can be done about that from here but to be quick and to look: the file is written beside
 * the old one, and takes its place only if the old one is still what was read.
 *
 * A link is refused, and not followed: what it leads to is managed by somebody else, and a rename
 * would replace the link.
 */

#include "modfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "modlist.h"

#define TEMP        "." MODLIST_FILE ".certprop"
#define LEGACY_FILE "secmod.db"

static bool check(const Modfile *file, GError **error)
{
	if (!S_ISREG(file->st.st_mode)) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_DAMAGED,
			"%s/" MODLIST_FILE " is not a regular file", file->dir);
		return false;
	}
	if (file->st.st_uid != geteuid()) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FOREIGN,
			"The file %s/" MODLIST_FILE " belongs to user %u, not to us", file->dir,
			(unsigned)file->st.st_uid);
		return false;
	}
	if (file->st.st_size > (off_t)MODLIST_FILE_MAX) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_LIMIT,
			"%s/" MODLIST_FILE " has more than %u bytes", file->dir, MODLIST_FILE_MAX);
		return false;
	}

	return true;
}

static bool read_text(Modfile *file, int fd, GError **error)
{
	gsize size = (gsize)file->st.st_size, done = 0;
	g_autofree char *text = g_malloc0(size + 1);
	ssize_t n = 1;

	while (done < size && n > 0) {
		n = read(fd, text + done, size - done);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			done += (gsize)n;
	}
	if (n < 0 || done < size) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_BUSY,
			"Reading %s/" MODLIST_FILE " failed: %s", file->dir,
			n < 0 ? g_strerror(errno) : "another program is just writing it");
		return false;
	}
	if (strlen(text) != size) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_DAMAGED,
			"%s/" MODLIST_FILE " is no text: it has zero bytes in it", file->dir);
		return false;
	}

	file->text = g_steal_pointer(&text);
	return true;
}

static bool open_file(Modfile *file, GError **error)
{
	int fd = openat(
		file->fd, MODLIST_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	bool done;

	if (fd < 0 && errno == ENOENT)
		return true;
	if (fd < 0) {
		g_set_error(error, CERTPROP_ERROR,
			errno == ELOOP ? CERTPROP_ERROR_DAMAGED : CERTPROP_ERROR_DENIED,
			"Opening %s/" MODLIST_FILE " failed: %s", file->dir,
			errno == ELOOP ? "it is a symbolic link, and those are not followed"
				       : g_strerror(errno));
		return false;
	}

	done = fstat(fd, &file->st) == 0 && check(file, error) && read_text(file, fd, error);
	(void)close(fd);
	return done;
}

Modfile *modfile_open(const char *dir, GError **error)
{
	g_autoptr(Modfile) file = g_new0(Modfile, 1);

	file->dir = g_strdup(dir);
	file->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file->fd < 0) {
		g_set_error(error, CERTPROP_ERROR,
			errno == ENOENT ? CERTPROP_ERROR_MISSING : CERTPROP_ERROR_DENIED,
			"Opening the directory %s failed: %s", dir, g_strerror(errno));
		return NULL;
	}
	if (!open_file(file, error))
		return NULL;

	return g_steal_pointer(&file);
}

Modfile *modfile_close(Modfile *file)
{
	if (file == NULL)
		return NULL;

	if (file->fd >= 0)
		(void)close(file->fd);
	g_free(file->dir);
	g_free(file->text);
	g_free(file);
	return NULL;
}

static bool write_all(int fd, const char *text)
{
	gsize left = strlen(text);

	while (left > 0) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			text += n;
			left -= (gsize)n;
		}
	}

	return fsync(fd) == 0;
}

/* The group is kept where we may; the owner is us. */
static bool make_temp(const Modfile *file, const char *text)
{
	mode_t mode = file->text != NULL ? file->st.st_mode & 07777 : 0600;
	int fd;
	bool done;

	/* A crash left it: who holds the lock is the only one to write it. */
	(void)unlinkat(file->fd, TEMP, 0);
	fd = openat(file->fd, TEMP, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;

	if (file->text != NULL && fchown(fd, (uid_t)-1, file->st.st_gid) < 0)
		mode &= ~(mode_t)070; /* what the old group might, this one shall not */
	done = fchmod(fd, mode) == 0 && write_all(fd, text);
	return close(fd) == 0 && done;
}

/* Nobody has written to it since. */
static bool is_unchanged(const Modfile *file)
{
	struct stat now;

	if (fstatat(file->fd, MODLIST_FILE, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT && file->text == NULL;

	return file->text != NULL && now.st_ino == file->st.st_ino &&
	       now.st_size == file->st.st_size && now.st_mtim.tv_sec == file->st.st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == file->st.st_mtim.tv_nsec;
}

/* NSS takes over the modules of an old secmod.db when it finds no pkcs11.txt, and only then. */
static bool has_legacy(const Modfile *file)
{
	struct stat st;

	return file->text == NULL && fstatat(file->fd, LEGACY_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool modfile_replace(Modfile *file, const char *text, GError **error)
{
	int code;

	if (has_legacy(file)) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"%s has its modules still in " LEGACY_FILE
			"; run once: modutil -dbdir 'sql:%s' -list",
			file->dir, file->dir);
		return false;
	}
	if (!make_temp(file, text))
		goto bad;
	if (!is_unchanged(file)) {
		(void)unlinkat(file->fd, TEMP, 0);
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_BUSY,
			"Another program is just changing %s/" MODLIST_FILE, file->dir);
		return false;
	}
	if (renameat(file->fd, TEMP, file->fd, MODLIST_FILE) < 0)
		goto bad;
	/* It is there; whether it outlives a loss of power is another matter. */
	if (fsync(file->fd) < 0)
		g_printerr("Syncing %s failed: %s\n", file->dir, g_strerror(errno));
	return true;

bad:
	code = errno;
	(void)unlinkat(file->fd, TEMP, 0);
	g_set_error(error, CERTPROP_ERROR,
		code == EROFS || code == EACCES || code == EPERM ? CERTPROP_ERROR_READ_ONLY
								 : CERTPROP_ERROR_FAILED,
		"Writing %s/" MODLIST_FILE " failed: %s", file->dir, g_strerror(code));
	return false;
}
