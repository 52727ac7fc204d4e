/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walks the tree itself and does not ask git: the tests must run from a release's archive too.
 */

#include "tree.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

char *tree_path(const char *relative)
{
	const char *root = g_getenv("CERTPROP_SOURCE_ROOT");

	return g_build_filename(root != NULL ? root : ".", relative, NULL);
}

static bool matches(const char *name, const char *const *patterns)
{
	for (gsize i = 0; patterns[i] != NULL; i++) {
		if (g_pattern_match_simple(patterns[i], name))
			return true;
	}

	return false;
}

static void collect(GPtrArray *files, const char *dir, const char *const *patterns)
{
	g_autofree char *path = tree_path(dir);
	g_autoptr(GDir) list = g_dir_open(path, 0, NULL);
	const char *name;

	while (list != NULL && (name = g_dir_read_name(list)) != NULL) {
		bool top = strcmp(dir, ".") == 0;
		g_autofree char *relative =
			top ? g_strdup(name) : g_build_filename(dir, name, NULL);
		g_autofree char *full = tree_path(relative);

		if (g_file_test(full, G_FILE_TEST_IS_SYMLINK))
			continue;
		if (!g_file_test(full, G_FILE_TEST_IS_DIR)) {
			if (matches(name, patterns))
				g_ptr_array_add(files, g_steal_pointer(&relative));
		} else if (*name != '.' && !g_str_has_prefix(name, "build")) {
			collect(files, relative, patterns);
		}
	}
}

static int compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *tree_files(const char *const *dirs, const char *const *patterns)
{
	GPtrArray *files = g_ptr_array_new_with_free_func(g_free);

	for (gsize i = 0; dirs[i] != NULL; i++)
		collect(files, dirs[i], patterns);
	g_ptr_array_sort(files, compare_names);

	return files;
}

char *tree_read(const char *relative)
{
	g_autofree char *path = tree_path(relative);
	g_autoptr(GError) error = NULL;
	char *text = NULL;

	if (!g_file_get_contents(path, &text, NULL, &error))
		ck_abort_msg("%s", error->message);
	return text;
}

/* Past the end of a string or character constant that begins at `p`. */
static char *after_quoted(char *p)
{
	char quote = *p++;

	while (*p != '\0' && *p != quote && *p != '\n')
		p += *p == '\\' && p[1] != '\0' ? 2 : 1;

	return *p == quote ? p + 1 : p;
}

/* Blanks from `p` to the end of the comment that begins there. */
static char *blank_comment(char *p)
{
	bool block = p[1] == '*';
	char *end = strstr(p + 2, block ? "*/" : "\n");

	if (end == NULL)
		end = p + strlen(p);
	else if (block)
		end += 2;
	for (; p < end; p++) {
		if (*p != '\n')
			*p = ' ';
	}

	return p;
}

char *tree_without_comments(const char *source)
{
	char *text = g_strdup(source);

	for (char *p = text; *p != '\0';) {
		if (*p == '"' || *p == '\'')
			p = after_quoted(p);
		else if (*p == '/' && (p[1] == '*' || p[1] == '/'))
			p = blank_comment(p);
		else
			p++;
	}

	return text;
}

unsigned tree_line(const char *text, const char *at)
{
	unsigned line = 1;

	for (; text < at; text++)
		line += *text == '\n';

	return line;
}
