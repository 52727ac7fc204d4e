/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certprop-watch: says which readers and cards there are at one PC/SC endpoint, and again whenever
 * that changes, as frames on standard output (lib/wire.h, WIRE_WATCH_*). It alone is linked with
 * libpcsclite, which takes its endpoint from the environment once per process, may block for ever
 * and keeps a thread; certpropd starts one for each endpoint and can kill it at any time.
 *
 * It ends when nobody listens any more. While it is blocked in PC/SC it would notice that only at
 * the next event, so it asks the kernel for SIGIO when the pipe's reader goes.
 */

#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "confine.h"
#include "names.h"
#include "pcsc.h"
#include "service.h"
#include "watch.h"

/* With --once nothing may block for longer, not even a pcscd that is stopped. */
#define ONCE_SECONDS 10u

typedef struct Options {
	gboolean once;
	gboolean version;
	gint64 parent;
	char *endpoint;
} Options;

static bool parse_options(int argc, char **argv, Options *options, GError **error)
{
	const GOptionEntry entries[] = {
		{"once", 0, 0, G_OPTION_ARG_NONE, &options->once, "Say it once and end", NULL},
		{"parent", 0, 0, G_OPTION_ARG_INT64, &options->parent, "End with this process",
			"PID"},
		{"endpoint", 0, 0, G_OPTION_ARG_STRING, &options->endpoint,
			"Name of the endpoint, for messages", "NAME"},
		{"version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version", NULL},
		{NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	g_option_context_set_summary(context,
		"Reports readers and cards as frames on standard output; started by " NAME_DAEMON
		".\nFor people there is \"" NAME_CTL " status\".");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, error))
		return false;
	if (argc > 1) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			"Unexpected argument \"%s\"", argv[1]);
		return false;
	}

	return true;
}

static void on_output_event(int signal_number)
{
	struct pollfd fds = {.fd = STDOUT_FILENO, .events = 0};

	if (poll(&fds, 1, 0) > 0 && (fds.revents & POLLERR) != 0)
		_exit(EXIT_STATUS_DONE);
}

static void on_too_late(int signal_number)
{
	static const char message[] =
		"pcscd accepted a connection and does not answer: it is stopped or stuck\n";

	(void)!write(STDERR_FILENO, message, sizeof message - 1);
	_exit(EXIT_STATUS_FAILED);
}

static void set_signals(bool once)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction output = {.sa_handler = on_output_event, .sa_flags = SA_RESTART};
	struct sigaction late = {.sa_handler = on_too_late};
	struct stat st;

	(void)sigaction(SIGPIPE, &ignore, NULL);
	if (once) {
		(void)sigaction(SIGALRM, &late, NULL);
		(void)alarm(ONCE_SECONDS);
		return;
	}

	/* Only a pipe: on a terminal SIGIO would come for each key. */
	if (fstat(STDOUT_FILENO, &st) != 0 || !S_ISFIFO(st.st_mode))
		return;
	(void)sigaction(SIGIO, &output, NULL);
	(void)fcntl(STDOUT_FILENO, F_SETOWN, getpid());
	(void)fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_ASYNC);
	on_output_event(SIGIO); /* it may be closed already */
}

static WatchWake pause_service(gpointer data, guint32 ms)
{
	return service_wait(data, ms);
}

static int run(const Options *options)
{
	const char *path = g_getenv(PCSC_SOCKET_ENV);
	g_autoptr(Service) service = NULL;
	g_autoptr(GError) error = NULL;
	Pcsc pcsc = {0};
	Watch watch = {
		.ops = &pcsc_ops,
		.ops_data = &pcsc,
		.pause = pause_service,
		.endpoint = options->endpoint,
		.fd = STDOUT_FILENO,
		.once = options->once,
	};

	set_signals(options->once);
	service = service_new(path != NULL && *path != '\0' ? path : PCSC_SOCKET, STDOUT_FILENO);
	watch.pause_data = service;
	if (!watch_run(&watch, &error)) {
		g_printerr("%s: endpoint %s: %s\n", NAME_WATCH, options->endpoint, error->message);
		return EXIT_STATUS_FAILED;
	}

	return EXIT_STATUS_DONE;
}

int main(int argc, char **argv)
{
	Options options = {0};
	g_autofree char *endpoint = NULL;
	g_autoptr(GError) error = NULL;

	if (!parse_options(argc, argv, &options, &error)) {
		g_printerr("%s: %s\n", NAME_WATCH, error->message);
		return EXIT_STATUS_USAGE;
	}
	endpoint = options.endpoint != NULL ? options.endpoint : g_strdup("local");
	options.endpoint = endpoint;
	if (options.version) {
		g_print("%s %s\n", NAME_WATCH, CERTPROP_VERSION);
		return EXIT_STATUS_DONE;
	}

	if (!confine_self(CONFINE_WATCH, options.parent, &error)) {
		g_printerr("%s: %s\n", NAME_WATCH, error->message);
		return EXIT_STATUS_FAILED;
	}
	return run(&options);
}
