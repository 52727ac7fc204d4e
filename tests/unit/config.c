/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration as it is found on a machine: files in directories of the test's own, loaded,
 * and then the values, their origins and every fault with its line looked at.
 */

#include "config.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "harness.h"

#define HASH_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static char *root, *sysconf_dir, *dropin_dir, *user_dir;

static void setup(void)
{
	root = g_dir_make_tmp("certprop-config-XXXXXX", NULL);
	ck_assert_ptr_nonnull(root);
	sysconf_dir = g_build_filename(root, "etc", "certprop", NULL);
	dropin_dir = g_build_filename(sysconf_dir, "certprop.conf.d", NULL);
	user_dir = g_build_filename(root, "home", "certprop", NULL);
	ck_assert_int_eq(g_mkdir_with_parents(dropin_dir, 0700), 0);
	ck_assert_int_eq(g_mkdir_with_parents(user_dir, 0700), 0);
}

static void remove_all(const char *dir)
{
	g_autoptr(GDir) list = g_dir_open(dir, 0, NULL);
	const char *name;

	while (list != NULL && (name = g_dir_read_name(list)) != NULL) {
		g_autofree char *path = g_build_filename(dir, name, NULL);

		if (g_file_test(path, G_FILE_TEST_IS_DIR) &&
			!g_file_test(path, G_FILE_TEST_IS_SYMLINK))
			remove_all(path);
		else
			(void)g_unlink(path);
	}
	(void)g_rmdir(dir);
}

static void teardown(void)
{
	remove_all(root);
	g_free(root);
	g_free(sysconf_dir);
	g_free(dropin_dir);
	g_free(user_dir);
}

static void put_bytes(const char *dir, const char *name, const char *text, gssize len)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);

	ck_assert(g_file_set_contents(path, text, len, NULL));
}

static void put(const char *dir, const char *name, const char *text)
{
	put_bytes(dir, name, text, -1);
}

static Config *load(GPtrArray **ret_faults)
{
	return config_load(sysconf_dir, user_dir, ret_faults);
}

/* All faults, one a line, without the directories: "W etc/certprop/certprop.conf:3: message". */
static char *faults_text(GPtrArray *faults)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < faults->len; i++) {
		const ConfigFault *fault = g_ptr_array_index(faults, i);
		g_autofree char *line = config_fault_text(fault);

		ck_assert(g_str_has_prefix(line, root));
		g_string_append_printf(
			text, "%c %s\n", fault->warning ? 'W' : 'E', line + strlen(root) + 1);
	}
	(void)g_string_replace(text, root, "ROOT", 0);

	return g_string_free(text, FALSE);
}

static void assert_faults(GPtrArray *faults, const char *expected)
{
	g_autofree char *text = faults_text(faults);

	ck_assert_str_eq(text, expected);
}

static void assert_value(
	const Config *config, const char *group, const char *key, const char *value)
{
	g_autofree char *got = config_get(config, group, key);

	ck_assert_str_eq(got, value);
}

/* --- values --- */

START_TEST(defaults_are_what_the_table_says)
{
	g_autoptr(Config) config = config_new();
	gsize n;
	const ConfigKey *keys = config_keys(&n);

	ck_assert_uint_eq(n, 24);
	for (gsize i = 0; i < n; i++) {
		assert_value(config, keys[i].group, keys[i].key, keys[i].default_text);
		ck_assert_str_eq(config_origin(config, keys[i].group, keys[i].key), "built-in");
		ck_assert(*keys[i].help != '\0');
		ck_assert(*keys[i].values != '\0');
	}
}
END_TEST

