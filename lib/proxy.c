/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pkcs11.conf(5): one *.module file a module, KEY: VALUE lines, in a directory of the packages, of
 * the administrator and of the user. Files of one name are one module: the user's lines win over
 * the administrator's, those over the package's, each line for itself; "user-config" in pkcs11.conf
 * says whether the user's count at all, or alone. enable-in and disable-in list programs, and
 * "p11-kit-proxy" for all that come through the proxy.
 *
 * p11-kit has no call that tells this without loading every module into the caller.
 */

#include "proxy.h"

#include <stdbool.h>
#include <string.h>

#define FILE_MAX   (64u * 1024u)
#define FILES_MAX  256u
#define SUFFIX     ".module"
#define PROXY_NAME "p11-kit-proxy"

typedef enum { USER_NONE, USER_MERGE, USER_ONLY } UserMode;

static void module_free(gpointer data)
{
	ProxyModule *module = data;

	g_free(module->path);
	g_free(module->file);
	g_free(module);
}

/* Adds the file's lines for keys that are not there yet. A file that is not there has none. */
static void read_lines(GHashTable *keys, const char *path)
{
	g_autofree char *text = NULL;
	gsize len;

	if (!g_file_test(path, G_FILE_TEST_IS_REGULAR) ||
		!g_file_get_contents(path, &text, &len, NULL) || len > FILE_MAX)
		return;

	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		char *colon = strchr(*line, ':');

		if (**line == '#' || colon == NULL)
			continue;
		*colon = '\0';
		g_strstrip(*line);
		if (!g_hash_table_contains(keys, *line))
			g_hash_table_insert(keys, g_strdup(*line), g_strdup(g_strstrip(colon + 1)));
	}
}

static GHashTable *new_keys(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

static UserMode mode_in(const char *dir, UserMode otherwise)
{
	g_autoptr(GHashTable) keys = new_keys();
	g_autofree char *path = g_build_filename(dir, "pkcs11.conf", NULL);
	const char *word;

	read_lines(keys, path);
	word = g_hash_table_lookup(keys, "user-config");
	if (g_strcmp0(word, "none") == 0)
		return USER_NONE;
	if (g_strcmp0(word, "only") == 0 || g_strcmp0(word, "override") == 0)
		return USER_ONLY;

	return g_strcmp0(word, "merge") == 0 ? USER_MERGE : otherwise;
}

static UserMode user_mode(const ProxyPlaces *places)
{
	UserMode mode = mode_in(places->system_dir, USER_MERGE);

	if (places->user_dir == NULL || mode == USER_NONE)
		return USER_NONE;

	return mode_in(places->user_dir, mode);
}

/* p11-kit goes by the name of the process, which is not the same everywhere. */
static const char *const processes[][3] = {
	{"firefox", "firefox-esr", "firefox-bin"},
	{"thunderbird", "thunderbird-bin", NULL},
	{"chromium", "chromium-browser", "chrome"},
};

static bool is_listed(const char *list, const char *name)
{
	g_auto(GStrv) words = g_strsplit_set(list, ", \t", -1);
	const char *const *listed = (const char *const *)words;

	if (name == NULL)
		return false;
	for (gsize i = 0; i < G_N_ELEMENTS(processes); i++) {
		for (gsize j = 0; strcmp(name, processes[i][0]) == 0 && j < 3; j++) {
			if (processes[i][j] != NULL && g_strv_contains(listed, processes[i][j]))
				return true;
		}
	}
	return g_strv_contains(listed, name);
}

static bool is_enabled(GHashTable *keys, const char *program)
{
	const char *enable = g_hash_table_lookup(keys, "enable-in");
	const char *disable = g_hash_table_lookup(keys, "disable-in");

	if (enable != NULL)
		return is_listed(enable, PROXY_NAME) || is_listed(enable, program);

	return disable == NULL || (!is_listed(disable, PROXY_NAME) && !is_listed(disable, program));
}

/* `modules`: file name to keys; `files`: file name to the path that was read first. */
static void read_dir(GHashTable *modules, GHashTable *files, const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *file = g_build_filename(path, name, NULL);
		GHashTable *keys = g_hash_table_lookup(modules, name);

		if (!g_str_has_suffix(name, SUFFIX))
			continue;
		if (keys == NULL) {
			if (g_hash_table_size(modules) >= FILES_MAX)
				return;
			keys = new_keys();
			g_hash_table_insert(modules, g_strdup(name), keys);
			g_hash_table_insert(files, g_strdup(name), g_strdup(file));
		}
		read_lines(keys, file);
	}
}

static int by_file(gconstpointer a, gconstpointer b)
{
	const ProxyModule *one = *(ProxyModule *const *)a;
	const ProxyModule *two = *(ProxyModule *const *)b;

	return strcmp(one->file, two->file);
}

GPtrArray *proxy_modules(const ProxyPlaces *places, const char *program)
{
	g_autoptr(GHashTable) modules = g_hash_table_new_full(
		g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_unref);
	g_autoptr(GHashTable) files = new_keys();
	g_autofree char *system = g_build_filename(places->system_dir, "modules", NULL);
	GPtrArray *found = g_ptr_array_new_with_free_func(module_free);
	UserMode mode = user_mode(places);
	GHashTableIter iter;
	gpointer name, keys;

	if (mode != USER_NONE) {
		g_autofree char *user = g_build_filename(places->user_dir, "modules", NULL);

		read_dir(modules, files, user);
	}
	if (mode != USER_ONLY) {
		read_dir(modules, files, system);
		read_dir(modules, files, places->package_dir);
	}

	g_hash_table_iter_init(&iter, modules);
	while (g_hash_table_iter_next(&iter, &name, &keys)) {
		const char *path = g_hash_table_lookup(keys, "module");
		ProxyModule *module;

		if (path == NULL || *path == '\0' || !is_enabled(keys, program))
			continue;
		module = g_new0(ProxyModule, 1);
		module->path = g_canonicalize_filename(path, places->module_dir);
		module->file = g_strdup(g_hash_table_lookup(files, name));
		g_ptr_array_add(found, module);
	}
	g_ptr_array_sort(found, by_file);

	return found;
}
