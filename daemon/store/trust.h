/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The trust object of a root that the administrator has pinned: "C,C," in certutil's letters.
 */

#include <glib.h>
#include <stdbool.h>

#include "cert.h"
#include "nssdb.h"

G_BEGIN_DECLS

/* Is there a trust object for the certificate, and is it the only one, and such as we write? */
bool trust_look(Nssdb *db, const Cert *cert, bool *ret_has, bool *ret_own,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Errors: CHANGED when there is one. */
bool trust_give(Nssdb *db, const Cert *cert, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Takes it away if it is such as we write. Errors: CHANGED when it is not. */
bool trust_take(Nssdb *db, const Cert *cert, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
