/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A model of the whole life of propagated certificates: three cards of two certificates, two hosts,
 * three endpoints, a user who does as he likes with his database, and the rules by which claims
 * come and go. It shares no code with the product; a database is compared with it row by row.
 */

#include <glib.h>
#include <stdbool.h>

#include "db.h"

#define LIFE_CARDS  3u
#define LIFE_PLACES 2u /* certificates on each card */

typedef enum { LIFE_LOCAL, LIFE_XRDP, LIFE_DESK, LIFE_ENDPOINTS } LifeEndpoint;
typedef enum { LIFE_HERE, LIFE_THERE, LIFE_HOSTS } LifeHost;

typedef struct LifeClaim {
	bool there;
	bool fresh;  /* made since life_begin(): when exactly is learned from the database */
	char *since; /* NULL when fresh */
} LifeClaim;

typedef struct LifeCert {
	GBytes *der;
	bool ec;
	bool there;
	bool adopted;    /* renamed or trusted by the user */
	bool reimported; /* imported by the user on top */
	LifeClaim claims[LIFE_CARDS][LIFE_ENDPOINTS][LIFE_HOSTS];

	/* As the database has it; NULL when that may have changed. */
	char *rest; /* every attribute but CKA_URL */
	char *url;
} LifeCert;

typedef enum { LIFE_SESSION, LIFE_KEEP, LIFE_IGNORE } LifeRedirected;

typedef struct Life {
	char *serials[LIFE_CARDS];
	char *hosts[LIFE_HOSTS];
	LifeCert *cards[LIFE_CARDS][LIFE_PLACES]; /* borrowed from `certs` */
	GPtrArray *certs;                         /* LifeCert: all that ever were */
	char *others; /* what is in the database beside certificates, as the user left it */

	/* The policy. */
	bool on_removal, on_logout; /* remove */
	bool ecc;
	LifeRedirected redirected;

	char *began;
} Life;

/* One look of a host. */
typedef struct LifeView {
	LifeHost host;
	bool logout;
	const char *session; /* since when its daemon runs; NULL: nobody says */
	bool reading;        /* it is at a card */
	bool in[LIFE_CARDS][LIFE_ENDPOINTS];
	bool read[LIFE_CARDS][LIFE_ENDPOINTS];
	bool live[LIFE_ENDPOINTS], settled[LIFE_ENDPOINTS];
} LifeView;

Life *life_new(void);
Life *life_free(Life *life);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Life, life_free)

/* The certificate with this content, a new one if there was none. Borrowed. */
LifeCert *life_cert(Life *life, GBytes *der, bool ec);
bool life_claimed(const LifeCert *cert);
/* From here on claims that are made are of now or later. */
void life_begin(Life *life);

/* What the product does. */
void life_look(Life *life, const LifeView *view);
/* What the user does. */
void life_import(LifeCert *cert);
void life_delete(LifeCert *cert);
void life_adopt(LifeCert *cert);

/* What is wrong in the database, or NULL. */
char *life_difference(const Life *life, const char *directory) G_GNUC_WARN_UNUSED_RESULT;
/* The database is as the user has made it. */
void life_learn_others(Life *life, const char *directory);
/* The certificate is now as the user has left it. */
void life_learn_cert(Life *life, const char *directory, LifeCert *cert);
/* Everything is as it should be: from here on it stays, as far as the model does not say
   otherwise. */
void life_learn(Life *life, const char *directory);