START_TEST(defaults_in_their_fields)
{
	g_autoptr(Config) c = config_new();

	ck_assert(c->enabled && c->discover && c->create_shared && c->ecc);
	ck_assert(!c->register_module);
	ck_assert_uint_eq(g_strv_length(c->modules), 1);
	ck_assert_str_eq(c->modules[0], "opensc-pkcs11.so");
	ck_assert_uint_eq(g_strv_length(c->include), 0);
	ck_assert_uint_eq(g_strv_length(c->exclude), 0);
	ck_assert_uint_eq(g_strv_length(c->require_eku), 0);
	ck_assert_uint_eq(g_strv_length(c->issuers), 0);
	ck_assert_uint_eq(g_strv_length(c->trusted_roots), 0);
	ck_assert_int_eq(c->on_removal, CONFIG_KEEP);
	ck_assert_int_eq(c->on_logout, CONFIG_KEEP);
	ck_assert_int_eq(c->redirected, CONFIG_REDIRECTED_SESSION);
	ck_assert_int_eq(c->time_invalid, CONFIG_SKIP);
	ck_assert_int_eq(c->without_key, CONFIG_ALLOW);
	ck_assert_int_eq(c->duplicates, CONFIG_DUPLICATES_ALL);
	ck_assert_int_eq(c->intermediates, CONFIG_INTERMEDIATES_IMPORT);
	ck_assert_int_eq(c->cleanup, CONFIG_CLEANUP_WITH_OWNER);
	ck_assert_uint_eq(c->grace, 30);
	ck_assert_uint_eq(c->certificates_per_token, 64);
	ck_assert_uint_eq(c->certificate_bytes, 32768);
	ck_assert_uint_eq(c->scan_seconds, 30);
}
END_TEST

/* What a text becomes; NULL if it is refused. What it becomes must be understood as itself. */
static const struct {
	const char *group, *key, *text, *becomes;
} texts[] = {
	{"propagation", "enabled", "false", "false"},
	{"propagation", "enabled", "1", "true"},
	{"propagation", "enabled", "yes", NULL},
	{"propagation", "enabled", "", NULL},
	{"propagation", "enabled", "true # really", NULL},
	{"propagation", "modules", "", ""},
	{"propagation", "modules", "a.so;/usr/lib/b.so;", "a.so;/usr/lib/b.so"},
	{"propagation", "modules", " a.so ; b.so ;;", "a.so;b.so"},
	{"propagation", "modules", "a.so,b.so", NULL},
	{"propagation", "modules", "lib/a.so", NULL},
	{"propagation", "modules", "a\\;b\\\\c", "a\\;b\\\\c"},
	{"propagation", "modules", "a\\q", NULL},
	{"propagation", "modules", "/usr/lib/a\\nb.so", NULL},
	{"databases", "include", "/home/ada/a\\tb", NULL},
	{"databases", "include", "~/.mozilla;/srv/nss, too", "~/.mozilla;/srv/nss, too"},
	{"databases", "include", "relative/path", NULL},
	{"databases", "exclude", "*/backup/*;~/old?", "*/backup/*;~/old?"},
	{"local", "on-removal", "remove", "remove"},
	{"local", "on-removal", "Remove", NULL},
	{"local", "on-removal", "ignore", NULL},
	{"redirected", "policy", "ignore", "ignore"},
	{"redirected", "grace", "0", "0s"},
	{"redirected", "grace", "90", "90s"},
	{"redirected", "grace", "90s", "90s"},
	{"redirected", "grace", "120", "2m"},
	{"redirected", "grace", "5m", "5m"},
	{"redirected", "grace", "2h", "2h"},
	{"redirected", "grace", "24h", "1d"},
	{"redirected", "grace", "86401", NULL},
	{"redirected", "grace", "2d", NULL},
	{"redirected", "grace", "-1", NULL},
	{"redirected", "grace", "1.5h", NULL},
	{"redirected", "grace", "s", NULL},
	{"redirected", "grace", "", NULL},
	{"redirected", "grace", "5 m", NULL},
	{"redirected", "grace", "5ms", NULL},
	{"redirected", "grace", "99999999999999999999", NULL},
	{"redirected", "forwarded", "desk:/run/a.comm; lab:~/b.comm",
		"desk:/run/a.comm;lab:~/b.comm"},
	{"redirected", "forwarded", "desk:/run/a\\;b", "desk:/run/a\\;b"},
	{"redirected", "forwarded", "/run/a.comm", NULL},
	{"redirected", "forwarded", "desk:/run/a\\nb", NULL},
	{"redirected", "forwarded", "desk:a.comm", NULL},
	{"redirected", "forwarded", "desk:/run/a;desk:/run/b", NULL},
	{"filter", "require-eku", "clientAuth;EMAILPROTECTION", "clientAuth;emailProtection"},
	{"filter", "require-eku", "1.3.6.1.5.5.7.3.1;serverAuth", "serverAuth;serverAuth"},
	{"filter", "require-eku", "codeSigning;smartcardLogon;ipsecIKE;2.5.29.37.0",
		"codeSigning;smartcardLogon;ipsecIKE;2.5.29.37.0"},
	{"filter", "require-eku", "clientAuth,emailProtection", NULL},
	{"filter", "require-eku", "1", NULL},
	{"filter", "require-eku", "1..2", NULL},
	{"filter", "require-eku", ".1.2", NULL},
	{"filter", "require-eku", "1.2.", NULL},
	{"filter", "issuers", "O=Example, Inc.;CN=Zoë", "O=Example, Inc.;CN=Zoë"},
	{"filter", "duplicates", "newest", "newest"},
	{"ca", "trusted-roots", HASH_A, HASH_A},
	{"ca", "trusted-roots",
		"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
		"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF",
		HASH_A},
	{"ca", "trusted-roots", HASH_A "0", NULL},
	{"ca", "trusted-roots", "0011", NULL},
	{"ca", "trusted-roots", "x" HASH_A, NULL},
	{"ca", "cleanup", "keep", "keep"},
	{"limits", "certificates-per-token", "1", "1"},
	{"limits", "certificates-per-token", "256", "256"},
	{"limits", "certificates-per-token", "0", NULL},
	{"limits", "certificates-per-token", "257", NULL},
	{"limits", "certificate-bytes", "131072", "131072"},
	{"limits", "certificate-bytes", "131073", NULL},
	{"limits", "certificate-bytes", "255", NULL},
	{"limits", "scan-seconds", "600", "600"},
	{"limits", "scan-seconds", "+5", NULL},
	{"limits", "scan-seconds", "30s", NULL},
	{"nowhere", "enabled", "true", NULL},
	{"propagation", "nothing", "true", NULL},
};

