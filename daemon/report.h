/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What one certprop-store said: decoded from its frames, for the daemon's log and bus and for
 * certpropctl's text and JSON. Plain data, no behaviour.
 */

#include <glib.h>
#include <stdbool.h>

#include "error.h"
#include "token.h"
#include "wire.h"

G_BEGIN_DECLS

typedef struct ReportToken {
	Token *token;
	char *module;
	guint64 n_certs;
} ReportToken;

typedef struct ReportClaim {
	char *uri;
	Token *token;
	char *id; /* hex */
	char *object, *module, *endpoint, *reader, *host, *since;
} ReportClaim;

typedef struct ReportCert {
	char *sha256, *nickname, *subject, *issuer, *serial;
	gint64 not_before, not_after;
	guint32 flags;     /* WireCertFlags */
	GPtrArray *claims; /* ReportClaim */
} ReportCert;

typedef struct ReportStep {
	char *action, *sha256, *nickname, *reason;
	bool done;
} ReportStep;

/* A way to a module that is there already; see lib/reach.h. */
typedef struct ReportReach {
	char *how, *name, *library, *file;
} ReportReach;

typedef struct ReportModule {
	char *path;
	char *change; /* "", "enable", "disable" */
	bool done;
	char *reason;       /* why it cannot be, or "" */
	GPtrArray *reaches; /* ReportReach */
} ReportModule;

/* See lib/wire.h. */
typedef struct ReportCue {
	char *dir, *name, *stamp;
	guint32 flags; /* WireCueFlags */
} ReportCue;

typedef struct ReportDatabase {
	char *path, *application, *profile, *status, *reason;
	GPtrArray *certs;   /* ReportCert */
	GPtrArray *steps;   /* ReportStep */
	GPtrArray *modules; /* ReportModule */
	GPtrArray *errors;  /* char * */
} ReportDatabase;

typedef struct Report {
	GPtrArray *tokens;    /* ReportToken */
	GPtrArray *databases; /* ReportDatabase */
	GPtrArray *cues;      /* ReportCue */
	GPtrArray *errors;    /* char *: about the batch as a whole */
	CertpropError code;   /* of the first of these errors, if there is one */
	guint64 n_waiting;    /* claims that wait for their endpoint */
	char *scanned;        /* the sum of the scan it follows from; NULL: none was whole */
	bool cued;            /* what is worth watching was told, be it nothing */
	bool ended;           /* REPORT_END was seen: the rest is whole */
} Report;

Report *report_new(void);
Report *report_free(Report *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Report, report_free)

/* Adds the reader's current frame. Errors: PROTOCOL. Frames that carry no report content
   (WIRE_REPORT_PENDING, WIRE_REPORT_PROGRESS) are the caller's. */
bool report_add_frame(Report *report, WireReader *frame, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* An array that owns ReportTokens, and a copy of one. */
GPtrArray *report_tokens_new(void) G_GNUC_WARN_UNUSED_RESULT;
ReportToken *report_token_dup(const ReportToken *token) G_GNUC_WARN_UNUSED_RESULT;
/* The same for ReportCues. */
GPtrArray *report_cues_new(void) G_GNUC_WARN_UNUSED_RESULT;
ReportCue *report_cue_dup(const ReportCue *cue) G_GNUC_WARN_UNUSED_RESULT;
/* How many steps of `action` were done (or planned, in a dry run). NULL counts every write. */
unsigned report_count(const ReportDatabase *database, const char *action);

G_END_DECLS
