/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pipeline with stand-ins for both helpers that go wrong in every way known. After each run:
 * `done` came once, and neither a process nor a descriptor is left.
 */

#include <check.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "loop.h"
#include "names.h"
#include "pipeline.h"

typedef struct Run {
	bool done;
	unsigned n_done;
	unsigned n_steps;
	unsigned n_pending;
	bool confirm_later; /* the test answers */
	bool cancel_when_pending;
	bool judged_later;
	char *scan_error, *store_error;
	int scan_code, store_code;
	Report *report; /* what the test looks at: borrowed from the pipeline */
	Pipeline *pipeline;
	GPtrArray *others, *endpoints, *present;
} Run;

static Config *config;

static void setup(void)
{
	g_setenv(NAME_ENV_LIBEXECDIR, STANDIN_DIR, TRUE);
	config = config_new();
	config->scan_seconds = 1;
}

static void teardown(void)
{
	config = config_free(config);
}

static void on_pending(Pipeline *pipeline, unsigned n, gpointer data)
{
	Run *run = data;

	run->n_pending++;
	ck_assert_uint_eq(n, 2);
	if (run->cancel_when_pending)
		pipeline_cancel(pipeline, "the card was pulled");
	else if (!run->confirm_later)
		pipeline_confirm(pipeline, true, "");
}

static void on_step(
	Pipeline *pipeline, const ReportDatabase *database, const ReportStep *step, gpointer data)
{
	Run *run = data;

	ck_assert_str_eq(database->path, "sql:/nowhere");
	ck_assert_ptr_eq(step, g_ptr_array_index(database->steps, database->steps->len - 1));
	run->n_steps++;
}

static void on_done(Pipeline *pipeline, const Report *report, const GError *scan_error,
	const GError *store_error, gpointer data)
{
	Run *run = data;

	run->n_done++;
	run->done = true;
	run->report = (Report *)report;
	if (scan_error != NULL) {
		run->scan_error = g_strdup(scan_error->message);
		run->scan_code = scan_error->code;
	}
	if (store_error != NULL) {
		run->store_error = g_strdup(store_error->message);
		run->store_code = store_error->code;
	}
}

static const PipelineFuncs funcs = {.pending = on_pending, .step = on_step, .done = on_done};

/* Starts the pair; `module` is "/x/SCAN/STORE", or NULL for the store alone. */
static void begin(Run *run, const char *module)
{
	run->pipeline = pipeline_start(
		&(const PipelineRequest){
			.mode = WIRE_STORE_APPLY,
			.config = config,
			.endpoint = module != NULL ? "local" : NULL,
			.reader = module != NULL ? "Reader 1" : NULL,
			.module = module,
			.others = run->others,
			.endpoints = run->endpoints,
			.present = run->present,
			.judged_later = run->judged_later,
		},
		&funcs, run);
	ck_assert(!run->done);
}

static void finish(Run *run)
{
	ck_assert(loop_until(&run->done, 20));
	/* Nothing more may come. */
	while (g_main_context_iteration(NULL, FALSE))
		;
	ck_assert_uint_eq(run->n_done, 1);
}

static void clear(Run *run)
{
	pipeline_free(run->pipeline);
	ck_assert(loop_no_children());
	g_free(run->scan_error);
	g_free(run->store_error);
	g_clear_pointer(&run->others, g_ptr_array_unref);
	g_clear_pointer(&run->endpoints, g_ptr_array_unref);
	g_clear_pointer(&run->present, g_ptr_array_unref);
}

static void run_pair(Run *run, const char *scan, const char *store)
{
	g_autofree char *module = g_strdup_printf("/x/%s/%s", scan, store);

	begin(run, module);
	finish(run);
}

/* GLib opens descriptors of its own when the first child is started. */
static unsigned fds_after_warm_up(void)
{
	Run run = {0};

	run_pair(&run, "good", "good");
	clear(&run);
	return loop_count_fds();
}

static const ReportDatabase *only_database(const Run *run)
{
	ck_assert_uint_eq(run->report->databases->len, 1);
	return g_ptr_array_index(run->report->databases, 0);
}

START_TEST(test_good)
{
	Run run = {0};

	run_pair(&run, "good", "good");
	ck_assert_ptr_null(run.scan_error);
	ck_assert_ptr_null(run.store_error);
	ck_assert(run.report->ended);
	ck_assert_uint_eq(run.report->tokens->len, 1);
	ck_assert_uint_eq(report_count(only_database(&run), "create"), 1);
	ck_assert_uint_eq(run.n_steps, 1);
	clear(&run);
}
END_TEST

