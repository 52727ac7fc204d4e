/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starting certprop-store as the daemon does: a clean environment, the request on 0, the scan on 3,
 * the report on 1. Pipes are made wide enough that a test never has to write and read at once.
 */

#include "store-rig.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"

#define PIPE_BYTES (1 << 20)
#define DEADLINE_S 60u

static void make_pipe(int ret_fds[2])
{
	ck_assert_int_eq(pipe2(ret_fds, O_CLOEXEC), 0);
	(void)fcntl(ret_fds[0], F_SETPIPE_SZ, PIPE_BYTES);
}

/* In the child: put the pipes where they belong and become the program. */
static _Noreturn void become_store(
	const Home *home, const int in[2], const int scan[2], const int out[2], bool plain)
{
	g_autofree char *home_env = g_strconcat("HOME=", home->dir, NULL);
	g_autofree char *runtime_env = g_strconcat("XDG_RUNTIME_DIR=", home->runtime, NULL);
	char *argv[] = {(char[]){"certprop-store"}, NULL};
	char *env[] = {home_env, runtime_env, NULL};
	int scan_fd = fcntl(scan[0], F_DUPFD, 10);

	if (plain) {
		(void)prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0);
		(void)prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH, 0, 0, 0);
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)alarm(DEADLINE_S);
	(void)dup2(in[0], 0);
	(void)dup2(out[1], 1);
	(void)dup2(scan_fd, 3);
	close(scan_fd);
	execve(STORE_PROGRAM, argv, env);
	_exit(127);
}

static Store start(const Home *home, bool has_scan, bool plain)
{
	int in[2], scan[2], out[2];
	Store store;

	make_pipe(in);
	make_pipe(scan);
	make_pipe(out);
	store.pid = fork();
	ck_assert_int_ge(store.pid, 0);
	if (store.pid == 0)
		become_store(home, in, scan, out, plain);

	close(in[0]);
	close(scan[0]);
	close(out[1]);
	store.in = in[1];
	store.out = out[0];
	store.scan = scan[1];
	if (!has_scan) {
		close(store.scan);
		store.scan = -1;
	}
	return store;
}

Store store_start(const Home *home, bool has_scan)
{
	return start(home, has_scan, false);
}

Store store_start_plain(const Home *home, bool has_scan)
{
	return start(home, has_scan, true);
}

