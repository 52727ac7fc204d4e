/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl module: whether the programs of each database come to the PKCS#11 modules that the
 * cards are read with, and so to the private keys; and a registration of our own where they do not.
 * The store looks and writes; this prints.
 */

#include "module.h"

#include <string.h>

#include "ctl.h"
#include "emit.h"
#include "listing.h"
#include "names.h"
#include "suggest.h"
#include "table.h"
#include "ways.h"

static char *option_database;

const GOptionEntry module_entries[] = {
	{"database", 0, 0, G_OPTION_ARG_FILENAME, &option_database,
		"Only the database in this directory", "PATH"},
	{NULL},
};

static const char *const actions[] = {"status", "enable", "disable", NULL};
static const guint32 action_flags[] = {0, WIRE_STORE_ENABLE, WIRE_STORE_DISABLE};

static void put_module(Json *json, const ReportModule *module)
{
	json_open_object(json, NULL);
	json_put_text(json, "module", module->path);
	json_put_text(json, "state", ways_word(ways_count(module)));
	json_put_text(json, "change", module->change);
	json_put_bool(json, "done", module->done);
	json_put_text(json, "reason", module->reason);
	json_open_array(json, "through");
	for (guint i = 0; i < module->reaches->len; i++) {
		const ReportReach *reach = g_ptr_array_index(module->reaches, i);

		json_open_object(json, NULL);
		json_put_text(json, "how", reach->how);
		json_put_text(json, "name", reach->name);
		json_put_text(json, "library", reach->library);
		json_put_text(json, "file", reach->file);
		json_close_object(json);
	}
	json_close_array(json);
	json_close_object(json);
}

static void print_json(const Ctl *ctl, const Report *report)
{
	g_autoptr(Json) json = json_new();

	json_open_object(json, NULL);
	json_put_bool(json, "dry_run", ctl->dry_run);
	json_open_array(json, "databases");
	for (guint i = 0; i < report->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(report->databases, i);

		json_open_object(json, NULL);
		emit_database(json, database->path, database->application, database->profile,
			database->status, database->reason);
		json_open_array(json, "modules");
		for (guint j = 0; j < database->modules->len; j++)
			put_module(json, g_ptr_array_index(database->modules, j));
		json_close_array(json);
		json_close_object(json);
	}
	json_close_array(json);
	json_close_object(json);
	json_print(json);
}

static void add_row(Table *table, const ReportDatabase *database, const ReportModule *module)
{
	static const char *const answers[] = {
		[WAYS_NONE] = "no", [WAYS_ONE] = "yes", [WAYS_SEVERAL] = "twice"};
	static const Paint paints[] = {
		[WAYS_NONE] = PAINT_NOTE, [WAYS_ONE] = PAINT_GOOD, [WAYS_SEVERAL] = PAINT_BAD};
	Ways ways = ways_count(module);
	g_autofree char *text = ways_text(module);
	g_autofree char *base = g_path_get_basename(module->path);

	table_cell(table, PAINT_STRONG, database->path);
	table_cell(table, PAINT_PLAIN, database->application);
	table_cell(table, PAINT_PLAIN, database->profile);
	table_cell(table, PAINT_PLAIN, base);
	table_cell(table, paints[ways], answers[ways]);
	table_cell(table, PAINT_PLAIN, text);
	table_end_row(table);
}

static void print_status(const Report *report)
{
	g_autoptr(Table) table = table_new(0);

	table_row(table, PAINT_FAINT, "DATABASE", "APPLICATION", "PROFILE", "MODULE", "REACHED",
		"THROUGH", NULL);
	for (guint i = 0; i < report->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(report->databases, i);

		for (guint j = 0; j < database->modules->len; j++)
			add_row(table, database, g_ptr_array_index(database->modules, j));
		if (database->modules->len > 0)
			continue;
		table_cell(table, PAINT_STRONG, database->path);
		table_cell(table, PAINT_PLAIN, database->application);
		table_cell(table, PAINT_PLAIN, database->profile);
		table_cell(table, PAINT_PLAIN, "");
		table_cell(table, paint_of_status(database->status), database->status);
		table_cell(table, PAINT_PLAIN, database->reason);
		table_end_row(table);
	}
	table_print(table);
}

static const char *done_word(const ReportModule *module, bool dry_run)
{
	bool enable = strcmp(module->change, "enable") == 0;

	if (dry_run)
		return enable ? "would register" : "would take out";

	return enable ? "registered" : "took out";
}