START_TEST(text_to_value_and_back)
{
	g_autoptr(Config) config = config_new();
	g_autofree char *before = config_get(config, texts[_i].group, texts[_i].key);
	g_autoptr(GError) error = NULL;
	bool ok = config_set(
		config, texts[_i].group, texts[_i].key, texts[_i].text, "here:1", &error);

	if (texts[_i].becomes == NULL) {
		g_autofree char *after = config_get(config, texts[_i].group, texts[_i].key);

		ck_assert_msg(!ok, "\"%s\" was taken", texts[_i].text);
		ck_assert(g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_CONFIG));
		ck_assert_pstr_eq(after, before);
		return;
	}

	ck_assert_msg(ok, "%s", ok ? "" : error->message);
	assert_value(config, texts[_i].group, texts[_i].key, texts[_i].becomes);
	ck_assert_str_eq(config_origin(config, texts[_i].group, texts[_i].key), "here:1");
	ck_assert(config_set(
		config, texts[_i].group, texts[_i].key, texts[_i].becomes, "again", NULL));
	assert_value(config, texts[_i].group, texts[_i].key, texts[_i].becomes);
}
END_TEST

START_TEST(words_reach_their_fields)
{
	g_autoptr(Config) c = config_new();

	ck_assert(config_set(c, "local", "on-logout", "remove", "", NULL));
	ck_assert(config_set(c, "redirected", "policy", "keep", "", NULL));
	ck_assert(config_set(c, "filter", "time-invalid", "allow", "", NULL));
	ck_assert(config_set(c, "filter", "require-eku", "smartcardLogon", "", NULL));
	ck_assert(config_set(c, "ca", "intermediates", "skip", "", NULL));
	ck_assert(config_set(c, "redirected", "grace", "2h", "", NULL));
	ck_assert_int_eq(c->on_removal, CONFIG_KEEP);
	ck_assert_int_eq(c->on_logout, CONFIG_REMOVE);
	ck_assert_int_eq(c->redirected, CONFIG_REDIRECTED_KEEP);
	ck_assert_int_eq(c->time_invalid, CONFIG_ALLOW);
	ck_assert_str_eq(c->require_eku[0], "1.3.6.1.4.1.311.20.2.2");
	ck_assert_int_eq(c->intermediates, CONFIG_INTERMEDIATES_SKIP);
	ck_assert_uint_eq(c->grace, 7200);
}
END_TEST

