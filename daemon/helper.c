/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A helper is where the things run that crash, hang and lie: foreign modules, PC/SC, NSS. So
 * nothing here trusts it. Its frames are read as they come and counted against a cap, its stderr is
 * cut into lines and counted against another, it has until its deadline, and it is reaped whatever
 * happens.
 *
 * Death is noticed by waiting for the process and never by the end of a stream, since a module may
 * have left a process behind that holds our pipes open. What is in the pipes when the process is
 * reaped is read without waiting, and that is all there is.
 *
 * The object lives until its process is reaped, even when its owner has let go of it before: so
 * helper_free() does not block on a process that is slow to die.
 */

#include "helper.h"

#include <errno.h>
#include <gio/gunixinputstream.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chatter.h"
#include "environment.h"

#define CHUNK             16384u
#define DRAIN_MAX         4096u /* chunks that are read of a stream after the helper's death */
#define STATUS_NO_LIBRARY 127
#define AFTER_EOF_MS      2000u /* from closing its stdout to its end */

struct Helper {
	unsigned refs; /* the owner's, the waiting's, and one of each running dispatch */
	bool freed;
	bool reaped;

	char *program;
	HelperFuncs funcs;
	gpointer data;
	GSubprocess *process;
	GError *error; /* why it was killed */

	int in, out, err;
	guint in_source, out_source, err_source;
	GQueue *queue;  /* GBytes for its stdin */
	gsize queue_at; /* bytes of the first that are sent */

	WireReader *frames;
	gsize n_bytes, bytes_max;
	Chatter *chatter;

	guint deadline_source;
	unsigned deadline_ms;
	bool deadline_restarts;
	gint64 heard; /* monotonic: when the deadline was last restarted */
};

static unsigned living;

unsigned helper_living(void)
{
	return living;
}

