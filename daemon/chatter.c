/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A foreign module may write anything to its standard error, without end and without newlines. The
 * first lines go to the log, cut and escaped; the last one is kept beside, because it is usually
 * the reason why the helper failed. The rest is read and forgotten, so that the writer does not
 * block.
 */

#include "chatter.h"

#include <string.h>

#include "log.h"

Chatter *chatter_new(const char *program, const char *endpoint, const char *reader)
{
	Chatter *chatter = g_new0(Chatter, 1);

	chatter->program = g_strdup(program);
	chatter->endpoint = g_strdup(endpoint);
	chatter->reader = g_strdup(reader);
	chatter->line = g_string_sized_new(128);
	return chatter;
}

Chatter *chatter_free(Chatter *chatter)
{
	if (chatter == NULL)
		return NULL;

	g_free(chatter->program);
	g_free(chatter->endpoint);
	g_free(chatter->reader);
	g_string_free(chatter->line, TRUE);
	g_free(chatter->last);
	g_free(chatter);
	return NULL;
}

static void end_line(Chatter *chatter)
{
	const LogContext context = {
		.helper = chatter->program,
		.endpoint = chatter->endpoint,
		.reader = chatter->reader,
	};
	g_autofree char *line = NULL;

	g_strchomp(chatter->line->str);
	if (chatter->line->str[0] == '\0') {
		g_string_truncate(chatter->line, 0);
		return;
	}

	line = g_utf8_make_valid(chatter->line->str, -1);
	g_string_truncate(chatter->line, 0);
	if (chatter->n_lines < CHATTER_LINES_MAX)
		log_say(G_LOG_LEVEL_INFO, &context, "%s: %s", chatter->program, line);
	else if (chatter->n_lines == CHATTER_LINES_MAX)
		log_say(G_LOG_LEVEL_INFO, &context, "%s: … and more, not shown", chatter->program);
	chatter->n_lines++;

	g_free(chatter->last);
	chatter->last = g_steal_pointer(&line);
}

bool chatter_push(Chatter *chatter, const char *data, gsize len)
{
	chatter->n_bytes += len;
	if (chatter->n_bytes > CHATTER_BYTES_MAX)
		return false;

	for (gsize i = 0; i < len; i++) {
		if (data[i] == '\n')
			end_line(chatter);
		else if (data[i] != '\0' && chatter->line->len < CHATTER_LINE_MAX)
			g_string_append_c(chatter->line, data[i]);
	}

	return true;
}

void chatter_end(Chatter *chatter)
{
	end_line(chatter);
}
