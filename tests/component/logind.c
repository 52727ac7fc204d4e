/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is made of logind's answers, on a real bus.
 */
#include "logind.h"

#include <check.h>

#include "harness.h"
#include "rig.h"
#include "seat.h"
#include "seen.h"

static GPtrArray *endpoints(void)
{
	static const char *const names[] = {
		"local", "forwarded:desk", "xrdp:10", "xrdp:11", "xrdp:12", "xrdp:13", "xrdp:1"};
	GPtrArray *list_of = g_ptr_array_new_with_free_func((GDestroyNotify)seen_endpoint_free);

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		g_ptr_array_add(list_of, seen_endpoint_new(names[i]));
	return list_of;
}

static void check(const GPtrArray *list_of, const char *name, const char *text)
{
	g_autofree char *whose = seen_endpoint_whose(seen_find(list_of, name));

	ck_assert_pstr_eq(whose, text);
}

START_TEST(sessions_of_displays)
{
	g_autoptr(GPtrArray) list_of = endpoints();

	seat_open(SEAT_LOGIND);
	logind_fill(list_of);
	check(list_of, "local", NULL);
	check(list_of, "forwarded:desk", NULL);
	check(list_of, "xrdp:10", "display :10, session c2, begun from 192.0.2.8");
	check(list_of, "xrdp:11", "display :11, session c3");
	check(list_of, "xrdp:12", "display :12"); /* not xrdp's */
	check(list_of, "xrdp:13", "display :13"); /* somebody else's */
	check(list_of, "xrdp:1", "display :1");   /* 10 and 100 are others */
}
END_TEST

START_TEST(nobody_knows)
{
	g_autoptr(GPtrArray) list_of = endpoints();

	if (_i == 0)
		g_setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", TRUE);
	else
		seat_open(SEAT_EMPTY);
	logind_fill(list_of);
	check(list_of, "xrdp:10", "display :10");
}
END_TEST

START_TEST(silence_has_an_end)
{
	g_autoptr(GPtrArray) list_of = endpoints();
	gint64 began;

	seat_open(SEAT_SILENT);
	began = g_get_monotonic_time();
	logind_fill(list_of);
	ck_assert_int_lt(g_get_monotonic_time() - began, 10 * G_USEC_PER_SEC);
	check(list_of, "xrdp:10", "display :10");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("logind");
	TCase *tcase = tcase_create("logind");

	rig_enter();
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, sessions_of_displays);
	tcase_add_loop_test(tcase, nobody_knows, 0, 2);
	tcase_add_test(tcase, silence_has_an_end);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
