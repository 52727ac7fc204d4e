/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of certprop-scan that need no card: which slot is the reader, what OpenSC's
 * configuration becomes, and whether OpenSC itself reads it as we mean it. The last is seen in the
 * log that an administrator's debug_file asks for, which is one more setting that has to survive.
 */

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>

#include "build.h"
#include "error.h"
#include "harness.h"
#include "opensc.h"
#include "scanrun.h"
#include "slots.h"

#define READER "Reader 10"
#define LONG_A "ACME Corporation Multi-Interface Smart Card Reader with Keypad [CCID] (0001) 00 00"
#define LONG_B "ACME Corporation Multi-Interface Smart Card Reader with Keypad [CCID] (0002) 01 00"

typedef struct SlotCase {
	const char *reader;
	const char *descriptions[4]; /* a '*' in front: with a token */
	const char *others[3];
	bool readers;       /* slots_are_readers */
	int code;           /* -1: it succeeds */
	const char *chosen; /* the indices */
} SlotCase;

static const SlotCase slot_cases[] = {
	{READER, {"*Reader 10", "*Reader 1"}, {NULL}, true, -1, "0"},
	{"Reader 1", {"*Reader 10", "*Reader 1"}, {NULL}, true, -1, "1"},
	{READER, {"*Reader 10", "*Reader 10", "Reader 10"}, {NULL}, true, -1, "01"},
	{READER, {"Reader 10"}, {NULL}, true, -1, ""},
	{"", {"*A", "B", "*C"}, {NULL}, true, -1, "02"},
	{READER, {NULL}, {NULL}, false, CERTPROP_ERROR_MISSING, ""},
	{READER, {"*Reader 1"}, {NULL}, true, CERTPROP_ERROR_MISSING, ""},
	{READER, {"*Reader 1"}, {"Reader 1"}, false, CERTPROP_ERROR_MISSING, ""},
	{READER, {"S0", "*S1"}, {"Reader 1"}, false, -1, "1"},
	{READER, {"S0", "S1"}, {NULL}, false, -1, ""},
	{READER, {"*S0", "*S1"}, {NULL}, false, CERTPROP_ERROR_FAILED, ""},
	{LONG_A, {"*ACME Corporation Multi-Interface Smart Card Reader with Keypad [C"}, {NULL},
		false, -1, "0"},
	{LONG_A, {"*ACME Corporation Multi-Interface Smart Card Reader with Keypa..."}, {NULL},
		true, -1, "0"},
	{LONG_A, {"*ACME Corporation Multi-Interface Smart Card Reader with Keypa..."}, {LONG_B},
		true, -1, "0"},
	{LONG_A, {"*ACME Corporation Multi-Interface Smart Card Reader with Keypad [C"}, {LONG_B},
		false, CERTPROP_ERROR_FAILED, ""},
};

START_TEST(test_slots)
{
	const SlotCase *c = &slot_cases[_i];
	P11Request request = {.module = "m.so",
		.reader = c->reader,
		.others = c->others,
		.slots_are_readers = c->readers};
	g_autoptr(GString) chosen = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	Slot slots[4] = {0};
	gsize n = 0;
	bool ok;

	for (; n < 4 && c->descriptions[n] != NULL; n++)
		slots[n] = (Slot){.description = c->descriptions[n] + (*c->descriptions[n] == '*'),
			.token = *c->descriptions[n] == '*'};
	ok = slots_choose(slots, n, &request, &error);
	ck_assert_int_eq(ok ? -1 : error->code, c->code);
	for (gsize i = 0; ok && i < n; i++) {
		if (slots[i].chosen)
			g_string_append_printf(chosen, "%" G_GSIZE_FORMAT, i);
	}
	ck_assert_str_eq(chosen->str, c->chosen);
}
END_TEST

static char *config(const char *admin, const char *const *others, char **ret_fault)
{
	return opensc_config(admin, "opensc-pkcs11", READER, others, NULL, ret_fault);
}

START_TEST(test_ignored_readers)
{
	const char *others[] = {"Reader 1", "Reader 2", "", "Odd \"name\"", "Reader 3", NULL};
	g_autofree char *fault = NULL;
	g_autofree char *text = config(NULL, others, &fault);

	ck_assert_ptr_null(fault);
	ck_assert_ptr_nonnull(strstr(text, "ignored_readers = \"Reader 2\", \"Reader 3\";"));
	ck_assert_ptr_null(strstr(text, "Reader 1"));
}
END_TEST

