/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inotify, on a descriptor of our own in the main loop: GFileMonitor would start a thread for it.
 * It does not say what an event means, nor read anything that is in the directories.
 */

#include "dirwatch.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "error.h"
#include "ground.h"
#include "lookout.h"

#define EVENTS_BYTES 4096u
#define READS_MAX    16u /* at once: somebody may make events without end */

typedef struct Entry {
	char *dir;
	int wd;      /* -1: gone */
	bool wanted; /* since dirwatch_begin() */
} Entry;

struct Dirwatch {
	DirwatchFuncs funcs;
	unsigned max; /* directories */
	gpointer data;
	int fd; /* -1: nothing is watched */
	guint source;
	GPtrArray *entries; /* Entry */
};

static const guint32 masks[] = {
	[DIRWATCH_COMES] = IN_CREATE | IN_MOVED_TO,
	[DIRWATCH_CHANGES] = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE,
	[DIRWATCH_MODES] =
		IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE | IN_ATTRIB,
};

static void entry_free(gpointer data)
{
	Entry *entry = data;

	g_free(entry->dir);
	g_free(entry);
}

Dirwatch *dirwatch_new(const DirwatchFuncs *funcs, unsigned max, gpointer data)
{
	Dirwatch *watch = g_new0(Dirwatch, 1);

	watch->funcs = *funcs;
	watch->max = max;
	watch->data = data;
	watch->fd = -1;
	watch->entries = g_ptr_array_new_with_free_func(entry_free);
	return watch;
}

/* The kernel drops what is watched with the descriptor. */
void dirwatch_stop(Dirwatch *watch)
{
	g_clear_handle_id(&watch->source, g_source_remove);
	if (watch->fd >= 0)
		(void)close(watch->fd);
	watch->fd = -1;
	g_ptr_array_set_size(watch->entries, 0);
}

Dirwatch *dirwatch_free(Dirwatch *watch)
{
	if (watch == NULL)
		return NULL;

	dirwatch_stop(watch);
	g_ptr_array_unref(watch->entries);
	g_free(watch);
	return NULL;
}

/* Events */

/* Two names may lead to one directory, and then share its watch. When events were lost anything may
   have happened anywhere. */
static void on_event(Dirwatch *watch, const struct inotify_event *event)
{
	bool ended = (event->mask & (IN_CLOSE_WRITE | IN_DELETE | IN_Q_OVERFLOW)) != 0;

	for (guint i = 0; i < watch->entries->len; i++) {
		Entry *entry = g_ptr_array_index(watch->entries, i);

		if ((event->mask & IN_Q_OVERFLOW) == 0 && entry->wd != event->wd)
			continue;
		if ((event->mask & IN_IGNORED) != 0)
			entry->wd = -1;
		watch->funcs.event(
			entry->dir, event->len > 0 ? event->name : "", ended, watch->data);
	}
}

void dirwatch_drain(Dirwatch *watch)
{
	_Alignas(struct inotify_event) char buffer[EVENTS_BYTES];
	ssize_t n;

	for (unsigned i = 0; watch->fd >= 0 && i < READS_MAX; i++) {
		n = read(watch->fd, buffer, sizeof buffer);
		if (n <= 0)
			return;
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event = (const void *)(buffer + at);

			on_event(watch, event);
			at += (ssize_t)(sizeof *event + event->len);
		}
	}
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
	Dirwatch *watch = data;

	dirwatch_drain(watch);
	watch->funcs.done(watch->data);
	return G_SOURCE_CONTINUE;
}

/* What is watched */

bool dirwatch_begin(Dirwatch *watch, GError **error)
{
	for (guint i = 0; i < watch->entries->len; i++)
		((Entry *)g_ptr_array_index(watch->entries, i))->wanted = false;
	if (watch->fd >= 0)
		return true;

	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd < 0) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"Starting inotify failed: %s%s", g_strerror(errno), lookout_limit(errno));
		return false;
	}
	watch->source = g_unix_fd_add(watch->fd, G_IO_IN, on_readable, watch);
	return true;
}

static Entry *find(const Dirwatch *watch, const char *dir)
{
	for (guint i = 0; i < watch->entries->len; i++) {
		Entry *entry = g_ptr_array_index(watch->entries, i);

		if (entry->wd >= 0 && strcmp(entry->dir, dir) == 0)
			return entry;
	}
	return NULL;
}

static guint count_wanted(const Dirwatch *watch)
{
	guint n = 0;

	for (guint i = 0; i < watch->entries->len; i++)
		n += ((const Entry *)g_ptr_array_index(watch->entries, i))->wanted;
	return n;
}

static bool is_shared(const Dirwatch *watch, int wd)
{
	for (guint i = 0; i < watch->entries->len; i++) {
		const Entry *entry = g_ptr_array_index(watch->entries, i);

		if (entry->wanted && entry->wd == wd)
			return true;
	}
	return false;
}

/* Another directory has the name now; the old one may live on under another. */
static void drop_old(const Dirwatch *watch, int old, int wd)
{
	if (old >= 0 && old != wd && !is_shared(watch, old))
		(void)inotify_rm_watch(watch->fd, old);
}

bool dirwatch_add(Dirwatch *watch, const char *dir, DirwatchWhat what, GError **error)
{
	Entry *entry = find(watch, dir);
	int old, wd;

	if ((entry == NULL || !entry->wanted) && count_wanted(watch) >= watch->max) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_LIMIT,
			"%s would be more than %u directories", dir, watch->max);
		return false;
	}
	wd = ground_watch(watch->fd, dir,
		masks[what] | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_MASK_ADD);
	if (wd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return true;
	if (wd < 0) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"Watching %s failed: %s%s", dir, ground_strerror(errno),
			lookout_limit(errno));
		return false;
	}

	if (entry == NULL) {
		entry = g_new0(Entry, 1);
		entry->dir = g_strdup(dir);
		entry->wd = -1;
		g_ptr_array_add(watch->entries, entry);
	}
	old = entry->wd;
	entry->wd = wd;
	entry->wanted = true;
	drop_old(watch, old, wd);
	return true;
}

void dirwatch_end(Dirwatch *watch)
{
	for (guint i = watch->entries->len; i > 0; i--) {
		const Entry *entry = g_ptr_array_index(watch->entries, i - 1);

		if (entry->wanted)
			continue;
		if (entry->wd >= 0 && !is_shared(watch, entry->wd))
			(void)inotify_rm_watch(watch->fd, entry->wd);
		g_ptr_array_remove_index(watch->entries, i - 1);
	}
}
