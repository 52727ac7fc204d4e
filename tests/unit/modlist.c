/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/modlist.c over thousands of files, as people, NSS and other programs leave them. What a file
 * means is told by a model of NSS's reader, which shares nothing with ours: a buffer of 2048 bytes,
 * lines, and, as it was before NSS 3.46 and as it is since, a carriage return that ends a line or
 * does not.
 */

#include "modlist.h"

#include <string.h>

#include "error.h"
#include "harness.h"

#define N_SEEDS  20
#define N_FILES  500 /* a seed */
#define NSS_LINE 2048
#define LIBRARY  "/usr/lib/x86_64-linux-gnu/pkcs11/opensc-pkcs11.so"

/* Pieces that files are made of. '~' becomes the file's line end. */
static const char *const pieces[] = {
	"~",
	"~~",
	"# a comment~",
	"#name=certprop (opensc-pkcs11.so)~",
	"  # not a comment for NSS~",
	"library=~name=NSS Internal PKCS #11 "
	"Module~parameters=configdir='sql:/home/ada/.pki/nssdb' "
	"certPrefix='' flags= ~NSS=Flags=internal,critical trustOrder=75 cipherOrder=100~~",
	"library=/usr/lib/opensc~name=cert~~",
	"library=/usr/lib/other.so~name=certpro~",
	"library=/usr/lib/one.so~name=certprop~~",
	"library=/usr/lib/two.so~name=certprop (opensc-pkcs11.so) of mine~~",
	"library=/usr/lib/three.so~name=certprop (~~",
	"library=/usr/lib/four.so\t~ name =  certprop (opensc~\tNSS = slotFlags~~",
	"# library=/usr/lib/commented.so~name=certprop (vendor.so) 2~~",
	"name=\"quoted \\\"name\\\" here\"~library=\"/usr/lib/quoted.so\"~~",
	"NAME=upper~LIBRARY=/usr/lib/UPPER.so~~",
	" name= spaced~ library = /usr/lib/spaced.so~~",
	"library=p11-kit-proxy.so~name=p11-kit-proxy~~",
	"library=/no/newline.so~name=at the end",
	"name=only a name~~",
	"library=/only/a/library.so~\r~",
	"garbage without a sign~~",
	"=~",
	"\xff\xfe not UTF-8 \xc3~",
	"\r",
	" ",
};

static char *piece(GRand *rand, const char *line_end)
{
	const char *text = pieces[g_rand_int_range(rand, 0, G_N_ELEMENTS(pieces))];
	GString *out = g_string_new(NULL);

	for (; *text != '\0'; text++) {
		if (*text == '~')
			g_string_append(out, line_end);
		else
			g_string_append_c(out, *text);
	}
	/* now and then a line that NSS reads in pieces */
	if (g_rand_int_range(rand, 0, 40) == 0) {
		g_autofree char *fill = g_strnfill(2040 + g_rand_int_range(rand, 0, 12), 'x');

		g_string_append_printf(out, "name=%s%s", fill, line_end);
	}

	return g_string_free(out, FALSE);
}

static char *make_file(GRand *rand)
{
	static const char *const ends[] = {"\n", "\n", "\n", "\r\n"};
	const char *line_end = ends[g_rand_int_range(rand, 0, G_N_ELEMENTS(ends))];
	/* Two editors, one after the other, leave both kinds in one file. */
	bool mixed = g_rand_int_range(rand, 0, 4) == 0;
	GString *text = g_string_new(NULL);
	int n = g_rand_int_range(rand, 0, 9);

	for (int i = 0; i < n; i++) {
		g_autofree char *next = NULL;

		if (mixed)
			line_end = ends[g_rand_int_range(rand, 0, G_N_ELEMENTS(ends))];
		next = piece(rand, line_end);

		g_string_append(text, next);
	}

	return g_string_free(text, FALSE);
}

