/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is in the database, in the terms of lib/plan.h. Of thousands of certificates only two kinds
 * concern us: those that carry a marker, and those that a token offers; only these are read whole.
 */

#include <glib.h>
#include <stdbool.h>

#include "nssdb.h"
#include "plan.h"

G_BEGIN_DECLS

/* The object as it is now. `known` (may be NULL) saves parsing when it is the same certificate.
   Errors: CHANGED when it has gone. */
PlanObject *objects_read(
	Nssdb *db, gulong handle, Cert *known, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Reads what it is tied to, has_trust and has_key, of any object: objects_read() does that only for
   those that are ours. */
bool objects_read_ties(Nssdb *db, PlanObject *object, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* All that carry a CKA_URL: PlanObject. */
GPtrArray *objects_marked(Nssdb *db, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Adds those that are `cert`, unless they are among `objects` already. */
bool objects_add_equal(
	GPtrArray *objects, Nssdb *db, Cert *cert, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
