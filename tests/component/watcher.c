/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon's end of certprop-watch, with stand-ins that lie and die. Views are only ever shown
 * whole, and a helper that is gone is known to be.
 */

#include <check.h>
#include <gio/gio.h>
#include <string.h>

#include "harness.h"
#include "loop.h"
#include "names.h"
#include "watcher.h"

typedef struct Heard {
	unsigned n;
	unsigned wanted;
	bool enough;
	bool free_it; /* in the callback */
	Watcher *watcher;
	WireService services[8];
	guint n_readers[8];
	char *error; /* of the last call */
} Heard;

static void setup(void)
{
	g_setenv(NAME_ENV_LIBEXECDIR, STANDIN_DIR, TRUE);
}

static void on_view(Watcher *watcher, gpointer data)
{
	Heard *heard = data;
	const WatcherView *view = watcher_view(watcher);
	const GError *error = watcher_error(watcher);

	ck_assert_uint_lt(heard->n, G_N_ELEMENTS(heard->services));
	heard->services[heard->n] = view->service;
	heard->n_readers[heard->n] = view->readers->len;
	heard->n++;
	g_free(heard->error);
	heard->error = error != NULL ? g_strdup(error->message) : NULL;
	heard->enough = heard->n >= heard->wanted;
	if (heard->free_it)
		heard->watcher = watcher_free(heard->watcher);
}

static void hear(Heard *heard, const char *endpoint, bool once, unsigned wanted)
{
	heard->wanted = wanted;
	heard->watcher = watcher_new(endpoint, NULL, once, on_view, heard);
	ck_assert_uint_eq(heard->n, 0);
	ck_assert(loop_until(&heard->enough, 20));
}

static void clear(Heard *heard)
{
	watcher_free(heard->watcher);
	g_free(heard->error);
	ck_assert(loop_no_children());
}

START_TEST(test_view)
{
	const WatcherReader *reader;
	Heard heard = {0};

	hear(&heard, "one", false, 1);
	ck_assert_int_eq(heard.services[0], WIRE_SERVICE_OK);
	ck_assert_ptr_null(heard.error);
	reader = watcher_view_find(watcher_view(heard.watcher), "Reader", 0);
	ck_assert_ptr_nonnull(reader);
	ck_assert_uint_eq(reader->counter, 7);
	ck_assert_uint_eq(reader->flags, WIRE_READER_PRESENT);
	ck_assert_uint_eq(g_bytes_get_size(reader->atr), 2);
	ck_assert_ptr_null(watcher_view_find(watcher_view(heard.watcher), "Reader", 1));
	ck_assert_ptr_null(watcher_view_find(watcher_view(heard.watcher), "Reade", 0));
	clear(&heard);
}
END_TEST

START_TEST(test_once)
{
	Heard heard = {0};

	hear(&heard, "one", true, 1);
	/* It ends now, which is nothing to be told of. */
	ck_assert(loop_no_children());
	ck_assert_uint_eq(heard.n, 1);
	ck_assert_int_eq(watcher_view(heard.watcher)->service, WIRE_SERVICE_OK);
	clear(&heard);
}
END_TEST

START_TEST(test_freed_in_callback)
{
	Heard heard = {.free_it = true};

	hear(&heard, "one", _i == 1, 1);
	ck_assert_ptr_null(heard.watcher);
	clear(&heard);
}
END_TEST

/* It says what it knows, is gone, and comes back: each is told, in this order. */
START_TEST(test_restart)
{
	Heard heard = {0};

	hear(&heard, "dies", false, 4);
	ck_assert_int_eq(heard.services[0], WIRE_SERVICE_OK);
	ck_assert_uint_eq(heard.n_readers[0], 1);
	ck_assert_int_eq(heard.services[1], WIRE_SERVICE_UNKNOWN);
	ck_assert_uint_eq(heard.n_readers[1], 0);
	ck_assert_int_eq(heard.services[2], WIRE_SERVICE_OK);
	ck_assert_int_eq(heard.services[3], WIRE_SERVICE_UNKNOWN);
	ck_assert_ptr_nonnull(strstr(heard.error, "without being asked to"));
	clear(&heard);
}
END_TEST

/* A view does not make up for the death that follows each time: the pauses grow. */
START_TEST(test_dies_each_time)
{
	gint64 start = g_get_monotonic_time();
	Heard heard = {0};

	/* Four lives, and between them 250, 500 and 1000 ms. */
	hear(&heard, "dies", false, 8);
	ck_assert_int_ge(g_get_monotonic_time() - start, 1750 * G_TIME_SPAN_MILLISECOND);
	clear(&heard);
}
END_TEST

static const struct {
	const char *endpoint;
	const char *says;
} liars[] = {
	{"garbage", "over the cap"},
	{"many", "too many readers"},
	{"twins", "named one reader twice"},
	{"no-begin", "where none belongs"},
	{"half", "in the middle of a frame"},
	{"crash", "killed by signal 11"},
	{"status", "the reason"},
	{"closes", "not done after 2.0 s"},
	{"noise", "no end"},
};

START_TEST(test_liar)
{
	Heard heard = {0};

	hear(&heard, liars[_i].endpoint, false, 1);
	ck_assert_int_eq(heard.services[0], WIRE_SERVICE_UNKNOWN);
	ck_assert_uint_eq(heard.n_readers[0], 0);
	ck_assert_ptr_nonnull(heard.error);
	ck_assert_msg(strstr(heard.error, liars[_i].says) != NULL, "%s", heard.error);
	clear(&heard);
}
END_TEST

START_TEST(test_missing)
{
	Heard heard = {0};

	g_setenv(NAME_ENV_LIBEXECDIR, "/nonexistent", TRUE);
	hear(&heard, "one", _i == 1, 1);
	ck_assert_int_eq(heard.services[0], WIRE_SERVICE_UNKNOWN);
	ck_assert_ptr_nonnull(strstr(heard.error, "Starting certprop-watch failed"));
	clear(&heard);
}
END_TEST

/* The deadline of a helper that was asked once. */
START_TEST(test_once_hangs)
{
	Heard heard = {0};

	hear(&heard, "hang", true, 1);
	ck_assert_int_eq(heard.services[0], WIRE_SERVICE_UNKNOWN);
	ck_assert_ptr_nonnull(strstr(heard.error, "not done after 5.0 s"));
	clear(&heard);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("watcher");
	TCase *tc = tcase_create("watcher");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_view);
	tcase_add_test(tc, test_once);
	tcase_add_loop_test(tc, test_freed_in_callback, 0, 2);
	tcase_add_test(tc, test_restart);
	tcase_add_test(tc, test_dies_each_time);
	tcase_add_loop_test(tc, test_liar, 0, (int)G_N_ELEMENTS(liars));
	tcase_add_loop_test(tc, test_missing, 0, 2);
	tcase_add_test(tc, test_once_hangs);
	suite_add_tcase(suite, tc);
	return harness_run(suite, argc, argv);
}
