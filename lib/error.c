/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The error domain and the words of its codes. The words are part of what scripts read, so they
 * stand in one table and are never built from the enum's names.
 */

#include "error.h"

GQuark certprop_error_quark(void)
{
	return g_quark_from_static_string("certprop-error-quark");
}

static const char *const words[] = {
	[CERTPROP_ERROR_FAILED] = "failed",
	[CERTPROP_ERROR_PROTOCOL] = "protocol",
	[CERTPROP_ERROR_LIMIT] = "limit",
	[CERTPROP_ERROR_BUSY] = "busy",
	[CERTPROP_ERROR_DENIED] = "denied",
	[CERTPROP_ERROR_READ_ONLY] = "read-only",
	[CERTPROP_ERROR_MISSING] = "missing",
	[CERTPROP_ERROR_DAMAGED] = "damaged",
	[CERTPROP_ERROR_FOREIGN] = "foreign",
	[CERTPROP_ERROR_TIMEOUT] = "timeout",
	[CERTPROP_ERROR_CHANGED] = "changed",
	[CERTPROP_ERROR_CONFIG] = "config",
};

const char *certprop_error_word(CertpropError code)
{
	if ((unsigned)code >= G_N_ELEMENTS(words))
		return words[CERTPROP_ERROR_FAILED];

	return words[code];
}
