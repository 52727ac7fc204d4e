/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system's own idea of which accounts are people's: login.defs' range of ids. A user may have
 * two accounts, and two may share a home: each home of a user is listed once.
 *
 * Nothing here looks at a home. That is the visiting child's, because a home on a dead file server
 * keeps whoever looks at it.
 */

#include "users.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>

#include "error.h"

#define LOGIN_DEFS       "/etc/login.defs"
#define LOGIN_DEFS_BYTES (256u * 1024u)
#define UID_MIN_DEFAULT  1000u
#define UID_MAX_DEFAULT  60000u
#define NOGROUP          65534u /* for files of root's group */

User *user_dup(const User *user)
{
	User *copy = g_memdup2(user, sizeof *user);

	copy->name = g_strdup(user->name);
	copy->home = g_strdup(user->home);
	return copy;
}

User *user_free(User *user)
{
	if (user == NULL)
		return NULL;

	g_free(user->name);
	g_free(user->home);
	g_free(user);
	return NULL;
}

static void destroy_user(gpointer data)
{
	user_free(data);
}

/* "KEY VALUE" lines; the last one counts. */
static uid_t login_def(const char *text, const char *key, uid_t otherwise)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	gsize len = strlen(key);
	guint64 value = otherwise;

	for (char **line = lines; *line != NULL; line++) {
		const char *at = g_strstrip(*line);
		guint64 number;

		if (strncmp(at, key, len) != 0 || !g_ascii_isspace(at[len]))
			continue;
		at += len;
		while (g_ascii_isspace(*at))
			at++;
		/* Any base, as the shadow programs read it. */
		number = g_ascii_strtoull(at, NULL, 0);
		if (number > 0 && number < G_MAXUINT32)
			value = number;
	}

	return (uid_t)value;
}

static void read_range(uid_t *ret_min, uid_t *ret_max)
{
	g_autofree char *text = NULL;
	gsize len = 0;

	if (!g_file_get_contents(LOGIN_DEFS, &text, &len, NULL) || len > LOGIN_DEFS_BYTES) {
		*ret_min = UID_MIN_DEFAULT;
		*ret_max = UID_MAX_DEFAULT;
		return;
	}

	*ret_min = login_def(text, "UID_MIN", UID_MIN_DEFAULT);
	*ret_max = login_def(text, "UID_MAX", UID_MAX_DEFAULT);
}

static int by_name(gconstpointer a, gconstpointer b)
{
	const User *const *one = a;
	const User *const *other = b;
	int order = strcmp((*one)->name, (*other)->name);

	return order != 0 ? order : strcmp((*one)->home, (*other)->home);
}

static GPtrArray *from_accounts(GError **error)
{
	g_autoptr(GPtrArray) users = g_ptr_array_new_with_free_func(destroy_user);
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	const struct passwd *entry;
	uid_t min, max;

	read_range(&min, &max);
	setpwent();
	while (errno = 0, (entry = getpwent()) != NULL) {
		User *user;

		if (entry->pw_uid == 0 || entry->pw_uid < min || entry->pw_uid > max ||
			!g_hash_table_add(seen,
				g_strdup_printf("%u:%s", (unsigned)entry->pw_uid, entry->pw_dir)))
			continue;
		user = g_new0(User, 1);
		user->name = g_strdup(entry->pw_name);
		user->home = g_strdup(entry->pw_dir);
		user->known = true;
		user->uid = entry->pw_uid;
		user->gid = entry->pw_gid;
		g_ptr_array_add(users, user);
	}
	if (errno != 0 && errno != ENOENT) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"Reading the user database failed: %s; name a directory of homes with "
			"--homes instead",
			g_strerror(errno));
		endpwent();
		return NULL;
	}
	endpwent();

	return g_steal_pointer(&users);
}

static GPtrArray *from_directory(const char *path, GError **error)
{
	g_autoptr(GPtrArray) users = g_ptr_array_new_with_free_func(destroy_user);
	g_autofree char *whole = g_canonicalize_filename(path, NULL);
	g_autoptr(GError) local = NULL;
	g_autoptr(GDir) dir = g_dir_open(whole, 0, &local);
	const char *name;

	if (dir == NULL) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_MISSING,
			"Listing the homes in %s failed: %s", path, local->message);
		return NULL;
	}
	while ((name = g_dir_read_name(dir)) != NULL) {
		User *user = g_new0(User, 1);

		user->name = g_strdup("");
		user->home = g_build_filename(whole, name, NULL);
		g_ptr_array_add(users, user);
	}

	return g_steal_pointer(&users);
}

GPtrArray *users_find(const char *homes, GError **error)
{
	GPtrArray *users = homes != NULL ? from_directory(homes, error) : from_accounts(error);

	if (users != NULL)
		g_ptr_array_sort(users, by_name);
	return users;
}

void users_identify(User *user, uid_t owner, gid_t group)
{
	const struct passwd *entry = getpwuid(owner);

	g_free(user->name);
	user->uid = owner;
	user->known = entry != NULL;
	user->name =
		entry != NULL ? g_strdup(entry->pw_name) : g_strdup_printf("%u", (unsigned)owner);
	user->gid = entry != NULL ? entry->pw_gid : group;
	if (user->gid == 0)
		user->gid = NOGROUP;
}
