/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keeps one certprop-watch running and takes its frames. A view is shown only when it is whole.
 * When the helper dies, what it said is not true any more: the view becomes UNKNOWN at once, and
 * the helper is started again after a pause that grows until one has lived for a while.
 */

#include "watcher.h"

#include <string.h>

#include "error.h"
#include "helper.h"
#include "log.h"
#include "names.h"

#define ONCE_DEADLINE_MS   5000u
#define RESTART_FIRST_MS   250u
#define RESTART_LAST_MS    60000u
#define STEADY_US          (10 * G_USEC_PER_SEC) /* a helper that lived so long is in order */
#define WATCHER_ATR_MAX    64u
#define WATCHER_DETAIL_MAX 1024u

struct Watcher {
	char *endpoint;
	char *socket; /* or NULL */
	bool once;
	bool impatient;
	WatcherFunc func;
	gpointer data;

	Helper *helper;
	GError *error;
	WatcherView *view; /* never NULL */
	WatcherView *next; /* between BEGIN and END */
	bool shown;        /* at least one view of this helper was */
	bool unstartable;  /* the last try to start it failed */
	unsigned pause_ms;
	gint64 started; /* monotonic */
	guint restart_source;
};

static void start(Watcher *watcher);

const char *watcher_service_word(WireService service)
{
	switch (service) {
	case WIRE_SERVICE_UNKNOWN:
		return "unknown";
	case WIRE_SERVICE_OK:
		return "ok";
	case WIRE_SERVICE_ABSENT:
		return "absent";
	case WIRE_SERVICE_DENIED:
		return "denied";
	case WIRE_SERVICE_INCOMPATIBLE:
		return "incompatible";
	case WIRE_SERVICE_FAILED:
		return "failed";
	}

	return "unknown";
}

static void reader_free(WatcherReader *reader)
{
	g_free(reader->name);
	g_bytes_unref(reader->atr);
	g_free(reader);
}

static WatcherView *view_new(void)
{
	WatcherView *view = g_new0(WatcherView, 1);

	view->detail = g_strdup("");
	view->readers = g_ptr_array_new_with_free_func((GDestroyNotify)reader_free);
	return view;
}

static WatcherView *view_free(WatcherView *view)
{
	if (view == NULL)
		return NULL;

	g_free(view->detail);
	g_ptr_array_unref(view->readers);
	g_free(view);
	return NULL;
}

const WatcherReader *watcher_view_find(const WatcherView *view, const char *name, unsigned ordinal)
{
	for (guint i = 0; i < view->readers->len; i++) {
		const WatcherReader *reader = g_ptr_array_index(view->readers, i);

		if (reader->ordinal == ordinal && strcmp(reader->name, name) == 0)
			return reader;
	}

	return NULL;
}

static void set_view(Watcher *watcher, WatcherView *view)
{
	view_free(watcher->view);
	watcher->view = view;
}

static void begin(Watcher *watcher, WireReader *frame)
{
	guint64 service = wire_get_number(frame);

	watcher->next = view_free(watcher->next);
	watcher->next = view_new();
	watcher->next->service =
		service <= WIRE_SERVICE_FAILED ? (WireService)service : WIRE_SERVICE_FAILED;
	watcher->next->code = (guint32)wire_get_number(frame);
	g_free(watcher->next->detail);
	watcher->next->detail = wire_get_text(frame, WATCHER_DETAIL_MAX);
}

static bool add_reader(Watcher *watcher, WireReader *frame, GError **error)
{
	WatcherReader *reader = g_new0(WatcherReader, 1);
	bool twice;

	reader->name = wire_get_text(frame, WIRE_NAME_MAX);
	reader->ordinal = (unsigned)wire_get_number(frame);
	reader->flags = (guint32)wire_get_number(frame);
	reader->counter = (guint32)wire_get_number(frame);
	reader->atr = wire_get_bytes(frame, WATCHER_ATR_MAX);
	twice = watcher_view_find(watcher->next, reader->name, reader->ordinal) != NULL;
	g_ptr_array_add(watcher->next->readers, reader);

	if (twice) {
		g_set_error_literal(error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL,
			"it named one reader twice");
		return false;
	}
	return wire_reader_done(frame, error);
}

static bool on_frame(Helper *helper, WireReader *frame, gpointer data, GError **error)
{
	Watcher *watcher = data;
	guint type = frame->type;

	if (type == WIRE_WATCH_BEGIN) {
		begin(watcher, frame);
		return wire_reader_done(frame, error);
	}
	if (type == WIRE_WATCH_READER && watcher->next != NULL &&
		watcher->next->readers->len < WATCHER_READERS_MAX)
		return add_reader(watcher, frame, error);
	if (type != WIRE_WATCH_END || watcher->next == NULL) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL,
			"a frame of type 0x%02x came where none belongs, or too many readers",
			type);
		return false;
	}
	if (!wire_reader_done(frame, error))
		return false;

	g_clear_error(&watcher->error);
	watcher->shown = true;
	set_view(watcher, g_steal_pointer(&watcher->next));
	watcher->func(watcher, watcher->data); /* may free the watcher */
	return true;
}

