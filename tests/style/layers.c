/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may include what. The daemon must not come to carry a library that a helper was split off
 * for, so each third-party library has one .c file that knows it, and our own includes point one
 * way: from the programs to lib/.
 */

#include <stdbool.h>
#include <string.h>

#include "harness.h"
#include "tree.h"

static const char *const product[] = {"lib", "daemon", "ctl", NULL};
static const char *const c_and_h[] = {"*.c", "*.h", NULL};

static GPtrArray *files;    /* all of the product */
static GPtrArray *includes; /* of each of them, a GPtrArray of Include; read once */

typedef struct Include {
	char *name;
	bool system; /* <...> */
	unsigned line;
} Include;

static void include_free(gpointer data)
{
	Include *include = data;

	g_free(include->name);
	g_free(include);
}

static GPtrArray *read_includes(const char *path)
{
	g_autofree char *raw = tree_read(path);
	g_autofree char *text = tree_without_comments(raw);
	g_autoptr(GRegex) regex = g_regex_new(
		"^[ \t]*#[ \t]*include[ \t]*([<\"])([^>\"]+)[>\"]", G_REGEX_MULTILINE, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;
	GPtrArray *found = g_ptr_array_new_with_free_func(include_free);

	for (g_regex_match(regex, text, 0, &match); g_match_info_matches(match);
		g_match_info_next(match, NULL)) {
		Include *include = g_new0(Include, 1);
		g_autofree char *bracket = g_match_info_fetch(match, 1);
		int start = 0;

		(void)g_match_info_fetch_pos(match, 1, &start, NULL);
		include->name = g_match_info_fetch(match, 2);
		include->system = *bracket == '<';
		include->line = tree_line(text, text + start);
		g_ptr_array_add(found, include);
	}

	return found;
}

/* --- third-party headers --- */

static const struct {
	const char *name;
	const char *pattern; /* of its headers' names */
} libraries[] = {
	{"pcsc-lite", "^(PCSC/)?(winscard|wintypes|pcsclite|reader|ifdhandler)\\.h$"},
	{"libp11", "^(libp11|p11_err)\\.h$"},
	{"OpenSSL", "^openssl/"},
	{"p11-kit", "^p11-kit/"},
	{"NSS", "^(nss/|nspr/)?(nss|cert|certdb|certt|pk11\\w+|pkcs11\\w*|secmod\\w*|secerr|secitem"
		"|secoid\\w*|secder|sechash|keyhi|nssutil|utilrename|prerror|prinit|prtypes|prio|"
		"prlink"
		"|prenv|nspr)\\.h$"},
	{"json-glib", "^json-glib/"},
	{"SQLite", "^sqlite3\\.h$"},
};

/* libc and the kernel, and GLib, which is everywhere. */
static const char known[] = "^((glib|glib-unix|gmodule|gio/\\w+|glib/\\w+)\\.h"
			    "|(sys|linux|netinet|arpa|net)/\\w+\\.h"
			    "|(assert|ctype|dirent|dlfcn|err|errno|fcntl|fnmatch|getopt|glob|grp|"
			    "inttypes|langinfo|limits"
			    "|link|locale|math|netdb|poll|pthread|pwd|sched|setjmp|signal|spawn|"
			    "stdarg|stdatomic|stdbool"
			    "|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|syslog|termios|"
			    "time|uchar|unistd|utime"
			    "|wchar|wctype)\\.h)$";

/* Its interface is pcsc-lite's header; it uses nothing else of it. */
static bool is_pcsc_itself(const char *path)
{
	return g_str_has_prefix(path, "lib/pcsc-xrdp/");
}

START_TEST(one_file_knows_a_library)
{
	const char *pattern = libraries[_i].pattern;
	g_autoptr(GString) who = g_string_new(NULL);
	unsigned n = 0;

	for (guint i = 0; i < files->len; i++) {
		const char *path = g_ptr_array_index(files, i);
		const GPtrArray *list = g_ptr_array_index(includes, i);
		bool found = false;

		for (guint j = 0; j < list->len; j++) {
			const Include *include = g_ptr_array_index(list, j);

			if (!g_regex_match_simple(pattern, include->name, 0, 0) || !include->system)
				continue;
			if (strcmp(libraries[_i].name, "pcsc-lite") == 0 && is_pcsc_itself(path))
				continue;
			ck_assert_msg(g_str_has_suffix(path, ".c"), "%s:%u: a header includes <%s>",
				path, include->line, include->name);
			found = true;
		}
		n += found;
		if (found)
			g_string_append_printf(who, " %s", path);
	}
	ck_assert_msg(
		n <= 1, "%s is included by more than one file:%s", libraries[_i].name, who->str);
}
END_TEST

static bool is_known(const char *name)
{
	for (gsize i = 0; i < G_N_ELEMENTS(libraries); i++) {
		if (g_regex_match_simple(libraries[i].pattern, name, 0, 0))
			return true;
	}

	return g_regex_match_simple(known, name, 0, 0);
}

START_TEST(every_library_is_known_here)
{
	const char *path = g_ptr_array_index(files, _i);
	const GPtrArray *list = g_ptr_array_index(includes, _i);

	for (guint i = 0; i < list->len; i++) {
		const Include *include = g_ptr_array_index(list, i);

		ck_assert_msg(!include->system || is_known(include->name),
			"%s:%u: <%s> is in no table of tests/style/layers.c", path, include->line,
			include->name);
	}
}
END_TEST

/* --- our own headers --- */

/* What certpropctl shares with the daemon. */
static const char *const shared[] = {"chatter.h", "displays.h", "environment.h", "helper.h",
	"log.h", "pipeline.h", "presence.h", "report.h", "runtime.h", "scanner.h", "site.h",
	"spot.h", "watcher.h", "bus-generated.h", NULL};

static bool exists(const char *dir, const char *name)
{
	g_autofree char *relative = g_build_filename(dir, name, NULL);
	g_autofree char *path = tree_path(relative);

	return g_file_test(path, G_FILE_TEST_EXISTS);
}

static bool allowed(const char *dir, const char *name)
{
	if (strcmp(name, "build.h") == 0)
		return true;
	if (exists(dir, name) || exists("lib", name))
		return true;
	if (strcmp(dir, "daemon") == 0)
		return strcmp(name, "bus-generated.h") == 0;
	if (strcmp(dir, "ctl") == 0)
		return g_strv_contains(shared, name) || strcmp(name, "doctor.h") == 0 ||
		       strcmp(name, "fleet.h") == 0;
	if (g_str_has_prefix(dir, "ctl/"))
		return g_strv_contains(shared, name) || exists("ctl", name);

	return false;
}

START_TEST(includes_point_to_lib)
{
	const char *path = g_ptr_array_index(files, _i);
	g_autofree char *dir = g_path_get_dirname(path);
	const GPtrArray *list = g_ptr_array_index(includes, _i);

	for (guint i = 0; i < list->len; i++) {
		const Include *include = g_ptr_array_index(list, i);

		if (include->system)
			continue;
		ck_assert_msg(strchr(include->name, '/') == NULL,
			"%s:%u: \"%s\": folders are the build's business", path, include->line,
			include->name);
		ck_assert_msg(allowed(dir, include->name), "%s:%u: %s/ may not include \"%s\"",
			path, include->line, dir, include->name);
	}
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("layers");
	TCase *tcase = tcase_create("layers");
	int status;

	files = tree_files(product, c_and_h);
	includes = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
	for (guint i = 0; i < files->len; i++)
		g_ptr_array_add(includes, read_includes(g_ptr_array_index(files, i)));
	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, one_file_knows_a_library, 0, G_N_ELEMENTS(libraries));
	tcase_add_loop_test(tcase, every_library_is_known_here, 0, (int)files->len);
	tcase_add_loop_test(tcase, includes_point_to_lib, 0, (int)files->len);
	suite_add_tcase(suite, tcase);

	status = harness_run(suite, argc, argv);
	g_ptr_array_unref(files);
	g_ptr_array_unref(includes);
	return status;
}
