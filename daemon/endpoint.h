/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One PC/SC service ("local" is this machine's pcscd): its watcher and its readers. A redirected
 * one has a socket that comes and goes, and its watcher with it.
 */

#include <gio/gio.h>
#include <stdbool.h>

#include "config.h"
#include "reader.h"
#include "spot.h"
#include "watcher.h"

G_BEGIN_DECLS

typedef struct Endpoint {
	Manager *manager;
	char *name;
	Spot *spot;       /* NULL for the local one */
	unsigned epoch;   /* of the socket that the watcher has */
	Watcher *watcher; /* NULL: there is no socket that may be used */
	gint64 started;   /* monotonic: when it was */
	guint start_source;
	const char *word; /* of its state; static */
	WireService service;
	guint32 code;
	char *detail;
	bool heard;           /* something was, even if it was only why nothing can be heard */
	GPtrArray *readers;   /* Reader, in the service's order */
	bool removal_due;     /* a card went, and nobody has looked yet what that means */
	guint opening_source; /* its watcher has just been started and said nothing yet */

	/* of a redirected one: nothing that it claims goes before, nor while it opens */
	gint64 grace_until; /* monotonic; 0: no grace runs */
	guint grace_source;
	bool deaf; /* its watcher fails, or nobody may look: that says nothing about the client */
} Endpoint;

/* Starts its watcher, or waits for its socket. `site` is NULL for the local one. */
Endpoint *endpoint_new(Manager *manager, const char *name, const Site *site);
/* Looks at its socket and at all its cards again. */
void endpoint_look(Endpoint *endpoint);
/* It is not wanted any more: its readers leave in good order. */
void endpoint_close(Endpoint *endpoint);
/* Kills what runs. */
void endpoint_free(Endpoint *endpoint);
/* Its readers can be asked. */
bool endpoint_live(const Endpoint *endpoint);
/* Live, and all is known of every card in it. */
bool endpoint_settled(const Endpoint *endpoint);
/* Whatever is known or not known of it now, the client may be just coming back. */
bool endpoint_held(const Endpoint *endpoint);
/* A card was seen to leave: whatever was waited for, it is not this. */
void endpoint_card_left(Endpoint *endpoint);
/* A scan runs in it. */
bool endpoint_busy(const Endpoint *endpoint);
/* Cards are read one after the other here: lets the next one have its turn. */
void endpoint_next(Endpoint *endpoint);
/* A card's leaving means something to the policy. */
bool endpoint_removal_matters(const Endpoint *endpoint, const Config *config);

G_END_DECLS
