/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The results as frames. They are not gathered: certprop-store parses and judges one certificate
 * while the card is asked for the next.
 */

#include "frames.h"

#include <stdlib.h>
#include <unistd.h>

#include "error.h"

/* Nobody reads any more: there is nobody to tell, either. */
static void must(bool sent)
{
	if (!sent)
		_exit(EXIT_FAILURE);
}

static void send_token(const char *slot, const Token *token, bool initialized, gpointer data)
{
	const Frames *frames = data;

	must(wire_send(frames->fd, NULL, WIRE_SCAN_TOKEN, "ttttn", token->manufacturer,
		token->model, token->serial, token->label, (guint64)initialized));
}

static void send_cert(const P11Cert *cert, gpointer data)
{
	Frames *frames = data;

	must(wire_send(frames->fd, NULL, WIRE_SCAN_CERT, "btnb", cert->id, cert->id_len,
		cert->label, (guint64)cert->key, cert->der, cert->der_len));
	frames->n_certs++;
}

static void send_note(const char *text, gpointer data)
{
	const Frames *frames = data;

	must(wire_send(frames->fd, NULL, WIRE_SCAN_NOTE, "t", text));
}

const P11Sink frames_sink = {send_token, send_cert, send_note};

int frames_end(const Frames *frames, const GError *error)
{
	guint64 code = error == NULL ? 0 : (guint64)error->code + 1;

	must(wire_send(frames->fd, NULL, WIRE_SCAN_END, "nnt", code, frames->n_certs,
		error == NULL ? "" : error->message));
	return error == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}
