/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the tests of the main job share: a certpropd in a world of its own (component/world.h), and
 * ways to look at a database that owe nothing to the code under test: bare SQL, certutil, p11-kit.
 */

#include <check.h>

#include "world.h"

#define JOB_GUID_A   "00112233445566778899aabbccddee0a"
#define JOB_GUID_B   "00112233445566778899aabbccddee0b"
#define JOB_SERIAL_A "8899aabbccddee0a" /* what OpenSC makes of them */
#define JOB_SERIAL_B "8899aabbccddee0b"
#define JOB_CERTS    4u
#define JOB_PIN      "123456"
#define JOB_WAIT_MS  20000u
#define JOB_REMOVE   "[local]\non-removal=remove\n"
#define JOB_LOGOUT   "[local]\non-removal=remove\non-logout=remove\n"

/* Adds the case with world_setup() and world_teardown() around each of its tests. */
TCase *job_case(Suite *suite, const char *name);

/* A card for the reader as the deal says, in the reader, read by the daemon. */
char *job_card(unsigned reader, const Deal *deal) G_GNUC_WARN_UNUSED_RESULT;
/* The card goes in, respectively out, and the daemon has done all that it is going to do. */
void job_in(unsigned reader);
void job_out(unsigned reader);
/* Everything is looked at again, by order, and that is over. */
void job_look(void);
/* certprop.conf is written, read again by the daemon, and everything that follows is done. */
void job_configure(const char *text);
/* Nothing is going on, and the reader is in this state (NULL: any). */
void job_settle(unsigned reader, const char *state);
void job_rest(void);

/* "sql:…" of the database. Free with g_free(). */
char *job_sql(void) G_GNUC_WARN_UNUSED_RESULT;
/* A new certificate in a place of the card's directory; and what the directory holds by now gets
   onto the card in a reader. */
void job_renew(const char *card, unsigned index, bool new_key);
void job_reload(unsigned reader);
/* Runs certpropctl with the arguments (NULL at the end); its output. Asserts the exit status. */
char *job_ctl(int status, ...) G_GNUC_NULL_TERMINATED G_GNUC_WARN_UNUSED_RESULT;
/* A file with the certificate. Free with g_free(). */
char *job_file(const char *card, unsigned index, const char *suffix) G_GNUC_WARN_UNUSED_RESULT;

/* The row of a certificate of the card as text: its number and every attribute, or without CKA_URL;
   "" when it is not there. Free with g_free(). */
char *job_row(const char *card, unsigned index) G_GNUC_WARN_UNUSED_RESULT;
char *job_row_without_url(const char *card, unsigned index) G_GNUC_WARN_UNUSED_RESULT;
/* Its CKA_URL and its CKA_LABEL; the test fails when it is not there. Free with g_free(). */
char *job_url(const char *card, unsigned index) G_GNUC_WARN_UNUSED_RESULT;
char *job_label(const char *card, unsigned index) G_GNUC_WARN_UNUSED_RESULT;
/* The rows of places `from` to `n` (without it) of the card, all of which have to be there. */
char *job_rows_of(const char *card, unsigned from, unsigned n) G_GNUC_WARN_UNUSED_RESULT;
void job_check_rows(const char *before, const char *card, unsigned from, unsigned n);
bool job_has(GBytes *der);
bool job_stored(const char *card, unsigned index);
unsigned job_rows(void);
/* Lines of the marker; each has to be a claim of ours. */
unsigned job_claims(const char *url);

/* The database holds the `n` certificates of the card and nothing else: each once for SQL and for
   certutil, to the byte, with the nickname, CKA_ID and marker as documented; no key, no trust. */
void job_check_whole(const char *card, unsigned n, const char *serial, unsigned reader);
