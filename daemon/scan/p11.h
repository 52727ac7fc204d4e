/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reads every certificate of the card in one reader through one PKCS#11 module.
 */

#include <glib.h>
#include <stdbool.h>

#include "token.h"
#include "wire.h"

G_BEGIN_DECLS

typedef struct P11Request {
	const char *module;        /* absolute path */
	const char *reader;        /* "" or NULL: all slots */
	const char *const *others; /* names of the other readers, or NULL */
	bool slots_are_readers;    /* the module is known to name its slots after the readers */
	guint64 max_certificates;  /* of one token */
	guint64 max_bytes;         /* of one certificate */
} P11Request;

typedef struct P11Cert {
	const guint8 *id;
	gsize id_len;
	const char *label; /* as the module gave it: any bytes */
	WireKey key;
	const guint8 *der;
	gsize der_len; /* 0: it is there and is not readable as X.509 */
} P11Cert;

/* Called while the scan goes on; everything is borrowed for the call. */
typedef struct P11Sink {
	void (*token)(const char *slot, const Token *token, bool initialized, gpointer data);
	void (*cert)(const P11Cert *cert, gpointer data);
	void (*note)(const char *text, gpointer data);
} P11Sink;

/* true: what went to the sink is all that is on the card, and the same card was still there after
   it was read. false: what went to the sink may be a part; CHANGED when the card went or another
   came meanwhile. May hang, crash or never return, as the module pleases: the caller's caller has
   the deadline. The module stays loaded and initialised. */
bool p11_scan(const P11Request *request, const P11Sink *sink, gpointer data,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
