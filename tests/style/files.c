/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every file must have and what none may have: a licence line, the formatter's form, and not
 * one call that could touch a card's certificates, a PIN or somebody's trust.
 */

#include <stdbool.h>
#include <string.h>

#include "harness.h"
#include "tree.h"

static const char *const everywhere[] = {".", NULL};
static const char *const product[] = {"lib", "daemon", "ctl", NULL};
static const char *const c_and_h[] = {"*.c", "*.h", NULL};
/* Files without a name of their kind are scripts; see is_source(). */
static const char *const any_name[] = {"*", NULL};

static GPtrArray *sources, *formatted, *formatted_dirs, *shipped;

#define SPDX "SPDX-License-Identifier: LGPL-2.1-or-later"

static bool is_source(const char *path)
{
	static const char *const kinds[] = {"*.c", "*.h", "*.sh", "*.py", "*.xml", "*.service",
		"*.timer", "*.socket", "*.in", "*.yml", "*.scd", "*/meson.build", "meson.build",
		"meson_options.txt", NULL};
	g_autofree char *full = NULL;
	g_autofree char *text = NULL;

	if (strstr(path, "/seeds/") != NULL)
		return false;
	for (gsize i = 0; kinds[i] != NULL; i++) {
		if (g_pattern_match_simple(kinds[i], path))
			return true;
	}

	full = tree_path(path);
	return g_file_get_contents(full, &text, NULL, NULL) && g_str_has_prefix(text, "#!");
}

static GPtrArray *find_sources(void)
{
	g_autoptr(GPtrArray) all = tree_files(everywhere, any_name);
	GPtrArray *found = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < all->len; i++) {
		if (is_source(g_ptr_array_index(all, i)))
			g_ptr_array_add(found, g_strdup(g_ptr_array_index(all, i)));
	}

	return found;
}

/* The folders of `paths`, each once; they are sorted already. */
static GPtrArray *folders_of(const GPtrArray *paths)
{
	GPtrArray *dirs = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < paths->len; i++) {
		g_autofree char *dir = g_path_get_dirname(g_ptr_array_index(paths, i));

		if (!g_ptr_array_find_with_equal_func(dirs, dir, g_str_equal, NULL))
			g_ptr_array_add(dirs, g_steal_pointer(&dir));
	}

	return dirs;
}

START_TEST(licence)
{
	const char *path = g_ptr_array_index(sources, _i);
	g_autofree char *text = tree_read(path);
	const char *spdx = strstr(text, SPDX);

	ck_assert_msg(spdx != NULL, "%s has no line " SPDX, path);
	ck_assert_msg(tree_line(text, spdx) <= 4, "%s: %s stands in line %u", path, SPDX,
		tree_line(text, spdx));
}
END_TEST

/* The files that clang-format would change, one a line, from its complaints. */
static char *offenders(const char *complaints)
{
	g_auto(GStrv) lines = g_strsplit(complaints, "\n", -1);
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	GString *names = g_string_new(NULL);

	for (gsize i = 0; lines[i] != NULL; i++) {
		char *end = strchr(lines[i], ':');

		if (end == NULL || strstr(end, " error: ") == NULL)
			continue;
		*end = '\0';
		if (g_hash_table_add(seen, lines[i]))
			g_string_append_printf(names, "%s\n", lines[i]);
	}

	return g_string_free(names, FALSE);
}

/* A folder at a time: the formatter takes longer to start than to read a file. */
START_TEST(form)
{
	const char *dir = g_ptr_array_index(formatted_dirs, _i);
	g_autofree char *clang_format = g_find_program_in_path("clang-format");
	g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *complaints = NULL;
	g_autofree char *names = NULL;
	int status;

	if (clang_format == NULL)
		harness_skip("clang-format is not installed");
	g_ptr_array_add(argv, g_strdup(clang_format));
	g_ptr_array_add(argv, g_strdup("--dry-run"));
	g_ptr_array_add(argv, g_strdup("-Werror"));
	for (guint i = 0; i < formatted->len; i++) {
		const char *path = g_ptr_array_index(formatted, i);
		g_autofree char *its_dir = g_path_get_dirname(path);

		if (strcmp(its_dir, dir) == 0)
			g_ptr_array_add(argv, tree_path(path));
	}
	g_ptr_array_add(argv, NULL);

	ck_assert(g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL,
		&complaints, &status, NULL));
	names = offenders(complaints);
	ck_assert_msg(
		g_spawn_check_wait_status(status, NULL), "clang-format -i would change\n%s", names);
}
END_TEST