/* What NSS makes of it: the lines of each module, joined; modules, joined. */
static GPtrArray *nss_reads(const char *text, bool knows_cr)
{
	GPtrArray *modules = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GString) module = g_string_new(NULL);

	while (*text != '\0') {
		gsize len = 0;

		while (text[len] != '\0' && len < NSS_LINE - 1 &&
			(len == 0 || text[len - 1] != '\n'))
			len++;

		g_autofree char *line = g_strndup(text, len);
		text += len;
		if (g_str_has_suffix(line, "\r\n") && knows_cr)
			line[len - 2] = '\0';
		else if (g_str_has_suffix(line, "\n") || (g_str_has_suffix(line, "\r") && knows_cr))
			line[len - 1] = '\0';

		if (*line == '#')
			continue;
		if (*line != '\0')
			g_string_append_printf(module, "%s|", line);
		if ((*line == '\0' || *text == '\0') && module->len > 0) {
			g_ptr_array_add(modules, g_strdup(module->str));
			g_string_truncate(module, 0);
		}
	}
	if (module->len > 0)
		g_ptr_array_add(modules, g_strdup(module->str));

	return modules;
}

static bool is_ours(const char *module)
{
	return strstr(module, "library=" LIBRARY "|name=") != NULL &&
	       strstr(module, " 15={slotFlags=[PublicCerts]})|") != NULL;
}

/* `with` reads as `without` and one module of ours after all others. */
static void assert_one_more(const char *with, const char *without, bool knows_cr)
{
	g_autoptr(GPtrArray) more = nss_reads(with, knows_cr);
	g_autoptr(GPtrArray) fewer = nss_reads(without, knows_cr);

	ck_assert_uint_eq(more->len, fewer->len + 1);
	for (guint i = 0; i < fewer->len; i++)
		ck_assert_str_eq(g_ptr_array_index(more, i), g_ptr_array_index(fewer, i));
	ck_assert(is_ours(g_ptr_array_index(more, fewer->len)));
}

static char *add(const char *text, const char *library)
{
	g_autoptr(GError) error = NULL;
	char *result = modlist_add(text, library, &error);

	ck_assert_msg(result != NULL, "%s", error != NULL ? error->message : "");
	return result;
}

/* NSS would not take another's block for ours, nor ours for another's. */
static void assert_name_apart(const char *text)
{
	g_autoptr(GPtrArray) entries = modlist_entries(text);
	const ModlistEntry *own = g_ptr_array_index(entries, entries->len - 1);

	ck_assert(own->ours);
	ck_assert_str_eq(own->library, LIBRARY);
	for (guint i = 0; i + 1 < entries->len; i++) {
		const ModlistEntry *other = g_ptr_array_index(entries, i);

		if (*other->name == '\0')
			continue;
		ck_assert_msg(!g_str_has_prefix(other->name, own->name) &&
				      !g_str_has_prefix(own->name, other->name),
			"\"%s\" and \"%s\"", own->name, other->name);
	}
}

START_TEST(add_and_remove_is_nothing)
{
	GRand *rand = g_rand_new_with_seed(20261122u + (guint32)_i);

	for (int n = 0; n < N_FILES; n++) {
		g_autofree char *text = make_file(rand);
		g_autofree char *with = add(text, LIBRARY);
		g_autofree char *again = add(with, LIBRARY);
		g_autofree char *other = add(with, "/opt/other/vendor.so");
		g_autofree char *back = modlist_remove(with);
		g_autofree char *both_back = modlist_remove(other);
		g_autofree char *untouched = modlist_remove(text);

		ck_assert(g_str_has_prefix(with, text));
		assert_one_more(with, text, true);
		assert_one_more(with, text, false);
		assert_name_apart(with);
		ck_assert_str_eq(again, with);
		ck_assert_str_eq(back, text);
		ck_assert_str_eq(both_back, text);
		ck_assert_str_eq(untouched, text);
	}
	g_rand_free(rand);
}
END_TEST

