/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The daemon's state: endpoints, their readers, the configuration, and the looks that these lead
 * to.
 */

#include <gio/gio.h>
#include <stdbool.h>

#include "batch.h"
#include "config.h"
#include "endpoint.h"
#include "event.h"
#include "presence.h"
#include "reader.h"
#include "redirected.h"
#include "report.h"
#include "vigil.h"

G_BEGIN_DECLS

struct Manager {
	Config *config;    /* never NULL */
	GPtrArray *faults; /* ConfigFault: what the last load had to say */
	char *host;
	gint64 since;         /* Unix seconds; where the session begins, as far as we know */
	GPtrArray *endpoints; /* Endpoint, the local one first */
	Redirected *redirected;
	GPtrArray *leaving;   /* Reader: gone, and a store still ends its work for it */
	GPtrArray *databases; /* ManagerDatabase */
	Batch *batch;         /* the store alone */
	Vigil *vigil;         /* NULL: the session ends */
	EventFunc event;
	gpointer event_data;
	void (*ended)(gpointer data); /* manager_end()'s */
	gpointer ended_data;
	guint end_source;
};

/* A database as the last batch found it. */
typedef struct ManagerDatabase {
	char *path, *application, *profile, *status, *reason;
} ManagerDatabase;

/* Takes the configuration and what its loading had to say. */
Manager *manager_new(Config *config, GPtrArray *faults, EventFunc event, gpointer data);
Manager *manager_free(Manager *manager);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Manager, manager_free)
/* Starts the watchers. */
void manager_start(Manager *manager);
/* Looks at everything again. */
void manager_look(Manager *manager);
/* Takes the new configuration as a whole, or keeps the old. */
bool manager_reload(Manager *manager);
/* The session ends: carries out [local] on-logout, at most for a few seconds, then calls `done`
   from the main loop, once. Nothing else is done any more. */
void manager_end(Manager *manager, void (*done)(gpointer data), gpointer data);

/* For endpoints, readers and batches. */

void manager_say(Manager *manager, const Event *event);
/* What is live and what is present now, for a PipelineRequest. */
Presence *manager_presence(const Manager *manager) G_GNUC_WARN_UNUSED_RESULT;
/* char *: the names of all readers of the endpoint but this. */
GPtrArray *manager_other_readers(
	const Manager *manager, const Reader *reader) G_GNUC_WARN_UNUSED_RESULT;
/* The endpoint of that name; NULL: it is gone, and a reader of it still leaves. */
Endpoint *manager_endpoint(const Manager *manager, const char *name);
/* Says what a store reported, and remembers its databases. Returns whether it is worth trying
   again. */
bool manager_take_report(
	Manager *manager, const Report *report, const char *endpoint, const char *reader);
void manager_say_step(Manager *manager, const ReportDatabase *database, const ReportStep *step,
	const char *endpoint, const char *reader);
/* A card came, went or changed: what was confirmed so far is void. */
void manager_changed(Manager *manager, const char *endpoint, bool removed);
/* Looks again at what is read, or being read: the databases are not as the last look left them. */
void manager_look_cards(Manager *manager);
/* A look has ended, or there is none to be made. */
void manager_settle(Manager *manager);
/* A reader of `leaving` has nothing left to do. */
void manager_reader_left(Manager *manager, Reader *reader);

G_END_DECLS
