/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One certprop-store without a scan, for a command that wants to know what stands in the databases.
 */

#include "config.h"
#include "report.h"

G_BEGIN_DECLS

typedef struct Listing Listing;

/* `mode` DATABASES, LIST or MODULES. Starts it; other things can be started beside it. */
Listing *listing_start(const Config *config, WireStoreMode mode, guint32 flags);
/* The same for the one database in the directory `only`; NULL: for all. Mode MODULES. */
Listing *listing_start_only(
	const Config *config, WireStoreMode mode, guint32 flags, const char *only);
/* Runs the main loop until the store has ended. The report is borrowed from the listing. NULL and
   an error if there is none. */
const Report *listing_wait(Listing *listing, GError **error) G_GNUC_WARN_UNUSED_RESULT;
Listing *listing_free(Listing *listing);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Listing, listing_free)

/* Tells each error of the report on standard error. Returns the exit status that follows: DONE,
   PARTLY, or FAILED when nothing in the report is any good. */
int report_complain(const Report *report);

G_END_DECLS
