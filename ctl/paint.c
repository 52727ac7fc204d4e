/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only place where certpropctl writes to the terminal, so that nothing can forget to escape. A
 * card may call itself "\e]0;..."; what is printed passes text_escape() here or in table.c, whole
 * lines at a time, after formatting: no caller has to know which of its arguments is foreign.
 *
 * Text goes out as UTF-8. Only on a terminal that is set to something else it is converted, for a
 * Latin-1 terminal would read the second byte of some characters as a control.
 */

#include "paint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "names.h"
#include "text.h"

static const char *const sequences[] = {
	[PAINT_PLAIN] = "",
	[PAINT_STRONG] = "\033[1m",
	[PAINT_FAINT] = "\033[2m",
	[PAINT_GOOD] = "\033[32m",
	[PAINT_NOTE] = "\033[33m",
	[PAINT_BAD] = "\033[31m",
};

static bool colours;

bool paint_tty(void)
{
	return isatty(STDOUT_FILENO) != 0;
}

void paint_setup(bool never)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	/* https://no-color.org: set and not empty, whatever it says */
	if (never || (no_color != NULL && *no_color != '\0'))
		return;

	colours = paint_tty() && g_strcmp0(term, "dumb") != 0;
}

const char *paint_begin(Paint paint)
{
	return colours ? sequences[paint] : "";
}

const char *paint_end(Paint paint)
{
	return colours && paint != PAINT_PLAIN ? "\033[0m" : "";
}

Paint paint_of_status(const char *status)
{
	return strcmp(status, "ok") == 0 ? PAINT_GOOD : PAINT_NOTE;
}

static void put(FILE *stream, const char *text)
{
	const char *charset;

	if (!isatty(fileno(stream)) || g_get_charset(&charset)) {
		fputs(text, stream);
		return;
	}

	g_autofree char *local =
		g_convert_with_fallback(text, -1, charset, "UTF-8", "?", NULL, NULL, NULL);
	if (local != NULL)
		fputs(local, stream);
}

void paint_line(Paint paint, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *line = g_strdup_vprintf(format, args);
	va_end(args);

	g_autofree char *safe = text_escape(line);
	g_autofree char *painted =
		g_strconcat(paint_begin(paint), safe, paint_end(paint), "\n", NULL);

	put(stdout, painted);
}

void paint_complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *line = g_strdup_vprintf(format, args);
	va_end(args);

	g_autofree char *safe = text_escape(line);
	g_autofree char *whole = g_strconcat(NAME_CTL ": ", safe, "\n", NULL);

	/* what was said before it should stand before it, also in a common log */
	fflush(stdout);
	put(stderr, whole);
}

void paint_raw(const char *text)
{
	put(stdout, text);
}
