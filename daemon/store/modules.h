/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The PKCS#11 modules of the configuration in the databases' pkcs11.txt: what makes the private key
 * on a card usable in an NSS program. No module is loaded here, and no database opened.
 */

#include <glib.h>
#include <stdbool.h>

#include "databases.h"
#include "reports.h"
#include "request.h"
#include "run.h"

G_BEGIN_DECLS

/* The request of mode MODULES, over the databases of `runs` (Run). */
void modules_run(const Request *request, Reports *reports, const GPtrArray *runs);
/* [keys] register-module, if it is so, for a database that is served. Says only what was done or
   went wrong. Not under the writers' lock, which it takes where it writes, nor with the database
   open. */
void modules_register(const Request *request, const Database *database, Reports *reports);

G_END_DECLS
