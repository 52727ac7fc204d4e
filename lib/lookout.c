/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An inotify watch sits on the deepest directory of the path that exists; when the next part of the
 * path appears, the watch moves down. In the last directory everything that happens to the name
 * counts: creation, a change of mode (pcscd's chmod comes after its listen(), so that this is the
 * moment when it can be reached), renaming, removal. A directory that may not be read cannot be
 * watched; then the one above it tells when that changes. Nor is one watched that is mounted from
 * elsewhere and may not answer.
 *
 * What inotify does not see (another host's doings on a network file system, a link in the path
 * that is turned) is not seen here.
 */

#include "lookout.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "ground.h"

#define DIRECTORY_EVENTS                                                                    \
	(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | \
		IN_MOVE_SELF | IN_ONLYDIR)

/* At once: somebody may make events without end. What is left keeps the descriptor readable. */
#define READS_MAX 16u

struct Lookout {
	char *path;
	int inotify;
	int watch;  /* its descriptor; -1: none */
	int error;  /* why there is none */
	char *next; /* the part of the path that is awaited in the watched directory */
	bool last;  /* that part is the path's own name */
};

/* Moves the watch to the deepest directory that exists. The new one is there before the old one
   goes; on the same directory it is the same one. */
static void watch_deepest(Lookout *lookout)
{
	g_autofree char *name = g_strdup(lookout->path);
	int old = lookout->watch, denied = 0;

	lookout->watch = -1;
	while (lookout->inotify >= 0 && strlen(name) > 1) {
		g_autofree char *directory = g_path_get_dirname(name);

		lookout->watch = ground_watch(lookout->inotify, directory, DIRECTORY_EVENTS);
		lookout->error = lookout->watch < 0 ? errno : 0;
		if (lookout->error == EACCES || lookout->error == EXDEV)
			denied = lookout->error;
		else if (lookout->error != ENOENT && lookout->error != ENOTDIR)
			break;
		g_free(name);
		name = g_steal_pointer(&directory);
	}

	lookout->error = lookout->error != 0 ? lookout->error : denied;
	g_free(lookout->next);
	lookout->next = g_path_get_basename(name);
	lookout->last = strcmp(name, lookout->path) == 0;
	if (old >= 0 && old != lookout->watch)
		(void)inotify_rm_watch(lookout->inotify, old);
}

/* The same until it holds: a directory may come just before the one above it is watched. */
static void watch_path(Lookout *lookout)
{
	g_autofree char *next = NULL;

	do {
		g_free(next);
		next = g_strdup(lookout->next);
		watch_deepest(lookout);
	} while (lookout->watch >= 0 && !lookout->last && g_strcmp0(next, lookout->next) != 0);
}

Lookout *lookout_new(const char *path)
{
	Lookout *lookout = g_new0(Lookout, 1);

	lookout->path = g_canonicalize_filename(path, NULL);
	lookout->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	lookout->error = lookout->inotify < 0 ? errno : 0;
	lookout->watch = -1;
	watch_path(lookout);
	return lookout;
}

Lookout *lookout_free(Lookout *lookout)
{
	if (lookout == NULL)
		return NULL;

	if (lookout->inotify >= 0)
		(void)close(lookout->inotify);
	g_free(lookout->path);
	g_free(lookout->next);
	g_free(lookout);
	return NULL;
}

int lookout_fd(const Lookout *lookout)
{
	return lookout->inotify;
}

int lookout_error(const Lookout *lookout)
{
	return lookout->error;
}

const char *lookout_limit(int error)
{
	if (error == EMFILE)
		return " (is fs.inotify.max_user_instances too low?)";
	return error == ENOSPC ? " (is fs.inotify.max_user_watches too low?)" : "";
}

bool lookout_near(const Lookout *lookout)
{
	return lookout->last;
}

/* One event: does it concern the path? */
static bool event_matters(const Lookout *lookout, const struct inotify_event *event)
{
	if ((event->mask & IN_Q_OVERFLOW) != 0)
		return true;
	if (event->wd != lookout->watch)
		return false;
	if ((event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) != 0)
		return true;
	/* Without a name it is the directory's own mode or owner that has changed. */
	return event->len == 0 || strcmp(event->name, lookout->next) == 0;
}

bool lookout_take(Lookout *lookout)
{
	_Alignas(struct inotify_event) char buffer[4096];
	bool matters = false;
	ssize_t n;

	for (unsigned i = 0; i < READS_MAX; i++) {
		n = read(lookout->inotify, buffer, sizeof buffer);
		if (n <= 0)
			break;
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event = (const void *)(buffer + at);

			matters = event_matters(lookout, event) || matters;
			at += (ssize_t)(sizeof *event + event->len);
		}
	}

	/* Also in the last directory: it may be a new one of the old name. */
	if (matters)
		watch_path(lookout);
	return matters;
}
