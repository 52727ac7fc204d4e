/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A module is registered once: not where it can be reached already, by whatever way. What is taken
 * away is only what we added.
 *
 * The file is read anew under the lock before it is changed, and again if NSS has got in between.
 */

#include "modules.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answers.h"
#include "error.h"
#include "files.h"
#include "lock.h"
#include "modfile.h"
#include "modlist.h"
#include "names.h"
#include "reach.h"

#define POLICY_FILE "/etc/crypto-policies/back-ends/nss.config"
#define P11_SYSTEM  "/etc/pkcs11"
#define TRIES       5 /* while another program changes the file */

typedef enum { CHANGE_NONE, CHANGE_ENABLE, CHANGE_DISABLE } Change;

/* One configured module in one database. */
typedef struct Module {
	char *path;
	GPtrArray *reaches; /* Reach: as it was found */
	Change change;
	char *reason; /* why it cannot be, or NULL */
} Module;

static const char *const change_words[] = {
	[CHANGE_NONE] = "",
	[CHANGE_ENABLE] = "enable",
	[CHANGE_DISABLE] = "disable",
};

static void module_free(gpointer data)
{
	Module *module = data;

	g_free(module->path);
	g_ptr_array_unref(module->reaches);
	g_free(module->reason);
	g_free(module);
}

/* The process's name, as p11-kit's configuration knows it. The shared database has many. */
static const char *program_of(const Database *database)
{
	if (strcmp(database->application, "shared") == 0 ||
		strcmp(database->application, "other") == 0)
		return NULL;

	return database->application;
}

static GPtrArray *find_ways(const Database *database, const char *text, const char *path)
{
	g_autofree char *user = g_build_filename(g_get_user_config_dir(), "pkcs11", NULL);
	const ReachPlaces places = {
		.proxy = {.package_dir = CERTPROP_P11_CONFIGS,
			.system_dir = P11_SYSTEM,
			.user_dir = user,
			.module_dir = CERTPROP_P11_MODULE_DIR},
		.policy = POLICY_FILE,
	};

	return reach_find(text, path, &places, program_of(database));
}

static bool has_way(const GPtrArray *reaches, bool own)
{
	for (guint i = 0; i < reaches->len; i++) {
		const Reach *reach = g_ptr_array_index(reaches, i);

		if (reach->how != REACH_BROKEN && (reach->how == REACH_OWN) == own)
			return true;
	}

	return false;
}

/* Returns the text with the module in it; or the same, and says why in the module. */
static char *enable(Module *module, const char *text)
{
	g_autoptr(GError) error = NULL;
	char *result;

	if (has_way(module->reaches, false))
		return g_strdup(text);
	if (!g_file_test(module->path, G_FILE_TEST_IS_REGULAR)) {
		module->change = CHANGE_ENABLE;
		module->reason =
			g_strdup_printf("There is no %s: is its package installed?", module->path);
		return g_strdup(text);
	}

	result = modlist_add(text, module->path, &error);
	if (result == NULL || strcmp(result, text) != 0)
		module->change = CHANGE_ENABLE;
	if (result == NULL)
		module->reason = g_strdup(error->message);
	return result != NULL ? result : g_strdup(text);
}

static Module *module_new(const Database *database, const char *text, const char *path)
{
	Module *module = g_new0(Module, 1);

	module->path = g_strdup(path);
	module->reaches = find_ways(database, text != NULL ? text : "", path);
	return module;
}

static Module *find_module(const GPtrArray *modules, const char *path)
{
	for (guint i = 0; i < modules->len; i++) {
		Module *module = g_ptr_array_index(modules, i);

		if (strcmp(module->path, path) == 0)
			return module;
	}

	return NULL;
}

/* Returns the text without what is ours, whatever the configuration names by now, and says which
   modules that is. */
static char *disable(const Database *database, const char *text, GPtrArray *modules)
{
	g_autoptr(GPtrArray) entries = modlist_entries(text);

	for (guint i = 0; i < entries->len; i++) {
		const ModlistEntry *entry = g_ptr_array_index(entries, i);
		Module *module = find_module(modules, entry->library);

		if (!entry->ours)
			continue;
		if (module == NULL) {
			module = module_new(database, text, entry->library);
			g_ptr_array_add(modules, module);
		}
		module->change = CHANGE_DISABLE;
	}
	/* Another file of the same module, which was reached by what goes. */
	for (guint i = modules->len; i-- > 0;) {
		const Module *module = g_ptr_array_index(modules, i);

		if (module->change == CHANGE_NONE && has_way(module->reaches, true))
			g_ptr_array_remove_index(modules, i);
	}

	return modlist_remove(text);
}

/* What the file shall be. NULL text: there is none. */
static char *edit(const Request *request, const Database *database, const char *text, Change change,
	GPtrArray *modules)
{
	char *result = text != NULL || change != CHANGE_ENABLE ? g_strdup(text)
							       : modlist_new(database->dir);

	for (char **name = request->config->modules; name != NULL && *name != NULL; name++) {
		g_autofree char *path = g_canonicalize_filename(*name, CERTPROP_P11_MODULE_DIR);
		Module *module = module_new(database, text, path);

		if (change == CHANGE_ENABLE) {
			char *next = enable(module, result);

			g_free(result);
			result = next;
		}
		g_ptr_array_add(modules, module);
	}
	if (change == CHANGE_DISABLE && result != NULL) {
		char *next = disable(database, result, modules);

		g_free(result);
		result = next;
	}

	return result;
}

