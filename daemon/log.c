/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages with fields, through GLib's structured log and a writer of our own: fields and all to a
 * journal when that is where stderr leads, plain lines with the time anywhere else.
 *
 * Who reads there may be stopped or stuck, and must not hold us: nothing here waits. A message that
 * is not taken at once is lost, and how many were is said with the next one that is. That stderr
 * blocks is not changed, since it is shared with others.
 *
 * Text is escaped here and nowhere else, because one place cannot be forgotten. GLib's own
 * messages, which have a domain and ours none, come to the writer only.
 */

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"
#include "names.h"
#include "text.h"

#define FIELDS_MAX 12

static const char *log_program = NAME_DAEMON;
static bool log_verbose;
static bool log_journal;
static bool log_colour;
static int log_fd = STDERR_FILENO;
static GMutex log_lock; /* GDBus's thread may have something to say as well */
static guint64 log_lost;

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

/* All of it at once, or not at all where that would block. */
static bool offer(const char *line, gsize length)
{
	struct pollfd room = {.fd = log_fd, .events = POLLOUT};
	ssize_t n = send(log_fd, line, length, MSG_DONTWAIT | MSG_NOSIGNAL);

	/* No socket: a pipe, of which poll() says that it takes PIPE_BUF bytes, a terminal, a file.
	 */
	if (n < 0 && errno == ENOTSOCK)
		n = poll(&room, 1, 0) == 1 ? write(log_fd, line, length) : -1;
	return n == (ssize_t)length;
}

static bool write_line(GLogLevelFlags level, const char *message)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *time = g_date_time_format(now, "%H:%M:%S");
	g_autoptr(GString) line = g_string_new(NULL);
	const char *on = log_colour ? colour(level) : "";
	const char *off = on[0] != '\0' ? "\033[0m\n" : "\n";
	gsize max = PIPE_BUF - strlen(off);

	g_string_printf(line, "%s: %s %s%s", log_program, time, on, message);
	if (line->len > max)
		g_string_truncate(line, text_fit(line->str, max));
	g_string_append(line, off);
	return offer(line->str, line->len);
}

static bool write_fields(GLogLevelFlags level, const GLogField *fields, gsize n_fields)
{
	JournalFate fate = log_journal ? journal_send(fields, n_fields) : JOURNAL_ABSENT;
	const char *message = "", *domain = NULL;
	g_autofree char *safe = NULL;
	g_autofree char *foreign = NULL;

	if (fate != JOURNAL_ABSENT)
		return fate == JOURNAL_TAKEN;

	for (gsize i = 0; i < n_fields; i++) {
		if (strcmp(fields[i].key, "MESSAGE") == 0)
			message = fields[i].value;
		if (strcmp(fields[i].key, "GLIB_DOMAIN") == 0)
			domain = fields[i].value;
	}
	if (domain == NULL)
		return write_line(level, message);
	foreign = g_strconcat(domain, ": ", message, NULL);
	safe = text_escape(foreign);
	return write_line(level, safe);
}

static bool write_lost(void)
{
	g_autofree char *message = g_strdup_printf(
		"%" G_GUINT64_FORMAT " message%s before this one could not be written: nobody read "
		"them in time",
		log_lost, log_lost == 1 ? "" : "s");
	const GLogField fields[] = {
		{"MESSAGE", message, -1},
		{"PRIORITY", priority(G_LOG_LEVEL_WARNING), -1},
		{"SYSLOG_IDENTIFIER", log_program, -1},
	};

	return write_fields(G_LOG_LEVEL_WARNING, fields, G_N_ELEMENTS(fields));
}

static GLogWriterOutput writer(
	GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
	if (!log_verbose && (level & (G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG)))
		return G_LOG_WRITER_HANDLED;

	g_mutex_lock(&log_lock);
	if (log_lost > 0 && write_lost())
		log_lost = 0;
	if (log_lost > 0 || !write_fields(level, fields, n_fields))
		log_lost++;
	g_mutex_unlock(&log_lock);
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

/* Another program may fill a pipe between a look at it and a write to it, and a terminal takes less
   than it is given. What is opened anew does not block for us, and still does for everybody else.
   Not a file: it would be written from its beginning. Where it is another user's, stderr itself has
   to do. */
static int open_beside(void)
{
	struct stat st;
	int fd = -1;

	if (fstat(STDERR_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))
		fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd >= 0 ? fd : STDERR_FILENO;
}

void log_init(const char *program, bool verbose)
{
	keep_standard();
	log_fd = open_beside();
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