START_TEST(value_too_long)
{
	g_autoptr(Config) config = config_new();
	g_autofree char *text = g_strnfill(40000, 'x');
	g_autoptr(GError) error = NULL;

	ck_assert(!config_set(config, "filter", "issuers", text, "", &error));
	ck_assert(g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_CONFIG));
	ck_assert_uint_lt(strlen(error->message), 200);
}
END_TEST

START_TEST(refusal_shows_no_raw_text)
{
	g_autoptr(Config) config = config_new();
	g_autoptr(GError) error = NULL;
	g_autofree char *text = g_strdup_printf("\033[31m%0200d", 0);

	ck_assert(!config_set(config, "filter", "duplicates", text, "", &error));
	ck_assert_ptr_null(strchr(error->message, '\033'));
	ck_assert_ptr_nonnull(strstr(error->message, "it is all or newest"));
	ck_assert_uint_lt(strlen(error->message), 200);
}
END_TEST

/* --- layers --- */

START_TEST(nothing_there)
{
	g_autoptr(GPtrArray) faults = NULL;
	g_autoptr(Config) config = config_load("/nonexistent/certprop", NULL, &faults);

	ck_assert_ptr_nonnull(config);
	ck_assert_uint_eq(faults->len, 0);
	assert_value(config, "propagation", "enabled", "true");
}
END_TEST

START_TEST(later_files_win_key_by_key)
{
	g_autoptr(GPtrArray) faults = NULL;
	g_autoptr(Config) config = NULL;
	g_autofree char *origin = NULL;

	put(sysconf_dir, "certprop.conf",
		"[local]\non-removal=remove\non-logout=remove\n"
		"[limits]\nscan-seconds=10\n");
	put(dropin_dir, "90-z.conf", "[limits]\nscan-seconds=90\n");
	put(dropin_dir, "10-a.conf", "[limits]\nscan-seconds=11\ncertificates-per-token=10\n");
	put(dropin_dir, "95-not.conf.bak", "[limits]\nscan-seconds=95\n");
	put(dropin_dir, ".96.conf", "[limits]\nscan-seconds=96\n");
	put(user_dir, "certprop.conf", "# mine\n\n[local]\non-removal=keep\n");
	config = load(&faults);

	assert_faults(faults, "");
	assert_value(config, "local", "on-removal", "keep");
	assert_value(config, "local", "on-logout", "remove");
	assert_value(config, "limits", "scan-seconds", "90");
	assert_value(config, "limits", "certificates-per-token", "10");
	origin = g_build_filename(user_dir, "certprop.conf:4", NULL);
	ck_assert_str_eq(config_origin(config, "local", "on-removal"), origin);
	ck_assert_str_eq(config_origin(config, "redirected", "grace"), "built-in");
}
END_TEST

START_TEST(user_has_no_dropins)
{
	g_autoptr(GPtrArray) faults = NULL;
	g_autoptr(Config) config = NULL;
	g_autofree char *dir = g_build_filename(user_dir, "certprop.conf.d", NULL);

	ck_assert_int_eq(g_mkdir(dir, 0700), 0);
	put(dir, "a.conf", "[limits]\nscan-seconds=95\n");
	config = load(&faults);

	assert_faults(faults, "");
	assert_value(config, "limits", "scan-seconds", "30");
}
END_TEST

