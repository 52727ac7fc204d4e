/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A certprop-scan at arm's length. It may hang, die, or leave a child that keeps its pipe open, so
 * nothing here waits without a deadline, and END counts, not the end of the stream: as in the
 * daemon.
 */

#include "scanrun.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "build.h"

#define DEADLINE_MS 60000 /* 10,000 certificates under AddressSanitizer take their time */
#define PROGRAM     CERTPROP_BUILD_ROOT "/daemon/certprop-scan"

static void free_cert(gpointer data)
{
	ScanCert *cert = data;

	g_bytes_unref(cert->id);
	g_bytes_unref(cert->der);
	g_free(cert->label);
	g_free(cert);
}

static void free_token(gpointer data)
{
	ScanToken *token = data;

	g_free(token->manufacturer);
	g_free(token->model);
	g_free(token->serial);
	g_free(token->label);
	g_free(token);
}

ScanRun *scan_run_start(const char *const *arguments, const char *const *settings)
{
	ScanRun *run = g_new0(ScanRun, 1);
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	g_auto(GStrv) environment = g_get_environ();
	g_autoptr(GError) error = NULL;

	g_ptr_array_add(argv, (gpointer)PROGRAM);
	for (gsize i = 0; arguments[i] != NULL; i++)
		g_ptr_array_add(argv, (gpointer)arguments[i]);
	g_ptr_array_add(argv, NULL);
	for (gsize i = 0; settings != NULL && settings[i] != NULL; i++) {
		g_auto(GStrv) pair = g_strsplit(settings[i], "=", 2);

		environment = g_environ_setenv(environment, pair[0], pair[1], TRUE);
	}

	run->output = g_string_new(NULL);
	run->errors = g_string_new(NULL);
	run->frames = wire_reader_new();
	run->tokens = g_ptr_array_new_with_free_func(free_token);
	run->certs = g_ptr_array_new_with_free_func(free_cert);
	run->notes = g_ptr_array_new_with_free_func(g_free);
	if (!g_spawn_async_with_pipes(NULL, (char **)argv->pdata, environment,
		    G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES, NULL, NULL, &run->pid, NULL,
		    &run->out, &run->err, &error))
		ck_abort_msg("%s", error->message);
	return run;
}

static void take_token(ScanRun *run)
{
	ScanToken *token = g_new0(ScanToken, 1);

	token->manufacturer = wire_get_text(run->frames, WIRE_NAME_MAX);
	token->model = wire_get_text(run->frames, WIRE_NAME_MAX);
	token->serial = wire_get_text(run->frames, WIRE_NAME_MAX);
	token->label = wire_get_text(run->frames, WIRE_NAME_MAX);
	token->initialized = wire_get_number(run->frames);
	g_ptr_array_add(run->tokens, token);
}

static void take_cert(ScanRun *run)
{
	ScanCert *cert = g_new0(ScanCert, 1);

	ck_assert_uint_gt(run->tokens->len, 0);
	cert->token = run->tokens->len - 1;
	cert->id = wire_get_bytes(run->frames, 1024);
	cert->label = wire_get_text(run->frames, WIRE_TEXT_MAX);
	cert->key = wire_get_number(run->frames);
	cert->der = wire_get_bytes(run->frames, WIRE_FRAME_MAX);
	g_ptr_array_add(run->certs, cert);
}

static void take_end(ScanRun *run)
{
	run->ended = true;
	run->code = wire_get_number(run->frames);
	ck_assert_uint_eq(wire_get_number(run->frames), run->certs->len);
	run->reason = wire_get_text(run->frames, WIRE_TEXT_MAX);
}

static void take_frames(ScanRun *run)
{
	g_autoptr(GError) error = NULL;
	int r;

	while ((r = wire_reader_next(run->frames, &error)) == 1) {
		ck_assert_msg(!run->ended, "a frame came behind END");
		switch ((guint)run->frames->type) {
		case WIRE_SCAN_TOKEN:
			take_token(run);
			break;
		case WIRE_SCAN_CERT:
			take_cert(run);
			break;
		case WIRE_SCAN_NOTE:
			g_ptr_array_add(run->notes, wire_get_text(run->frames, WIRE_TEXT_MAX));
			break;
		case WIRE_SCAN_END:
			take_end(run);
			break;
		default:
			ck_abort_msg("unknown frame 0x%x", (guint)run->frames->type);
		}
		ck_assert_msg(wire_reader_done(run->frames, &error), "%s",
			error != NULL ? error->message : "");
	}
	ck_assert_int_eq(r, 0);
}

