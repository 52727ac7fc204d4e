/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a card holds: its GUID, certificates and keys, read from a directory (see rig/deal.h). */

#include "slots.h"

#include <openssl/evp.h>

typedef enum {
	FLAW_NONE,
	FLAW_GARBAGE,
	FLAW_TRUNCATED,
	FLAW_EMPTY,
	FLAW_BAD_SIGNATURE,
	FLAW_TRAILING_ZEROS,
	FLAW_UNKNOWN_ALGORITHM,
	FLAW_GZIP_FLAG,
} Flaw;

typedef struct Contents Contents;

Contents *contents_load(const char *directory, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void contents_free(Contents *contents);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Contents, contents_free)

const char *contents_directory(const Contents *contents);
const guint8 *contents_guid(const Contents *contents); /* 16 bytes */
unsigned contents_retired(const Contents *contents);   /* filled places beyond the first four */
/* Borrowed; NULL when the place is empty. */
EVP_PKEY *contents_key(const Contents *contents, unsigned index);
/* The value of the certificate's data object, spoilt as asked for; NULL when the place is empty. */
GByteArray *contents_object(const Contents *contents, unsigned index) G_GNUC_WARN_UNUSED_RESULT;

bool flaw_parse(const char *word, Flaw *ret_flaw) G_GNUC_WARN_UNUSED_RESULT;
char *flaw_words(void);
void contents_spoil(Contents *contents, unsigned index, Flaw flaw);
