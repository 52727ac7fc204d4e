/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which NSS databases there are to look after.
 */

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "config.h"

G_BEGIN_DECLS

#define DATABASES_MAX 256u /* that are discovered; those that are configured come on top */

typedef struct Database {
	char *dir;               /* absolute */
	const char *application; /* as in certpropctl's JSON: "shared", "firefox", … */
	char *profile;           /* its name in the application, or NULL */
	bool creatable;          /* not there yet, and may be created */
	GError *fault;           /* why it must not even be looked at, or NULL */
	bool beyond;             /* the fault is that it is out of reach for who names it */
	dev_t device;            /* of the directory, if it is there */
	ino_t inode;
} Database;

/* Of this user, as configured, each once: Database. */
GPtrArray *databases_find(const Config *config);

G_END_DECLS
