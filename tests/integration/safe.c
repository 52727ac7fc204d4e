/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The judge of the hostile tests. A terminal is a pseudo-terminal that changes nothing on the way
 * (no CR before a line feed), so that what is read is what was written.
 */
#include "safe.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <p11-kit/uri.h>
#include <pty.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define RUN_MS       60000
#define NICKNAME_MAX 100

struct SafeTerminal {
	RigProcess *process;
	int master;
	GString *text;
};

/* What is there now. */
static void drain(SafeTerminal *terminal)
{
	char chunk[4096];
	ssize_t n;

	while ((n = read(terminal->master, chunk, sizeof chunk)) > 0)
		g_string_append_len(terminal->text, chunk, n);
}

SafeTerminal *safe_terminal_start(const char *const *argv, char **environment)
{
	SafeTerminal *terminal = g_new0(SafeTerminal, 1);
	g_auto(GStrv) env = g_environ_setenv(g_strdupv(environment), "TERM", "xterm", TRUE);
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	struct termios raw;
	int slave;

	memset(&raw, 0, sizeof raw);
	cfmakeraw(&raw);
	ck_assert_int_eq(openpty(&terminal->master, &slave, NULL, &raw, &size), 0);
	ck_assert_int_eq(fcntl(terminal->master, F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(fcntl(terminal->master, F_SETFD, FD_CLOEXEC), 0);
	ck_assert_int_eq(fcntl(slave, F_SETFD, FD_CLOEXEC), 0);
	terminal->text = g_string_new(NULL);
	terminal->process = rig_process_start(
		argv, &(const RigProcessOptions){.environment = env,
			      .fds = {slave, STDOUT_FILENO, slave, STDERR_FILENO}});
	close(slave);
	return terminal;
}

const char *safe_terminal_text(SafeTerminal *terminal)
{
	drain(terminal);
	return terminal->text->str;
}

static bool has_ended(gpointer data)
{
	SafeTerminal *terminal = data;

	drain(terminal); /* or it would wait for us */
	return !rig_process_alive(terminal->process);
}

static char *finish(SafeTerminal *terminal, int *ret_status)
{
	char *text;

	rig_wait_until(has_ended, terminal, RUN_MS, "the end of a program on a terminal");
	*ret_status = rig_process_wait(terminal->process, RUN_MS);
	drain(terminal);
	close(terminal->master);
	rig_process_free(terminal->process);
	text = g_string_free(terminal->text, FALSE);
	g_free(terminal);
	return text;
}

char *safe_terminal_end(SafeTerminal *terminal)
{
	int status;

	if (rig_process_alive(terminal->process))
		(void)kill(rig_process_pid(terminal->process), SIGTERM);
	return finish(terminal, &status);
}

char *safe_run(const char *const *argv, char **environment, SafeWhere where, int *ret_status)
{
	g_autofree char *output = NULL;
	g_autofree char *errors = NULL;

	if (where == SAFE_TERMINAL)
		return finish(safe_terminal_start(argv, environment), ret_status);

	*ret_status = rig_run(argv, environment, &output, &errors);
	return g_strconcat(output, errors, NULL);
}

static bool is_harmless(gunichar c)
{
	GUnicodeType type = g_unichar_type(c);

	if (c < 0xa0)
		return c == '\n' || (c >= 0x20 && c < 0x7f);

	return type != G_UNICODE_CONTROL && type != G_UNICODE_FORMAT &&
	       type != G_UNICODE_LINE_SEPARATOR && type != G_UNICODE_PARAGRAPH_SEPARATOR &&
	       type != G_UNICODE_SURROGATE && type != G_UNICODE_PRIVATE_USE &&
	       type != G_UNICODE_UNASSIGNED;
}

/* Behind a sequence of ours, or NULL: one that only chooses a colour, or takes back the line that
   says what is being waited for. */
static const char *skip_ours(const char *at)
{
	if (g_str_has_prefix(at, "\r\033[K"))
		return at + strlen("\r\033[K");
	if (at[0] != '\033' || at[1] != '[')
		return NULL;
	at += 2 + strspn(at + 2, "0123456789;");
	return *at == 'm' ? at + 1 : NULL;
}

void safe_assert_text(const char *text, SafeWhere where, const char *what)
{
	ck_assert_msg(g_utf8_validate(text, -1, NULL), "%s: not UTF-8", what);

	for (const char *at = text; *at != '\0';) {
		const char *behind = where == SAFE_TERMINAL ? skip_ours(at) : NULL;

		if (behind == NULL)
			ck_assert_msg(is_harmless(g_utf8_get_char(at)), "%s: U+%04X after \"%.*s\"",
				what, g_utf8_get_char(at), (int)MIN(at - text, 60),
				at - MIN(at - text, 60));
		at = behind != NULL ? behind : g_utf8_next_char(at);
	}
}

void safe_assert_nickname(const char *label)
{
	gsize len;

	ck_assert_ptr_nonnull(label);
	len = strlen(label);
	safe_assert_text(label, SAFE_FILES, "a nickname");
	ck_assert_msg(len > 0 && len <= NICKNAME_MAX, "%zu bytes: %s", len, label);
	ck_assert_msg(strpbrk(label, ":\n") == NULL, "a nickname of NSS: %s", label);
	ck_assert_msg(!g_unichar_isspace(g_utf8_get_char(label)) &&
			      !g_unichar_isspace(
				      g_utf8_get_char(g_utf8_find_prev_char(label, label + len))),
		"blanks around \"%s\"", label);
}

void safe_assert_marker(const char *url, const char *serial)
{
	P11KitUri *uri = p11_kit_uri_new();
	CK_TOKEN_INFO *info;
	gsize len;

	ck_assert_ptr_nonnull(url);
	len = strlen(url);
	while (len > 0 && url[len - 1] == '\n')
		len--;
	for (gsize i = 0; i < len; i++)
		ck_assert_msg(
			url[i] > 0x20 && url[i] < 0x7f, "byte 0x%02x in %s", (guint8)url[i], url);
	g_autofree char *line = g_strndup(url, len);

	ck_assert_int_eq(p11_kit_uri_parse(line, P11_KIT_URI_FOR_ANY, uri), P11_KIT_URI_OK);
	ck_assert_str_eq(p11_kit_uri_get_vendor_query(uri, "x-certprop"), "1");
	ck_assert_str_eq(p11_kit_uri_get_vendor_query(uri, "x-endpoint"), "local");
	info = p11_kit_uri_get_token_info(uri);
	if (serial != NULL)
		ck_assert_mem_eq(info->serialNumber, serial, strlen(serial));
	p11_kit_uri_free(uri);
}
