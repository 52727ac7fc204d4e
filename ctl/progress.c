/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The line is written when the timer of the main loop that waits fires, and erased when the wait is
 * over. `what` is a literal of ours: nothing foreign gets here.
 */

#include "progress.h"

#include <glib.h>
#include <stdio.h>
#include <unistd.h>

#define PROGRESS_AFTER_MS 500

static guint timer;
static gboolean shown;

static gboolean on_timer(gpointer data)
{
	timer = 0;
	shown = TRUE;
	fprintf(stderr, "%s\r", (const char *)data);
	fflush(stderr);

	return G_SOURCE_REMOVE;
}

void progress_start(const char *what)
{
	if (timer == 0 && !shown && isatty(STDERR_FILENO) != 0)
		timer = g_timeout_add(PROGRESS_AFTER_MS, on_timer, (gpointer)what);
}

void progress_stop(void)
{
	g_clear_handle_id(&timer, g_source_remove);
	if (shown) {
		fputs("\033[K", stderr);
		fflush(stderr);
	}
	shown = FALSE;
}
