/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certprop-scan: what is on the card in one reader, through one PKCS#11 module, as frames for
 * certprop-store or as text for people (--print).
 *
 * The module is foreign code: it may crash, hang, print, or close what it finds. So this process
 * holds nothing that matters, says its results on a descriptor of its own and leaves fd 1 to the
 * module as a second stderr, and ends by _exit(): a module's clean-up is known to hang and to
 * crash, and pcscd lets go of a card just the same when its client ends. Whoever started it keeps
 * the deadline; only a person who calls it by hand gets one from here.
 */

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "build.h"
#include "confine.h"
#include "error.h"
#include "frames.h"
#include "opensc.h"
#include "p11.h"
#include "print.h"

#define FRAMES_FD         100 /* or above: out of the way of code that counts from 3 */
#define CERTIFICATES      64
#define CERTIFICATE_BYTES 32768
#define CERTIFICATE_MAX   (128 * 1024) /* what fits into a frame, label included */
#define DEADLINE_SECONDS  60           /* for a person */
#define EXIT_USAGE        2

static struct {
	char *reader;
	char *module;
	char **others;
	char *provider;
	gint64 parent;
	gint64 max_certificates;
	gint64 max_bytes;
	gboolean print;
	gboolean version;
} options = {
	.max_certificates = CERTIFICATES,
	.max_bytes = CERTIFICATE_BYTES,
};

static const GOptionEntry entries[] = {
	{"reader", 0, 0, G_OPTION_ARG_FILENAME, &options.reader,
		"Read only the card in this reader (default: every reader)", "NAME"},
	{"module", 0, 0, G_OPTION_ARG_FILENAME, &options.module,
		"Read it through this PKCS#11 module (default: opensc-pkcs11.so)", "PATH"},
	{"ignore", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.others,
		"Keep OpenSC away from this other reader; may be given several times", "NAME"},
	{"provider", 0, 0, G_OPTION_ARG_FILENAME, &options.provider,
		"Have OpenSC use this PC/SC library (libpcsc-xrdp.so in an xrdp session)", "PATH"},
	{"max-certificates", 0, 0, G_OPTION_ARG_INT64, &options.max_certificates,
		"Report no more of one token (default: 64)", "N"},
	{"max-bytes", 0, 0, G_OPTION_ARG_INT64, &options.max_bytes,
		"Pass over larger certificates (default: 32768)", "N"},
	{"parent", 0, 0, G_OPTION_ARG_INT64, &options.parent,
		"End with this process, which started us", "PID"},
	{"print", 0, 0, G_OPTION_ARG_NONE, &options.print,
		"Show what is there as text and PEM, not as frames for certprop-store", NULL},
	{"version", 0, 0, G_OPTION_ARG_NONE, &options.version, "Show the version and exit", NULL},
	G_OPTION_ENTRY_NULL,
};

/* A bare name is looked up where p11-kit looks. */
static char *module_path(void)
{
	const char *name = options.module != NULL ? options.module : "opensc-pkcs11.so";

	if (strchr(name, '/') != NULL)
		return g_strdup(name);
	return g_build_filename(CERTPROP_P11_MODULE_DIR, name, NULL);
}

/* Moves fd 1 out of the module's reach. */
static int take_stdout(GError **error)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, FRAMES_FD);

	if (fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"Setting the standard output aside failed: %s", g_strerror(errno));
		return -1;
	}
	return fd;
}

static bool scan(const P11Sink *sink, gpointer data, GError **error)
{
	g_autofree char *module = module_path();
	g_autofree char *fault = NULL;
	const char *const *others = (const char *const *)options.others;
	P11Request request = {
		.module = module,
		.reader = options.reader,
		.others = others,
		.slots_are_readers = opensc_is(module),
		.max_certificates = (guint64)options.max_certificates,
		.max_bytes = (guint64)options.max_bytes,
	};

	if (request.slots_are_readers &&
		!opensc_prepare(module, options.reader, others, options.provider, &fault, error))
		return false;
	if (fault != NULL)
		g_printerr("opensc.conf counts for nothing, OpenSC cannot read it: %s\n", fault);
	return p11_scan(&request, sink, data, error);
}

static bool parse_options(int argc, char **argv, GError **error)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	g_option_context_set_summary(context,
		"Reads the certificates of smart cards through a PKCS#11 module, without a PIN.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, error))
		return false;
	if (argc > 1) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "Unknown argument %s",
			argv[1]);
		return false;
	}
	if (options.max_certificates < 0 || options.max_bytes < 1 ||
		options.max_bytes > CERTIFICATE_MAX) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			"--max-certificates takes 0 or more, --max-bytes 1 to %d", CERTIFICATE_MAX);
		return false;
	}
	return true;
}

static int scan_for_store(int fd)
{
	g_autoptr(GError) error = NULL;
	Frames frames = {.fd = fd};

	(void)scan(&frames_sink, &frames, &error);
	return frames_end(&frames, error);
}

static int scan_for_people(int fd)
{
	g_autoptr(GError) error = NULL;
	Print print = {.out = fdopen(fd, "w")};

	if (print.out == NULL) {
		g_printerr("certprop-scan: Opening the output failed: %s\n", g_strerror(errno));
		return EXIT_FAILURE;
	}
	print_deadline(DEADLINE_SECONDS);
	(void)scan(&print_sink, &print, &error);
	return print_end(&print, error);
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	int fd;

	if (!parse_options(argc, argv, &error)) {
		g_printerr("certprop-scan: %s\n", error->message);
		return EXIT_USAGE;
	}
	if (options.version) {
		g_print("certprop-scan %s\n", CERTPROP_VERSION);
		return EXIT_SUCCESS;
	}

	(void)signal(SIGPIPE, SIG_IGN);
	if (!confine_self(CONFINE_SCAN, options.parent, &error) || (fd = take_stdout(&error)) < 0) {
		g_printerr("certprop-scan: %s\n", error->message);
		return EXIT_FAILURE;
	}

	_exit(options.print ? scan_for_people(fd) : scan_for_store(fd));
}
