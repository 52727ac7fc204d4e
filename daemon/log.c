/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages with fields, through GLib's structured log and a writer of our own: fields and all to a
 * journal when that is where stderr leads, plain lines with the time anywhere else. No libsystemd:
 * GLib speaks the journal's protocol.
 *
 * Text is escaped here and nowhere else, because one place cannot be forgotten. GLib's own
 * messages, which have a domain and ours none, come to the writer only.
 */

#include "log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "names.h"
#include "text.h"

#define FIELDS_MAX 12

static const char *log_program = NAME_DAEMON;
static bool log_verbose;
static bool log_journal;
static bool log_colour;

static const char *priority(GLogLevelFlags level)
{
	if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
		return "3";
	if (level & G_LOG_LEVEL_WARNING)
		return "4";
	if (level & G_LOG_LEVEL_MESSAGE)
		return "5";
	return level & G_LOG_LEVEL_INFO ? "6" : "7";
}

static const char *colour(GLogLevelFlags level)
{
	if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
		return "\033[31m";
	if (level & G_LOG_LEVEL_WARNING)
		return "\033[33m";
	return level & G_LOG_LEVEL_MESSAGE ? "" : "\033[2m";
}

static void write_line(GLogLevelFlags level, const char *message)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *time = g_date_time_format(now, "%H:%M:%S");
	const char *on = log_colour ? colour(level) : "";

	fprintf(stderr, "%s: %s %s%s%s\n", log_program, time, on, message,
		on[0] != '\0' ? "\033[0m" : "");
	fflush(stderr);
}

static GLogWriterOutput writer(
	GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
	const char *message = "";
	bool foreign = false;

	if (!log_verbose && (level & (G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG)))
		return G_LOG_WRITER_HANDLED;
	if (log_journal &&
		g_log_writer_journald(level, fields, n_fields, data) == G_LOG_WRITER_HANDLED)
		return G_LOG_WRITER_HANDLED;

	for (gsize i = 0; i < n_fields; i++) {
		if (strcmp(fields[i].key, "MESSAGE") == 0)
			message = fields[i].value;
		foreign = foreign || strcmp(fields[i].key, "GLIB_DOMAIN") == 0;
	}
	if (foreign) {
		g_autofree char *safe = text_escape(message);

		write_line(level, safe);
		return G_LOG_WRITER_HANDLED;
	}
	write_line(level, message);
	return G_LOG_WRITER_HANDLED;
}

/* Where one of the first three was closed, the next file that is opened would get its number, and
   then all that we say: a lock, a socket, a helper's pipe. */
static void keep_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

void log_init(const char *program, bool verbose)
{
	keep_standard();
	log_program = program;
	log_verbose = verbose;
	log_journal = g_log_writer_is_journald(fileno(stderr));
	log_colour = !log_journal && isatty(fileno(stderr)) && g_getenv("NO_COLOR") == NULL;
	g_log_set_writer_func(writer, NULL, NULL);
}

/* Adds one field; `values` keeps the escaped text alive. */
static gsize add(GLogField *fields, gsize n, GPtrArray *values, const char *key, const char *value)
{
	char *text;

	if (value == NULL || value[0] == '\0')
		return n;

	g_assert(n < FIELDS_MAX);
	text = text_escape(value);
	g_ptr_array_add(values, text);
	fields[n] = (GLogField){.key = key, .value = text, .length = -1};
	return n + 1;
}

void log_say(GLogLevelFlags level, const LogContext *context, const char *format, ...)
{
	static const LogContext nothing;
	const LogContext *c = context != NULL ? context : &nothing;
	g_autoptr(GPtrArray) values = NULL;
	g_autofree char *message = NULL;
	GLogField fields[FIELDS_MAX];
	gsize n = 0;
	va_list args;

	if (!log_verbose && (level & (G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG)))
		return;

	va_start(args, format);
	message = g_strdup_vprintf(format, args);
	va_end(args);

	values = g_ptr_array_new_with_free_func(g_free);
	n = add(fields, n, values, "MESSAGE", message);
	n = add(fields, n, values, "PRIORITY", priority(level));
	n = add(fields, n, values, "SYSLOG_IDENTIFIER", log_program);
	n = add(fields, n, values, NAME_FIELD_ENDPOINT, c->endpoint);
	n = add(fields, n, values, NAME_FIELD_READER, c->reader);
	n = add(fields, n, values, NAME_FIELD_TOKEN, c->token);
	n = add(fields, n, values, NAME_FIELD_CERT, c->cert);
	n = add(fields, n, values, NAME_FIELD_DATABASE, c->database);
	n = add(fields, n, values, NAME_FIELD_ACTION, c->action);
	n = add(fields, n, values, NAME_FIELD_REASON, c->reason);
	n = add(fields, n, values, NAME_FIELD_HELPER, c->helper);
	g_log_structured_array(level, fields, n);
}
