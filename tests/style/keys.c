/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The man page of the configuration and the table of keys say the same: which keys there are, in
 * which order, and what each is when nobody sets it.
 */

#include <string.h>

#include "config.h"
#include "harness.h"
#include "tree.h"

#define PAGE "docs/certprop.conf.5.scd"

typedef struct Documented {
	char *name;         /* "group.key" */
	char *default_text; /* what stands in the last parentheses */
} Documented;

static void documented_free(gpointer data)
{
	Documented *documented = data;

	g_free(documented->name);
	g_free(documented->default_text);
	g_free(documented);
}

/* The parts of the page: "# [group]" and "*key=* values (default)". */
static GPtrArray *read_page(void)
{
	g_autofree char *text = tree_read(PAGE);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autofree char *group = NULL;
	GPtrArray *keys = g_ptr_array_new_with_free_func(documented_free);

	for (gsize i = 0; lines[i] != NULL; i++) {
		const char *end = strstr(lines[i], "=*");
		const char *open = strrchr(lines[i], '(');
		Documented *key;

		if (g_str_has_prefix(lines[i], "# ")) {
			g_free(group);
			group = g_str_has_prefix(lines[i], "# [") ? g_strdup(lines[i] + 3) : NULL;
			if (group != NULL)
				group[strcspn(group, "]")] = '\0';
		}
		if (group == NULL || lines[i][0] != '*' || end == NULL ||
			strcmp(group, "lock") == 0)
			continue;

		key = g_new0(Documented, 1);
		key->name =
			g_strdup_printf("%s.%.*s", group, (int)(end - lines[i] - 1), lines[i] + 1);
		if (open != NULL)
			key->default_text = g_strndup(open + 1, strcspn(open + 1, ")"));
		g_ptr_array_add(keys, key);
	}

	return keys;
}

START_TEST(same_keys_in_the_same_order)
{
	g_autoptr(GPtrArray) page = read_page();
	gsize n;
	const ConfigKey *keys = config_keys(&n);

	for (gsize i = 0; i < MAX(n, page->len); i++) {
		g_autofree char *name = i < n ? g_strdup_printf("%s.%s", keys[i].group, keys[i].key)
					      : g_strdup("(nothing)");
		const char *documented = i < page->len
						 ? ((Documented *)g_ptr_array_index(page, i))->name
						 : "(nothing)";

		ck_assert_msg(strcmp(name, documented) == 0,
			"where the table has %s, " PAGE " has %s", name, documented);
	}
}
END_TEST

START_TEST(same_defaults)
{
	g_autoptr(GPtrArray) page = read_page();
	gsize n;
	const ConfigKey *keys = config_keys(&n);
	const char *text;
	Documented *documented;

	ck_assert_uint_lt((guint)_i, page->len);
	documented = g_ptr_array_index(page, _i);
	text = *keys[_i].default_text != '\0' ? keys[_i].default_text : "empty";
	ck_assert_msg(g_strcmp0(documented->default_text, text) == 0,
		"%s: the table says (%s), " PAGE " says (%s)", documented->name, text,
		documented->default_text);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("keys");
	TCase *tcase = tcase_create("keys");
	gsize n;

	(void)config_keys(&n);
	tcase_add_test(tcase, same_keys_in_the_same_order);
	tcase_add_loop_test(tcase, same_defaults, 0, (int)n);
	suite_add_tcase(suite, tcase);

	return harness_run(suite, argc, argv);
}
