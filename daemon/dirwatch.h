/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Directories in which something may happen, watched by inotify from the main loop.
 */

#include <gio/gio.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* What is asked for: of what is not there only the coming matters. */
typedef enum {
	DIRWATCH_COMES,   /* an entry comes */
	DIRWATCH_CHANGES, /* or goes, or was written */
	DIRWATCH_MODES,   /* or has other rights, or the directory itself has */
} DirwatchWhat;

typedef struct DirwatchFuncs {
	/* Something has happened to `name` in `dir`; "" is the directory itself, or anything in it.
	   `ended`: somebody has written and closed it, or it is gone. */
	void (*event)(const char *dir, const char *name, bool ended, gpointer data);
	/* That was all for now. May stop the watch. */
	void (*done)(gpointer data);
} DirwatchFuncs;

typedef struct Dirwatch Dirwatch;

/* `max`: so many directories, no more. */
Dirwatch *dirwatch_new(const DirwatchFuncs *funcs, unsigned max, gpointer data);
Dirwatch *dirwatch_free(Dirwatch *watch);
/* Between these two everything that is to be watched is named, some of it perhaps again and with
   more; what is not is dropped. Errors: LIMIT when there are too many, FAILED; a directory that is
   not there is no error. */
bool dirwatch_begin(Dirwatch *watch, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool dirwatch_add(Dirwatch *watch, const char *dir, DirwatchWhat what,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void dirwatch_end(Dirwatch *watch);
/* Hands on what has happened so far. */
void dirwatch_drain(Dirwatch *watch);
/* Watches nothing any more. */
void dirwatch_stop(Dirwatch *watch);

G_END_DECLS
