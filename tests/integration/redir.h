/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * certpropd and the readers of an xrdp session (fake-chansrv in front of the rig's pcscd), or of a
 * forwarded socket, on top of component/world.h.
 */

#include <check.h>

#include "world.h"

#define REDIR_DISPLAY "10"
#define REDIR_XRDP    "xrdp:10"
#define REDIR_DESK    "forwarded:desk"
#define REDIR_GUID_A  "00112233445566778899aabbccddee0a"
#define REDIR_GUID_B  "00112233445566778899aabbccddee0b"
#define REDIR_CERTS   2u
#define REDIR_WAIT_MS 20000u
#define REDIR_CASE_S  120

typedef struct Redir {
	RigChansrv *chansrv; /* of display REDIR_DISPLAY; as yet no client is connected */
	char *card;          /* for the first reader, dealt, not yet in */
	char *socket;        /* of REDIR_DESK; nobody listens there as yet */
} Redir;

extern Redir redir;

/* Adds the case with a checked fixture: a world, a chansrv and a card, and the local pcscd out of
   certpropd's reach. */
TCase *redir_case(Suite *suite, const char *name);
/* The local pcscd is within reach too: the same readers, seen both ways. */
void redir_reach_local(void);
/* [redirected] with these lines, and the forwarded socket. */
void redir_configure(const char *lines);

/* A text of GetStatus about an endpoint; NULL: there is no such endpoint. Free with g_free(). */
char *redir_word(const char *endpoint, const char *key) G_GNUC_WARN_UNUSED_RESULT;
/* Waits for its state; NULL: that it is not there. */
void redir_wait(const char *endpoint, const char *state);
/* The number of its readers that are in this state. */
unsigned redir_readers(const char *endpoint, const char *state);
void redir_wait_reader(const char *endpoint, const char *state);
/* Waits until nothing that the endpoint claims is waited for any more. */
void redir_wait_settled(const char *endpoint);

/* How many certificates of the card are in the database. */
unsigned redir_stored(const char *card);
void redir_wait_stored(const char *card, unsigned n);
/* Claims on the card's first certificate by this endpoint (all of them: NULL). */
unsigned redir_claims(const char *card, const char *endpoint);
void redir_wait_claims(const char *card, const char *endpoint, unsigned n);
/* Waits until certpropd has only its watchers below it, `n` of them. */
void redir_wait_rest(unsigned n);