/* How each way of going wrong is told. NULL: this side is well. */
static const struct {
	const char *scan, *store;
	const char *scan_says, *store_says;
	int scan_code, store_code;
} faults[] = {
	/* the scan */
	{"crash", "good", "killed by signal 11 (Segmentation fault): about to \033[31mcrash", NULL,
		CERTPROP_ERROR_FAILED, 0},
	{"hang", "good", "not done after 1.0 s", NULL, CERTPROP_ERROR_TIMEOUT, 0},
	{"half", "good", NULL, "", 0, -1},
	{"half-killed", "good", "killed by signal 9", "", CERTPROP_ERROR_FAILED, -1},
	{"garbage", "good", "not done after 1.0 s", "", CERTPROP_ERROR_TIMEOUT, -1},
	{"noise", "good", "standard error has no end", "", CERTPROP_ERROR_LIMIT, -1},
	{"status", "good", "ended with status 3: the reason", NULL, CERTPROP_ERROR_FAILED, 0},
	{"busy", "good", "the scan says that it failed", NULL, CERTPROP_ERROR_BUSY, 0},
	{"endless", "good", "not done after 1.0 s", NULL, CERTPROP_ERROR_TIMEOUT, 0},
	{"leftover", "good", NULL, NULL, 0, 0},
	/* the store */
	{"good", "crash", "", "killed by signal 11 (Segmentation fault)", -1,
		CERTPROP_ERROR_FAILED},
	{"good", "garbage", "", "over the cap", -1, CERTPROP_ERROR_PROTOCOL},
	{"good", "half", "", "in the middle of a frame", -1, CERTPROP_ERROR_PROTOCOL},
	{"good", "half-killed", "", "killed by signal 9", -1, CERTPROP_ERROR_FAILED},
	{"good", "status", "", "ended with status 3: the reason", -1, CERTPROP_ERROR_FAILED},
	{"good", "silent", "", "without ending its report", -1, CERTPROP_ERROR_PROTOCOL},
	{"good", "partial", "", "without ending its report", -1, CERTPROP_ERROR_PROTOCOL},
	{"good", "twice", "", "where none belongs", -1, CERTPROP_ERROR_PROTOCOL},
	{"good", "endless", "", "more than it may", -1, CERTPROP_ERROR_LIMIT},
	{"good", "noise", "", "standard error has no end", -1, CERTPROP_ERROR_LIMIT},
	{"good", "closes", "", "not done after 2.0 s", -1, CERTPROP_ERROR_TIMEOUT},
	{"good", "leftover", NULL, NULL, 0, 0},
	{"good", "asks-twice", "", "second confirmation", -1, CERTPROP_ERROR_PROTOCOL},
};

/* "" stands for "whatever": which of the two dies first of the other's death is a race. */
static void check_error(const char *said, int code, const char *expected, int expected_code)
{
	if (expected == NULL) {
		ck_assert_msg(said == NULL, "unexpected: %s", said);
	} else if (expected[0] != '\0') {
		ck_assert_ptr_nonnull(said);
		ck_assert_msg(
			strstr(said, expected) != NULL, "\"%s\" is not in \"%s\"", expected, said);
		ck_assert_int_eq(code, expected_code);
	}
}

START_TEST(test_fault)
{
	unsigned n_fds = fds_after_warm_up();
	Run run = {0};

	run_pair(&run, faults[_i].scan, faults[_i].store);
	check_error(run.scan_error, run.scan_code, faults[_i].scan_says, faults[_i].scan_code);
	check_error(run.store_error, run.store_code, faults[_i].store_says, faults[_i].store_code);
	clear(&run);
	ck_assert_uint_eq(loop_count_fds(), n_fds);
}
END_TEST

/* A scan that did not end well leaves a report in which nothing was written. */
START_TEST(test_failed_scan_writes_nothing)
{
	static const char *const ways[] = {"crash", "hang", "half", "status", "busy"};
	Run run = {0};

	run_pair(&run, ways[_i], "good");
	ck_assert_uint_ge(run.report->errors->len, 1);
	ck_assert_uint_eq(report_count(only_database(&run), NULL), 0);
	ck_assert_uint_eq(run.report->tokens->len, 0);
	clear(&run);
}
END_TEST