static void close_stream(int *fd, guint *source)
{
	g_clear_handle_id(source, g_source_remove);
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void close_all(Helper *helper)
{
	close_stream(&helper->in, &helper->in_source);
	close_stream(&helper->out, &helper->out_source);
	close_stream(&helper->err, &helper->err_source);
	g_clear_handle_id(&helper->deadline_source, g_source_remove);
}

static void helper_unref(Helper *helper)
{
	if (--helper->refs > 0)
		return;

	close_all(helper);
	g_free(helper->program);
	g_clear_object(&helper->process);
	g_clear_error(&helper->error);
	g_queue_free_full(helper->queue, (GDestroyNotify)g_bytes_unref);
	wire_reader_free(helper->frames);
	chatter_free(helper->chatter);
	g_free(helper);
}

void helper_kill(Helper *helper, CertpropError code, const char *why)
{
	if (helper->error == NULL)
		helper->error = g_error_new(
			CERTPROP_ERROR, (int)code, "%s was ended: %s", helper->program, why);
	if (!helper->reaped)
		g_subprocess_force_exit(helper->process);
}

/* Delivers the whole frames that are there. */
static void deliver(Helper *helper)
{
	g_autoptr(GError) error = NULL;
	int r = 0;

	while (!helper->freed && helper->error == NULL &&
		(r = wire_reader_next(helper->frames, &error)) > 0) {
		if (!helper->funcs.frame(helper, helper->frames, helper->data, &error))
			break;
	}
	if (error != NULL)
		helper_kill(helper, CERTPROP_ERROR_PROTOCOL, error->message);
}

/* One read. Returns false when the stream gives no more now or ever; `*ret_open` tells which. */
static bool read_out(Helper *helper, bool *ret_open)
{
	guint8 chunk[CHUNK];
	ssize_t n = read(helper->out, chunk, sizeof chunk);

	*ret_open = n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
	if (n <= 0)
		return false;

	helper->n_bytes += (gsize)n;
	if (helper->bytes_max > 0 && helper->n_bytes > helper->bytes_max) {
		helper_kill(helper, CERTPROP_ERROR_LIMIT, "it said more than it may");
		return false;
	}
	if (helper->deadline_restarts)
		helper->heard = g_get_monotonic_time();
	wire_reader_push(helper->frames, chunk, (gsize)n);
	deliver(helper);
	return !helper->freed && helper->error == NULL;
}

static bool read_err(Helper *helper, bool *ret_open)
{
	char chunk[CHUNK];
	ssize_t n = read(helper->err, chunk, sizeof chunk);

	*ret_open = n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
	if (n <= 0)
		return false;

	if (!chatter_push(helper->chatter, chunk, (gsize)n)) {
		helper_kill(helper, CERTPROP_ERROR_LIMIT, "its standard error has no end");
		return false;
	}
	return true;
}

static gboolean on_deadline(gpointer data)
{
	Helper *helper = data;
	gint64 left = helper->heard + (gint64)helper->deadline_ms * 1000 - g_get_monotonic_time();
	g_autofree char *why = NULL;

	helper->deadline_source = 0;
	if (left > 0) {
		helper->deadline_source =
			g_timeout_add((guint)(left / 1000) + 1, on_deadline, helper);
		return G_SOURCE_REMOVE;
	}

	why = g_strdup_printf("it was not done after %.1f s", helper->deadline_ms / 1000.0);
	helper_kill(helper, CERTPROP_ERROR_TIMEOUT, why);
	return G_SOURCE_REMOVE;
}

static void start_deadline(Helper *helper, unsigned ms)
{
	g_clear_handle_id(&helper->deadline_source, g_source_remove);
	helper->deadline_ms = ms;
	helper->heard = g_get_monotonic_time();
	helper->deadline_source = g_timeout_add(ms, on_deadline, helper);
}

static gboolean on_out(gint fd, GIOCondition condition, gpointer data)
{
	Helper *helper = data;
	gboolean keep = G_SOURCE_CONTINUE;
	bool open;

	helper->refs++;
	(void)read_out(helper, &open);
	if (!helper->freed && (!open || helper->error != NULL)) {
		/* A helper that has nothing more to say ends soon, or it is stuck. */
		if (!open && helper->error == NULL)
			start_deadline(helper, AFTER_EOF_MS);
		helper->out_source = 0;
		close_stream(&helper->out, &helper->out_source);
		keep = G_SOURCE_REMOVE;
	} else if (helper->freed) {
		keep = G_SOURCE_REMOVE;
	}
	helper_unref(helper);
	return keep;
}

static gboolean on_err(gint fd, GIOCondition condition, gpointer data)
{
	Helper *helper = data;
	bool open;

	(void)read_err(helper, &open);
	if (open && helper->error == NULL)
		return G_SOURCE_CONTINUE;

	helper->err_source = 0;
	close_stream(&helper->err, &helper->err_source);
	return G_SOURCE_REMOVE;
}

/* Sends what the helper takes without blocking. Returns true if something is left for later. */
static bool flush(Helper *helper)
{
	GBytes *frame;

	while (helper->in >= 0 && (frame = g_queue_peek_head(helper->queue)) != NULL) {
		gsize len;
		const guint8 *bytes = g_bytes_get_data(frame, &len);
		ssize_t n = send(
			helper->in, bytes + helper->queue_at, len - helper->queue_at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0) {
			/* It does not listen: its end, or its deadline, will say why. */
			close_stream(&helper->in, &helper->in_source);
			return false;
		}
		helper->queue_at += (gsize)n;
		if (helper->queue_at == len) {
			g_bytes_unref(g_queue_pop_head(helper->queue));
			helper->queue_at = 0;
		}
	}

	return false;
}

static gboolean on_in(gint fd, GIOCondition condition, gpointer data)
{
	Helper *helper = data;
	guint source = helper->in_source;

	helper->in_source = 0;
	if (flush(helper)) {
		helper->in_source = source;
		return G_SOURCE_CONTINUE;
	}
	return G_SOURCE_REMOVE;
}

void helper_send(Helper *helper, GBytes *frame)
{
	if (helper->in < 0 || helper->reaped) {
		g_bytes_unref(frame);
		return;
	}

	g_queue_push_tail(helper->queue, frame);
	if (helper->in_source == 0 && flush(helper))
		helper->in_source = g_unix_fd_add(helper->in, G_IO_OUT, on_in, helper);
}

int helper_status(const Helper *helper)
{
	if (!helper->reaped || !g_subprocess_get_if_exited(helper->process))
		return -1;
	return g_subprocess_get_exit_status(helper->process);
}

bool helper_unloadable(const Helper *helper)
{
	return helper_status(helper) == STATUS_NO_LIBRARY;
}

/* "…: the last thing it said", or nothing. */
static const char *last_words(const Helper *helper, const char **ret_before)
{
	*ret_before = helper->chatter->last != NULL ? ": " : "";
	return helper->chatter->last != NULL ? helper->chatter->last : "";
}

/* How it ended; NULL for well. */
static GError *verdict(Helper *helper)
{
	const char *before;
	const char *words = last_words(helper, &before);

	if (helper->error != NULL)
		return g_error_copy(helper->error);
	if (g_subprocess_get_if_signaled(helper->process)) {
		int sig = g_subprocess_get_term_sig(helper->process);

		return g_error_new(CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"%s was killed by signal %d (%s)%s%s", helper->program, sig, strsignal(sig),
			before, words);
	}
	if (g_subprocess_get_exit_status(helper->process) != 0)
		return g_error_new(CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"%s ended with status %d%s%s", helper->program,
			g_subprocess_get_exit_status(helper->process), before, words);
	if (wire_reader_pending(helper->frames))
		return g_error_new(CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL,
			"%s ended in the middle of a frame", helper->program);

	return NULL;
}

static void drain(Helper *helper)
{
	bool open;

	for (unsigned i = 0; i < DRAIN_MAX && helper->err >= 0 && read_err(helper, &open); i++)
		;
	chatter_end(helper->chatter);
	for (unsigned i = 0; i < DRAIN_MAX && !helper->freed && helper->error == NULL &&
			     helper->out >= 0 && read_out(helper, &open);
		i++)
		;
}

static void on_reaped(GObject *source, GAsyncResult *result, gpointer data)
{
	Helper *helper = data;
	g_autoptr(GError) error = NULL;

	/* Cannot fail: it is never cancelled. */
	(void)g_subprocess_wait_finish(helper->process, result, NULL);
	helper->reaped = true;
	living--;
	if (!helper->freed) {
		drain(helper);
		error = verdict(helper);
	}
	close_all(helper);
	if (!helper->freed)
		helper->funcs.ended(helper, error, helper->data);
	helper_unref(helper);
}

Helper *helper_free(Helper *helper)
{
	if (helper == NULL)
		return NULL;

	helper->freed = true;
	close_all(helper);
	if (!helper->reaped)
		g_subprocess_force_exit(helper->process);
	helper_unref(helper);
	return NULL;
}

static char **helper_argv(const HelperSpec *spec)
{
	g_autoptr(GStrvBuilder) argv = g_strv_builder_new();
	g_autofree char *path = environment_helper_path(spec->program);
	g_autofree char *pid = g_strdup_printf("%d", (int)getpid());

	g_strv_builder_add_many(argv, path, "--parent", pid, NULL);
	if (spec->args != NULL)
		g_strv_builder_addv(argv, (const char **)spec->args);

	return g_strv_builder_end(argv);
}

/* A pipe or a socket pair: our end does not block, the other goes to the child. */
static bool open_stream(bool to_child, int *ret_ours, int *ret_childs, GError **error)
{
	int fds[2];

	/* Towards the child a socket, because writing to a pipe nobody reads raises SIGPIPE. */
	if (to_child ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0
		     : pipe2(fds, O_CLOEXEC) < 0) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"Opening a pipe to a helper failed: %s", g_strerror(errno));
		return false;
	}
	(void)g_unix_set_fd_nonblocking(fds[0], TRUE, NULL);
	*ret_ours = fds[0];
	*ret_childs = fds[1];
	return true;
}

