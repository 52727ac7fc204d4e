/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * certprop-store, the real program, over pipes in a scratch home; and what NSS's own tools and
 * SQLite say of the database afterwards.
 */

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "report.h"
#include "wire.h"

/* A home of its own, gone with home_free(). */
typedef struct Home {
	char *dir;
	char *runtime;
	char *db; /* ~/.pki/nssdb, whether it is there or not */
} Home;

Home *home_new(void);
void home_free(Home *home);
/* certutil -N in ~/.pki/nssdb, or elsewhere below the home. */
void home_make_db(const Home *home);
void home_make_db_at(const Home *home, const char *dir, const char *password);
/* Runs a program to its end in this home; it must succeed. Returns its output. */
char *home_run(const Home *home, const char *program, ...) G_GNUC_NULL_TERMINATED;
char *home_path(const Home *home, const char *name);

/* Rows of a query as lines, columns separated by '|'; `dir` NULL is the home's own. */
char *home_sql(const Home *home, const char *dir, const char *file, const char *query);
int home_count(const Home *home, const char *dir, const char *file, const char *query);
/* Everything of cert9.db and key4.db, and their times. */
char *home_state(const Home *home, const char *dir);
/* The whole row of a certificate, found by its content. */
char *home_row(const Home *home, const char *dir, GBytes *der);

/* What a card says. */
typedef struct Card {
	const char *serial;
	const char *label;
	GPtrArray *certs; /* CardCert */
} Card;

typedef struct CardCert {
	GBytes *der;
	guint8 id;
	char *object;
} CardCert;

Card *card_new(const char *serial, const char *label);
void card_free(Card *card);
/* One more, made to order; its number is its CKA_ID. Returns its DER (borrowed). */
GBytes *card_add(Card *card, const char *cn, const char *object);
void card_add_der(Card *card, GBytes *der, const char *object);
/* n certificates of several subjects. */
Card *card_with(const char *serial, unsigned n);
/* The frames, with END; `code` as in WIRE_SCAN_END. */
GByteArray *card_frames(const Card *card, guint64 code);

typedef enum { JOB_CONFIRM_YES, JOB_CONFIRM_NO, JOB_CONFIRM_CLOSE, JOB_CONFIRM_OPEN } JobConfirm;

#define JOB_NOW ((guint64)1795000000) /* of every job */

typedef struct Job {
	WireStoreMode mode;
	guint64 flags;
	gint64 session;       /* since when it runs; 0: not told */
	const char *host;     /* "host-a" if NULL */
	const char *endpoint; /* "local" if NULL */
	const Card *card;     /* in the reader; NULL: no scan */
	guint64 scan_code;
	gsize cut; /* bytes of the scan that are sent; 0: all */
	JobConfirm confirm;
	bool absent;         /* every card was read, and there is none */
	const char *present; /* but one with this serial number, in another reader */
	const char *config[8][3];
} Job;

typedef struct Store {
	pid_t pid;
	int in, scan, out;
} Store;

Store store_start(const Home *home, bool has_scan);
/* The same without the right of root to ignore file modes. */
Store store_start_plain(const Home *home, bool has_scan);
void store_request(const Store *store, const Job *job);
void store_send(int fd, const void *data, gsize len);
/* Ends it, or waits for its end, and reaps it. Returns the wait status. */
int store_end(Store *store);

/* One job from beginning to end. */
typedef struct Outcome {
	Report *report;
	unsigned pending; /* removals that waited */
	unsigned added;   /* creates and claims that did */
	gint64 took;      /* microseconds */
} Outcome;

Outcome job_run(const Home *home, const Job *job);
Outcome job_finish(const Job *job, Store *store);
/* Runs it, and expects steps (of all databases) like "create=4 keep=1", other kinds none, no
 * errors. */
void job_expect(const Home *home, const Job *job, const char *steps);
/* The report's database at this place; NULL if it is not in it. */
const ReportDatabase *report_database(const Report *report, const char *dir);
