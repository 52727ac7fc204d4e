/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The page about the doctor has every id and every sentence that the doctor can say, of that the
 * beginning at least, and names every case of its tests; and what it names is there. So a failure
 * that the doctor comes to know later has to be provoked, and to be written down. Where the source
 * does not show of which step an id is, the tests do: what they find has to be on the page
 * (integration/ward.c).
 */

#include <string.h>

#include "harness.h"
#include "tree.h"

#define PAGE       "docs/doctor.md"
#define PHRASE_MAX 28 /* of a sentence, so much is looked for */
#define PHRASE_MIN 12 /* less says nothing */

static const char *const name_dirs[] = {"lib", "ctl", NULL};
static const char *const name_files[] = {"*.c", "*.h", NULL};
static const char *const doctor_dirs[] = {"ctl/doctor", NULL};
static const char *const sources[] = {"*.c", NULL};
static const char *const test_dirs[] = {"tests/integration", NULL};
static const char *const tests[] = {"doctor-*.c", NULL};

/* Text of the page in one line. */
static char *flat(const char *text)
{
	g_auto(GStrv) words = g_strsplit_set(text, " \n\t", -1);
	GString *line = g_string_new(NULL);

	for (char **word = words; *word != NULL; word++)
		if (**word != '\0')
			g_string_append_printf(line, "%s%s", line->len > 0 ? " " : "", *word);
	return g_string_free(line, FALSE);
}

static GRegex *regex(const char *pattern)
{
	g_autoptr(GError) error = NULL;
	GRegex *made = g_regex_new(pattern, G_REGEX_DOTALL, 0, &error);

	ck_assert_msg(made != NULL, "%s", pattern);
	return made;
}

/* #define NAME "text", of strings and of such names. */
static void add_names(GHashTable *names, const char *source)
{
	g_autoptr(GRegex) define = regex("#define\\s+(\\w+)\\s+((?:\"[^\"\\n]*\"|[A-Z_]+| )+)\\n");
	g_autoptr(GMatchInfo) match = NULL;

	(void)g_regex_match(define, source, 0, &match);
	for (; g_match_info_matches(match); (void)g_match_info_next(match, NULL))
		g_hash_table_insert(
			names, g_match_info_fetch(match, 1), g_match_info_fetch(match, 2));
}

static GHashTable *all_names(void)
{
	GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_autoptr(GPtrArray) all = tree_files(name_dirs, name_files);

	for (guint i = 0; i < all->len; i++) {
		g_autofree char *text = tree_read(g_ptr_array_index(all, i));

		add_names(names, text);
	}
	return names;
}

/* What strings and names of strings make together. */
static void add_text(GString *text, const char *words, GHashTable *names, unsigned depth)
{
	g_autoptr(GRegex) word = regex("\"((?:[^\"\\\\]|\\\\.)*)\"|(\\w+)");
	g_autoptr(GMatchInfo) match = NULL;

	(void)g_regex_match(word, words, 0, &match);
	for (; g_match_info_matches(match); (void)g_match_info_next(match, NULL)) {
		g_autofree char *string = g_match_info_fetch(match, 1);
		g_autofree char *name = g_match_info_fetch(match, 2);
		const char *meaning = name != NULL ? g_hash_table_lookup(names, name) : NULL;
		g_autofree char *plain = g_strcompress(string);

		if (meaning != NULL && depth < 4)
			add_text(text, meaning, names, depth + 1);
		else
			g_string_append(text, plain);
	}
}

/* The longest part between two places where something is filled in, and of that the beginning; NULL
   if it is too short to tell anything. */
static char *phrase_of(const char *text)
{
	g_autoptr(GRegex) directive = regex("%[0-9]*[a-z]|…");
	g_auto(GStrv) parts = g_regex_split(directive, text, 0);
	const char *longest = "";
	char *phrase;

	for (char **part = parts; *part != NULL; part++)
		if (strlen(g_strstrip(*part)) > strlen(longest))
			longest = *part;
	longest += strspn(longest, " ,;:.()\"");
	phrase = g_strndup(longest, PHRASE_MAX);
	if (strlen(longest) > PHRASE_MAX && strrchr(phrase, ' ') != NULL)
		*strrchr(phrase, ' ') = '\0';
	g_strdelimit(phrase + MAX(strlen(phrase), 1) - 1, ",;:.()", ' ');
	g_strchomp(phrase);
	if (strlen(phrase) >= PHRASE_MIN)
		return phrase;
	g_free(phrase);
	return NULL;
}

