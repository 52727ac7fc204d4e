/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words are those of lib/reach.h, which the store has put into its report. A way that leads to
 * a file which is not there is told, and does not count.
 */

#include "ways.h"

#include <string.h>

Ways ways_count(const ReportModule *module)
{
	unsigned n = 0;

	for (guint i = 0; i < module->reaches->len; i++) {
		const ReportReach *reach = g_ptr_array_index(module->reaches, i);

		n += strcmp(reach->how, "broken") != 0;
	}

	return n == 0 ? WAYS_NONE : n == 1 ? WAYS_ONE : WAYS_SEVERAL;
}

const char *ways_word(Ways ways)
{
	static const char *const words[] = {
		[WAYS_NONE] = "absent",
		[WAYS_ONE] = "reachable",
		[WAYS_SEVERAL] = "twice",
	};

	return words[ways];
}

static void append_way(GString *text, const ReportReach *reach)
{
	if (text->len > 0)
		g_string_append(text, "; ");
	if (strcmp(reach->how, "certprop") == 0)
		g_string_append(text, "registered by certprop");
	else if (strcmp(reach->how, "p11-kit") == 0)
		g_string_append_printf(
			text, "p11-kit: \"%s\" in pkcs11.txt, then %s", reach->name, reach->file);
	else if (strcmp(reach->how, "crypto-policy") == 0)
		g_string_append_printf(
			text, "the crypto policy: \"%s\" in %s", reach->name, reach->file);
	else if (strcmp(reach->how, "broken") == 0)
		g_string_append_printf(text, "not by \"%s\" in %s: there is no %s", reach->name,
			*reach->file != '\0' ? reach->file : "pkcs11.txt", reach->library);
	else
		g_string_append_printf(
			text, "\"%s\" in pkcs11.txt (%s)", reach->name, reach->library);
}

char *ways_text(const ReportModule *module)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < module->reaches->len; i++)
		append_way(text, g_ptr_array_index(module->reaches, i));

	return g_string_free(text, FALSE);
}
