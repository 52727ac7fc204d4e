/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One text, read as the administrator's file and then as the user's. Faults must be printable
 * lines, and whatever value came about must mean the same when it is read again.
 */

#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "config-table.h"
#include "fuzz.h"

static void check(bool condition)
{
	if (!condition)
		abort();
}

static void check_faults(GPtrArray *faults)
{
	for (guint i = 0; i < faults->len; i++) {
		g_autofree char *text = config_fault_text(g_ptr_array_index(faults, i));

		check(g_utf8_validate(text, -1, NULL));
		check(strpbrk(text, "\n\r\033") == NULL);
	}
}

static void check_values(const Config *config)
{
	g_autoptr(Config) again = config_new();
	gsize n;
	const ConfigKey *keys = config_keys(&n);

	for (gsize i = 0; i < n; i++) {
		g_autofree char *text = config_get(config, keys[i].group, keys[i].key);
		g_autofree char *back = NULL;

		check(config_set(again, keys[i].group, keys[i].key, text, "again", NULL));
		back = config_get(again, keys[i].group, keys[i].key);
		check(strcmp(text, back) == 0);
	}
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	g_autoptr(Config) config = config_new();
	g_autoptr(GPtrArray) faults =
		g_ptr_array_new_with_free_func((GDestroyNotify)config_fault_free);

	config_text_load(config, faults, "admin.conf", false, (const char *)data, size);
	config_text_load(config, faults, "user.conf", true, (const char *)data, size);
	check_faults(faults);
	check_values(config);

	return 0;
}