/* The arguments of a call from behind its parenthesis on. */
static GPtrArray *arguments_at(const char *at)
{
	GPtrArray *arguments = g_ptr_array_new_with_free_func(g_free);
	const char *begin = at;
	bool quoted = false;

	for (unsigned depth = 1; *at != '\0' && depth > 0; at++) {
		if (quoted && *at == '\\')
			at++;
		else if (*at == '"')
			quoted = !quoted;
		else if (!quoted && *at == '(')
			depth++;
		else if (!quoted && *at == ')')
			depth--;
		if (depth == 0 || (!quoted && depth == 1 && *at == ',')) {
			g_ptr_array_add(arguments, g_strndup(begin, (gsize)(at - begin)));
			begin = at + 1;
		}
	}
	return arguments;
}

typedef struct Said {
	const char *call;
	guint step, id, text; /* which of its arguments these are; 0: none */
} Said;

static const Said said[] = {
	{"finding_add(", 1, 2, 5},
	{"finding_why(", 0, 0, 1},
	{"finding_cause(", 0, 1, 2},
};

/* All that the expression finds in the text: of each the first group. */
static GPtrArray *matches(const char *text, const char *pattern)
{
	g_autoptr(GRegex) expression = regex(pattern);
	GPtrArray *found = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GMatchInfo) match = NULL;

	(void)g_regex_match(expression, text, 0, &match);
	for (; g_match_info_matches(match); (void)g_match_info_next(match, NULL))
		g_ptr_array_add(found, g_match_info_fetch(match, 1));
	return found;
}

/* It may be one of two; or it is a variable, of which only a test can tell. */
static void check_ids(const char *where, const Said *one, GPtrArray *arguments, const char *page)
{
	g_autoptr(GPtrArray) steps =
		matches(g_ptr_array_index(arguments, one->step), "\"([a-z]+)\"");
	g_autoptr(GPtrArray) ids = matches(g_ptr_array_index(arguments, one->id), "\"([a-z-]+)\"");

	for (guint i = 0; one->id != 0 && i < ids->len; i++) {
		const char *id = g_ptr_array_index(ids, i);
		g_autofree char *entry = steps->len == 0
						 ? g_strdup_printf("/%s`", id)
						 : g_strdup_printf("`%s/%s`",
							   (char *)g_ptr_array_index(steps, 0), id);

		ck_assert_msg(strstr(page, entry) != NULL, "%s: %s is not in " PAGE, where, entry);
	}
}

/* Returns whether there is enough of it to look for. */
static bool check_text(const char *where, const char *words, const char *page, GHashTable *names)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *phrase = NULL;

	add_text(text, words, names, 0);
	phrase = phrase_of(text->str);
	if (phrase == NULL)
		return false;
	ck_assert_msg(strstr(page, phrase) != NULL, "%s: \"%s\" is not in " PAGE, where, phrase);
	return true;
}

static unsigned check_source(const char *file, const char *page, GHashTable *names)
{
	g_autofree char *raw = tree_read(file);
	g_autofree char *source = tree_without_comments(raw);
	unsigned n = 0;

	for (gsize i = 0; i < G_N_ELEMENTS(said); i++) {
		const char *at = source;

		while ((at = strstr(at, said[i].call)) != NULL) {
			g_autofree char *where =
				g_strdup_printf("%s:%u", file, tree_line(source, at));
			g_autoptr(GPtrArray) arguments = arguments_at(at += strlen(said[i].call));

			if (arguments->len <= said[i].text)
				continue;
			check_ids(where, &said[i], arguments, page);
			if (i == 0 && strstr(g_ptr_array_index(arguments, 3), "VERDICT_OK") != NULL)
				continue;
			n += check_text(
				where, g_ptr_array_index(arguments, said[i].text), page, names);
		}
	}
	return n;
}

START_TEST(all_is_told)
{
	g_autofree char *text = tree_read(PAGE);
	g_autofree char *page = flat(text);
	g_autoptr(GHashTable) names = all_names();
	g_autoptr(GPtrArray) files = tree_files(doctor_dirs, sources);
	unsigned n = 0;

	for (guint i = 0; i < files->len; i++)
		n += check_source(g_ptr_array_index(files, i), page, names);
	ck_assert_uint_ge(n, 80); /* or the source is not understood any more */
}
END_TEST

