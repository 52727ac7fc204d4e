/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One PC/SC service ("local" is this machine's pcscd): its watcher and its readers.
 */

#include <gio/gio.h>
#include <stdbool.h>

#include "config.h"
#include "reader.h"
#include "watcher.h"

G_BEGIN_DECLS

#define ENDPOINT_LOCAL "local"

typedef struct Endpoint {
	Manager *manager;
	char *name;
	Watcher *watcher;
	WireService service;
	guint32 code;
	char *detail;
	bool heard;         /* something was, even if it was only why nothing can be heard */
	GPtrArray *readers; /* Reader, in the service's order */
	bool removal_due;   /* a card went, and nobody has looked yet what that means */
} Endpoint;

/* Starts its watcher. */
Endpoint *endpoint_new(Manager *manager, const char *name);
/* Kills what runs. */
void endpoint_free(Endpoint *endpoint);
/* Its readers can be asked. */
bool endpoint_live(const Endpoint *endpoint);
/* Live, and all is known of every card in it. */
bool endpoint_settled(const Endpoint *endpoint);
/* A scan runs in it. */
bool endpoint_busy(const Endpoint *endpoint);
/* A card's leaving means something to the policy. */
bool endpoint_removal_matters(const Endpoint *endpoint, const Config *config);

G_END_DECLS