/* Opens the three streams and hands the child's ends to the launcher. */
static bool open_streams(
	Helper *helper, const HelperSpec *spec, GSubprocessLauncher *launcher, GError **error)
{
	int fd;

	if (spec->input) {
		if (!open_stream(true, &helper->in, &fd, error))
			return false;
		g_subprocess_launcher_take_stdin_fd(launcher, fd);
	}
	if (spec->output < 0) {
		if (!open_stream(false, &helper->out, &fd, error))
			return false;
		g_subprocess_launcher_take_stdout_fd(launcher, fd);
	}
	if (!open_stream(false, &helper->err, &fd, error))
		return false;
	g_subprocess_launcher_take_stderr_fd(launcher, fd);
	return true;
}

static GSubprocess *spawn(Helper *helper, const HelperSpec *spec, GError **error)
{
	g_autoptr(GSubprocessLauncher) launcher =
		g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
	g_auto(GStrv) env = environment_for_helper(spec->endpoint, spec->socket);
	g_auto(GStrv) argv = helper_argv(spec);

	if (spec->output >= 0)
		g_subprocess_launcher_take_stdout_fd(launcher, spec->output);
	if (spec->extra >= 0)
		g_subprocess_launcher_take_fd(launcher, spec->extra, 3);
	g_subprocess_launcher_set_environ(launcher, env);
	g_subprocess_launcher_set_cwd(launcher, "/");
	if (!open_streams(helper, spec, launcher, error))
		return NULL;

	return g_subprocess_launcher_spawnv(launcher, (const char *const *)argv, error);
}

Helper *helper_start(
	const HelperSpec *spec, const HelperFuncs *funcs, gpointer data, GError **error)
{
	Helper *helper = g_new0(Helper, 1);

	*helper = (Helper){
		.refs = 1,
		.program = g_strdup(spec->program),
		.funcs = *funcs,
		.data = data,
		.in = -1,
		.out = -1,
		.err = -1,
		.queue = g_queue_new(),
		.frames = wire_reader_new(),
		.bytes_max = spec->bytes_max,
		.chatter = chatter_new(spec->program, spec->endpoint, spec->reader),
		.deadline_restarts = spec->deadline_restarts,
	};
	helper->process = spawn(helper, spec, error);
	if (helper->process == NULL) {
		g_prefix_error(error, "Starting %s failed: ", spec->program);
		helper_unref(helper);
		return NULL;
	}

	living++;
	helper->refs++;
	g_subprocess_wait_async(helper->process, NULL, on_reaped, helper);
	helper->err_source = g_unix_fd_add(helper->err, G_IO_IN, on_err, helper);
	if (helper->out >= 0)
		helper->out_source = g_unix_fd_add(helper->out, G_IO_IN, on_out, helper);
	if (spec->deadline_ms > 0)
		start_deadline(helper, spec->deadline_ms);
	return helper;
}