START_TEST(locks_hold_against_the_user_only)
{
	g_autoptr(GPtrArray) faults = NULL;
	g_autoptr(Config) config = NULL;

	put(sysconf_dir, "certprop.conf",
		"[lock]\nkeys=local; filter.require-eku ;\n"
		"[local]\non-removal=remove\n");
	put(dropin_dir, "50.conf", "[local]\non-logout=remove\n[lock]\nkeys=keys\n");
	put(user_dir, "certprop.conf",
		"[local]\non-removal=keep\non-logout=rubbish\n"
		"[filter]\nrequire-eku=\nissuers=CN=Mine\n"
		"[keys]\nregister-module=true\n");
	config = load(&faults);

	assert_faults(faults,
		"W home/certprop/certprop.conf:2: [local] on-removal is locked by "
		"ROOT/etc/certprop/certprop.conf:2, ignored\n"
		"W home/certprop/certprop.conf:3: [local] on-logout is locked by "
		"ROOT/etc/certprop/certprop.conf:2, ignored\n"
		"W home/certprop/certprop.conf:5: [filter] require-eku is locked by "
		"ROOT/etc/certprop/certprop.conf:2, ignored\n"
		"W home/certprop/certprop.conf:8: [keys] register-module is locked by "
		"ROOT/etc/certprop/certprop.conf.d/50.conf:4, ignored\n");
	ck_assert_ptr_nonnull(config);
	assert_value(config, "local", "on-removal", "remove");
	assert_value(config, "local", "on-logout", "remove");
	assert_value(config, "filter", "issuers", "CN=Mine");
	assert_value(config, "keys", "register-module", "false");
	ck_assert(config_locked(config, "local", "on-removal"));
	ck_assert(config_locked(config, "filter", "require-eku"));
	ck_assert(!config_locked(config, "filter", "issuers"));
	ck_assert(config_locked(config, "ca", "trusted-roots"));
	ck_assert(!config_locked(config, "no", "such"));
}
END_TEST

START_TEST(user_cannot_lock_nor_pin_roots)
{
	g_autoptr(GPtrArray) faults = NULL;
	g_autoptr(Config) config = NULL;

	put(sysconf_dir, "certprop.conf", "[ca]\ntrusted-roots=" HASH_A "\n");
	put(user_dir, "certprop.conf", "[lock]\nkeys=ca\n[ca]\ntrusted-roots=\n");
	config = load(&faults);

	assert_faults(faults, "W home/certprop/certprop.conf:2: [lock] keys counts only in the "
			      "administrator's files, ignored\n"
			      "W home/certprop/certprop.conf:4: [ca] trusted-roots counts only in "
			      "the administrator's files, ignored\n");
	assert_value(config, "ca", "trusted-roots", HASH_A);
	ck_assert(!config_locked(config, "ca", "cleanup"));
}
END_TEST

/* --- faults --- */

