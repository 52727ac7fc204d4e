/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Commands to a fake, one a line, each answered by one line: "ok …" or "error …". */

#include <glib.h>

#include <stdbool.h>

/* Carries out a line and gives the answer, without newline; *ret_quit is set by "quit". */
typedef char *(*ControlRun)(gpointer fake, const char *line, bool *ret_quit);

typedef struct Control Control;

/* Commands on stdin, answers on stdout; quits at end of file. */
Control *control_new_stdio(ControlRun run, gpointer fake, GMainLoop *loop);
/* Commands on connections to a Unix socket; borrows fake and loop, as above. */
Control *control_new_socket(ControlRun run, gpointer fake, GMainLoop *loop, const char *path,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void control_free(Control *control);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Control, control_free)
