/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * PKCS#11 return values.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* "CKR_DEVICE_ERROR"; NULL for one that reading does not meet. *ret_gone: said of a token that was
   there before, it means that it is no longer there. */
const char *ckr_name(gulong code, bool *ret_gone);

G_END_DECLS