START_TEST(test_helper_missing)
{
	unsigned n_fds = fds_after_warm_up();
	Run run = {0};

	g_setenv(NAME_ENV_LIBEXECDIR, "/nonexistent", TRUE);
	run_pair(&run, "good", "good");
	ck_assert_ptr_nonnull(strstr(run.scan_error, "Starting certprop-scan failed"));
	clear(&run);

	memset(&run, 0, sizeof run);
	begin(&run, NULL);
	finish(&run);
	ck_assert_ptr_nonnull(strstr(run.store_error, "Starting certprop-store failed"));
	clear(&run);
	ck_assert_uint_eq(loop_count_fds(), n_fds);
}
END_TEST

static unsigned deletions(const Run *run)
{
	return report_count(only_database(run), "delete");
}

START_TEST(test_pending_confirmed)
{
	Run run = {.confirm_later = true};

	begin(&run, "/x/good/pending");
	while (run.n_pending == 0)
		(void)g_main_context_iteration(NULL, TRUE);
	pipeline_confirm(run.pipeline, true, "");
	pipeline_confirm(run.pipeline, true, "once is enough");
	finish(&run);
	ck_assert_uint_eq(run.n_pending, 1);
	ck_assert_uint_eq(deletions(&run), 1);
	ck_assert_ptr_null(run.store_error);
	clear(&run);
}
END_TEST

START_TEST(test_pending_denied)
{
	Run run = {.confirm_later = true};

	begin(&run, "/x/good/pending");
	while (run.n_pending == 0)
		(void)g_main_context_iteration(NULL, TRUE);
	pipeline_confirm(run.pipeline, false, "the card changed");
	finish(&run);
	ck_assert_uint_eq(deletions(&run), 0);
	ck_assert(run.report->ended);
	clear(&run);
}
END_TEST

START_TEST(test_pending_cancelled)
{
	Run run = {.cancel_when_pending = true};

	run_pair(&run, "good", "pending");
	ck_assert_uint_eq(deletions(&run), 0);
	ck_assert_int_eq(run.scan_code, CERTPROP_ERROR_CHANGED);
	ck_assert_ptr_nonnull(strstr(run.scan_error, "the card was pulled"));
	ck_assert_ptr_null(run.store_error);
	clear(&run);
}
END_TEST

/* While the card is read a second time a "no" is still in time. */
START_TEST(test_pending_denied_late)
{
	Run run = {.confirm_later = true};

	begin(&run, "/x/good/pending");
	while (run.n_pending == 0)
		(void)g_main_context_iteration(NULL, TRUE);
	pipeline_confirm(run.pipeline, true, "");
	pipeline_confirm(run.pipeline, false, "the card was pulled");
	finish(&run);
	ck_assert_uint_eq(deletions(&run), 0);
	ck_assert_ptr_null(run.store_error);
	clear(&run);
}
END_TEST

/* Read a second time, the card shows something else than what the store goes by. */
START_TEST(test_pending_differs)
{
	Run run = {0};

	run_pair(&run, "good", "asks-otherwise");
	ck_assert_uint_eq(deletions(&run), 0);
	ck_assert_uint_eq(report_count(only_database(&run), "keep"), 1);
	ck_assert_int_eq(run.scan_code, CERTPROP_ERROR_CHANGED);
	ck_assert_ptr_nonnull(strstr(run.scan_error, "read twice"));
	ck_assert_ptr_null(run.store_error);
	clear(&run);
}
END_TEST

/* What was created on the word of a scan that the next one does not repeat. */
START_TEST(test_created_differs)
{
	Run run = {0};

	run_pair(&run, "good", "creates-otherwise");
	ck_assert_uint_eq(report_count(only_database(&run), "create"), 1);
	ck_assert_uint_eq(report_count(only_database(&run), "keep"), 1); /* it was told no */
	ck_assert_uint_eq(run.n_pending, 0);
	ck_assert_int_eq(run.scan_code, CERTPROP_ERROR_CHANGED);
	ck_assert_ptr_nonnull(strstr(run.scan_error, "read twice"));
	ck_assert_ptr_null(run.store_error);
	clear(&run);
}
END_TEST

/* Nothing was heard of the line for a moment: then the second reading counts. */
START_TEST(test_differs_on_a_line_that_holds)
{
	Run run = {.judged_later = true};

	run_pair(&run, "good", "creates-otherwise");
	ck_assert_uint_eq(report_count(only_database(&run), "keep"), 1);
	ck_assert_uint_eq(report_count(only_database(&run), "claim"), 0);
	ck_assert_ptr_nonnull(strstr(run.scan_error, "read twice"));
	clear(&run);
}
END_TEST

static gboolean lose(gpointer data)
{
	pipeline_lose(((Run *)data)->pipeline, "the connection is gone");
	return G_SOURCE_REMOVE;
}

