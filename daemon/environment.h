/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a helper gets of our environment, and where the helpers are.
 */

#include <glib.h>

G_BEGIN_DECLS

/* Built from an allow-list, and for a redirected endpoint what leads to its `socket` (else NULL).
   PCSCLITE_CSOCK_NAME is passed on for the endpoint "local" only; NULL is no endpoint at all. Free
   with g_strfreev(). */
char **environment_for_helper(const char *endpoint, const char *socket) G_GNUC_WARN_UNUSED_RESULT;
/* Full path of a helper: $CERTPROP_LIBEXECDIR if set, else where it is installed. */
char *environment_helper_path(const char *program) G_GNUC_WARN_UNUSED_RESULT;
/* Full path of the PC/SC library that speaks xrdp's protocol, which need not exist:
   $CERTPROP_PCSCDIR if set, else where it is installed. */
char *environment_provider(void) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