/* "service/denied": of the first column of the tables. */
static GPtrArray *ids_of_page(const char *page)
{
	g_auto(GStrv) lines = g_strsplit(page, "\n", -1);
	g_autoptr(GString) column = g_string_new(NULL);

	for (char **line = lines; *line != NULL; line++)
		if (g_str_has_prefix(*line, "| "))
			g_string_append_len(column, *line, strchr(*line + 1, '|') - *line);
	return matches(column->str, "`([a-z]+/[a-z-]+)`");
}

/* Of all of the files. */
static char *text_of(const char *const *dirs, const char *const *patterns)
{
	g_autoptr(GPtrArray) files = tree_files(dirs, patterns);
	GString *all = g_string_new(NULL);

	for (guint i = 0; i < files->len; i++) {
		g_autofree char *text = tree_read(g_ptr_array_index(files, i));

		g_string_append(all, text);
	}
	return g_string_free(all, FALSE);
}

static void assert_quoted(const char *text, const char *id, const char *what)
{
	g_autofree char *quoted = g_strdup_printf("\"%s\"", id);

	ck_assert_msg(strstr(text, quoted) != NULL, "%s: %s", id, what);
}

/* Rows that share one stand together: nobody has taken it for something else by mistake. */
START_TEST(ids_are_said_and_tested)
{
	g_autofree char *page = tree_read(PAGE);
	g_autoptr(GPtrArray) ids = ids_of_page(page);
	g_autofree char *source = text_of(doctor_dirs, sources);
	g_autofree char *cases = text_of(test_dirs, tests);
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	const char *last = "";

	ck_assert_uint_ge(ids->len, 90);
	for (guint i = 0; i < ids->len; i++) {
		const char *id = g_ptr_array_index(ids, i);

		assert_quoted(source, strchr(id, '/') + 1, "the doctor does not say it");
		assert_quoted(cases, id, "no test expects it");
		ck_assert_msg(strcmp(id, last) == 0 || g_hash_table_add(seen, (gpointer)id),
			"%s: " PAGE " has it in two places", id);
		last = id;
	}
}
END_TEST

/* "doctor-card held": of all of the tests, or of those that the page names. */
static GPtrArray *cases_of_tests(void)
{
	g_autoptr(GPtrArray) files = tree_files(test_dirs, tests);
	GPtrArray *cases = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < files->len; i++) {
		const char *file = g_ptr_array_index(files, i);
		g_autofree char *source = tree_read(file);
		g_autofree char *base = g_path_get_basename(file);
		g_autoptr(GPtrArray) names =
			matches(source, "ward_case(?:_root)?\\(suite, \"([a-z-]+)\"");

		base[strlen(base) - 2] = '\0';
		for (guint n = 0; n < names->len; n++)
			g_ptr_array_add(cases, g_strdup_printf("%s %s", base,
						       (const char *)g_ptr_array_index(names, n)));
	}
	return cases;
}

static GPtrArray *cases_of_page(const char *page)
{
	return matches(page, "(doctor-[a-z]+ [a-z-]+)");
}

static void assert_among(GPtrArray *some, GPtrArray *all, const char *what)
{
	for (guint i = 0; i < some->len; i++) {
		const char *one = g_ptr_array_index(some, i);

		ck_assert_msg(g_ptr_array_find_with_equal_func(all, one, g_str_equal, NULL),
			"%s: %s", one, what);
	}
}

START_TEST(cases_are_the_same)
{
	g_autofree char *page = tree_read(PAGE);
	g_autoptr(GPtrArray) there = cases_of_tests();
	g_autoptr(GPtrArray) named = cases_of_page(page);

	ck_assert_uint_ge(there->len, 60);
	assert_among(there, named, "no row of " PAGE " names it");
	assert_among(named, there, PAGE " names it, and it is no case of a test");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("doctor");
	TCase *tcase = tcase_create("doctor");

	tcase_add_test(tcase, all_is_told);
	tcase_add_test(tcase, ids_are_said_and_tested);
	tcase_add_test(tcase, cases_are_the_same);
	suite_add_tcase(suite, tcase);

	return harness_run(suite, argc, argv);
}
