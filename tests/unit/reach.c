/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/reach.c and lib/proxy.c: ways to a module, by configuration files in directories of our own.
 */

#include "reach.h"

#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

static char *root;
static ReachPlaces places;

static char *in_root(const char *name)
{
	return g_build_filename(root, name, NULL);
}

static void put(const char *name, const char *text)
{
	g_autofree char *path = in_root(name);
	g_autofree char *dir = g_path_get_dirname(path);

	ck_assert_int_eq(g_mkdir_with_parents(dir, 0700), 0);
	ck_assert(g_file_set_contents(path, text, -1, NULL));
}

static void set_up(void)
{
	root = g_dir_make_tmp("certprop-reach-XXXXXX", NULL);
	ck_assert_ptr_nonnull(root);
	places = (ReachPlaces){
		.proxy = {.package_dir = in_root("package"),
			.system_dir = in_root("system"),
			.user_dir = in_root("user"),
			.module_dir = in_root("lib")},
		.policy = in_root("nss.config"),
	};
	put("lib/opensc-pkcs11.so", "");
	put("lib/onepin-opensc-pkcs11.so", "");
	put("lib/p11-kit-proxy.so", "");
	put("lib/vendor.so", "");
	put("opt/opensc-pkcs11.so.1", "");
}

static void remove_all(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *inner = g_build_filename(path, name, NULL);

		if (g_file_test(inner, G_FILE_TEST_IS_DIR) &&
			!g_file_test(inner, G_FILE_TEST_IS_SYMLINK))
			remove_all(inner);
		else
			ck_assert_int_eq(g_unlink(inner), 0);
	}
	ck_assert_int_eq(g_rmdir(path), 0);
}

static void tear_down(void)
{
	remove_all(root);
	g_free((char *)places.proxy.package_dir);
	g_free((char *)places.proxy.system_dir);
	g_free((char *)places.proxy.user_dir);
	g_free((char *)places.proxy.module_dir);
	g_free((char *)places.policy);
	g_clear_pointer(&root, g_free);
}

/* "@" becomes the root. */
static char *rooted(const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, "@", -1);

	return g_strjoinv(root, parts);
}

/* The ways to OpenSC as words: "direct p11-kit". */
static char *ways_to_opensc(const char *template, const char *program)
{
	g_autofree char *text = rooted(template);
	g_autofree char *opensc = in_root("lib/opensc-pkcs11.so");
	g_autoptr(GPtrArray) found = reach_find(text, opensc, &places, program);
	GString *words = g_string_new(NULL);

	for (guint i = 0; i < found->len; i++) {
		const Reach *reach = g_ptr_array_index(found, i);

		g_string_append_printf(words, "%s%s", i > 0 ? " " : "", reach_word(reach->how));
	}
	return g_string_free(words, FALSE);
}

static const struct {
	const char *text;
	const char *ways;
} direct[] = {
	{"", ""},
	{"library=\nname=NSS Internal PKCS #11 Module\n\n", ""},
	{"library=@/lib/vendor.so\nname=v\n\n", ""},
	{"library=@/lib/opensc-pkcs11.so\nname=v\n\n", "direct"},
	{"library=@/lib/../lib/opensc-pkcs11.so\nname=v\n\n", "direct"},
	{"library=@/lib/onepin-opensc-pkcs11.so\nname=v\n\n", "direct"},
	{"library=@/opt/opensc-pkcs11.so.1\nname=v\n\n", "direct"},
	{"library=@/lib/opensc-pkcs11.so\nname=certprop (opensc-pkcs11.so)\n\n", "certprop"},
	{"library=@/gone/opensc-pkcs11.so\nname=v\n\n", "broken"},
	{"library=opensc-pkcs11.so\nname=v\n\n", "direct"},
	{"#library=@/lib/opensc-pkcs11.so\nname=v\n\n", ""},
	{"library=@/lib/opensc-pkcs11.so\nname=a\n\nlibrary=@/lib/opensc-pkcs11.so\nname=b\n",
		"direct direct"},
	{"library=@/link.so\nname=v\n\n", "direct"},
	/* a proxy, and no configuration of p11-kit */
	{"library=@/lib/p11-kit-proxy.so\nname=p\n\n", ""},
};

START_TEST(directly)
{
	g_autofree char *link = in_root("link.so");

	ck_assert_int_eq(symlink("lib/onepin-opensc-pkcs11.so", link), 0);
	g_autofree char *ways = ways_to_opensc(direct[_i].text, NULL);
	ck_assert_str_eq(ways, direct[_i].ways);
}
END_TEST

#define MODULE "package/opensc.module", "# a comment\nmodule: opensc-pkcs11.so\n"

