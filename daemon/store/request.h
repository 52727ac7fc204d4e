/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the store was asked to do: the frames CONTEXT CONFIG* ENDPOINT* PRESENT* SELECT*
 * (OBJECT ATTRIBUTE*)* RUN as one struct, in the terms of lib/plan.h.
 */

#include <glib.h>
#include <stdbool.h>

#include "config.h"
#include "row.h"
#include "select.h"
#include "wire.h"

G_BEGIN_DECLS

#define REQUEST_PRESENT_MAX   1024u
#define REQUEST_OBJECTS_MAX   4096u
#define REQUEST_OBJECTS_BYTES (64u << 20) /* of all their attributes */

/* To be put back. */
typedef struct RequestObject {
	char *path; /* of the database */
	Row *row;
} RequestObject;

typedef struct Request {
	char *host;
	char *endpoint; /* this, reader and module are "" without a scan */
	char *reader;
	char *module;
	char *only; /* the directory of the one database that it is about, or NULL */
	gint64 now;
	gint64 session; /* 0: not known */
	guint64 flags;  /* WireStoreFlags */
	WireStoreMode mode;
	Config *config;
	GPtrArray *endpoints; /* PlanEndpoint */
	GPtrArray *present;   /* PlanPresent */
	Select *select;       /* what a purge takes away */
	GPtrArray *objects;   /* RequestObject, what an undo puts back */

	gsize objects_bytes;
	bool has_context;
	bool complete; /* RUN was seen */
} Request;

Request *request_new(void);
Request *request_free(Request *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Request, request_free)

/* Takes the reader's current frame in. Errors: PROTOCOL, LIMIT, CONFIG. */
bool request_add(Request *request, WireReader *frame, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
