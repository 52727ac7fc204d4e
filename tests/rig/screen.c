/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The X server listens on an abstract socket, which belongs to the network namespace of the test,
 * so that no file in /tmp is needed and no display of the machine is in the way. There is no window
 * manager: a program has the keyboard when it takes it, as dialogs do.
 */
#include "screen.h"

#include <check.h>
#include <string.h>

#include "enter.h"
#include "process.h"

#define START_MS 20000

struct RigScreen {
	RigProcess *server;
	char *display;
	char **environment;
};

/* It writes the number of its display when it is ready. */
static bool is_ready(gpointer data)
{
	RigScreen *screen = data;
	g_autofree char *number = rig_process_output(screen->server, NULL);

	if (!rig_process_alive(screen->server)) {
		g_autofree char *errors = rig_process_errors(screen->server);

		ck_abort_msg("Xvfb has ended: %s", errors);
	}
	return strchr(number, '\n') != NULL;
}

RigScreen *rig_screen_new(const RigSpace *space)
{
	const char *argv[] = {"Xvfb", "-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten",
		"tcp", "-nolisten", "unix", "-nolock", NULL};
	RigScreen *screen = g_new0(RigScreen, 1);
	g_autofree char *number = NULL;

	screen->server = rig_process_start(argv, &(RigProcessOptions){.space = space});
	rig_wait_until(is_ready, screen, START_MS, "an X server");
	number = rig_process_output(screen->server, NULL);
	screen->display = g_strconcat(":", g_strstrip(number), NULL);
	screen->environment = g_environ_setenv(g_get_environ(), "DISPLAY", screen->display, TRUE);
	return screen;
}

void rig_screen_free(RigScreen *screen)
{
	if (screen == NULL)
		return;
	rig_process_free(screen->server);
	g_free(screen->display);
	g_strfreev(screen->environment);
	g_free(screen);
}

const char *rig_screen_display(const RigScreen *screen)
{
	return screen->display;
}

bool rig_screen_has_keyboard(const RigScreen *screen, const char *title)
{
	const char *argv[] = {"xdotool", "getwindowfocus", "getwindowname", NULL};
	g_autofree char *name = NULL;
	g_autofree char *errors = NULL;

	return rig_run(argv, screen->environment, &name, &errors) == 0 &&
	       strcmp(g_strchomp(name), title) == 0;
}

void rig_screen_type(const RigScreen *screen, const char *text)
{
	const char *argv[] = {"xdotool", "type", text, NULL};
	const char *finish[] = {"xdotool", "key", "Return", NULL};

	g_free(rig_run_ok(argv, screen->environment));
	g_free(rig_run_ok(finish, screen->environment));
}