static gboolean on_restart(gpointer data)
{
	Watcher *watcher = data;

	watcher->restart_source = 0;
	start(watcher);
	return G_SOURCE_REMOVE;
}

/* The helper is gone, or was never there. */
static void lost(Watcher *watcher, const GError *error)
{
	const LogContext context = {.endpoint = watcher->endpoint, .helper = NAME_WATCH};

	watcher->helper = helper_free(watcher->helper);
	watcher->next = view_free(watcher->next);
	set_view(watcher, view_new());
	g_clear_error(&watcher->error);
	watcher->error = g_error_copy(error);

	if (!watcher->once && !(watcher->impatient && watcher->unstartable)) {
		/* One view is no proof: it may die each time right after it. */
		if (g_get_monotonic_time() - watcher->started > STEADY_US)
			watcher->pause_ms = RESTART_FIRST_MS;
		log_say(G_LOG_LEVEL_WARNING, &context, "%s; starting it again in %.1f s",
			error->message, watcher->pause_ms / 1000.0);
		watcher->restart_source = g_timeout_add(watcher->pause_ms, on_restart, watcher);
		watcher->pause_ms = MIN(watcher->pause_ms * 2, RESTART_LAST_MS);
	}
	watcher->func(watcher, watcher->data); /* may free the watcher */
}

static void on_ended(Helper *helper, const GError *error, gpointer data)
{
	Watcher *watcher = data;
	g_autoptr(GError) silent = NULL;

	/* It has done what it was started for; how it ends does not matter. */
	if (watcher->once && watcher->shown) {
		watcher->helper = helper_free(watcher->helper);
		return;
	}
	if (error == NULL)
		silent = g_error_new_literal(CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			NAME_WATCH " ended without being asked to");
	watcher->unstartable = helper_unloadable(helper);
	lost(watcher, error != NULL ? error : silent);
}

static gboolean on_start_failed(gpointer data)
{
	Watcher *watcher = data;
	g_autoptr(GError) error = g_steal_pointer(&watcher->error);

	watcher->restart_source = 0;
	lost(watcher, error);
	return G_SOURCE_REMOVE;
}

static void start(Watcher *watcher)
{
	static const HelperFuncs funcs = {.frame = on_frame, .ended = on_ended};
	const char *args[] = {
		"--endpoint", watcher->endpoint, watcher->once ? "--once" : NULL, NULL};
	const HelperSpec spec = {
		.program = NAME_WATCH,
		.args = args,
		.endpoint = watcher->endpoint,
		.socket = watcher->socket,
		.output = -1,
		.extra = -1,
		.deadline_ms = watcher->once ? ONCE_DEADLINE_MS : 0,
	};

	g_clear_error(&watcher->error);
	watcher->started = g_get_monotonic_time();
	watcher->helper = helper_start(&spec, &funcs, watcher, &watcher->error);
	/* The callback never comes from within watcher_new(). */
	watcher->unstartable = watcher->helper == NULL;
	if (watcher->unstartable)
		watcher->restart_source = g_idle_add(on_start_failed, watcher);
}

Watcher *watcher_new(
	const char *endpoint, const char *socket, bool once, WatcherFunc func, gpointer data)
{
	Watcher *watcher = g_new0(Watcher, 1);

	watcher->endpoint = g_strdup(endpoint);
	watcher->socket = g_strdup(socket);
	watcher->once = once;
	watcher->func = func;
	watcher->data = data;
	watcher->view = view_new();
	watcher->pause_ms = RESTART_FIRST_MS;
	start(watcher);
	return watcher;
}

Watcher *watcher_free(Watcher *watcher)
{
	if (watcher == NULL)
		return NULL;

	g_clear_handle_id(&watcher->restart_source, g_source_remove);
	helper_free(watcher->helper);
	view_free(watcher->view);
	view_free(watcher->next);
	g_clear_error(&watcher->error);
	g_free(watcher->endpoint);
	g_free(watcher->socket);
	g_free(watcher);
	return NULL;
}

const WatcherView *watcher_view(const Watcher *watcher)
{
	return watcher->view;
}

const GError *watcher_error(const Watcher *watcher)
{
	return watcher->error;
}

bool watcher_unstartable(const Watcher *watcher)
{
	return watcher->unstartable;
}

void watcher_set_impatient(Watcher *watcher)
{
	watcher->impatient = true;
}
