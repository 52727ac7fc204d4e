/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A database that the user had before us, with certificates of his own, and what may be said of it
 * after any mishap: his are untouched, ours say the truth, both files are sound.
 *
 * On top of component/world.h; each card's certificates are known to be its own, also those that
 * it has had renewed.
 */

#include "world.h"

#define EVIDENCE_CERTS 4 /* on every card */

typedef struct Evidence Evidence; /* a dealt card */

/* For tcase_add_checked_fixture(), in place of world_setup(): with the user's database, a CA that
   he trusts and a certificate with its key. */
void evidence_setup(void);
void evidence_teardown(void);

/* A card with a serial number of its own. Lives until the teardown. */
Evidence *evidence_deal(void) G_GNUC_WARN_UNUSED_RESULT;
const char *evidence_directory(const Evidence *card);
/* It is put into a reader: as world_deal(), not yet in. */
void evidence_seat(const Evidence *card, unsigned reader);
/* Renews its nth certificate, in the reader where it is. */
void evidence_renew(const Evidence *card, unsigned reader, unsigned index);

/* What is wrong, or NULL: sound files, the user's own as they were, and each certificate of ours
   claimed once, for the token that has carried it. It may be half done. */
char *evidence_lie(void) G_GNUC_WARN_UNUSED_RESULT;
void evidence_check_true(void);
/* And besides: the certificates of these cards (up to NULL) as they are now, and no others. */
void evidence_check(const Evidence *first, ...) G_GNUC_NULL_TERMINATED;
void evidence_wait(const Evidence *first, ...) G_GNUC_NULL_TERMINATED;
/* Whether there is any certificate of this card. */
bool evidence_holds(const Evidence *card);
/* Our rows as they are, also which ones they are: two of these are equal if none was written. */
char *evidence_rows(void) G_GNUC_WARN_UNUSED_RESULT;
/* All that is ours leaves the database, without the product's knowledge. */
void evidence_wipe(void);

/* Asks for a look. */
void evidence_look(void);
/* Waits until the reader is in this state and the daemon at rest. */
void evidence_wait_rest(unsigned reader, const char *state);
