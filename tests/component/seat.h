/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A real system bus of the test's own, and a logind on it that is none: it knows an xrdp session of
 * ours on display 10 (c2, from 192.0.2.8) that follows one that is closing, one on display 11 (c3),
 * and others that must not be taken for those. It answers from a thread, since the question waits
 * in the main loop.
 */

#include <glib.h>

typedef enum {
	SEAT_LOGIND,
	SEAT_SILENT, /* it takes the question and gives no answer */
	SEAT_EMPTY,  /* the bus alone */
} SeatKind;

/* Once a process. DBUS_SYSTEM_BUS_ADDRESS leads there from then on. */
void seat_open(SeatKind kind);