START_TEST(all_faults_of_all_files)
{
	g_autoptr(GPtrArray) faults = NULL;
	g_autoptr(Config) config = NULL;

	put(sysconf_dir, "certprop.conf",
		"enabled=true\n"
		"[propagation]\n"
		"enabled=perhaps\n"
		"just words\n"
		"[broken\n"
		"enabled=perhaps\n"
		"[local]\n"
		"on-removal=delete\n");
	put(dropin_dir, "a.conf", "[limits]\nscan-seconds=0\n=5\n");
	put(user_dir, "certprop.conf", "[redirected]\ngrace=soon\n");
	config = load(&faults);

	ck_assert_ptr_null(config);
	assert_faults(faults,
		"E etc/certprop/certprop.conf:1: enabled= stands before the first [group]\n"
		"E etc/certprop/certprop.conf:3: [propagation] enabled cannot be \"perhaps\": it "
		"is "
		"true or false\n"
		"E etc/certprop/certprop.conf:4: \"just words\" is neither [group] nor key=value "
		"nor # comment\n"
		"E etc/certprop/certprop.conf:5: \"[broken\" is no group: it is a name in "
		"brackets, [name]\n"
		"E etc/certprop/certprop.conf:8: [local] on-removal cannot be \"delete\": it is "
		"keep or remove\n"
		"E etc/certprop/certprop.conf.d/a.conf:2: [limits] scan-seconds cannot be \"0\": "
		"it is a whole number from 1 to 600\n"
		"E etc/certprop/certprop.conf.d/a.conf:3: \"=5\" is neither [group] nor key=value "
		"nor # comment\n"
		"E home/certprop/certprop.conf:2: [redirected] grace cannot be \"soon\": it is a "
		"number of seconds, or one with s, m, h or d after it, in 0s..1d\n");
}
END_TEST

START_TEST(unknown_names_are_warnings_with_a_guess)
{
	g_autoptr(GPtrArray) faults = NULL;
	g_autoptr(Config) config = NULL;

	put(sysconf_dir, "certprop.conf",
		"[local]\n"
		"on_removal=remove\n"
		"grace=5\n"
		"colour=blue\n"
		"[redirect]\n"
		"policy=keep\n"
		"[future]\n"
		"x=y\n"
		"[lock]\n"
		"key=local\n"
		"keys=locl;local.on-removals;nothing.at.all\n");
	config = load(&faults);

	ck_assert_ptr_nonnull(config);
	assert_faults(faults,
		"W etc/certprop/certprop.conf:2: There is no key [local] on_removal (did you mean "
		"[local] on-removal?), ignored\n"
		"W etc/certprop/certprop.conf:3: There is no key [local] grace (did you mean "
		"[redirected] grace?), ignored\n"
		"W etc/certprop/certprop.conf:4: There is no key [local] colour, ignored\n"
		"W etc/certprop/certprop.conf:5: There is no group [redirect] (did you mean "
		"[redirected]?), ignored\n"
		"W etc/certprop/certprop.conf:7: There is no group [future], ignored\n"
		"W etc/certprop/certprop.conf:10: There is no key [lock] key (did you mean [lock] "
		"keys?), ignored\n"
		"W etc/certprop/certprop.conf:11: There is no \"locl\" that could be locked (did "
		"you mean [local]?): it is group.key or group, and several are separated by ';'\n"
		"W etc/certprop/certprop.conf:11: There is no \"local.on-removals\" that could be "
		"locked (did you mean [local] on-removal?): it is group.key or group, and several "
		"are separated by ';'\n"
		"W etc/certprop/certprop.conf:11: There is no \"nothing.at.all\" that could be "
		"locked: it is group.key or group, and several are separated by ';'\n");
	assert_value(config, "redirected", "policy", "session");
}
END_TEST

START_TEST(twice_in_one_file)
{
	g_autoptr(GPtrArray) faults = NULL;
	g_autoptr(Config) config = NULL;

	put(sysconf_dir, "certprop.conf",
		"[limits]\nscan-seconds=5\n[local]\n[limits]\n"
		"scan-seconds=6\nscan-seconds=7\n");
	config = load(&faults);

	assert_faults(faults,
		"W etc/certprop/certprop.conf:4: [limits] was there before, in line 1; of each key "
		"the last counts\n"
		"W etc/certprop/certprop.conf:5: [limits] scan-seconds was set before, in line 2; "
		"the last counts\n"
		"W etc/certprop/certprop.conf:6: [limits] scan-seconds was set before, in line 5; "
		"the last counts\n");
	ck_assert_uint_eq(config->scan_seconds, 7);
}
END_TEST

