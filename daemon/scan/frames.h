/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What certprop-scan says to certprop-store: WIRE_SCAN_* frames, each sent as soon as it is known.
 */

#include "p11.h"

G_BEGIN_DECLS

typedef struct Frames {
	int fd;
	guint64 n_certs;
} Frames;

/* A sink whose data is a Frames. Ends the process when nobody reads any more. */
extern const P11Sink frames_sink;

/* `error` is NULL when the scan was complete. Returns the exit status. */
int frames_end(const Frames *frames, const GError *error);

G_END_DECLS
