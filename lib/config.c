/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A Config: every key has a value from the first moment, and each knows where it came from, so that
 * "why is it so" is answered by certpropctl and not by reading three files. Where values are read
 * from is config-file.c, what a key is config-keys.c, what a text means config-value.c.
 *
 * It watches nothing: a reload makes another Config.
 */

#include "config.h"

#include <string.h>

#include "config-table.h"
#include "error.h"
#include "names.h"
#include "route.h"
#include "text.h"

#define BUILT_IN          "built-in"
#define REDIRECTED_FACTOR 4u /* each answer of a card has to cross a network */

static void origin_free(gpointer data)
{
	ConfigOrigin *origin = data;

	g_free(origin->set_by);
	g_free(origin->locked_by);
	g_free(origin);
}

Config *config_new(void)
{
	Config *config = g_new0(Config, 1);
	gsize n;
	const ConfigKey *keys = config_keys(&n);

	config->origins = g_ptr_array_new_with_free_func(origin_free);
	for (gsize i = 0; i < n; i++) {
		ConfigOrigin *origin = g_new0(ConfigOrigin, 1);

		origin->set_by = g_strdup(BUILT_IN);
		g_ptr_array_add(config->origins, origin);
		/* The table is ours, and a test reads it. */
		if (!config_value_set(config, &keys[i], keys[i].default_text, NULL))
			g_assert_not_reached();
	}

	return config;
}

Config *config_free(Config *config)
{
	gsize n;
	const ConfigKey *keys = config_keys(&n);

	if (config == NULL)
		return NULL;

	for (gsize i = 0; i < n; i++)
		config_value_clear(config, &keys[i]);
	g_ptr_array_unref(config->origins);
	g_free(config);
	return NULL;
}

bool config_set(Config *config, const char *group, const char *key, const char *text,
	const char *origin, GError **error)
{
	const ConfigKey *found = config_key_find(group, key);
	ConfigOrigin *entry;

	if (found == NULL) {
		g_autofree char *group_shown = text_escape(group);
		g_autofree char *key_shown = text_escape(key);

		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_CONFIG, "There is no key [%s] %s",
			group_shown, key_shown);
		return false;
	}
	if (!config_value_set(config, found, text, error))
		return false;

	entry = config_key_origin(config, found);
	g_free(entry->set_by);
	entry->set_by = g_strdup(origin);
	return true;
}

char *config_get(const Config *config, const char *group, const char *key)
{
	const ConfigKey *found = config_key_find(group, key);

	return found != NULL ? config_value_get(config, found) : NULL;
}

const char *config_origin(const Config *config, const char *group, const char *key)
{
	const ConfigKey *found = config_key_find(group, key);

	return found != NULL ? config_key_origin(config, found)->set_by : NULL;
}

bool config_locked(const Config *config, const char *group, const char *key)
{
	const ConfigKey *found = config_key_find(group, key);

	return found != NULL &&
	       (found->type->administrator || config_key_origin(config, found)->locked_by != NULL);
}

unsigned config_scan_seconds(const Config *config, const char *endpoint)
{
	bool redirected = endpoint != NULL && *endpoint != '\0' && route_redirected(endpoint);

	return (unsigned)config->scan_seconds * (redirected ? REDIRECTED_FACTOR : 1);
}

char *config_user_dir(void)
{
	const char *dir = g_get_user_config_dir();

	/* From where a program happens to be started is no place for its configuration. */
	if (!g_path_is_absolute(dir))
		return NULL;
	return g_build_filename(dir, NAME_CONFIG_DIR, NULL);
}

void config_fault_free(ConfigFault *fault)
{
	if (fault == NULL)
		return;

	g_free(fault->file);
	g_free(fault->message);
	g_free(fault);
}

char *config_fault_text(const ConfigFault *fault)
{
	g_autofree char *file = text_escape(fault->file);

	if (fault->line == 0)
		return g_strdup_printf("%s: %s", file, fault->message);
	return g_strdup_printf("%s:%u: %s", file, fault->line, fault->message);
}
