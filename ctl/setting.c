/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file is the user's: his lines, comments and order stay. What is ours has a comment above it,
 * and is taken out only together with that.
 */

#include "setting.h"

#include <string.h>

#define MARK  "# by certpropctl setup:\n"
#define GROUP "[keys]"
#define LINE  "register-module=true\n"

/* Behind the line that begins the group, or NULL. */
static const char *find_group(const char *text)
{
	while (*text != '\0') {
		gsize len = strcspn(text, "\n");
		g_autofree char *line = g_strndup(text, len);

		text += len;
		text += *text == '\n';
		if (strcmp(g_strstrip(line), GROUP) == 0)
			return text;
	}

	return NULL;
}

char *setting_add(const char *text)
{
	const char *group = find_group(text);
	gsize len = strlen(text);
	GString *result = g_string_new(text);

	if (len > 0 && text[len - 1] != '\n')
		g_string_append_c(result, '\n');
	if (group == NULL)
		g_string_append(result, MARK GROUP "\n" LINE);
	else if (*group == '\0')
		g_string_append(result, MARK LINE);
	else
		g_string_insert(result, group - text, MARK LINE);

	return g_string_free(result, FALSE);
}

char *setting_remove(const char *text)
{
	static const char *const ours[] = {MARK GROUP "\n" LINE, MARK LINE};

	for (gsize i = 0; i < G_N_ELEMENTS(ours); i++) {
		const char *at = strstr(text, ours[i]);
		const char *after = at != NULL ? at + strlen(ours[i]) : NULL;

		/* A group of ours in which somebody has set more stays a group. */
		if (at == NULL || (i == 0 && *after != '\0' && *after != '['))
			continue;
		return g_strdup_printf("%.*s%s", (int)(at - text), text, after);
	}

	g_auto(GStrv) parts = g_strsplit(text, MARK GROUP "\n" LINE, 2);
	return g_strjoinv(GROUP "\n", parts);
}
