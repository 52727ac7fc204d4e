/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl config: the value of each key that is in effect, the line that it comes from, and
 * whether the administrator locked it. With faults in the files no configuration is in effect, so
 * there are only the faults to tell.
 */

#include <string.h>

#include "ctl.h"
#include "emit.h"
#include "names.h"
#include "suggest.h"
#include "table.h"

static void put_key(Json *json, const Config *config, const ConfigKey *key)
{
	g_autofree char *value = config_get(config, key->group, key->key);

	json_open_object(json, NULL);
	json_put_text(json, "group", key->group);
	json_put_text(json, "key", key->key);
	json_put_text(json, "value", value);
	json_put_text(json, "default", key->default_text);
	json_put_text(json, "origin", config_origin(config, key->group, key->key));
	json_put_bool(json, "locked", config_locked(config, key->group, key->key));
	json_close_object(json);
}

/* `only` NULL: all keys. */
static void print_json(const Ctl *ctl, const ConfigKey *only)
{
	g_autoptr(Json) json = json_new();
	gsize n;
	const ConfigKey *keys = config_keys(&n);

	json_open_object(json, NULL);
	json_open_array(json, "keys");
	for (gsize i = 0; ctl->config != NULL && i < n; i++)
		if (only == NULL || only == &keys[i])
			put_key(json, ctl->config, &keys[i]);
	json_close_array(json);
	emit_faults(json, "faults", ctl->faults);
	json_close_object(json);
	json_print(json);
}

static void print_text(const Ctl *ctl)
{
	g_autoptr(Table) table = table_new(0);
	gsize n;
	const ConfigKey *keys = config_keys(&n);

	if (ctl->config == NULL)
		return;

	table_row(table, PAINT_FAINT, "KEY", "VALUE", "FROM", "", NULL);
	for (gsize i = 0; i < n; i++) {
		const char *group = keys[i].group, *key = keys[i].key;
		g_autofree char *value = config_get(ctl->config, group, key);
		const char *origin = config_origin(ctl->config, group, key);

		table_cellf(table, PAINT_STRONG, "%s.%s", group, key);
		table_cell(table, PAINT_PLAIN, *value != '\0' ? value : "–");
		table_cell(
			table, strcmp(origin, "built-in") == 0 ? PAINT_FAINT : PAINT_PLAIN, origin);
		table_cell(
			table, PAINT_NOTE, config_locked(ctl->config, group, key) ? "locked" : "");
		table_end_row(table);
	}
	table_print(table);
}

static const ConfigKey *find_key(const char *name)
{
	gsize n;
	const ConfigKey *keys = config_keys(&n);

	for (gsize i = 0; i < n; i++) {
		g_autofree char *full = g_strconcat(keys[i].group, ".", keys[i].key, NULL);

		if (strcmp(full, name) == 0)
			return &keys[i];
	}

	return NULL;
}

static int unknown_key(const char *name)
{
	gsize n;
	const ConfigKey *keys = config_keys(&n);
	g_auto(GStrv) names = g_new0(char *, n + 1);

	for (gsize i = 0; i < n; i++)
		names[i] = g_strconcat(keys[i].group, ".", keys[i].key, NULL);

	const char *meant = suggest_word(name, (const char *const *)names);
	if (meant == NULL)
		paint_complain(
			"unknown key \"%s\"; " NAME_CTL " config lists them as GROUP.KEY", name);
	else
		paint_complain("unknown key \"%s\"; did you mean \"%s\"?", name, meant);

	return EXIT_STATUS_USAGE;
}

int verb_config(Ctl *ctl, char **args)
{
	const ConfigKey *only = args[0] != NULL ? find_key(args[0]) : NULL;

	if (args[0] != NULL && only == NULL)
		return unknown_key(args[0]);

	if (ctl->json) {
		print_json(ctl, only);
	} else if (only == NULL) {
		print_text(ctl);
	} else if (ctl->config != NULL) {
		g_autofree char *value = config_get(ctl->config, only->group, only->key);

		paint_line(PAINT_PLAIN, "%s", value);
	}

	for (guint i = 0; i < ctl->faults->len; i++) {
		const ConfigFault *fault = g_ptr_array_index(ctl->faults, i);
		g_autofree char *text = config_fault_text(fault);

		paint_complain("%s%s", fault->warning ? "warning: " : "", text);
	}
	if (ctl->config == NULL)
		paint_complain("no configuration is in effect; " NAME_DAEMON
			       " keeps the last good one, and does not start with this");

	return ctl->faults->len > 0 ? EXIT_STATUS_FAILED : EXIT_STATUS_DONE;
}