START_TEST(line_forms)
{
	g_autoptr(GPtrArray) faults = NULL;
	g_autoptr(Config) config = NULL;
	static const char text[] = "\xef\xbb\xbf"
				   "\r\n# comment\r\n  [limits]  \r\n\t scan-seconds \t= 5 \r\n"
				   "  # indented\n[redirected]\ngrace=1m";

	put(sysconf_dir, "certprop.conf", text);
	config = load(&faults);

	assert_faults(faults, "");
	ck_assert_uint_eq(config->scan_seconds, 5);
	ck_assert_uint_eq(config->grace, 60);
}
END_TEST

START_TEST(bytes_that_are_no_text)
{
	g_autoptr(GPtrArray) faults = NULL;
	g_autoptr(Config) config = NULL;
	static const char text[] = "[filter]\nissuers=Zo\xeb\nissuers=a\0b\necc=\033[1m\n";

	put_bytes(sysconf_dir, "certprop.conf", text, sizeof text - 1);
	config = load(&faults);

	ck_assert_ptr_null(config);
	assert_faults(faults, "E etc/certprop/certprop.conf:2: The line is not valid UTF-8\n"
			      "E etc/certprop/certprop.conf:3: The line is not valid UTF-8\n"
			      "E etc/certprop/certprop.conf:4: [filter] ecc cannot be "
			      "\"\\x1b[1m\": it is true or false\n");
}
END_TEST

/* A faulty line is mended by making a comment of it. */
START_TEST(bytes_in_a_comment)
{
	g_autoptr(GPtrArray) faults = NULL;
	g_autoptr(Config) config = NULL;
	static const char text[] = "[limits]\n#issuers=Zo\xeb\n # a\0b\nscan-seconds=5\n#\xff";

	put_bytes(sysconf_dir, "certprop.conf", text, sizeof text - 1);
	config = load(&faults);

	assert_faults(faults, "");
	ck_assert_uint_eq(config->scan_seconds, 5);
}
END_TEST

START_TEST(size_is_bounded)
{
	g_autoptr(GPtrArray) faults = NULL, none = NULL;
	g_autoptr(Config) config = NULL, refused = NULL;
	g_autofree char *text = g_strnfill(256 * 1024 + 1, '#');

	put_bytes(sysconf_dir, "certprop.conf", text, 256 * 1024);
	config = load(&none);
	assert_faults(none, "");

	put_bytes(sysconf_dir, "certprop.conf", text, 256 * 1024 + 1);
	refused = load(&faults);
	ck_assert_ptr_null(refused);
	assert_faults(faults,
		"E etc/certprop/certprop.conf: It is larger than 256 KiB: this cannot "
		"be a configuration\n");
}
END_TEST

START_TEST(not_a_file)
{
	g_autoptr(GPtrArray) faults = NULL;
	g_autoptr(Config) config = NULL;
	g_autofree char *fifo = g_build_filename(dropin_dir, "a.conf", NULL);
	g_autofree char *dir = g_build_filename(dropin_dir, "b.conf", NULL);
	g_autofree char *loop = g_build_filename(dropin_dir, "c.conf", NULL);

	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_int_eq(g_mkdir(dir, 0700), 0);
	ck_assert_int_eq(symlink("c.conf", loop), 0);
	config = load(&faults);

	ck_assert_ptr_null(config);
	assert_faults(faults,
		"E etc/certprop/certprop.conf.d/a.conf: Reading it failed: it is not a regular "
		"file\n"
		"E etc/certprop/certprop.conf.d/b.conf: Reading it failed: it is not a regular "
		"file\n"
		"E etc/certprop/certprop.conf.d/c.conf: Opening it failed: Too many levels of "
		"symbolic links\n");
}
END_TEST

