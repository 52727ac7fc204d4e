/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The one error domain. A message says what was tried, on what, and the reason that the library
 * gave; the code only says what the caller can do about it.
 */

#include <glib.h>

G_BEGIN_DECLS

#define CERTPROP_ERROR (certprop_error_quark())
GQuark certprop_error_quark(void);

typedef enum {
	CERTPROP_ERROR_FAILED,    /* no more is known */
	CERTPROP_ERROR_PROTOCOL,  /* a peer sent what it must not */
	CERTPROP_ERROR_LIMIT,     /* more or larger than a named cap */
	CERTPROP_ERROR_BUSY,      /* someone else holds it: try again */
	CERTPROP_ERROR_DENIED,    /* not allowed (polkit, file mode) */
	CERTPROP_ERROR_READ_ONLY, /* can be read, not written */
	CERTPROP_ERROR_MISSING,   /* not there */
	CERTPROP_ERROR_DAMAGED,   /* there, and unreadable */
	CERTPROP_ERROR_FOREIGN,   /* belongs to somebody else */
	CERTPROP_ERROR_TIMEOUT,   /* a deadline passed */
	CERTPROP_ERROR_CHANGED,   /* the card or the reader changed meanwhile */
	CERTPROP_ERROR_CONFIG,    /* the configuration says it wrongly */
} CertpropError;

/* A word for each code, as it stands in JSON and in journal fields ("busy", "read-only"). */
const char *certprop_error_word(CertpropError code);

G_END_DECLS
