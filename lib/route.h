/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Names of endpoints: "local", "forwarded:NAME" (a socket from the configuration), "xrdp:N" (the
 * readers of the RDP client behind display N).
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

#define ROUTE_LOCAL       "local"
#define ROUTE_FORWARDED   "forwarded:" /* and a name */
#define ROUTE_XRDP        "xrdp:"      /* and a display */
#define ROUTE_NAME_MAX    32u          /* bytes of a forwarded endpoint's own name */
#define ROUTE_DISPLAY_MAX 99999u       /* what libpcsc-xrdp.so takes */

/* Its readers are not this machine's. */
bool route_redirected(const char *endpoint);
/* "xrdp:10" is 10. */
bool route_display(const char *endpoint, unsigned *ret_display);
/* ".pcsc10", where xrdp's chansrv listens, is 10. */
bool route_directory(const char *name, unsigned *ret_display);
/* "NAME:PATH" of [redirected] forwarded; the path is absolute or begins with "~/". Either may be
   NULL. */
bool route_split(const char *text, char **ret_name, char **ret_path);

G_END_DECLS
