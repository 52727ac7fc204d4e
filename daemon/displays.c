/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watches the home directory for names that come up in it; what happens to them afterwards each
 * endpoint sees to itself (spot.c). chansrv runs on this machine, so this also works where the home
 * is on a network file system.
 */

#include "displays.h"

#include <stdbool.h>

#include "dirwatch.h"
#include "log.h"
#include "route.h"

struct Displays {
	Dirwatch *watch;
	bool due;
	void (*func)(gpointer data);
	gpointer data;
};

/* Without a name anything may have happened: events were lost, or the directory moved. */
static void on_event(const char *dir, const char *name, bool ended, gpointer data)
{
	Displays *displays = data;
	unsigned display;

	displays->due = displays->due || *name == '\0' || route_directory(name, &display);
}

static void on_done(gpointer data)
{
	Displays *displays = data;
	bool due = displays->due;

	displays->due = false;
	if (due)
		displays->func(displays->data); /* may free us */
}

Displays *displays_new(const char *home, void (*func)(gpointer data), gpointer data)
{
	static const DirwatchFuncs funcs = {.event = on_event, .done = on_done};
	Displays *displays = g_new0(Displays, 1);
	g_autoptr(GError) error = NULL;

	displays->func = func;
	displays->data = data;
	displays->watch = dirwatch_new(&funcs, displays);
	if (home == NULL)
		log_say(G_LOG_LEVEL_WARNING, NULL,
			"HOME is no absolute path: new xrdp sessions are not noticed");
	else if (!dirwatch_begin(displays->watch, &error) ||
		 !dirwatch_add(displays->watch, home, DIRWATCH_COMES, &error))
		log_say(G_LOG_LEVEL_WARNING, NULL, "New xrdp sessions are not noticed: %s",
			error->message);
	return displays;
}

Displays *displays_free(Displays *displays)
{
	if (displays == NULL)
		return NULL;

	dirwatch_free(displays->watch);
	g_free(displays);
	return NULL;
}
