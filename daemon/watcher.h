/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One certprop-watch and what it says of its endpoint: the service's state and every reader. Used
 * by the daemon for as long as it lives and by certpropctl for one command.
 */

#include <gio/gio.h>
#include <stdbool.h>

#include "wire.h"

G_BEGIN_DECLS

#define WATCHER_READERS_MAX 64u

typedef struct WatcherReader {
	char *name;
	unsigned ordinal; /* tells readers of one name apart */
	guint32 flags;    /* WireReaderFlags */
	guint32 counter;  /* pcscd's event counter, 16 bits */
	GBytes *atr;
} WatcherReader;

typedef struct WatcherView {
	WireService service;
	guint32 code; /* SCARD code behind it */
	char *detail;
	GPtrArray *readers; /* WatcherReader, in pcscd's order */
} WatcherView;

/* "ok", "absent", "denied", "incompatible", "failed", "unknown" */
const char *watcher_service_word(WireService service);
/* The reader of that name and ordinal, or NULL. Borrowed. */
const WatcherReader *watcher_view_find(const WatcherView *view, const char *name, unsigned ordinal);

typedef struct Watcher Watcher;

/* Called after every whole report, and with service UNKNOWN when the helper died (it is restarted
   with back-off, unless it was started `once`). */
typedef void (*WatcherFunc)(Watcher *watcher, gpointer data);

/* Starts the helper. `once`: it reports one view and ends. `socket`: of a redirected endpoint, else
   NULL. Both texts are copied. The caller keeps the object and frees it with watcher_free(), which
   kills the helper. */
Watcher *watcher_new(
	const char *endpoint, const char *socket, bool once, WatcherFunc func, gpointer data);
Watcher *watcher_free(Watcher *watcher);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Watcher, watcher_free)

const WatcherView *watcher_view(const Watcher *watcher);
/* Why there is no view at all (helper missing, ...), or NULL. */
const GError *watcher_error(const Watcher *watcher);
/* The system cannot start the helper: waiting for its first word is of no use. */
bool watcher_unstartable(const Watcher *watcher);
/* If that is so, do not try again. For who waits for an answer. */
void watcher_set_impatient(Watcher *watcher);

G_END_DECLS
