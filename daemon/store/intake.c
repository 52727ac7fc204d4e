/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Listening with a deadline. The scan's end of stream without END is how the store learns that the
 * scan was killed: the daemon does that when the reader changed. The end of the request's stream is
 * no error: a caller that will not confirm may close it; that is a no.
 */

#include "intake.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "error.h"
#include "text.h"

#define CHUNK_MAX             16384u
#define REQUEST_SECONDS       10
#define SCAN_EXTRA_SECONDS    10 /* beyond the scan's own deadline, which the daemon keeps */
#define CONFIRM_EXTRA_SECONDS 30 /* beyond that of the second reading */

typedef struct Stream {
	int fd; /* -1 once it has ended */
	WireReader *frames;
} Stream;

struct Intake {
	Stream request;
	Stream scan;
	bool answered;
	WireConfirm confirm;
};

Intake *intake_new(int request_fd, int scan_fd)
{
	Intake *intake = g_new0(Intake, 1);

	intake->request = (Stream){request_fd, wire_reader_new()};
	intake->scan = (Stream){scan_fd, wire_reader_new()};
	return intake;
}

Intake *intake_free(Intake *intake)
{
	if (intake == NULL)
		return NULL;

	wire_reader_free(intake->request.frames);
	wire_reader_free(intake->scan.frames);
	g_free(intake);
	return NULL;
}

/* Takes in what is there. After the end of the stream, fd is -1. */
static bool stream_read(Stream *stream, GError **error)
{
	guint8 chunk[CHUNK_MAX];
	ssize_t n = read(stream->fd, chunk, sizeof chunk);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n < 0) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"Reading from descriptor %d failed: %s", stream->fd, g_strerror(errno));
		stream->fd = -1;
		return false;
	}
	if (n == 0)
		stream->fd = -1;
	else
		wire_reader_push(stream->frames, chunk, (gsize)n);

	return true;
}

/* Waits until one of the streams (b may be NULL) has something and takes it in. */
static bool wait_for(Stream *a, Stream *b, gint64 deadline, const char *what, GError **error)
{
	struct pollfd fds[2] = {
		{.fd = a->fd, .events = POLLIN}, {.fd = b != NULL ? b->fd : -1, .events = POLLIN}};
	gint64 left = (deadline - g_get_monotonic_time()) / 1000;
	int n = left > 0 ? poll(fds, 2, (int)MIN(left, G_MAXINT)) : 0;

	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_TIMEOUT, "Waited in vain for %s",
			what);
		return false;
	}
	if (fds[0].revents != 0 && !stream_read(a, error))
		return false;
	if (fds[1].revents != 0 && !stream_read(b, error))
		return false;

	return true;
}

static gint64 in_seconds(gint64 seconds)
{
	return g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
}

/* Every whole frame that is there. Nothing may follow RUN but CONFIRM: what is left stays. */
static bool take_request(Intake *intake, Request *request, GError **error)
{
	while (!request->complete) {
		int r = wire_reader_next(intake->request.frames, error);

		if (r <= 0)
			return r == 0;
		if (!request_add(request, intake->request.frames, error))
			return false;
	}

	return true;
}

Request *intake_request(Intake *intake, GError **error)
{
	g_autoptr(Request) request = request_new();
	gint64 deadline = in_seconds(REQUEST_SECONDS);

	for (;;) {
		if (!take_request(intake, request, error))
			return NULL;
		if (request->complete)
			return g_steal_pointer(&request);
		if (intake->request.fd < 0)
			break;
		if (!wait_for(&intake->request, NULL, deadline, "the request", error))
			return NULL;
	}

	g_set_error_literal(
		error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL, "The request ended before RUN");
	return NULL;
}

/* A CONFIRM among the request's frames; anything else there is a reason not to believe any. */
static void take_confirm(Intake *intake)
{
	g_autoptr(GError) error = NULL;
	WireReader *frames = intake->request.frames;
	int r;

	while (!intake->answered && (r = wire_reader_next(frames, &error)) != 0) {
		guint64 confirm = r > 0 ? wire_get_number(frames) : WIRE_CONFIRM_NO;
		g_autofree char *why = r > 0 ? wire_get_text(frames, WIRE_TEXT_MAX) : g_strdup("");
		g_autofree char *safe = text_escape(why);
		bool good = r > 0 && frames->type == WIRE_STORE_CONFIRM &&
			    confirm <= WIRE_CONFIRM_OPEN && wire_reader_done(frames, &error);

		if (!good || confirm != WIRE_CONFIRM_YES)
			g_printerr("The scan was not confirmed: %s\n",
				good ? safe : "the answer is ill-formed");
		intake->answered = true;
		intake->confirm = good ? (WireConfirm)confirm : WIRE_CONFIRM_NO;
	}
}

/* Every whole frame of the scan that is there. */
static bool take_scan(Intake *intake, const Request *request, Scanned *scanned, GError **error)
{
	while (!scanned->ended) {
		int r = wire_reader_next(intake->scan.frames, error);

		if (r <= 0)
			return r == 0;
		if (!scanned_add(scanned, request, intake->scan.frames, error))
			return false;
	}

	return true;
}

static gint64 scan_seconds(const Request *request)
{
	return (gint64)config_scan_seconds(request->config, request->endpoint);
}

bool intake_scan(Intake *intake, const Request *request, Scanned *scanned,
	void (*look)(gpointer data), gpointer data, GError **error)
{
	gint64 deadline = in_seconds(scan_seconds(request) + SCAN_EXTRA_SECONDS);

	for (;;) {
		unsigned before = scanned->n_certs;

		take_confirm(intake); /* that it does not count can be said before we ask */
		if (!take_scan(intake, request, scanned, error))
			return false;
		if (scanned->ended && (!intake->answered || intake->confirm == WIRE_CONFIRM_YES))
			return true;
		if (scanned->ended)
			break;
		if (intake->scan.fd < 0)
			break;
		if (scanned->n_certs > before)
			look(data);
		if (!wait_for(&intake->scan, &intake->request, deadline, "the scan", error))
			return false;
	}

	g_set_error_literal(error, CERTPROP_ERROR, CERTPROP_ERROR_CHANGED,
		"The scan was cut short: the card or the reader changed, or the module failed");
	return false;
}

WireConfirm intake_confirmed(Intake *intake, const Request *request)
{
	gint64 deadline = in_seconds(scan_seconds(request) + CONFIRM_EXTRA_SECONDS);
	g_autoptr(GError) error = NULL;

	for (;;) {
		take_confirm(intake);
		if (intake->answered)
			return intake->confirm;
		if (intake->request.fd < 0)
			return WIRE_CONFIRM_NO;
		if (!wait_for(&intake->request, NULL, deadline, "a confirmation", &error)) {
			g_printerr("%s; the scan counts as not confirmed\n", error->message);
			return WIRE_CONFIRM_NO;
		}
	}
}
