/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which PKCS#11 modules p11-kit's proxy module brings along, by p11-kit's configuration files. They
 * are read, nothing is loaded.
 */

#include <glib.h>

G_BEGIN_DECLS

typedef struct ProxyPlaces {
	const char *package_dir; /* *.module files of packages */
	const char *system_dir;  /* pkcs11.conf and modules/ of the administrator */
	const char *user_dir;    /* the same of the user, or NULL */
	const char *module_dir;  /* where a module without a slash is */
} ProxyPlaces;

typedef struct ProxyModule {
	char *path; /* absolute */
	char *file; /* the *.module file that names it */
} ProxyModule;

/* ProxyModule, as `program` (the name of a process) gets them; NULL: a program of which no
   configuration speaks. */
GPtrArray *proxy_modules(const ProxyPlaces *places, const char *program) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
