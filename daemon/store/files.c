/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What can be known of an NSS database without NSS. Three of NSS's habits make this necessary:
 *
 * It creates what it does not find (a missing key4.db, a 0-byte cert9.db) and silently migrates an
 * old cert8.db; so a database counts only when both files are there, regular, ours and SQLite.
 *
 * It reports a lock as SEC_ERROR_BAD_DATABASE after a second or two, as it does damage. SQLite's
 * locks are POSIX locks on fixed bytes of the file (sqlite.org/fileformat2.html, "the lock-byte
 * page"), so F_GETLK tells the two apart, without taking a lock and without SQLite.
 *
 * A write under a lock waits without a limit; so we look before we write.
 *
 * The descriptors stay open as long as NSS has the database: see files_close() for why.
 */

#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbfile.h"
#include "error.h"

/* SQLite: PENDING, RESERVED, then 510 SHARED bytes. */
#define LOCK_PENDING  0x40000000
#define LOCK_RESERVED (LOCK_PENDING + 1)
#define LOCK_SHARED   (LOCK_PENDING + 2)
#define LOCK_SHARED_N 510

#define HEADER_GENERATION 24 /* "file change counter", big-endian */

#define PAUSE_FIRST_MS 5u
#define PAUSE_MAX_MS   20u /* a lock that comes and goes is free for moments only */

static bool check_dir(const char *dir, GError **error)
{
	struct stat st;

	if (stat(dir, &st) < 0) {
		int code = errno == ENOENT || errno == ENOTDIR ? CERTPROP_ERROR_MISSING
							       : CERTPROP_ERROR_DENIED;

		g_set_error(error, CERTPROP_ERROR, code, "Looking at the directory %s failed: %s",
			dir, g_strerror(errno));
		return false;
	}
	if (!S_ISDIR(st.st_mode)) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_DAMAGED, "%s is not a directory",
			dir);
		return false;
	}
	if (!dbfile_check_owner(&st, "directory", dir, error))
		return false;
	if (st.st_mode & S_IWOTH) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FOREIGN,
			"Everybody may write to the directory %s: run chmod o-w on it", dir);
		return false;
	}

	return true;
}

bool files_is_database(const char *path)
{
	int fd = dbfile_open(path, NULL);

	if (fd < 0)
		return false;

	close(fd);
	return true;
}

static bool is_missing(const GError *error)
{
	return g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_MISSING);
}

bool files_verify(const Files *files, GError **error)
{
	g_autofree char *cert_path = g_build_filename(files->dir, FILES_CERT, NULL);
	g_autofree char *key_path = g_build_filename(files->dir, FILES_KEY, NULL);

	return dbfile_verify(cert_path, files->cert, error) &&
	       dbfile_verify(key_path, files->key, error);
}

Files *files_open(const char *dir, GError **error)
{
	g_autoptr(Files) files = g_new0(Files, 1);
	g_autofree char *cert_path = g_build_filename(dir, FILES_CERT, NULL);
	g_autofree char *key_path = g_build_filename(dir, FILES_KEY, NULL);
	g_autoptr(GError) cert_error = NULL;
	g_autoptr(GError) key_error = NULL;

	files->dir = g_strdup(dir);
	files->cert = -1;
	files->key = -1;
	if (!check_dir(dir, error))
		return NULL;

	files->cert = dbfile_open(cert_path, &cert_error);
	files->key = dbfile_open(key_path, &key_error);
	if (files->cert >= 0 && files->key >= 0)
		return files_verify(files, error) ? g_steal_pointer(&files) : NULL;

	/* One of two is damage; none is a database that nobody created yet. */
	if (is_missing(cert_error) && is_missing(key_error)) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_MISSING,
			"There is no NSS database in %s yet", dir);
	} else if (cert_error != NULL && !is_missing(cert_error)) {
		g_propagate_error(error, g_steal_pointer(&cert_error));
	} else if (key_error != NULL && !is_missing(key_error)) {
		g_propagate_error(error, g_steal_pointer(&key_error));
	} else {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_DAMAGED,
			"%s has only one of " FILES_CERT " and " FILES_KEY, dir);
	}

	return NULL;
}

Files *files_close(Files *files)
{
	if (files == NULL)
		return NULL;

	if (files->cert >= 0)
		close(files->cert);
	if (files->key >= 0)
		close(files->key);
	g_free(files->dir);
	g_free(files);
	return NULL;
}

/* Would a lock of `type` on these bytes be refused? F_GETLK takes nothing. */
static bool range_locked(int fd, short type, off_t start, off_t len)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = start,
		.l_len = len,
	};

	return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static bool file_locked(int fd, bool write)
{
	/* Reading fails only under a write lock on PENDING or SHARED; readers' own locks are read
	   locks. Who wants to write must also find RESERVED free. */
	if (range_locked(fd, F_RDLCK, LOCK_PENDING, 1) ||
		range_locked(fd, F_RDLCK, LOCK_SHARED, LOCK_SHARED_N))
		return true;

	return write && range_locked(fd, F_WRLCK, LOCK_RESERVED, 1);
}

bool files_locked(const Files *files, bool write)
{
	return file_locked(files->cert, write) || file_locked(files->key, write);
}

bool files_wait_unlocked(const Files *files, bool write, unsigned ms)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)ms * 1000;
	unsigned pause = PAUSE_FIRST_MS;

	while (files_locked(files, write)) {
		if (g_get_monotonic_time() >= deadline)
			return false;
		/* Nobody tells when an SQLite lock goes; SQLite itself looks again and again. */
		(void)poll(NULL, 0, (int)pause);
		pause = MIN(2 * pause, PAUSE_MAX_MS);
	}

	return true;
}

bool files_interrupted(const Files *files)
{
	g_autofree char *cert_path = g_build_filename(files->dir, FILES_CERT, NULL);
	g_autofree char *key_path = g_build_filename(files->dir, FILES_KEY, NULL);

	return dbfile_interrupted(cert_path) || dbfile_interrupted(key_path);
}

bool files_writable(const Files *files)
{
	static const char *const names[] = {".", FILES_CERT, FILES_KEY};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(files->dir, names[i], NULL);

		if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0)
			return false;
	}

	return true;
}

guint32 files_generation(const Files *files)
{
	guint32 be = 0;

	if (pread(files->cert, &be, sizeof be, HEADER_GENERATION) != (ssize_t)sizeof be)
		return 0;

	return GUINT32_FROM_BE(be);
}
