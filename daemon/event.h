/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One thing that happened, for the log and for the bus. Everything is borrowed for the moment of
 * the call; NULL where it does not apply.
 */

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
	EVENT_SERVICE, /* an endpoint's PC/SC service changed; `reason` says to what */
	EVENT_CARD_IN,
	EVENT_CARD_OUT,
	EVENT_SCAN,     /* a scan starts; `reason` is its module */
	EVENT_PROGRESS, /* it goes on; `reason` says how far it is. Of slow readers only */
	EVENT_READ,     /* a token was read, or with `reason` no module knows the card */
	EVENT_SCAN_FAILED,
	EVENT_CREATE,
	EVENT_CLAIM,
	EVENT_RELEASE,
	EVENT_DELETE,
	EVENT_ERROR,
	EVENT_RELOAD,
} EventKind;

typedef struct Event {
	EventKind kind;
	const char *endpoint;
	const char *reader;
	const char *token; /* label */
	const char *sha256;
	const char *nickname;
	const char *database;
	const char *reason;
} Event;

typedef void (*EventFunc)(const Event *event, gpointer data);

/* As on the bus: "card-in", … */
const char *event_word(EventKind kind);
void event_log(const Event *event);

G_END_DECLS
