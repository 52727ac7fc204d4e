/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What certpropctl's look makes of an endpoint that changes while it looks: in the order of views
 * that real readers produce too seldom. Watcher, scan and store are stand-ins; what the store is
 * told at the end is what counts, since it judges by that who is gone.
 */

#include "post.h"

#include <check.h>
#include <string.h>

#include "harness.h"
#include "loop.h"
#include "names.h"
#include "pipeline.h"
#include "tell.h"

typedef struct Told {
	Config *config;
	GPtrArray *reports, *errors;
	SeenEndpoint *endpoint;
	bool ended, changed, both;
} Told;

static Told told;

static void setup(void)
{
	static const char *const modules[] = {"/x/good/good", NULL};

	g_setenv(NAME_ENV_LIBEXECDIR, STANDIN_DIR, TRUE);
	told = (Told){
		.config = config_new(),
		.reports = g_ptr_array_new(),
		.errors = g_ptr_array_new_with_free_func(g_free),
	};
	told.config->scan_seconds = 5;
	g_strfreev(told.config->modules);
	told.config->modules = g_strdupv((char **)modules);
}

static void teardown(void)
{
	seen_endpoint_free(told.endpoint);
	g_ptr_array_unref(told.reports);
	g_ptr_array_unref(told.errors);
	config_free(told.config);
}

static void on_ended(Post *post, gpointer data)
{
	told.ended = true;
	told.both = told.changed;
}

static void on_changed(Post *post, gpointer data)
{
	told.changed = true;
	told.both = told.ended;
}

/* An endpoint of this name, until it has ended and has changed, in whatever order. */
static void look_at(const char *name)
{
	g_autoptr(GPtrArray) endpoints = g_ptr_array_new();
	const ChainShared shared = {
		.config = told.config,
		.endpoints = endpoints,
		.reports = told.reports,
		.errors = told.errors,
	};
	Post *post;

	told.endpoint = seen_endpoint_new(name);
	g_ptr_array_add(endpoints, told.endpoint);
	post = post_new(&shared, told.endpoint, NULL, on_ended, on_changed, NULL);
	ck_assert(loop_until(&told.both, 20));
	post_free(post);
	ck_assert(loop_no_children());
}

/* Nothing follows of it: neither is it gone, nor are cards that are not in it. */
static void check_open(const Presence *presence)
{
	const PipelineEndpoint *endpoint = g_ptr_array_index(presence->endpoints, 0);

	ck_assert_uint_eq(presence->endpoints->len, 1);
	ck_assert(endpoint->live);
	ck_assert(!endpoint->settled);
}

/* Absent when the look began, and there before its last store. */
START_TEST(test_returns)
{
	g_autoptr(GPtrArray) endpoints = g_ptr_array_new();
	g_autoptr(Presence) presence = presence_new();

	look_at("returns");
	g_ptr_array_add(endpoints, told.endpoint);
	tell_add_all(presence, endpoints);
	check_open(presence);
}
END_TEST

/* A card goes into a reader that was empty, while another one's is read. */
START_TEST(test_joins)
{
	const SeenReader *reader;
	g_autoptr(GPtrArray) endpoints = g_ptr_array_new();
	g_autoptr(Presence) presence = presence_new();

	look_at("joins");
	reader = g_ptr_array_index(told.endpoint->readers, 0);
	ck_assert_str_eq(reader->reason, "");
	ck_assert_str_eq(reader->state, "read");
	ck_assert(!told.endpoint->settled);
	g_ptr_array_add(endpoints, told.endpoint);
	tell_add_all(presence, endpoints);
	check_open(presence);
}
END_TEST

/* What a daemon has said of a redirected endpoint has aged. */
START_TEST(test_told_by_a_daemon)
{
	g_autoptr(GPtrArray) endpoints = g_ptr_array_new();
	g_autoptr(Presence) presence = presence_new();

	told.endpoint = seen_endpoint_new("xrdp:10");
	seen_endpoint_set_state(told.endpoint, _i == 0 ? "ok" : "absent", 0, "");
	told.endpoint->settled = true;
	g_ptr_array_add(endpoints, told.endpoint);
	tell_add_others(presence, endpoints);
	check_open(presence);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("post");
	TCase *tc = tcase_create("post");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_returns);
	tcase_add_test(tc, test_joins);
	tcase_add_loop_test(tc, test_told_by_a_daemon, 0, 2);
	suite_add_tcase(suite, tc);
	return harness_run(suite, argc, argv);
}
