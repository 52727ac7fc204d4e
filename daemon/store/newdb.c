/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Creating the shared database. NSS creates its files one by one, empty first: whoever is killed in
 * between leaves a cert9.db without a key4.db, or one of 0 bytes, and other programs trip over it.
 * So the database is built in a directory of its own beside the place, and that directory becomes
 * the database by one rename(). Where there is a directory already with something in it, the files
 * are linked into it one by one: link() never replaces what another program has created meanwhile,
 * and what a crash leaves of it is completed at the next look.
 *
 * It has no password, as the one that Chromium would create, and a pkcs11.txt that names NSS's own
 * module and nothing else.
 */

#include "newdb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "files.h"
#include "modlist.h"
#include "nssdb.h"
#include "owner.h"

#define TEMP_PREFIX   ".nssdb-certprop-"
#define STALE_SECONDS (24 * 3600) /* a build directory that is as old was left by a crash */
#define EMPTY_SECONDS 10          /* a 0-byte file that is as old is not being created just now */

struct Newdb {
	char *dir;
	char *temp; /* NULL once it is in place */
};

static const char *const file_names[] = {MODLIST_FILE, FILES_KEY, FILES_CERT};

/* Through a descriptor: where somebody else may write beside it, a link that takes the directory's
   place in the meantime must not lead us to another database. */
static void remove_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid()) {
		for (gsize i = 0; i < G_N_ELEMENTS(file_names); i++)
			(void)unlinkat(fd, file_names[i], 0);
	}
	if (fd >= 0)
		close(fd);
	if (rmdir(path) < 0)
		g_printerr("Removing %s failed: %s\n", path, g_strerror(errno));
}

static void remove_stale(const char *parent)
{
	g_autoptr(GDir) dir = g_dir_open(parent, 0, NULL);
	const char *name;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path = g_build_filename(parent, name, NULL);
		struct stat st;

		if (g_str_has_prefix(name, TEMP_PREFIX) && lstat(path, &st) == 0 &&
			S_ISDIR(st.st_mode) && st.st_mtime < time(NULL) - STALE_SECONDS)
			remove_dir(path);
	}
}

bool newdb_fits(const char *dir)
{
	static const char *const databases[] = {FILES_CERT, FILES_KEY};
	g_autoptr(Files) whole = files_open(dir, NULL);
	bool gap = !g_file_test(dir, G_FILE_TEST_EXISTS);

	if (whole != NULL)
		return false;

	for (gsize i = 0; i < G_N_ELEMENTS(databases); i++) {
		g_autofree char *path = g_build_filename(dir, databases[i], NULL);
		struct stat st;

		if (lstat(path, &st) < 0)
			gap = gap || errno == ENOENT;
		else if (S_ISREG(st.st_mode) && st.st_size == 0)
			gap = true;
		else if (!files_is_database(path))
			return false;
	}

	return gap;
}

/* What NSS writes into a new one. It would add the file itself at its first need, but "modutil
   -list" and programs that append to it expect one. */
static bool write_modules(const Newdb *newdb, GError **error)
{
	g_autofree char *path = g_build_filename(newdb->temp, MODLIST_FILE, NULL);
	g_autofree char *text = modlist_new(newdb->dir);

	if (*text == '\0')
		return true;

	return g_file_set_contents_full(
		path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
}

Newdb *newdb_build(const char *dir, GError **error)
{
	g_autoptr(Newdb) newdb = g_new0(Newdb, 1);
	g_autofree char *parent = g_path_get_dirname(dir);
	g_autofree char *temp = g_build_filename(parent, TEMP_PREFIX "XXXXXX", NULL);

	newdb->dir = g_strdup(dir);
	if (!owner_check_place(dir, error))
		return NULL;
	if (g_mkdir_with_parents(parent, 0700) < 0 || g_mkdtemp(temp) == NULL) {
		g_set_error(error, CERTPROP_ERROR,
			errno == EROFS || errno == EACCES ? CERTPROP_ERROR_READ_ONLY
							  : CERTPROP_ERROR_FAILED,
			"Creating a directory in %s for a new database failed: %s", parent,
			g_strerror(errno));
		return NULL;
	}
	newdb->temp = g_steal_pointer(&temp);
	if (!nssdb_make(newdb->temp, error) || !write_modules(newdb, error))
		return NULL;

	remove_stale(parent);
	return g_steal_pointer(&newdb);
}

/* A file of a database has one name. Where the file system knows no renaming without replacing, as
   NFS, it has two for a moment. */
static bool move_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return true;
	return (errno == EINVAL || errno == ENOSYS) && link(from, to) == 0 && unlink(from) == 0;
}

/* One file into a directory that exists. */
static bool install_file(const Newdb *newdb, const char *name, GError **error)
{
	g_autofree char *from = g_build_filename(newdb->temp, name, NULL);
	g_autofree char *to = g_build_filename(newdb->dir, name, NULL);
	struct stat st;

	if (move_new(from, to) || errno == ENOENT)
		return true;
	if (errno == EEXIST && lstat(to, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0) {
		if (st.st_mtime > time(NULL) - EMPTY_SECONDS) {
			g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_BUSY,
				"Another program is just creating %s", to);
			return false;
		}
		if (rename(from, to) == 0)
			return true;
	}
	if (errno == EEXIST)
		return true;

	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED, "Creating %s failed: %s", to,
		g_strerror(errno));
	return false;
}

bool newdb_install(Newdb *newdb, GError **error)
{
	/* Replaces an empty directory, and nothing else. */
	if (rename(newdb->temp, newdb->dir) == 0) {
		g_clear_pointer(&newdb->temp, g_free);
		return true;
	}
	if (errno != ENOTEMPTY && errno != EEXIST) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"Moving a new database to %s failed: %s", newdb->dir, g_strerror(errno));
		return false;
	}

	for (gsize i = 0; i < G_N_ELEMENTS(file_names); i++) {
		if (!install_file(newdb, file_names[i], error))
			return false;
	}

	return true;
}

Newdb *newdb_free(Newdb *newdb)
{
	if (newdb == NULL)
		return NULL;

	if (newdb->temp != NULL)
		remove_dir(newdb->temp);
	g_free(newdb->temp);
	g_free(newdb->dir);
	g_free(newdb);
	return NULL;
}