void store_send(int fd, const void *data, gsize len)
{
	/* A store that has ended already is no failure of the test's. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (write(fd, data, len) < 0)
		ck_assert_int_eq(errno, EPIPE);
}

static void send_frame(int fd, GBytes *frame)
{
	gsize len;
	const void *data = g_bytes_get_data(frame, &len);

	store_send(fd, data, len);
	g_bytes_unref(frame);
}

void store_request(const Store *store, const Job *job)
{
	const char *endpoint = job->endpoint != NULL ? job->endpoint : "local";
	guint64 flags = job->flags | (job->card != NULL ? WIRE_STORE_HAS_SCAN : 0);

	send_frame(store->in,
		wire_pack(WIRE_STORE_CONTEXT, "ttttnnn", job->host != NULL ? job->host : "host-a",
			endpoint, "Reader 00 00", "/usr/lib/module.so", JOB_NOW, flags,
			(guint64)job->session));
	for (gsize i = 0; i < G_N_ELEMENTS(job->config) && job->config[i][0] != NULL; i++)
		send_frame(store->in, wire_pack(WIRE_STORE_CONFIG, "ttt", job->config[i][0],
					      job->config[i][1], job->config[i][2]));
	send_frame(store->in,
		wire_pack(WIRE_STORE_ENDPOINT, "tnn", endpoint, (guint64)1, (guint64)job->absent));
	if (job->present != NULL)
		send_frame(
			store->in, wire_pack(WIRE_STORE_PRESENT, "ttttt", endpoint, "Reader 01 00",
					   "piv_II", "PKCS#15 emulated", job->present));
	send_frame(store->in, wire_pack(WIRE_STORE_RUN, "n", (guint64)job->mode));
}

int store_end(Store *store)
{
	int status = 0;

	ck_assert_int_eq(waitpid(store->pid, &status, 0), store->pid);
	if (store->in >= 0)
		close(store->in);
	if (store->scan >= 0)
		close(store->scan);
	close(store->out);
	return status;
}

static void answer(const Job *job, Store *store)
{
	static const WireConfirm answers[] = {
		[JOB_CONFIRM_YES] = WIRE_CONFIRM_YES,
		[JOB_CONFIRM_NO] = WIRE_CONFIRM_NO,
		[JOB_CONFIRM_OPEN] = WIRE_CONFIRM_OPEN,
	};

	if (job->confirm == JOB_CONFIRM_CLOSE) {
		close(store->in);
		store->in = -1;
		return;
	}
	send_frame(store->in,
		wire_pack(WIRE_STORE_CONFIRM, "nt", (guint64)answers[job->confirm], "test"));
}

Outcome job_finish(const Job *job, Store *store)
{
	Outcome outcome = {.report = report_new()};
	g_autoptr(WireReader) reader = wire_reader_new();
	gint64 start = g_get_monotonic_time();
	g_autoptr(GError) error = NULL;
	int r, status;

	while ((r = wire_reader_fill(reader, store->out, &error)) > 0) {
		if (reader->type == WIRE_REPORT_PENDING) {
			outcome.pending = (unsigned)wire_get_number(reader);
			outcome.added = (unsigned)wire_get_number(reader);
			ck_assert(wire_reader_done(reader, NULL));
			answer(job, store);
			continue;
		}
		ck_assert_msg(report_add_frame(outcome.report, reader, &error), "%s",
			error != NULL ? error->message : "");
	}
	ck_assert_int_eq(r, 0);
	status = store_end(store);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "wait status %d", status);
	ck_assert(outcome.report->ended);
	outcome.took = g_get_monotonic_time() - start;
	return outcome;
}

Outcome job_run(const Home *home, const Job *job)
{
	Store store = store_start(home, job->card != NULL);

	store_request(&store, job);
	if (job->card != NULL) {
		g_autoptr(GByteArray) frames = card_frames(job->card, job->scan_code);

		store_send(store.scan, frames->data, job->cut != 0 ? job->cut : frames->len);
		close(store.scan);
		store.scan = -1;
	}
	return job_finish(job, &store);
}

static void count_steps(const Report *report, GHashTable *counts)
{
	for (guint d = 0; d < report->databases->len; d++) {
		const ReportDatabase *database = report->databases->pdata[d];

		for (guint i = 0; i < database->steps->len; i++) {
			const ReportStep *step = database->steps->pdata[i];
			int n = GPOINTER_TO_INT(g_hash_table_lookup(counts, step->action));

			g_hash_table_insert(counts, step->action, GINT_TO_POINTER(n + 1));
		}
		for (guint i = 0; i < database->errors->len; i++)
			ck_abort_msg("%s: %s", database->path, (char *)database->errors->pdata[i]);
	}
}

void job_expect(const Home *home, const Job *job, const char *steps)
{
	static const char *const kinds[] = {"create", "claim", "release", "delete", "keep", "skip"};
	Outcome outcome = job_run(home, job);
	g_autoptr(GHashTable) counts = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GString) got = g_string_new(NULL);

	count_steps(outcome.report, counts);
	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
		int n = GPOINTER_TO_INT(g_hash_table_lookup(counts, kinds[i]));

		if (n > 0)
			g_string_append_printf(
				got, "%s%s=%d", got->len > 0 ? " " : "", kinds[i], n);
	}
	ck_assert_str_eq(got->str, steps);
	report_free(outcome.report);
}

const ReportDatabase *report_database(const Report *report, const char *dir)
{
	for (guint i = 0; i < report->databases->len; i++) {
		const ReportDatabase *database = report->databases->pdata[i];

		if (g_str_has_prefix(database->path, "sql:") &&
			strcmp(database->path + 4, dir) == 0)
			return database;
	}

	return NULL;
}