START_TEST(not_readable)
{
	g_autoptr(GPtrArray) faults = NULL;
	g_autoptr(Config) config = NULL;
	g_autofree char *file = g_build_filename(sysconf_dir, "certprop.conf", NULL);

	put(sysconf_dir, "certprop.conf", "[lock]\nkeys=local\n");
	ck_assert_int_eq(chown(root, 65534, 65534), geteuid() == 0 ? 0 : -1);
	ck_assert_int_eq(chmod(file, 0), 0);
	/* To root no file is closed. */
	if (geteuid() == 0) {
		ck_assert_int_eq(chmod(sysconf_dir, 0755), 0);
		g_free(g_steal_pointer(&file));
		file = g_build_filename(root, "etc", NULL);
		ck_assert_int_eq(chmod(file, 0755), 0);
		ck_assert_int_eq(seteuid(65534), 0);
	}
	config = load(&faults);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);

	/* The administrator's locks cannot be known: no policy is better than another one. */
	ck_assert_ptr_null(config);
	ck_assert_uint_ge(faults->len, 1);
	ck_assert_str_eq(((ConfigFault *)g_ptr_array_index(faults, 0))->message,
		"Opening it failed: Permission denied");
}
END_TEST

/* Whatever the bytes: an answer, and a Config exactly when no fault is more than a warning. */
START_TEST(random_files)
{
	static const char *const parts[] = {"[", "]", "=", "\n", "\n", "#", ";", "\\", ".", "local",
		"on-removal", "keep", "remove", "lock", "keys", "limits", "scan-seconds", "1", "99",
		"filter", "require-eku", "clientAuth", "\xff", " ", "\r"};
	GRand *rand = g_rand_new_with_seed((guint32)_i);

	for (unsigned i = 0; i < 40; i++) {
		GString *text = g_string_new(NULL);
		g_autoptr(GPtrArray) faults = NULL;
		g_autoptr(Config) config = NULL;
		bool fatal = false;

		for (int n = g_rand_int_range(rand, 0, 60); n > 0; n--)
			g_string_append(
				text, parts[g_rand_int_range(rand, 0, G_N_ELEMENTS(parts))]);
		put_bytes(i % 2 == 0 ? sysconf_dir : user_dir, "certprop.conf", text->str,
			(gssize)text->len);
		(void)g_string_free(text, TRUE);

		config = load(&faults);
		for (guint j = 0; j < faults->len; j++)
			fatal |= !((ConfigFault *)g_ptr_array_index(faults, j))->warning;
		ck_assert(fatal == (config == NULL));
	}
	g_rand_free(rand);
}
END_TEST

static TCase *values(void)
{
	TCase *tcase = tcase_create("values");

	tcase_add_test(tcase, defaults_are_what_the_table_says);
	tcase_add_test(tcase, defaults_in_their_fields);
	tcase_add_loop_test(tcase, text_to_value_and_back, 0, G_N_ELEMENTS(texts));
	tcase_add_test(tcase, words_reach_their_fields);
	tcase_add_test(tcase, value_too_long);
	tcase_add_test(tcase, refusal_shows_no_raw_text);
	return tcase;
}

static TCase *layers(void)
{
	TCase *tcase = tcase_create("layers");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, nothing_there);
	tcase_add_test(tcase, later_files_win_key_by_key);
	tcase_add_test(tcase, user_has_no_dropins);
	tcase_add_test(tcase, locks_hold_against_the_user_only);
	tcase_add_test(tcase, user_cannot_lock_nor_pin_roots);
	return tcase;
}

static TCase *faults_of_files(void)
{
	TCase *tcase = tcase_create("faults");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, all_faults_of_all_files);
	tcase_add_test(tcase, unknown_names_are_warnings_with_a_guess);
	tcase_add_test(tcase, twice_in_one_file);
	tcase_add_test(tcase, line_forms);
	tcase_add_test(tcase, bytes_that_are_no_text);
	tcase_add_test(tcase, bytes_in_a_comment);
	tcase_add_test(tcase, size_is_bounded);
	tcase_add_test(tcase, not_a_file);
	tcase_add_test(tcase, not_readable);
	tcase_add_loop_test(tcase, random_files, 0, 5);
	return tcase;
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("config");

	suite_add_tcase(suite, values());
	suite_add_tcase(suite, layers());
	suite_add_tcase(suite, faults_of_files());

	return harness_run(suite, argc, argv);
}
