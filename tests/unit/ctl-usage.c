/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program against its man page and its completions: every command and option that --help names
 * stands in all of them, and none of them names one that is not there.
 */

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>

#include "harness.h"

static char *run(const char *word, const char *option)
{
	const char *argv[] = {CTL_PROGRAM, word, option, NULL};
	const char **args = word != NULL ? argv : (const char *[]){CTL_PROGRAM, option, NULL};
	char *out = NULL;
	int status = -1;

	ck_assert(g_spawn_sync(
		NULL, (char **)args, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, NULL, &status, NULL));
	ck_assert_int_eq(status, 0);

	return out;
}

static char *load(const char *path)
{
	char *text = NULL;

	ck_assert_msg(g_file_get_contents(path, &text, NULL, NULL), "%s", path);

	return text;
}

/* All distinct first groups of the pattern, sorted. */
static GPtrArray *find_all(const char *text, const char *pattern)
{
	g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_MULTILINE, 0, NULL);
	g_autoptr(GMatchInfo) info = NULL;
	GPtrArray *words = g_ptr_array_new_with_free_func(g_free);

	ck_assert_ptr_nonnull(regex);
	for (g_regex_match(regex, text, 0, &info); g_match_info_matches(info);
		g_match_info_next(info, NULL)) {
		g_autofree char *word = g_match_info_fetch(info, 1);

		if (!g_ptr_array_find_with_equal_func(words, word, g_str_equal, NULL))
			g_ptr_array_add(words, g_steal_pointer(&word));
	}

	return words;
}

static GPtrArray *commands(void)
{
	g_autofree char *help = run(NULL, "--help");
	GPtrArray *words = find_all(help, "^  ([a-z]+)(?: \\[?[A-Z]+\\]?)?  +[a-z]");

	ck_assert_uint_ge(words->len, 7);

	return words;
}

/* The long options of all commands and of the program. */
static GPtrArray *options(void)
{
	g_autoptr(GPtrArray) names = commands();
	GString *help = g_string_new(NULL);

	for (guint i = 0; i <= names->len; i++) {
		g_autofree char *text =
			run(i < names->len ? g_ptr_array_index(names, i) : NULL, "--help");

		g_string_append(help, text);
	}
	GPtrArray *words = find_all(help->str, "^  (?:-[a-z], )?--([a-z-]+)[ =]");
	g_string_free(help, TRUE);
	ck_assert_uint_ge(words->len, 5);

	return words;
}

/* Each list holds what the other holds. */
static void assert_same(const GPtrArray *program, const GPtrArray *other, const char *where)
{
	for (guint i = 0; i < program->len; i++)
		ck_assert_msg(g_ptr_array_find_with_equal_func((GPtrArray *)other,
				      g_ptr_array_index(program, i), g_str_equal, NULL),
			"%s does not know \"%s\"", where, (char *)g_ptr_array_index(program, i));
	for (guint i = 0; i < other->len; i++)
		ck_assert_msg(g_ptr_array_find_with_equal_func((GPtrArray *)program,
				      g_ptr_array_index(other, i), g_str_equal, NULL),
			"%s names \"%s\", which does not exist", where,
			(char *)g_ptr_array_index(other, i));
}

static const struct {
	const char *file;
	const char *commands, *options; /* patterns */
} texts[] = {
	{"docs/certpropctl.1.scd", "^\\*([a-z]+)\\*(?: \\[?_[A-Z]+_\\]?)?$",
		"^(?:\\*-h\\*, )?\\*--([a-z-]+)\\*(?: _[A-Z]+_)?$"},
	{"contrib/completions/certpropctl.bash", NULL, "--([a-z-]+)[ ']"},
	{"contrib/completions/_certpropctl", "^\t\t'([a-z]+):", "--([a-z-]+)[[' )}=]"},
	{"contrib/completions/certpropctl.fish", " -a ([a-z]+) ", " -l ([a-z-]+) -d"},
};

START_TEST(text_agrees_with_program)
{
	g_autofree char *path = g_build_filename(CTL_SOURCE_ROOT, texts[_i].file, NULL);
	g_autofree char *text = load(path);
	g_autoptr(GPtrArray) program_commands = commands();
	g_autoptr(GPtrArray) program_options = options();
	g_autoptr(GPtrArray) text_options = find_all(text, texts[_i].options);

	assert_same(program_options, text_options, texts[_i].file);
	if (texts[_i].commands != NULL) {
		g_autoptr(GPtrArray) text_commands = find_all(text, texts[_i].commands);

		assert_same(program_commands, text_commands, texts[_i].file);
	}
}
END_TEST

START_TEST(bash_knows_all_commands)
{
	g_autofree char *path =
		g_build_filename(CTL_SOURCE_ROOT, "contrib/completions/certpropctl.bash", NULL);
	g_autofree char *text = load(path);
	g_autoptr(GPtrArray) program = commands();
	g_autoptr(GPtrArray) lists = find_all(text, "commands='([a-z ]+)'");
	g_autoptr(GPtrArray) words = g_ptr_array_new();

	ck_assert_uint_eq(lists->len, 1);
	g_auto(GStrv) split = g_strsplit(g_ptr_array_index(lists, 0), " ", -1);
	for (gsize i = 0; split[i] != NULL; i++)
		g_ptr_array_add(words, split[i]);
	assert_same(program, words, "the bash completion");
}
END_TEST