/* Before it has asked, while it waits, and after the second reading has shown something else. */
START_TEST(test_lost)
{
	static const char *const stores[] = {"pending", "pending", "asks-otherwise"};
	Run run = {.judged_later = true, .confirm_later = _i != 2};
	g_autofree char *module = g_strconcat("/x/good/", stores[_i], NULL);

	begin(&run, module);
	while (_i != 0 && run.n_pending == 0)
		(void)g_main_context_iteration(NULL, TRUE);
	if (_i == 2)
		(void)g_timeout_add(500, lose, &run);
	else
		lose(&run);
	finish(&run);
	ck_assert_uint_eq(deletions(&run), 0);
	ck_assert_uint_eq(report_count(only_database(&run), "keep"), 0);
	ck_assert_ptr_nonnull(run.scan_error);
	ck_assert_ptr_null(run.store_error);
	clear(&run);
}
END_TEST

/* Where nobody looks later, a lost line is a no. */
START_TEST(test_lost_for_good)
{
	Run run = {.confirm_later = true};

	begin(&run, "/x/good/pending");
	while (run.n_pending == 0)
		(void)g_main_context_iteration(NULL, TRUE);
	lose(&run);
	finish(&run);
	ck_assert_uint_eq(report_count(only_database(&run), "keep"), 1);
	clear(&run);
}
END_TEST

/* A confirmation before the question is none. */
START_TEST(test_confirm_unasked)
{
	Run run = {.confirm_later = true};

	begin(&run, "/x/good/pending");
	pipeline_confirm(run.pipeline, true, "");
	while (run.n_pending == 0)
		(void)g_main_context_iteration(NULL, TRUE);
	pipeline_confirm(run.pipeline, false, "");
	finish(&run);
	ck_assert_uint_eq(deletions(&run), 0);
	clear(&run);
}
END_TEST

START_TEST(test_cancel_kills_hanging_scan)
{
	gint64 start = g_get_monotonic_time();
	Run run = {0};

	config->scan_seconds = 30;
	begin(&run, "/x/hang/pending");
	pipeline_cancel(run.pipeline, "the card was pulled");
	finish(&run);
	ck_assert_int_lt(g_get_monotonic_time() - start, 10 * G_USEC_PER_SEC);
	ck_assert_int_eq(run.scan_code, CERTPROP_ERROR_CHANGED);
	ck_assert_ptr_null(run.store_error);
	ck_assert(run.report->ended);
	ck_assert_uint_eq(deletions(&run), 0);
	clear(&run);
}
END_TEST

/* Freed in the middle: `done` never comes, and nothing stays. */
START_TEST(test_free_while_running)
{
	static const char *const modules[] = {
		"/x/hang/good", "/x/good/hang", "/x/good/good", "/x/noise/endless", NULL};
	unsigned n_fds = fds_after_warm_up();
	Run run = {0};

	begin(&run, modules[_i]);
	run.pipeline = pipeline_free(run.pipeline);
	clear(&run);
	ck_assert(!run.done);
	ck_assert_uint_eq(loop_count_fds(), n_fds);
}
END_TEST

static const char *find_step(const Run *run, const char *action, const char *prefix)
{
	const ReportDatabase *database = only_database(run);

	for (guint i = 0; i < database->steps->len; i++) {
		const ReportStep *step = g_ptr_array_index(database->steps, i);

		if (strcmp(step->action, action) == 0 && g_str_has_prefix(step->nickname, prefix))
			return step->nickname;
	}

	return NULL;
}

static const char *const expected_fds[] = {"0", "1", "2", "3"};

/* What a helper gets is what the allow-list gives it. */
START_TEST(test_clean_start)
{
	int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC, as a careless library does */
	Run run = {0};

	g_setenv("LD_PRELOAD_TEST", "x", TRUE);
	g_setenv("OPENSC_CONF", "/tmp/evil.conf", TRUE);
	g_setenv("PCSCLITE_CSOCK_NAME", "/tmp/sock", TRUE);
	g_setenv("LC_TIME", "C", TRUE);
	g_setenv("HOME", "/home/somebody", TRUE);
	run_pair(&run, "good", "self");

	ck_assert_ptr_nonnull(find_step(&run, "env", "HOME=/home/somebody"));
	ck_assert_ptr_nonnull(find_step(&run, "env", "LC_TIME=C"));
	ck_assert_ptr_nonnull(find_step(&run, "env", "PATH=/usr/local/bin:/usr/bin:/bin"));
	ck_assert_ptr_null(find_step(&run, "env", "LD_"));
	ck_assert_ptr_null(find_step(&run, "env", "OPENSC_CONF"));
	ck_assert_ptr_null(find_step(&run, "env", "CERTPROP_"));
	/* The store has nothing to do with PC/SC. */
	ck_assert_ptr_null(find_step(&run, "env", "PCSCLITE_CSOCK_NAME"));
	ck_assert_str_eq(find_step(&run, "cwd", ""), "/");
	ck_assert_ptr_nonnull(find_step(&run, "arg", "--parent"));
	ck_assert_uint_eq(report_count(only_database(&run), "fd"), G_N_ELEMENTS(expected_fds));
	for (gsize i = 0; i < G_N_ELEMENTS(expected_fds); i++)
		ck_assert_ptr_nonnull(find_step(&run, "fd", expected_fds[i]));
	clear(&run);
	(void)close(leak);
}
END_TEST

