/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One certificate object with everything that its row in cert9.db holds: what a backup needs, and
 * what brings it back.
 */

#include <glib.h>
#include <stdbool.h>

#include "cert.h"

G_BEGIN_DECLS

#define ROW_VALUE_MAX (192u * 1024u) /* bytes of one attribute: it has to fit into a frame */

/* Types that somebody outside nssdb.c asks for; numbers of PKCS#11. */
#define ROW_CLASS   0x00000000UL
#define ROW_TOKEN   0x00000001UL
#define ROW_PRIVATE 0x00000002UL
#define ROW_LABEL   0x00000003UL
#define ROW_VALUE   0x00000011UL
#define ROW_ISSUER  0x00000081UL
#define ROW_SERIAL  0x00000082UL
#define ROW_TRUSTED 0x00000086UL
#define ROW_URL     0x00000089UL
#define ROW_SUBJECT 0x00000101UL
#define ROW_ID      0x00000102UL

typedef struct RowAttribute {
	gulong type;
	GBytes *value; /* may be empty: that is not the same as not there */
} RowAttribute;

typedef struct Row {
	GPtrArray *attributes; /* RowAttribute, in the order of row_types() */
} Row;

Row *row_new(void);
Row *row_free(Row *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Row, row_free)

/* Every type that the row of a certificate can hold. */
const gulong *row_types(gsize *ret_n);
/* It is a type of a certificate's, and is not in the row yet. */
bool row_may_add(const Row *row, guint64 type);
/* Takes `value`. */
void row_add(Row *row, gulong type, GBytes *value);
/* NULL if there is none. Borrowed. */
GBytes *row_get(const Row *row, gulong type);
/* The certificate, if the row is that of one, as NSS itself writes it: what can be put back.
   Errors: DAMAGED. */
Cert *row_cert(const Row *row, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same for two rows that hold the same. */
char *row_sum(const Row *row) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
