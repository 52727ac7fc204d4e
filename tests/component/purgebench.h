/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the tests of purge and undo share: a home whose database holds what two cards brought, and
 * what is the user's own; certpropctl run in it; and what SQLite finds afterwards.
 */

#include <check.h>
#include <json-glib/json-glib.h>

#include "contract.h"
#include "store-rig.h"

#define PURGE_CERTS "SELECT count(*) FROM nssPublic WHERE a0=x'00000001'"
/* Certificates with a marker; an empty one is stored as three bytes. */
#define PURGE_MARKED PURGE_CERTS " AND length(a89) > 3"

typedef struct PurgeBench {
	Home *home;
	char *host;  /* of this machine, as claims name it */
	Card *ada;   /* serial A1, label "Ada": 3 certificates; one of them is Bob's too */
	Card *bob;   /* serial B2, label "Bob": 2 certificates and the shared one */
	GBytes *own; /* the user's, imported by certutil */
} PurgeBench;

extern PurgeBench bench;

void purge_set_up(void);
void purge_tear_down(void);

/* Brings what is on the card into the database, through the endpoint (NULL: "local"). */
void purge_insert(const Card *card, const char *endpoint);
/* Imports it as a user does; `trust` as for certutil -t. */
void purge_import(GBytes *der, const char *nickname, const char *trust);

/* In a child: becomes certpropctl. */
_Noreturn void purge_exec(char **argv);
/* Kills the certprop-store that this process has started. Returns false if it has none. */
bool purge_kill_child(pid_t pid);
/* The newest backup file. */
char *purge_newest(void);

/* Runs certpropctl with the words given, NULL at the end. Returns the exit status. */
int purge_ctl(char **ret_out, char **ret_err, ...) G_GNUC_NULL_TERMINATED;
/* The same on a terminal, on which `answer` is typed; *ret_screen is what stood on it. */
int purge_on_terminal(const char *answer, char **ret_screen, ...) G_GNUC_NULL_TERMINATED;
/* The same with --json; asserts the exit status. */
JsonNode *purge_json(int status, ...) G_GNUC_NULL_TERMINATED;
/* Asserts what scripts rely on. */
void purge_check(JsonNode *root, const char *contract);
/* A number of the only database in the answer. */
gint64 purge_number(JsonNode *root, const char *member);

/* Holds a writer's lock on a database file. */
typedef struct PurgeLock PurgeLock;
PurgeLock *purge_lock(const char *path);
void purge_unlock(PurgeLock *lock);

int purge_count(const char *query);
/* All rows of nssPublic but for the number of each, sorted. */
char *purge_rows(void);
/* The same without the rows of these certificates (GBytes *, NULL at the end). */
char *purge_rows_without(GBytes *der, ...) G_GNUC_NULL_TERMINATED;
/* The row is there, and its marker has so many claims (0: none, or no marker). */
bool purge_has(GBytes *der);
int purge_claims(GBytes *der);
/* All of key4.db. */
char *purge_keys(void);
/* The sum of a file of the database's. */
char *purge_file(const char *name);
/* A column of a certificate's row, as SQL says it. */
char *purge_column(GBytes *der, const char *expression);
/* The nth certificate of a card. */
GBytes *purge_cert(const Card *card, guint n);