static const struct {
	const char *files[4][2];
	const char *program;
	bool reached;
} proxied[] = {
	{{{MODULE}}, NULL, true},
	{{{"system/modules/opensc.module", "module:@/lib/opensc-pkcs11.so\n"}}, NULL, true},
	{{{"user/modules/opensc.module", "module: @/lib/onepin-opensc-pkcs11.so"}}, NULL, true},
	{{{"package/opensc.txt", "module: opensc-pkcs11.so\n"}}, NULL, false},
	{{{"package/other.module", "module: vendor.so\n"}}, NULL, false},
	{{{"package/gone.module", "module: /gone/opensc-pkcs11.so\n"}}, NULL, false},
	{{{"package/empty.module", "module:\n"}}, NULL, false},
	/* files of one name are one module, line by line */
	{{{MODULE}, {"user/modules/opensc.module", "disable-in: p11-kit-proxy\n"}}, NULL, false},
	{{{MODULE}, {"system/modules/opensc.module", "enable-in: ssh\n"}}, NULL, false},
	{{{MODULE}, {"system/modules/opensc.module", "enable-in: ssh, firefox\n"}}, "firefox",
		true},
	{{{MODULE}, {"system/modules/opensc.module", "enable-in: ssh\n"},
		 {"user/modules/opensc.module", "enable-in: p11-kit-proxy\n"}},
		NULL, true},
	{{{MODULE}, {"user/modules/opensc.module", "disable-in: firefox thunderbird\n"}}, "firefox",
		false},
	{{{MODULE}, {"user/modules/opensc.module", "disable-in: firefox\n"}}, NULL, true},
	/* Debian's is another process */
	{{{MODULE}, {"user/modules/opensc.module", "disable-in: firefox-esr\n"}}, "firefox", false},
	{{{MODULE}, {"user/modules/opensc.module", "enable-in: firefox-esr\n"}}, "firefox", true},
	{{{MODULE}, {"user/modules/opensc.module", "enable-in: firefox-esr\n"}}, "thunderbird",
		false},
	{{{MODULE}, {"user/modules/opensc.module", "module: vendor.so\n"}}, NULL, false},
	/* whether the user's files count */
	{{{MODULE}, {"user/modules/opensc.module", "module: vendor.so\n"},
		 {"system/pkcs11.conf", "user-config: none\n"}},
		NULL, true},
	{{{MODULE}, {"system/pkcs11.conf", "user-config: only\n"}}, NULL, false},
	{{{MODULE}, {"user/pkcs11.conf", "user-config: only\n"}}, NULL, false},
	{{{MODULE}, {"system/pkcs11.conf", "user-config: none\n"},
		 {"user/pkcs11.conf", "user-config: only\n"}},
		NULL, true},
};

START_TEST(through_the_proxy)
{
	static const char text[] = "library=@/lib/p11-kit-proxy.so\nname=p\n\n";

	for (gsize i = 0; i < 4 && proxied[_i].files[i][0] != NULL; i++) {
		g_autofree char *content = rooted(proxied[_i].files[i][1]);

		put(proxied[_i].files[i][0], content);
	}
	g_autofree char *ways = ways_to_opensc(text, proxied[_i].program);
	ck_assert_str_eq(ways, proxied[_i].reached ? "p11-kit" : "");
	g_autofree char *gone =
		ways_to_opensc("library=@/gone/p11-kit-proxy.so\nname=p\n\n", proxied[_i].program);
	ck_assert_str_eq(gone, proxied[_i].reached ? "broken" : "");
	/* without the proxy, p11-kit's files mean nothing to NSS */
	g_autofree char *none = ways_to_opensc("", proxied[_i].program);
	ck_assert_str_eq(none, "");
}
END_TEST

/* As on Fedora. */
START_TEST(through_the_policy)
{
	g_autofree char *policy =
		rooted("library=\nname=Policy\nNSS=flags=policyOnly,moduleDB\n\n\n"
		       "name=p11-kit-proxy\nlibrary=p11-kit-proxy.so\n\n");

	put("nss.config", policy);
	g_autofree char *none = ways_to_opensc("", NULL);
	ck_assert_str_eq(none, "");
	put(MODULE);
	g_autofree char *ways = ways_to_opensc("", NULL);
	ck_assert_str_eq(ways, "crypto-policy");
	g_autofree char *both = ways_to_opensc("library=@/lib/opensc-pkcs11.so\nname=v\n\n", NULL);
	ck_assert_str_eq(both, "direct crypto-policy");
}
END_TEST

START_TEST(files_that_are_none)
{
	g_autofree char *fifo = in_root("package/fifo.module");
	g_autofree char *large = g_strnfill(64 * 1024 + 1, '\n');
	g_autofree char *module = g_strconcat("module: opensc-pkcs11.so\n", large, NULL);

	put("package/large.module", module);
	put("package/dir.module/opensc", "");
	put("package/bytes.module", "\xff\xfe: \x01\n:\n::\nmodule\n");
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	g_autofree char *ways = ways_to_opensc("library=p11-kit-proxy.so\nname=p\n", NULL);
	ck_assert_str_eq(ways, "");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("reach");
	TCase *tcase = tcase_create("reach");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, directly, 0, G_N_ELEMENTS(direct));
	tcase_add_loop_test(tcase, through_the_proxy, 0, G_N_ELEMENTS(proxied));
	tcase_add_test(tcase, through_the_policy);
	tcase_add_test(tcase, files_that_are_none);
	suite_add_tcase(suite, tcase);

	return harness_run(suite, argc, argv);
}
