/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A Mozilla program lists its profiles in profiles.ini ([ProfileN] with Name, Path and IsRelative)
 * and, from Firefox 67 on, the one that each installation starts with in installs.ini and in
 * [Install…] (Default, which is a path of the same kind). Profiles of a group, which share a
 * StoreID, are listed one for the whole group; the others are in an SQLite file that nobody but
 * Firefox should have to understand, so there every directory with a database in it counts.
 *
 * Other programs write these files, sandboxed ones among them. So a file must be regular, the
 * user's or root's (home managers link to files of root's), and of a reasonable size; and where the
 * paths in it lead to is for the caller to judge.
 */

#include "profiles.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "files.h"

#define ENTRIES_MAX     4096u /* of a directory, that are looked at */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static void profile_free(gpointer data)
{
	Profile *profile = data;

	g_free(profile->dir);
	g_free(profile->name);
	g_free(profile);
}

GPtrArray *profiles_new(void)
{
	return g_ptr_array_new_with_free_func(profile_free);
}

static bool refuse(GError **error, int code, const char *path, const char *why)
{
	g_set_error(error, CERTPROP_ERROR, code, "%s is not read: %s", path, why);
	return false;
}

static bool check_file(int fd, const char *path, GError **error)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return refuse(error, CERTPROP_ERROR_DAMAGED, path, "it is not a regular file");
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return refuse(error, CERTPROP_ERROR_FOREIGN, path, "it is somebody else's");
	if (st.st_mode & S_IWOTH)
		return refuse(error, CERTPROP_ERROR_FOREIGN, path,
			"everybody may write to it; run chmod o-w on it");

	return true;
}

/* Returns its bytes; NULL without an error if there is no such file. */
static GBytes *slurp(const char *path, GError **error)
{
	g_autofree char *buffer = g_malloc(PROFILES_SIZE + 1);
	gsize len = 0;
	ssize_t n = 1;
	/* Not blocking: it could be a FIFO. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return NULL;
	if (fd < 0) {
		(void)refuse(error, CERTPROP_ERROR_DENIED, path, g_strerror(errno));
		return NULL;
	}
	if (!check_file(fd, path, error)) {
		close(fd);
		return NULL;
	}

	while (n > 0 && len <= PROFILES_SIZE) {
		n = read(fd, buffer + len, PROFILES_SIZE + 1 - len);
		len += n > 0 ? (gsize)n : 0;
	}
	close(fd);
	if (n < 0) {
		(void)refuse(error, CERTPROP_ERROR_DENIED, path, g_strerror(errno));
		return NULL;
	}
	if (len > PROFILES_SIZE) {
		(void)refuse(error, CERTPROP_ERROR_LIMIT, path, "it is too large");
		return NULL;
	}

	return g_bytes_new_take(g_steal_pointer(&buffer), len);
}

static void add(GPtrArray *profiles, const char *base, const char *path, const char *name)
{
	Profile *profile;

	if (strlen(path) >= PATH_MAX)
		return;
	profile = g_new0(Profile, 1);
	/* An absolute one stays as it is. */
	profile->dir = g_canonicalize_filename(path, base);
	profile->name = g_strdup(name);
	g_ptr_array_add(profiles, profile);
}

/* What Firefox calls the directory is eight random characters, a dot, and the name. */
static const char *name_of(const char *entry)
{
	const char *dot = strchr(entry, '.');

	return dot != NULL && dot[1] != '\0' ? dot + 1 : entry;
}

static void add_entries(GPtrArray *profiles, const char *base)
{
	g_autoptr(GDir) dir = g_dir_open(base, 0, NULL);
	const char *entry;

	for (unsigned n = 0, found = 0; dir != NULL && n < ENTRIES_MAX && found < PROFILES_MAX &&
					(entry = g_dir_read_name(dir)) != NULL;
		n++) {
		g_autofree char *sub = g_build_filename(base, entry, NULL);
		g_autofree char *cert = g_build_filename(sub, FILES_CERT, NULL);

		if (g_file_test(sub, G_FILE_TEST_IS_SYMLINK) ||
			!g_file_test(cert, G_FILE_TEST_IS_REGULAR))
			continue;
		add(profiles, base, entry, name_of(entry));
		found++;
	}
}

/* The raw value: nobody escapes anything in these files. */
static char *value(GKeyFile *file, const char *group, const char *key)
{
	g_autofree char *text = g_key_file_get_value(file, group, key, NULL);

	return text != NULL && text[0] != '\0' ? g_steal_pointer(&text) : NULL;
}

/* The path that a group names, if it is one that names any. */
static char *group_path(GKeyFile *file, const char *group, bool installs)
{
	if (!installs && g_str_has_prefix(group, "Profile"))
		return value(file, group, "Path");
	if (installs || g_str_has_prefix(group, "Install"))
		return value(file, group, "Default");

	return NULL;
}

/* Returns false if they are too many; *ret_grouped: there are more than the file names. */
static bool add_groups(
	GPtrArray *profiles, const char *base, GKeyFile *file, bool installs, bool *ret_grouped)
{
	g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
	unsigned n = 0;

	*ret_grouped = false;
	for (char **group = groups; *group != NULL; group++) {
		g_autofree char *name = value(file, *group, "Name");
		/* IsRelative says only what the path itself shows. */
		g_autofree char *path = group_path(file, *group, installs);

		*ret_grouped |= g_key_file_has_key(file, *group, "StoreID", NULL);
		if (path == NULL)
			continue;
		if (n++ == PROFILES_MAX)
			return false;
		add(profiles, base, path, name);
	}

	return true;
}

static bool is_read(const char *line)
{
	return *line == '#' || *line == '[' || *line == '\0' ||
	       (*line != ';' && *line != '=' && strchr(line, '=') != NULL);
}

/* Firefox passes over what GKeyFile refuses a whole file for: a byte order mark, comments after a
   semicolon, lines that say nothing. What has no group at all is no such file. */
static char *without_oddities(GBytes *bytes)
{
	gsize len;
	const char *data = g_bytes_get_data(bytes, &len);
	g_autofree char *text = g_strndup(data, len);
	const char *begin = g_str_has_prefix(text, BYTE_ORDER_MARK) ? text + 3 : text;
	g_auto(GStrv) lines = g_strsplit(begin, "\n", -1);
	GString *kept = g_string_new(NULL);

	if (*begin != '[' && strstr(begin, "\n[") == NULL)
		return g_strdup(begin);
	for (char **line = lines; *line != NULL; line++) {
		if (is_read(g_strchomp(*line)))
			g_string_append_printf(kept, "%s\n", *line);
	}
	return g_string_free(kept, FALSE);
}

bool profiles_read(const char *base, const char *file, GPtrArray *profiles, GError **error)
{
	g_autofree char *path = g_build_filename(base, file, NULL);
	g_autoptr(GError) local = NULL;
	g_autoptr(GBytes) bytes = slurp(path, &local);
	g_autoptr(GKeyFile) keys = g_key_file_new();
	g_autofree char *text = NULL;
	bool grouped;

	if (bytes == NULL && local == NULL)
		return true;
	if (bytes == NULL) {
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	text = without_oddities(bytes);
	if (!g_key_file_load_from_data(keys, text, strlen(text), G_KEY_FILE_NONE, &local))
		return refuse(error, CERTPROP_ERROR_DAMAGED, path, local->message);
	if (!add_groups(profiles, base, keys, strcmp(file, INSTALLS_INI) == 0, &grouped))
		return refuse(error, CERTPROP_ERROR_LIMIT, path, "it names too many profiles");

	if (grouped)
		add_entries(profiles, base);
	return true;
}
