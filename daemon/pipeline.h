/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One look at one reader: certprop-scan | certprop-store, or certprop-store alone. Starts both,
 * keeps their deadlines, reaps them, decodes the report. The daemon and certpropctl use the same.
 */

#include <gio/gio.h>
#include <stdbool.h>

#include "config.h"
#include "report.h"
#include "token.h"
#include "wire.h"

G_BEGIN_DECLS

/* What is live, told to the store so that it can sweep and remove. */
typedef struct PipelineEndpoint {
	char *name;
	bool live;
	bool settled;
} PipelineEndpoint;

typedef struct PipelinePresent {
	char *endpoint;
	char *reader;
	Token *token;
} PipelinePresent;

typedef struct PipelineRequest {
	WireStoreMode mode;
	guint32 flags;  /* WIRE_STORE_DRY_RUN, WIRE_STORE_LOGOUT */
	gint64 session; /* since when this session runs, Unix seconds; 0: not known */
	const Config *config;
	const char *endpoint;       /* NULL without a scan */
	const char *socket;         /* of that, if it is a redirected one, else NULL */
	const char *reader;         /* NULL without a scan */
	const char *module;         /* as in the configuration; NULL: no scan, the store alone */
	const GPtrArray *others;    /* char *: names of all other readers; NULL: none */
	const char *only;           /* directory of the one database that it is about; NULL: all */
	const GPtrArray *endpoints; /* PipelineEndpoint */
	const GPtrArray *present;   /* PipelinePresent */
	bool expecting;             /* redirected endpoints that are not named may still come */
	bool judged_later;          /* by the owner, whatever happens, once it is known what is in
				       the reader: a reading that the line's end left open takes
				       nothing back */
	const GPtrArray *frames;    /* GBytes: whole frames, sent before RUN; NULL: none */
} PipelineRequest;

typedef struct Pipeline Pipeline;

typedef struct PipelineFuncs {
	/* The scan was read whole and `n` releases or deletions wait. The owner calls
	   pipeline_confirm() when it knows that the reader did not change. NULL: yes at once. */
	void (*pending)(Pipeline *pipeline, unsigned n, gpointer data);
	/* So many certificates have been read so far. NULL: nobody wants to know. */
	void (*progress)(Pipeline *pipeline, unsigned n, gpointer data);
	/* One step of the store, as it happens. May be NULL. */
	void (*step)(Pipeline *pipeline, const ReportDatabase *database, const ReportStep *step,
		gpointer data);
	/* A frame OBJECT or ATTRIBUTE of a purge is current; the object is in `database`. NULL:
	   there are none. */
	bool (*object)(Pipeline *pipeline, const ReportDatabase *database, WireReader *frame,
		gpointer data, GError **error);
	/* Both processes are reaped. `scan_error` and `store_error` are NULL where all went well.
	   Free the pipeline here or later, never before. */
	void (*done)(Pipeline *pipeline, const Report *report, const GError *scan_error,
		const GError *store_error, gpointer data);
} PipelineFuncs;

/* Everything in the request is copied or used before this returns. Never returns NULL: what cannot
   be started is reported through `done`, from the main loop. */
Pipeline *pipeline_start(const PipelineRequest *request, const PipelineFuncs *funcs, gpointer data);
/* The answer to `pending`. With a scan the card is read once more before the store may go on; a
   difference counts as a failed scan. Where the scan only led to additions nobody is asked: the
   card is read again at once, and if it shows something else they are taken back. */
void pipeline_confirm(Pipeline *pipeline, bool unchanged, const char *why);
/* The reader changed: the scan is killed and counts as failed with CHANGED; what the store has
   begun it ends in good order. `done` still comes. */
void pipeline_cancel(Pipeline *pipeline, const char *why);
/* The same, but nothing is known of the card: what was added stays if it is judged later. */
void pipeline_lose(Pipeline *pipeline, const char *why);
/* Kills what still runs; `done` does not come. */
Pipeline *pipeline_free(Pipeline *pipeline);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pipeline, pipeline_free)

/* Where a module named in the configuration is: a path with a slash stays, a bare name is looked up
   where p11-kit looks. */
char *pipeline_module_path(const char *name) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
