/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which NSS databases there are to look after.
 */

#include <glib.h>
#include <stdbool.h>

#include "config.h"

G_BEGIN_DECLS

typedef struct Database {
	char *dir;               /* absolute */
	const char *application; /* as in certpropctl's JSON: "shared", "firefox", … */
	char *profile;           /* its name in the application, or NULL */
	bool creatable;          /* not there yet, and may be created */
} Database;

/* Of this user, as configured, each once: Database. */
GPtrArray *databases_find(const Config *config);

G_END_DECLS
