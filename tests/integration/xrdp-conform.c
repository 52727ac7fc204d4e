/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The same program makes the same calls twice: with the stock library and pcscd, and with ours and
 * fake-chansrv in front of the same pcscd. What they give is compared line by line, and with the
 * table in docs/pcsc-xrdp.md.
 */
#include "calls.h"
#include "harness.h"
#include "stage.h"

#include <string.h>
#include <unistd.h>

#define DISPLAY_NUMBER "10"

/* Attributes are the driver's business, and vpcd knows none of these; see the page. */
static const struct {
	const char *call, *stock, *ours;
} known[] = {
	{"SCardGetAttrib, ATR ", "8010001f length 200 00", "00000000 length 17 3b"},
	{"SCardGetAttrib, ATR, length ", "8010001f length 264", "00000000 length 17"},
	{"SCardGetAttrib, ATR, too short ", "8010001f length 2", "80100008 length 17"},
	{"SCardGetAttrib, ATR, SCARD_AUTOALLOCATE ", "8010001f length 264 00",
		"00000000 length 17 3b"},
	{"SCardGetAttrib, name of the reader ", "80100008 length 200 ''",
		"00000000 length 20 'Virtual PCD A 00 00'"},
	{"SCardSetAttrib ", "80100016", "8010001f"},
};

static RigChansrv *chansrv;

static void setup(void)
{
	stage_set_up();
	chansrv = rig_chansrv_new(stage.home->home, DISPLAY_NUMBER);
	rig_chansrv_connect(chansrv);
}

static void teardown(void)
{
	g_clear_pointer(&chansrv, rig_chansrv_free);
	stage_tear_down();
}

/* What LD_LIBRARY_PATH needs. */
static char *library_directory(void)
{
	g_autofree char *library = rig_chansrv_library();
	char *directory = rig_home_path(stage.home, "pcsc");
	g_autofree char *link = g_build_filename(directory, "libpcsclite.so.1", NULL);

	ck_assert_int_eq(g_mkdir_with_parents(directory, 0700), 0);
	ck_assert_int_eq(symlink(library, link), 0);
	return directory;
}

static void renew_pcscd(void)
{
	rig_card_remove_seen(stage.card);
	rig_pcscd_stop(stage.pcscd);
	rig_pcscd_start(stage.pcscd);
}

static bool is_known(const char *stock, const char *ours)
{
	for (gsize i = 0; i < G_N_ELEMENTS(known); i++) {
		if (g_str_has_prefix(stock, known[i].call) &&
			g_str_has_suffix(stock, known[i].stock) &&
			g_str_has_prefix(ours, known[i].call) &&
			g_str_has_suffix(ours, known[i].ours))
			return true;
	}
	return false;
}

static void compare(const char *stock, const char *ours)
{
	g_auto(GStrv) theirs = g_strsplit(stock, "\n", -1);
	g_auto(GStrv) mine = g_strsplit(ours, "\n", -1);
	g_autoptr(GString) different = g_string_new(NULL);
	const char *section = "";

	for (gsize i = 0; theirs[i] != NULL && mine[i] != NULL; i++) {
		if (g_str_has_prefix(theirs[i], "# "))
			section = theirs[i] + 2;
		if (strcmp(theirs[i], mine[i]) != 0 && !is_known(theirs[i], mine[i]))
			g_string_append_printf(different, "%s\n  stock %s\n  ours  %s\n", section,
				theirs[i], mine[i]);
	}
	ck_assert_msg(different->len == 0, "the libraries differ:\n%s", different->str);
	ck_assert_uint_eq(g_strv_length(theirs), g_strv_length(mine));
}

START_TEST(call_by_call)
{
	g_autofree char *directory = library_directory();
	g_auto(GStrv) environment = rig_chansrv_environment(chansrv, g_strdupv(stage.environment));
	/* A pcscd of its own each time: its counter of events is among what is compared. */
	g_autofree char *stock = calls_made(stage.environment);
	g_autofree char *ours = NULL;

	renew_pcscd();
	environment = g_environ_setenv(environment, "LD_LIBRARY_PATH", directory, TRUE);
	ours = calls_made(environment);
	ck_assert_uint_gt(rig_chansrv_requests(chansrv), 0);
	compare(stock, ours);
	calls_check_page(ours);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("xrdp-conform");
	TCase *tcase = tcase_create("calls");

	rig_enter();
	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, call_by_call);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