/* Reads one of the pipes once; closes it at its end. */
static void read_pipe(ScanRun *run, int *fd, bool frames)
{
	char buffer[65536];
	ssize_t n = read(*fd, buffer, sizeof buffer);

	if (n <= 0) {
		(void)close(*fd);
		*fd = -1;
		return;
	}
	if (fd == &run->err) {
		g_string_append_len(run->errors, buffer, n);
	} else if (frames) {
		wire_reader_push(run->frames, buffer, (gsize)n);
		take_frames(run);
	} else {
		g_string_append_len(run->output, buffer, n);
	}
}

/* Reads once from what has something; false when nothing came until `until`. */
static bool read_some(ScanRun *run, gint64 until, bool frames)
{
	struct pollfd fds[] = {{run->out, POLLIN, 0}, {run->err, POLLIN, 0}};
	gint64 left = (until - g_get_monotonic_time()) / 1000;

	if (poll(fds, 2, (int)MAX(left, 0)) <= 0)
		return false;
	if (fds[0].revents != 0)
		read_pipe(run, &run->out, frames);
	if (fds[1].revents != 0)
		read_pipe(run, &run->err, frames);
	return true;
}

static gint64 deadline(void)
{
	return g_get_monotonic_time() + DEADLINE_MS * 1000;
}

static void reap(ScanRun *run)
{
	int status;

	while (waitpid(run->pid, &status, 0) < 0)
		ck_assert_int_eq(errno, EINTR);
	run->pid = 0;
	run->exited = WIFEXITED(status);
	run->status = run->exited ? WEXITSTATUS(status) : WTERMSIG(status);
}

static void finish(ScanRun *run, bool frames)
{
	gint64 until = deadline();

	while (!run->ended && run->out >= 0)
		ck_assert_msg(
			read_some(run, until, frames), "certprop-scan hangs: %s", run->errors->str);
	/* END is the last thing it says; what is left of its life is _exit(). check's own time-out
	   watches over that. */
	reap(run);
	while (run->err >= 0 && read_some(run, g_get_monotonic_time(), frames))
		;
}

void scan_run_finish(ScanRun *run)
{
	finish(run, true);
}

void scan_run_finish_text(ScanRun *run)
{
	finish(run, false);
}

void scan_run_wait_error(ScanRun *run, const char *text)
{
	gint64 until = deadline();

	while (strstr(run->errors->str, text) == NULL)
		ck_assert_msg(read_some(run, until, true) && run->err >= 0,
			"'%s' is not said, but: %s", text, run->errors->str);
}

void scan_run_linger(ScanRun *run, int ms)
{
	gint64 until = g_get_monotonic_time() + ms * 1000;

	while ((run->out >= 0 || run->err >= 0) && read_some(run, until, true))
		;
}

void scan_run_free(ScanRun *run)
{
	if (run->pid != 0) {
		(void)kill(run->pid, SIGKILL);
		reap(run);
	}
	if (run->out >= 0)
		(void)close(run->out);
	if (run->err >= 0)
		(void)close(run->err);
	g_string_free(run->output, TRUE);
	g_string_free(run->errors, TRUE);
	wire_reader_free(run->frames);
	g_ptr_array_unref(run->tokens);
	g_ptr_array_unref(run->certs);
	g_ptr_array_unref(run->notes);
	g_free(run->reason);
	g_free(run);
}

const ScanToken *scan_run_token(const ScanRun *run, guint i)
{
	ck_assert_uint_lt(i, run->tokens->len);
	return g_ptr_array_index(run->tokens, i);
}

const ScanCert *scan_run_cert(const ScanRun *run, guint i)
{
	ck_assert_uint_lt(i, run->certs->len);
	return g_ptr_array_index(run->certs, i);
}
