/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certprop-store: brings the certificates of a token that certprop-scan reads into the user's NSS
 * databases, and takes out what no token stands for any more. It lives for one batch: a request on
 * standard input, the scan's frames on descriptor 3, a report on standard output (lib/wire.h,
 * WIRE_STORE_*, WIRE_REPORT_*), diagnostics as lines on standard error.
 *
 * It alone is linked with NSS. It loads no PKCS#11 module, logs in nowhere, and writes no trust but
 * for roots that the administrator has pinned.
 */

#include <glib.h>
#include <signal.h>
#include <unistd.h>

#include "batch.h"
#include "confine.h"
#include "names.h"

#define SCAN_FD 3

typedef struct Options {
	gboolean version;
	gint64 parent;
} Options;

static bool parse_options(int argc, char **argv, Options *options, GError **error)
{
	const GOptionEntry entries[] = {
		{"parent", 0, 0, G_OPTION_ARG_INT64, &options->parent, "End with this process",
			"PID"},
		{"version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version", NULL},
		{NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	g_option_context_set_summary(context,
		"Carries out one request on the user's NSS databases; started by " NAME_DAEMON
		" and " NAME_CTL ".\nFor people there is \"" NAME_CTL "\".");
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

static int run(void)
{
	Reports reports = {.fd = STDOUT_FILENO};
	g_autoptr(Intake) intake = intake_new(STDIN_FILENO, SCAN_FD);
	g_autoptr(GError) error = NULL;
	g_autoptr(Request) request = intake_request(intake, &error);

	if (request == NULL) {
		g_printerr("%s: %s\n", NAME_STORE, error->message);
		return EXIT_STATUS_FAILED;
	}
	batch_run(request, intake, &reports);

	/* Whatever went wrong inside stands in the report, if that reached its end. */
	return reports.broken ? EXIT_STATUS_FAILED : EXIT_STATUS_DONE;
}

int main(int argc, char **argv)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	Options options = {0};
	g_autoptr(GError) error = NULL;

	if (!parse_options(argc, argv, &options, &error)) {
		g_printerr("%s: %s\n", NAME_STORE, error->message);
		return EXIT_STATUS_USAGE;
	}
	if (options.version) {
		g_print("%s %s\n", NAME_STORE, CERTPROP_VERSION);
		return EXIT_STATUS_DONE;
	}

	(void)sigaction(SIGPIPE, &ignore, NULL);
	/* NSS unloads softoken with each database that is closed, and loading it again costs its
	   self-tests each time: several milliseconds between the scan's end and the first write. */
	g_setenv("NSS_DISABLE_UNLOAD", "1", TRUE);
	/* Where NSS is built to follow a system-wide policy file, it loads the PKCS#11 modules that
	   the file names with every database, also with NSS_INIT_NOMODDB. */
	g_setenv("NSS_IGNORE_SYSTEM_POLICY", "1", TRUE);
	if (!confine_self(CONFINE_STORE, options.parent, &error)) {
		g_printerr("%s: %s\n", NAME_STORE, error->message);
		return EXIT_STATUS_FAILED;
	}
	return run();
}