/* The administrator's text stays, to the byte, around what is put in. */
static void assert_kept(const char *admin, const char *text)
{
	const char *at = admin;

	for (const char *p = text; *p != '\0' && *at != '\0'; p++)
		at += *p == *at;
	ck_assert_msg(*at == '\0', "lost: %s", at);
}

static const char *const kept[] = {
	"",
	"app default { }",
	"app default {\n\tframework pkcs15 {\n\t\tuse_file_caching = public;\n\t}\n}\n",
	"app opensc-pkcs11 { pkcs11 { slots_per_card = 2; } }\napp default { debug = 3; }",
	"# app default {\napp \"default\" { card_drivers = PIV-II, cac; pkcs11 { } }",
	"APP Default { Framework PKCS15 { } }",
	"app cardmod { pkcs11 { slots_per_card = 3; } }",
};

START_TEST(test_kept)
{
	g_autofree char *fault = NULL;
	g_autofree char *text = config(kept[_i], NULL, &fault);
	const char *ours = strstr(text, "use_file_caching = no");
	const char *theirs = strstr(text, "use_file_caching = public");

	ck_assert_ptr_null(fault);
	assert_kept(kept[_i], text);
	ck_assert_ptr_nonnull(ours);
	ck_assert_ptr_nonnull(strstr(text, "max_virtual_slots = 256"));
	ck_assert(theirs == NULL || ours < theirs);
}
END_TEST

/* What OpenSC refuses as a whole. */
static const char *const refused[] = {
	"app default { } }",
	"app default { debug }",
	"{ }",
	"= 3;",
	"app one two { }",
	"app default { , }",
	"a{b{ x { x { x { x { x { x { x { x { x { x { x { x { x { x { x { x { x { x {",
};

START_TEST(test_refused)
{
	g_autofree char *admin = g_strconcat("app default { debug = 7; }\n", refused[_i], NULL);
	g_autofree char *fault = NULL;
	g_autofree char *text = config(admin, NULL, &fault);

	ck_assert_ptr_nonnull(fault);
	ck_assert_ptr_null(strstr(text, "debug"));
	ck_assert_ptr_nonnull(strstr(text, "use_file_caching = no"));
}
END_TEST

#define LIBRARY "/opt/certprop/libpcsc-xrdp.so"

/* The library that is asked for comes before the administrator's, and nothing else of his goes. */
static const char *const drivers[] = {
	"",
	"app default { }",
	"app default { reader_driver pcsc { provider_library = /usr/lib/other.so; max_send_size = "
	"255; } }",
	"app opensc-pkcs11 { Reader_Driver PCSC { } }\napp default { reader_driver pcsc { "
	"provider_library = /usr/lib/other.so; } }",
	"app default { reader_driver ctapi { } }",
	"app default { } }",
};

START_TEST(test_provider)
{
	g_autofree char *fault = NULL;
	g_autofree char *text =
		opensc_config(drivers[_i], "opensc-pkcs11", READER, NULL, LIBRARY, &fault);
	const char *ours = strstr(text, "provider_library = \"" LIBRARY "\";");
	const char *theirs = strstr(text, "provider_library = /usr");

	ck_assert_ptr_nonnull(ours);
	ck_assert(theirs == NULL || ours < theirs);
	if (fault == NULL)
		assert_kept(drivers[_i], text);
}
END_TEST

START_TEST(test_is_opensc)
{
	ck_assert(opensc_is("/usr/lib/pkcs11/opensc-pkcs11.so"));
	ck_assert(opensc_is("/usr/lib/onepin-opensc-pkcs11.so"));
	ck_assert(!opensc_is("/opt/opensc/libvendor.so"));
}
END_TEST

/* OpenSC's own reading of it. */

static char *directory;

static void setup(void)
{
	directory = g_dir_make_tmp("opensc-XXXXXX", NULL);
	ck_assert_ptr_nonnull(directory);
}

static void teardown(void)
{
	static const char *const names[] = {"opensc.conf", "debug.log"};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(directory, names[i], NULL);

		(void)g_remove(path);
	}
	ck_assert_int_eq(g_rmdir(directory), 0);
	g_clear_pointer(&directory, g_free);
}