static void tell_module(const ReportDatabase *database, const ReportModule *module, bool dry_run)
{
	g_autofree char *text = ways_text(module);

	if (*module->change != '\0')
		paint_line(PAINT_GOOD, "%s: %s %s", database->path, done_word(module, dry_run),
			module->path);
	else if (ways_count(module) != WAYS_NONE)
		paint_line(PAINT_PLAIN, "%s: nothing to do; %s is reached: %s", database->path,
			module->path, text);
	else
		paint_line(PAINT_PLAIN, "%s: nothing to do", database->path);
}

unsigned module_tell_changes(const Report *report, bool dry_run)
{
	unsigned n = 0;

	for (guint i = 0; i < report->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(report->databases, i);

		if (strcmp(database->status, "missing") == 0)
			paint_line(PAINT_PLAIN, "%s: nothing to do; %s", database->path,
				database->reason);
		else if (strcmp(database->status, "foreign") == 0 && database->modules->len == 0)
			paint_line(PAINT_PLAIN, "%s: left alone; %s", database->path,
				database->reason);
		for (guint j = 0; j < database->modules->len; j++) {
			const ReportModule *module = g_ptr_array_index(database->modules, j);

			if (*module->change != '\0' && !module->done && !dry_run)
				continue; /* goes to standard error */
			if (*module->reason == '\0')
				tell_module(database, module, dry_run);
			n += *module->change != '\0' && *module->reason == '\0';
		}
	}

	return n;
}

void module_tell_restart(void)
{
	paint_line(PAINT_NOTE, "Programs that run (Firefox, Thunderbird, Chromium …) notice when "
			       "they are started the next time.");
}

int module_complain(const Report *report, int status)
{
	guint n_good = 0;

	for (guint i = 0; i < report->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(report->databases, i);
		guint n_bad = 0;

		for (guint j = 0; j < database->modules->len; j++) {
			const ReportModule *module = g_ptr_array_index(database->modules, j);

			if (*module->reason == '\0')
				continue;
			paint_complain("%s: cannot register %s: %s", database->path, module->path,
				module->reason);
			n_bad++;
		}
		n_good += n_bad == 0 && database->errors->len == 0;
		if (n_bad > 0)
			status = EXIT_STATUS_PARTLY;
	}

	return status == EXIT_STATUS_PARTLY && n_good == 0 ? EXIT_STATUS_FAILED : status;
}

static int find_action(const char *word)
{
	for (int i = 0; actions[i] != NULL; i++) {
		if (word == NULL || strcmp(actions[i], word) == 0)
			return i;
	}

	return -1;
}

static int unknown_action(const char *word)
{
	const char *meant = suggest_word(word, actions);

	paint_complain("unknown action \"%s\"; %s\"%s\"%s", word,
		meant != NULL ? "did you mean " : "there are ", meant != NULL ? meant : "status",
		meant != NULL ? "?" : ", \"enable\" and \"disable\"");
	return EXIT_STATUS_USAGE;
}

static void print_changes(const Ctl *ctl, const Report *report, guint32 flags)
{
	if (report->databases->len == 0 && report->errors->len == 0)
		paint_line(PAINT_PLAIN, "no database was found");
	if (module_tell_changes(report, ctl->dry_run) == 0 || ctl->dry_run)
		return;

	module_tell_restart();
	if (flags == WIRE_STORE_DISABLE && ctl->config->register_module)
		paint_line(PAINT_NOTE,
			"[keys] register-module is true: " NAME_DAEMON
			" will register it again at its next look (%s)",
			config_origin(ctl->config, "keys", "register-module"));
}

int verb_module(Ctl *ctl, char **args)
{
	const Config *config = ctl_config(ctl);
	int action = find_action(args[0]);
	g_autofree char *only = NULL;
	g_autoptr(GError) error = NULL;

	if (action < 0)
		return unknown_action(args[0]);
	if (config == NULL)
		return EXIT_STATUS_FAILED;

	if (option_database != NULL)
		only = g_canonicalize_filename(
			option_database + (g_str_has_prefix(option_database, "sql:") ? 4 : 0),
			NULL);
	g_autoptr(Listing) listing = listing_start_only(config, WIRE_STORE_MODULES,
		action_flags[action] | (ctl->dry_run ? WIRE_STORE_DRY_RUN : 0), only);
	const Report *report = listing_wait(listing, &error);
	if (report == NULL) {
		paint_complain("cannot look at the databases: %s", error->message);
		return EXIT_STATUS_FAILED;
	}

	if (ctl->json)
		print_json(ctl, report);
	else if (action == 0)
		print_status(report);
	else
		print_changes(ctl, report, action_flags[action]);

	return module_complain(report, report_complain(report));
}
