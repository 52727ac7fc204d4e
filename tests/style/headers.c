/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each header compiles alone, and twice over: whoever includes it need not know what it needs.
 * $CERTPROP_CC is the compiler as meson calls it, $CERTPROP_CFLAGS what the libraries want.
 */

#include <string.h>

#include "harness.h"
#include "tree.h"

static const char *const everywhere[] = {"lib", "daemon", "ctl", "tests", NULL};
static const char *const h[] = {"*.h", NULL};

static GPtrArray *headers;

static char *command_for(const char *header)
{
	const char *cc = g_getenv("CERTPROP_CC");
	const char *flags = g_getenv("CERTPROP_CFLAGS");
	g_autofree char *dir = g_path_get_dirname(header);
	g_autofree char *own = tree_path(dir);
	g_autofree char *own_quoted = g_shell_quote(own);

	return g_strdup_printf(
		"%s -x c -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter "
		"-Werror -fsyntax-only -I %s -I %s/.. %s -",
		cc != NULL ? cc : "cc", own_quoted, own_quoted, flags != NULL ? flags : "");
}

START_TEST(compiles_alone)
{
	const char *header = g_ptr_array_index(headers, _i);
	g_autofree char *name = g_path_get_basename(header);
	g_autofree char *command = command_for(header);
	g_autofree char *line = g_strdup_printf(
		"printf '#include \"%s\"\\n#include \"%s\"\\n' | %s", name, name, command);
	const char *argv[] = {"/bin/sh", "-c", line, NULL};
	g_autofree char *complaint = NULL;
	g_autoptr(GError) error = NULL;
	int status;

	if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, &complaint,
		    &status, &error))
		ck_abort_msg("%s", error->message);
	ck_assert_msg(g_spawn_check_wait_status(status, NULL), "%s:\n%s", header, complaint);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("headers");
	TCase *tcase = tcase_create("headers");
	int status;

	headers = tree_files(everywhere, h);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, compiles_alone, 0, (int)headers->len);
	suite_add_tcase(suite, tcase);

	status = harness_run(suite, argc, argv);
	g_ptr_array_unref(headers);
	return status;
}