/* The log that OpenSC writes with this in the administrator's file; "" if it writes none. */
static char *opensc_log(const char *format)
{
	g_autofree char *conf = g_build_filename(directory, "opensc.conf", NULL);
	g_autofree char *path = g_build_filename(directory, "debug.log", NULL);
	g_autofree char *module =
		g_build_filename(CERTPROP_P11_MODULE_DIR, "opensc-pkcs11.so", NULL);
	g_autofree char *text = NULL;
	g_autofree char *setting = g_strconcat("OPENSC_CONF=", conf, NULL);
	const char *settings[] = {setting, NULL};
	const char *arguments[] = {"--module", module, "--reader", READER, NULL};
	g_auto(GStrv) parts = g_strsplit(format, "@LOG@", -1);
	g_autoptr(ScanRun) run = NULL;
	char *log = NULL;

	if (!g_file_test(module, G_FILE_TEST_EXISTS))
		harness_skip("OpenSC is not installed");
	text = g_strjoinv(path, parts);
	ck_assert(g_file_set_contents(conf, text, -1, NULL));
	run = scan_run_start(arguments, settings);
	scan_run_finish(run);
	ck_assert(run->ended);
	if (!g_file_get_contents(path, &log, NULL, NULL))
		log = g_strdup("");
	return log;
}

static void assert_logged(const char *format, const char *text)
{
	g_autofree char *log = opensc_log(format);

	ck_assert_msg(strstr(log, text) != NULL, "'%s' is not in the log: %.3000s", text, log);
}

static const struct {
	const char *admin;
	const char *logged;
} readings[] = {
	/* In a block of its own beside theirs, */
	{"app default { debug = 9; debug_file = \"@LOG@\"; }",
		"max_virtual_slots=256 slots_per_card=4"},
	/* in front of what theirs says, */
	{"app default { debug = 9; debug_file = @LOG@; pkcs11 { max_virtual_slots = 2; "
	 "slots_per_card = 3; lock_login = true; } }",
		"max_virtual_slots=256 slots_per_card=3 lock_login=1"},
	/* and in the block that counts, when there are two. */
	{"app default { debug = 9; debug_file = @LOG@; pkcs11 { slots_per_card = 2; } }\n"
	 "app opensc-pkcs11 { pkcs11 { slots_per_card = 5; } }",
		"max_virtual_slots=256 slots_per_card=5"},
	{"app opensc-pkcs11 { }\n"
	 "app default { debug = 9; debug_file = @LOG@; pkcs11 { slots_per_card = 2; } }",
		"max_virtual_slots=256 slots_per_card=2"},
};

START_TEST(test_opensc_reads)
{
	assert_logged(readings[_i].admin, readings[_i].logged);
}
END_TEST

/* What OpenSC refuses we refuse; to it, a word runs on until a blank. */
static const char *const agreed[] = {
	"app default { debug = 9; debug_file = @LOG@; } }",
	"app default{ }\napp default { debug = 9; debug_file = @LOG@; }",
};

START_TEST(test_opensc_refuses)
{
	g_autofree char *log = opensc_log(agreed[_i]);
	g_autofree char *fault = NULL;
	g_autofree char *text = config(agreed[_i], NULL, &fault);

	ck_assert_str_eq(log, "");
	ck_assert_ptr_nonnull(fault);
	ck_assert_ptr_null(strstr(text, "debug"));
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("scan-parts");
	TCase *tcase = tcase_create("slots");

	tcase_add_loop_test(tcase, test_slots, 0, G_N_ELEMENTS(slot_cases));
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("config");
	tcase_add_test(tcase, test_ignored_readers);
	tcase_add_loop_test(tcase, test_kept, 0, G_N_ELEMENTS(kept));
	tcase_add_loop_test(tcase, test_refused, 0, G_N_ELEMENTS(refused));
	tcase_add_loop_test(tcase, test_provider, 0, G_N_ELEMENTS(drivers));
	tcase_add_test(tcase, test_is_opensc);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("opensc");
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_opensc_reads, 0, G_N_ELEMENTS(readings));
	tcase_add_loop_test(tcase, test_opensc_refuses, 0, G_N_ELEMENTS(agreed));
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(int argc, char **argv)
{
	return harness_run(suite(), argc, argv);
}