/* Somebody appends, or changes what stood before: his part stays, and means what it meant. */
START_TEST(others_edit_meanwhile)
{
	GRand *rand = g_rand_new_with_seed(424242u + (guint32)_i);

	for (int n = 0; n < N_FILES; n++) {
		g_autofree char *text = make_file(rand);
		g_autofree char *with = add(text, LIBRARY);
		g_autofree char *tail = make_file(rand);
		g_autofree char *appended = g_strconcat(with, tail, NULL);
		g_autofree char *back = modlist_remove(appended);
		gsize cut = (gsize)g_rand_int_range(rand, 0, (gint32)strlen(text) + 1);

		while (cut > 0 && text[cut - 1] != '\n')
			cut--;

		g_autofree char *changed =
			g_strdup_printf("%.*s%s", (int)cut, text, with + strlen(text));
		g_autofree char *changed_back = modlist_remove(changed);

		ck_assert(g_str_has_prefix(back, text));
		ck_assert(g_str_has_suffix(back, tail));
		for (int knows_cr = 0; knows_cr < 2; knows_cr++) {
			g_autoptr(GPtrArray) all = nss_reads(appended, knows_cr);
			g_autoptr(GPtrArray) left = nss_reads(back, knows_cr);
			guint k = 0;

			for (guint i = 0; i < all->len; i++) {
				if (is_ours(g_ptr_array_index(all, i)))
					continue;
				ck_assert_uint_lt(k, left->len);
				ck_assert_str_eq(
					g_ptr_array_index(all, i), g_ptr_array_index(left, k++));
			}
			ck_assert_uint_eq(k, left->len);
		}
		/* nothing of what is not ours may go, and an end that was ended stays so */
		ck_assert(strncmp(changed_back, text, cut) == 0);
	}
	g_rand_free(rand);
}
END_TEST

START_TEST(what_nss_made_of_our_block_goes_too)
{
	static const char text[] = "library=\nname=NSS Internal PKCS #11 Module\n\n"
				   "library=" LIBRARY "\nname=certprop (opensc-pkcs11.so)\n"
				   "NSS=slotParams={0x00000000=[slotFlags=PublicCerts ] }  \n\n"
				   "library=/x.so\nname=x\n\n";
	g_autofree char *same = add(text, LIBRARY);
	g_autofree char *back = modlist_remove(text);

	ck_assert_str_eq(same, text);
	ck_assert_str_eq(back, "library=\nname=NSS Internal PKCS #11 Module\n\n"
			       "library=/x.so\nname=x\n\n");
}
END_TEST

START_TEST(notes_in_our_block_stay)
{
	g_autofree char *with = add("", LIBRARY);
	g_autofree char *noted = g_strconcat("# mine\n", with, NULL);
	g_autofree char *back = modlist_remove(noted);

	ck_assert_str_eq(back, "# mine\n\n");
}
END_TEST

START_TEST(a_moved_library_is_replaced)
{
	g_autofree char *old = add("name=x\n", "/opt/old/opensc-pkcs11.so");
	g_autofree char *new = add(old, LIBRARY);
	g_autofree char *back = modlist_remove(new);

	ck_assert_ptr_null(strstr(new, "/opt/old"));
	ck_assert_str_eq(back, "name=x\n");
}
END_TEST

START_TEST(paths_that_nss_could_not_read)
{
	static const char *const bad[] = {
		"opensc-pkcs11.so", "", "/a\nname=b", "/a\r", "/a\"b", "/a\\b", "/\177"};
	g_autofree char *long_path = g_strnfill(1025, '/');

	for (gsize i = 0; i <= G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;
		const char *path = i < G_N_ELEMENTS(bad) ? bad[i] : long_path;

		ck_assert_ptr_null(modlist_add("", path, &error));
		ck_assert(g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED));
	}
}
END_TEST

START_TEST(a_new_file_is_as_nss_writes_it)
{
	g_autofree char *text = modlist_new("/home/ada/.pki/nssdb");
	g_autofree char *odd = modlist_new("/home/o'hara/.pki/nssdb");
	g_autoptr(GPtrArray) entries = modlist_entries(text);

	ck_assert_uint_eq(entries->len, 1);
	ck_assert_str_eq(((ModlistEntry *)g_ptr_array_index(entries, 0))->library, "");
	ck_assert(g_str_has_suffix(text, "timeout=30})\n\n"));
	ck_assert_str_eq(odd, "");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("modlist");
	TCase *random = tcase_create("random");
	TCase *cases = tcase_create("cases");

	tcase_set_timeout(random, 60);
	tcase_add_loop_test(random, add_and_remove_is_nothing, 0, N_SEEDS);
	tcase_add_loop_test(random, others_edit_meanwhile, 0, N_SEEDS);
	tcase_add_test(cases, what_nss_made_of_our_block_goes_too);
	tcase_add_test(cases, notes_in_our_block_stay);
	tcase_add_test(cases, a_moved_library_is_replaced);
	tcase_add_test(cases, paths_that_nss_could_not_read);
	tcase_add_test(cases, a_new_file_is_as_nss_writes_it);
	suite_add_tcase(suite, random);
	suite_add_tcase(suite, cases);

	return harness_run(suite, argc, argv);
}
