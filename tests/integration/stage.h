/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One pcscd with two readers, a home, and a card of four certificates for the first reader; and
   how OpenSC sees that card. */

#include "rig.h"

#define STAGE_GUID   "00112233445566778899aabbccddee0a"
#define STAGE_SERIAL "8899aabbccddee0a" /* what OpenSC makes of it */

typedef struct {
	RigHome *home;
	char **environment;
	RigProcessOptions where; /* OpenSC runs there, with the environment above */
	RigPcscd *pcscd;
	char *directory; /* the card's */
	RigCard *card;   /* not yet inserted */
} Stage;

extern Stage stage;

/* For tcase_add_checked_fixture(). */
void stage_set_up(void);
void stage_tear_down(void);

/* The first reader's name. */
const char *stage_reader(void);
/* How many certificates OpenSC lists. */
unsigned stage_listed(void);
/* Whether OpenSC lists a token with this serial number. */
bool stage_token_is(const char *serial);
/* The certificate in a place (0 is the first) as OpenSC gives it. Free with g_bytes_unref(). */
GBytes *stage_read_der(unsigned index) G_GNUC_WARN_UNUSED_RESULT;
/* OpenSC gives what the card's directory holds. */
void stage_assert_reads_back(const char *directory, unsigned index);
/* pkcs11-tool signs with the key in a place, by the mechanism of its kind; openssl verifies it with
   the certificate's public key. */
void stage_sign_and_verify(unsigned index, const char *mechanism);
/* How often a word stands in a text. */
unsigned stage_occurrences(const char *text, const char *word);
