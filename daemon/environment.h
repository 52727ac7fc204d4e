/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a helper gets of our environment, and where the helpers are.
 */

#include <glib.h>

G_BEGIN_DECLS

/* Built from an allow-list, and for a redirected endpoint what leads to its `socket` (else NULL).
   PCSCLITE_CSOCK_NAME is passed on for the endpoint "local" only, and if it may be; NULL is no
   endpoint at all. Free with g_strfreev(). */
char **environment_for_helper(const char *endpoint, const char *socket) G_GNUC_WARN_UNUSED_RESULT;
/* The socket that PCSCLITE_CSOCK_NAME names, if it cannot be the local pcscd's, which is root's: it
   is a forwarded one, meant for the programs of some session. Else NULL. Borrowed. */
const char *environment_stray_socket(void);
/* Full path of a helper: $CERTPROP_LIBEXECDIR if set, else where it is installed. */
char *environment_helper_path(const char *program) G_GNUC_WARN_UNUSED_RESULT;
/* Full path of the PC/SC library that speaks xrdp's protocol, which need not exist:
   $CERTPROP_PCSCDIR if set, else where it is installed. */
char *environment_provider(void) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