static const struct {
	const char *args[4];
	int status;
} lines[] = {
	{{"--version"}, 0},
	{{"--help"}, 0},
	{{"list", "--help"}, 0},
	{{NULL}, 2},
	{{"--frobnicate"}, 2},
	{{"frobnicate"}, 2},
	{{"--json", "list"}, 2}, /* a command's options come after it */
	{{"list", "--dry-run"}, 2},
	{{"list", "more"}, 2},
	{{"list", "--homes", "/"}, 2}, /* only with --all-users */
	{{"list", "--all-users", "--timeout=0"}, 2},
	{{"sync", "--all-users"}, 2},
	{{"show"}, 2},
	{{"purge"}, 2}, /* nothing is selected */
	{{"purge", "--dry-run"}, 2},
	{{"undo", "a", "b"}, 2},
	{{"undo", "--list", "a"}, 2},
	{{"undo", "/nowhere/at/all"}, 1},
	{{"purge", "--token", ""}, 2},
	{{"purge", "--older-than", "soon"}, 2},
	{{"purge", "--unmarked", "--yes"}, 2},
	{{"purge", "--unmarked", "--all", "--yes"}, 2},
	{{"purge", "--unmarked", "--expired"}, 2}, /* and nobody can be asked */
	{{"show", "a", "b"}, 2},
	{{"module", "--help"}, 0},
	{{"module", "frobnicate"}, 2},
	{{"module", "enable", "disable"}, 2},
	{{"list", "--database", "/"}, 2},
	{{"config", "local.on-remove"}, 2},
	{{"config", "local.on-removal"}, 0},
	{{"config", "--", "local.on-removal"}, 0},
	{{"--no-color", "config", "--json"}, 0},
};

START_TEST(exit_status)
{
	const char *argv[6] = {CTL_PROGRAM};
	g_autofree char *config_home = g_dir_make_tmp("certpropctl-XXXXXX", NULL);
	g_auto(GStrv) env = g_environ_setenv(g_get_environ(), "XDG_CONFIG_HOME", config_home, TRUE);
	g_autofree char *out = NULL, *err = NULL;
	int status = -1;

	for (gsize i = 0; i < G_N_ELEMENTS(lines[_i].args) && lines[_i].args[i] != NULL; i++)
		argv[i + 1] = lines[_i].args[i];
	ck_assert(g_spawn_sync(
		NULL, (char **)argv, env, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &status, NULL));
	ck_assert_int_eq(g_rmdir(config_home), 0);

	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), lines[_i].status);
	/* results on one stream, complaints on the other */
	ck_assert_int_eq(*out != '\0', lines[_i].status == 0);
	ck_assert_int_eq(*err != '\0', lines[_i].status != 0);
}
END_TEST

START_TEST(config_says_where_from)
{
	const char *argv[] = {CTL_PROGRAM, "config", NULL};
	g_autofree char *home = g_dir_make_tmp("certpropctl-XXXXXX", NULL);
	g_autofree char *dir = g_build_filename(home, "certprop", NULL);
	g_autofree char *file = g_build_filename(dir, "certprop.conf", NULL);
	g_autofree char *origin = g_strconcat(file, ":3", NULL);
	g_auto(GStrv) env = g_environ_setenv(g_get_environ(), "XDG_CONFIG_HOME", home, TRUE);
	g_autofree char *out = NULL, *err = NULL, *bad_out = NULL, *bad_err = NULL;
	int status = -1;

	ck_assert_int_eq(g_mkdir(dir, 0700), 0);
	ck_assert(g_file_set_contents(file, "\n[local]\non-removal=remove\n", -1, NULL));
	ck_assert(g_spawn_sync(
		NULL, (char **)argv, env, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &status, NULL));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	g_autoptr(GRegex) line =
		g_regex_new("^local\\.on-removal +remove +", G_REGEX_MULTILINE, 0, NULL);
	ck_assert(g_regex_match(line, out, 0, NULL));
	ck_assert_ptr_nonnull(strstr(out, origin));

	/* two faults: both are told, nothing is in effect */
	ck_assert(g_file_set_contents(
		file, "[local]\non-removal=maybe\n[limits]\nscan-seconds=long\n", -1, NULL));
	ck_assert(g_spawn_sync(NULL, (char **)argv, env, G_SPAWN_DEFAULT, NULL, NULL, &bad_out,
		&bad_err, &status, NULL));
	ck_assert_int_eq(WEXITSTATUS(status), 1);
	ck_assert_str_eq(bad_out, "");
	ck_assert_ptr_nonnull(strstr(bad_err, "certprop.conf:2:"));
	ck_assert_ptr_nonnull(strstr(bad_err, "certprop.conf:4:"));

	ck_assert_int_eq(g_remove(file), 0);
	ck_assert_int_eq(g_rmdir(dir), 0);
	ck_assert_int_eq(g_rmdir(home), 0);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("ctl-usage");
	TCase *tcase = tcase_create("usage");

	tcase_add_loop_test(tcase, text_agrees_with_program, 0, G_N_ELEMENTS(texts));
	tcase_add_test(tcase, bash_knows_all_commands);
	tcase_add_loop_test(tcase, exit_status, 0, G_N_ELEMENTS(lines));
	tcase_add_test(tcase, config_says_where_from);
	suite_add_tcase(suite, tcase);

	return harness_run(suite, argc, argv);
}
