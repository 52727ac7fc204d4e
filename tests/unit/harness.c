/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From check to TAP. check's own TAP has no word for "skipped", puts messages of several lines
 * where a parser trips, and does not number the rounds of a loop; its results do not carry a test's
 * name. Its log does, and is written as the tests end: so the log goes through a pipe to a child of
 * ours that turns each result into a line. A child and not a thread, so that a test which may not
 * fork (CK_FORK=no) can still unshare() a user namespace.
 *
 * Standard output belongs to TAP alone: what tests and the programs that they start print there
 * goes to standard error.
 */

#include "harness.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What harness_skip() fails with, and what the runner writes after check's last line. */
#define SKIP_MARK "harness: skip: "
#define END_MARK  "harness: end"

/* What check writes around the results of one run. */
#define RUN_BEGIN "Running suite "
#define RUN_END   "Results for all suites run:"

typedef struct Tap {
	int fd;
	unsigned n;
	unsigned n_failed;
	GRegex *result;     /* file:line:kind:test case:test:round: message */
	GHashTable *setups; /* test cases whose failed set-up has been told */
	GString *diagnostics;
	char *line; /* the result that is not yet written: its message may go on */
	bool in_run;
} Tap;

static void tap_write(const Tap *tap, const char *text)
{
	gsize left = strlen(text);

	while (left > 0) {
		ssize_t n = write(tap->fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(2);
		text += n;
		left -= (gsize)n;
	}
}

static void tap_flush(Tap *tap)
{
	if (tap->line == NULL)
		return;

	tap_write(tap, tap->line);
	tap_write(tap, tap->diagnostics->str);
	g_clear_pointer(&tap->line, g_free);
	g_string_truncate(tap->diagnostics, 0);
}

static void tap_result(Tap *tap, const GMatchInfo *match)
{
	g_autofree char *file = g_match_info_fetch(match, 1);
	g_autofree char *line = g_match_info_fetch(match, 2);
	g_autofree char *kind = g_match_info_fetch(match, 3);
	g_autofree char *tcase = g_match_info_fetch(match, 4);
	g_autofree char *test = g_match_info_fetch(match, 5);
	g_autofree char *round = g_match_info_fetch(match, 6);
	g_autofree char *message = g_match_info_fetch(match, 7);
	const char *skip = strstr(message, SKIP_MARK);
	bool ok = *kind == 'P' || skip != NULL;

	tap_flush(tap);
	if (*kind == 'U' && g_hash_table_contains(tap->setups, tcase))
		return;
	if (*kind == 'S')
		g_hash_table_add(tap->setups, g_strdup(tcase));
	tap->n++;
	tap->n_failed += !ok;
	tap->line = g_strdup_printf("%s %u - %s:%s%s%s%s%s\n", ok ? "ok" : "not ok", tap->n, tcase,
		test, strcmp(round, "0") != 0 ? "/" : "", strcmp(round, "0") != 0 ? round : "",
		skip != NULL ? " # SKIP " : "", skip != NULL ? skip + strlen(SKIP_MARK) : "");
	if (!ok)
		g_string_append_printf(tap->diagnostics, "# %s:%s: %s\n", file, line, message);
	else
		tap_flush(tap); /* its message has one line */
}

/* Returns false at the end. */
static bool tap_line(Tap *tap, const char *line)
{
	g_autoptr(GMatchInfo) match = NULL;

	if (g_str_has_prefix(line, END_MARK))
		return false;
	if (g_str_has_prefix(line, RUN_BEGIN) || g_str_has_prefix(line, RUN_END)) {
		tap_flush(tap);
		tap->in_run = g_str_has_prefix(line, RUN_BEGIN);
	} else if (g_regex_match(tap->result, line, 0, &match)) {
		tap_result(tap, match);
	} else if (tap->in_run && tap->line != NULL) {
		g_string_append_printf(tap->diagnostics, "# %s\n", line);
	}

	return true;
}

/* The child: reads check's log, writes TAP. */
_Noreturn static void translate(int log_fd, int tap_fd)
{
	Tap tap = {.fd = tap_fd,
		.diagnostics = g_string_new(NULL),
		.setups = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
	FILE *log = fdopen(log_fd, "r");
	char plan[32];
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	/* The runner may be killed while a program that a test left behind holds the pipe. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	tap.result = g_regex_new(
		"^(.*?):(-?\\d+):([PFESU]):([^:]*):([^:]*):(\\d+): (.*)$", G_REGEX_RAW, 0, NULL);

	while ((len = getline(&line, &size, log)) > 0) {
		line[len - 1] = line[len - 1] == '\n' ? '\0' : line[len - 1];
		if (!tap_line(&tap, line))
			break;
	}
	tap_flush(&tap);
	if (len <= 0) {
		tap_write(&tap, "Bail out! The test runner died\n");
		_exit(2);
	}
	(void)snprintf(plan, sizeof plan, "1..%u\n", tap.n);
	tap_write(&tap, plan);

	/* valgrind makes a leak an exit status. */
	free(line);
	(void)fclose(log);
	g_regex_unref(tap.result);
	g_hash_table_unref(tap.setups);
	(void)g_string_free(tap.diagnostics, TRUE);
	_exit(tap.n_failed > 0 || tap.n == 0 ? 1 : 0);
}

static pid_t start_translator(Suite *suite, int *ret_log_fd)
{
	int fds[2];
	pid_t pid;

	(void)fflush(NULL);
	if (pipe(fds) < 0 || (pid = fork()) < 0) {
		perror("harness");
		exit(2);
	}
	if (pid == 0) {
		(void)close(fds[1]);
		srunner_free(srunner_create(suite)); /* nothing of it is needed here */
		translate(fds[0], STDOUT_FILENO);
	}

	(void)close(fds[0]);
	(void)dup2(STDERR_FILENO, STDOUT_FILENO);
	*ret_log_fd = fds[1];
	return pid;
}

static bool known_cases(Suite *suite, int argc, char **argv)
{
	bool known = true;

	for (int i = 1; i < argc; i++) {
		if (suite_tcase(suite, argv[i]))
			continue;
		(void)fprintf(stderr, "%s: there is no test case \"%s\"\n", argv[0], argv[i]);
		known = false;
	}

	return known;
}

/* check runs a failed unchecked set-up's tests not at all and logs nothing: without this they would
   be missing and nobody would know. */
static void log_setups(SRunner *runner, int log_fd)
{
	TestResult **failures = srunner_failures(runner);
	int n = srunner_ntests_failed(runner);

	(void)dprintf(log_fd, RUN_BEGIN "\n");
	for (int i = 0; i < n; i++) {
		if (tr_ctx(failures[i]) == CK_CTX_SETUP)
			(void)dprintf(log_fd, "%s:%d:U:%s:setup:0: %s\n", tr_lfile(failures[i]),
				tr_lno(failures[i]), tr_tcname(failures[i]), tr_msg(failures[i]));
	}
	free(failures);
}

int harness_run(Suite *suite, int argc, char **argv)
{
	g_autofree char *log = NULL;
	SRunner *runner;
	int log_fd, status = 0;
	pid_t translator;

	if (!known_cases(suite, argc, argv)) {
		srunner_free(srunner_create(suite));
		return 2;
	}

	translator = start_translator(suite, &log_fd);
	runner = srunner_create(suite);
	log = g_strdup_printf("/proc/self/fd/%d", log_fd);
	srunner_set_log(runner, log);
	if (argc <= 1)
		srunner_run_all(runner, CK_SILENT);
	for (int i = 1; i < argc; i++)
		srunner_run(runner, NULL, argv[i], CK_SILENT);

	log_setups(runner, log_fd);
	(void)dprintf(log_fd, "%s\n", END_MARK);
	(void)close(log_fd);
	srunner_free(runner);
	while (waitpid(translator, &status, 0) < 0 && errno == EINTR)
		continue;

	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

void harness_skip(const char *reason)
{
	ck_abort_msg("%s%s", SKIP_MARK, reason);
}