START_TEST(test_request)
{
	PipelineEndpoint endpoint = {.name = (char *)"local", .live = true};
	g_autoptr(Token) token = token_new("m", "o", "s", "l");
	PipelinePresent present = {
		.endpoint = (char *)"local", .reader = (char *)"r", .token = token};
	Run run = {.endpoints = g_ptr_array_new(), .present = g_ptr_array_new()};
	gsize n_keys;

	(void)config_keys(&n_keys);
	config->on_removal = CONFIG_REMOVE;
	g_ptr_array_add(run.endpoints, &endpoint);
	g_ptr_array_add(run.present, &present);
	run_pair(&run, "good", "request");
	ck_assert_ptr_nonnull(find_step(&run, "request", "local.on-removal=remove"));
	ck_assert_ptr_nonnull(find_step(&run, "request", "limits.scan-seconds=1"));
	ck_assert_ptr_nonnull(find_step(&run, "request", "32 local"));
	ck_assert_ptr_nonnull(find_step(&run, "request", "33 local"));
	ck_assert_uint_eq(report_count(only_database(&run), "request"), n_keys + 2);
	clear(&run);
}
END_TEST

START_TEST(test_side_by_side)
{
	gint64 start = g_get_monotonic_time();
	Run slow[4] = {0};
	Run quick = {0};

	config->scan_seconds = 5;
	for (gsize i = 0; i < G_N_ELEMENTS(slow); i++)
		begin(&slow[i], "/x/hang/good");
	begin(&quick, "/x/good/good");
	finish(&quick);
	ck_assert(!slow[0].done);
	for (gsize i = 0; i < G_N_ELEMENTS(slow); i++)
		finish(&slow[i]);
	/* Four deadlines at the same time, not one after the other. */
	ck_assert_int_lt(g_get_monotonic_time() - start, 15 * G_USEC_PER_SEC);
	pipeline_free(quick.pipeline);
	for (gsize i = 0; i < G_N_ELEMENTS(slow); i++)
		clear(&slow[i]);
}
END_TEST

START_TEST(test_module_path)
{
	g_autofree char *bare = pipeline_module_path("opensc-pkcs11.so");
	g_autofree char *full = pipeline_module_path("/opt/vendor/module.so");

	ck_assert_str_eq(bare, CERTPROP_P11_MODULE_DIR "/opensc-pkcs11.so");
	ck_assert_str_eq(full, "/opt/vendor/module.so");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("pipeline");
	TCase *tc = tcase_create("pipeline");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_good);
	tcase_add_loop_test(tc, test_fault, 0, (int)G_N_ELEMENTS(faults));
	tcase_add_loop_test(tc, test_failed_scan_writes_nothing, 0, 5);
	tcase_add_test(tc, test_helper_missing);
	tcase_add_test(tc, test_pending_confirmed);
	tcase_add_test(tc, test_pending_denied);
	tcase_add_test(tc, test_pending_cancelled);
	tcase_add_test(tc, test_pending_denied_late);
	tcase_add_test(tc, test_pending_differs);
	tcase_add_test(tc, test_created_differs);
	tcase_add_test(tc, test_differs_on_a_line_that_holds);
	tcase_add_loop_test(tc, test_lost, 0, 3);
	tcase_add_test(tc, test_lost_for_good);
	tcase_add_test(tc, test_confirm_unasked);
	tcase_add_test(tc, test_cancel_kills_hanging_scan);
	tcase_add_loop_test(tc, test_free_while_running, 0, 5);
	tcase_add_test(tc, test_clean_start);
	tcase_add_test(tc, test_request);
	tcase_add_test(tc, test_side_by_side);
	tcase_add_test(tc, test_module_path);
	suite_add_tcase(suite, tc);
	return harness_run(suite, argc, argv);
}
