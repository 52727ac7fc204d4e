/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * All that the doctor looks at, gathered once by the same means as the other commands have. The
 * checks read it.
 */

#include "ctl.h"
#include "finding.h"
#include "listing.h"
#include "live.h"
#include "look.h"
#include "probe.h"

G_BEGIN_DECLS

typedef struct Chart {
	const Config *config;    /* in effect; the built-in one where the files are faulty */
	const GPtrArray *faults; /* ConfigFault */
	gint64 now;              /* Unix seconds */
	gint64 made;             /* when this program was put here; 0: unknown */

	Live *live; /* the daemon's word */
	GPtrArray
		*endpoints; /* const SeenEndpoint: of the look, and those that the daemon told of */
	Look *look; /* of our own, a dry run; at the redirected readers only without a daemon */
	const Report *databases; /* all of them with their status; NULL: see databases_error */
	const Report *modules;   /* and by which ways they come to the modules */
	GError *databases_error, *modules_error;
	GPtrArray *loads; /* Probe: each module without a card */
	GPtrArray *reads; /* Probe: each card that can be read, through each module that loads */

	Config *built_in;                      /* private */
	Listing *status_listing, *way_listing; /* private */
} Chart;

/* Takes as long as reading the cards twice. Changes nothing. */
Chart *chart_take(const Ctl *ctl);
Chart *chart_free(Chart *chart);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Chart, chart_free)

/* This machine's own service, as the look saw it. */
const SeenEndpoint *chart_local(const Chart *chart);
/* Its readers, if it answers; else NULL. SeenReader. */
const GPtrArray *chart_readers(const Chart *chart);
/* Some redirected endpoint answers. */
bool chart_is_redirected(const Chart *chart);
/* The module's own probe, by the name in the configuration. */
const Probe *chart_load(const Chart *chart, const char *module);

/* One step each: adds what it finds. */
void check_configuration(const Chart *chart, GPtrArray *findings);
void check_clock(const Chart *chart, GPtrArray *findings);
void check_service(const Chart *chart, GPtrArray *findings);
void check_readers(const Chart *chart, GPtrArray *findings);
void check_cards(const Chart *chart, GPtrArray *findings);
void check_modules(const Chart *chart, GPtrArray *findings);
void check_certificates(const Chart *chart, GPtrArray *findings);
void check_keys(const Chart *chart, GPtrArray *findings);
void check_databases(const Chart *chart, GPtrArray *findings);
void check_registration(const Chart *chart, GPtrArray *findings);
void check_applications(const Chart *chart, GPtrArray *findings);
void check_daemon(const Chart *chart, GPtrArray *findings);
void check_propagation(const Chart *chart, GPtrArray *findings);
void check_endpoints(const Chart *chart, GPtrArray *findings);

G_END_DECLS