/* Whether something of it is to be written. */
static bool differs(const char *before, const char *after, const GPtrArray *modules)
{
	for (guint i = 0; before == NULL && i < modules->len; i++) {
		const Module *module = g_ptr_array_index(modules, i);

		if (module->change != CHANGE_NONE && module->reason == NULL)
			return true;
	}

	return before != NULL && strcmp(before, after) != 0;
}

/* Reads, and with `write` changes. `modules` gets what was found before. Returns false and an error
   if the file cannot be read or written. */
static bool attempt(const Request *request, const Database *database, Change change, bool write,
	GPtrArray *modules, bool *ret_differs, GError **error)
{
	g_autoptr(Modfile) file = modfile_open(database->dir, error);
	g_autofree char *after = NULL;

	g_ptr_array_set_size(modules, 0);
	if (file == NULL)
		return false;

	after = edit(request, database, file->text, change, modules);
	*ret_differs = differs(file->text, after, modules);
	return !write || !*ret_differs || modfile_replace(file, after, error);
}

static bool change_file(const Request *request, const Database *database, Change change,
	GPtrArray *modules, GError **error)
{
	bool changes;
	int lock;

	/* Nothing to write, no lock. */
	if (!attempt(request, database, change, false, modules, &changes, error))
		return false;
	if (!changes || change == CHANGE_NONE || (request->flags & WIRE_STORE_DRY_RUN) != 0)
		return true;

	lock = lock_writer(error);
	if (lock < 0)
		return false;
	for (unsigned i = 0; i < TRIES; i++) {
		g_clear_error(error);
		if (attempt(request, database, change, true, modules, &changes, error) ||
			!g_error_matches(*error, CERTPROP_ERROR, CERTPROP_ERROR_BUSY))
			break;
	}
	(void)close(lock);
	return *error == NULL;
}

static void report_module(const Module *module, Reports *reports, bool done)
{
	reports_module(reports, module->path, change_words[module->change],
		done && module->change != CHANGE_NONE && module->reason == NULL, module->reason);
	for (guint i = 0; i < module->reaches->len; i++) {
		const Reach *reach = g_ptr_array_index(module->reaches, i);

		reports_reach(reports, reach);
	}
}

static void handle(const Request *request, const Database *database, Reports *reports)
{
	g_autoptr(GPtrArray) modules = g_ptr_array_new_with_free_func(module_free);
	g_autoptr(GError) error = NULL;
	g_autoptr(Files) files = NULL;
	bool dry_run = (request->flags & WIRE_STORE_DRY_RUN) != 0;
	Change change = CHANGE_NONE;
	bool done = false;

	if ((request->flags & WIRE_STORE_ENABLE) != 0)
		change = CHANGE_ENABLE;
	else if ((request->flags & WIRE_STORE_DISABLE) != 0)
		change = CHANGE_DISABLE;

	/* What must not be served is not looked at, but for taking out what is ours. */
	if (database->fault != NULL &&
		(change != CHANGE_DISABLE || database->fault->code == CERTPROP_ERROR_TIMEOUT)) {
		reports_about(reports, database, database->fault);
		return;
	}

	files = files_open(database->dir, &error);
	if (files != NULL)
		done = change_file(request, database, change, modules, &error);
	reports_about(reports, database, error != NULL ? error : database->fault);
	for (guint i = 0; i < modules->len; i++)
		report_module(g_ptr_array_index(modules, i), reports, done && !dry_run);
}

static bool is_meant(const Request *request, const Database *database)
{
	g_autofree char *real = NULL;

	if (request->only == NULL)
		return true;

	real = answers(request->only) ? realpath(request->only, NULL) : NULL;
	return strcmp(real != NULL ? real : request->only, database->dir) == 0;
}

void modules_run(const Request *request, Reports *reports, const GPtrArray *runs)
{
	bool met = request->only == NULL;

	for (guint i = 0; i < runs->len && !reports->broken; i++) {
		const Run *run = g_ptr_array_index(runs, i);

		if (is_meant(request, run->database)) {
			handle(request, run->database, reports);
			met = true;
		}
	}
	if (!met) {
		g_autoptr(GError) error = g_error_new(CERTPROP_ERROR, CERTPROP_ERROR_MISSING,
			"%s is none of the databases that are served ([databases] discover, "
			"include, exclude)",
			request->only);

		reports_error(reports, error);
	}
}

/* Only beside a database: where there is none, NSS would make one for the module. */
static bool is_wanted(const Request *request, const Database *database)
{
	g_autoptr(Files) files = NULL;

	if (!request->config->register_module || (request->flags & WIRE_STORE_LOGOUT) != 0)
		return false;

	files = files_open(database->dir, NULL);
	return files != NULL;
}

void modules_register(const Request *request, const Database *database, Reports *reports)
{
	g_autoptr(GPtrArray) modules = g_ptr_array_new_with_free_func(module_free);
	g_autoptr(GError) error = NULL;
	bool done;

	if (!is_wanted(request, database))
		return;

	done = change_file(request, database, CHANGE_ENABLE, modules, &error);
	for (guint i = 0; i < modules->len; i++) {
		Module *module = g_ptr_array_index(modules, i);

		if (error != NULL && module->reason == NULL && module->change != CHANGE_NONE)
			module->reason = g_strdup(error->message);
		if (module->change != CHANGE_NONE)
			report_module(module, reports, done);
	}
}