/* Words of C, outside comments. */
static const struct {
	const char *pattern, *why;
} forbidden[] = {
	{"\\bSEC_DeletePermCertificate\\b", "it deletes from the card"},
	{"\\bPK11_Delete\\w+\\b", "it deletes by other things than the object's handle"},
	{"\\bC_Login\\w*\\b", "a PIN is none of our business"},
	{"\\bC_(InitPIN|SetPIN|InitToken|GenerateKey\\w*|Sign\\w*|Decrypt\\w*|UnwrapKey)\\b",
		"it writes a token or uses a key"},
	{"\\bPKCS11_(login|logout|init_token|init_pin|change_pin|sign|private_decrypt"
	 "|private_encrypt|store_\\w+|generate_\\w+|remove_\\w+|set_ui_\\w+)\\b",
		"it writes a token, uses a key or asks for a PIN"},
	{"\\bPKCS11_get_private_key\\b", "a private key is none of our business"},
	{"\\bPK11_(Authenticate\\w*|DoPassword|CheckUserPassword|ChangePW|SetPasswordFunc|Sign\\w*"
	 "|PrivDecrypt\\w*)\\b",
		"a PIN or a key is none of our business"},
	/* A new database is given the empty password, as every program that makes one does. */
	{"\\bPK11_InitPin\\b(?!\\(\\w+, NULL, \"\"\\))",
		"only for the empty password of a new database"},
	{"\\bCERT_(ChangeCertTrust|ImportCerts|ImportCAChain)\\b", "it writes trust"},
	{"\\bPK11_ImportCert\\w*\\b", "it writes a nickname or trust of NSS's choice"},
	{"\\bCKO_(NSS|NETSCAPE)_TRUST\\b.*\\bC_CreateObject\\b", "it writes trust"},
	{"\\bSECMOD_(LoadUserModule|AddNewModule\\w*|LoadModule)\\b", "no module in our NSS"},
	{"\\b(system|popen|gets|tmpnam|mktemp|sprintf|strcpy|strcat)\\s*\\(",
		"there are safe ones"},
	{"\\b(g_usleep|usleep|sleep|nanosleep)\\s*\\(", "waits have conditions and deadlines"},
};

START_TEST(forbidden_calls)
{
	const char *path = g_ptr_array_index(shipped, _i);
	g_autofree char *raw = tree_read(path);
	g_autofree char *text = tree_without_comments(raw);

	for (gsize i = 0; i < G_N_ELEMENTS(forbidden); i++) {
		g_autoptr(GRegex) regex = g_regex_new(forbidden[i].pattern, 0, 0, NULL);
		g_autoptr(GMatchInfo) match = NULL;
		int start = 0;

		ck_assert_ptr_nonnull(regex);
		if (!g_regex_match(regex, text, 0, &match))
			continue;
		(void)g_match_info_fetch_pos(match, 0, &start, NULL);
		ck_abort_msg("%s:%u: %s: %s", path, tree_line(text, text + start),
			forbidden[i].pattern, forbidden[i].why);
	}
}
END_TEST

/* The tests above are only as good as this. */
START_TEST(comments_are_seen_through)
{
	g_autofree char *text = tree_without_comments("a /* C_Login\n */ b \"// no /* \" c // d\n"
						      "'\"' e '\\'' f /**/ g \"\\\"\" h");

	ck_assert_str_eq(text, "a           \n    b \"// no /* \" c     \n"
			       "'\"' e '\\'' f      g \"\\\"\" h");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("files");
	TCase *tcase = tcase_create("files");
	TCase *format = tcase_create("format");
	int status;

	sources = find_sources();
	formatted = tree_files(everywhere, c_and_h);
	formatted_dirs = folders_of(formatted);
	shipped = tree_files(product, c_and_h);

	tcase_add_test(tcase, comments_are_seen_through);
	tcase_add_loop_test(tcase, licence, 0, (int)sources->len);
	tcase_add_loop_test(tcase, forbidden_calls, 0, (int)shipped->len);
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(format, 120);
	tcase_add_loop_test(format, form, 0, (int)formatted_dirs->len);
	suite_add_tcase(suite, format);

	status = harness_run(suite, argc, argv);
	g_ptr_array_unref(sources);
	g_ptr_array_unref(formatted);
	g_ptr_array_unref(formatted_dirs);
	g_ptr_array_unref(shipped);
	return status;
}
