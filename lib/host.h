/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which machine this is, without telling: a machine id hashed for this application, so that homes
 * shared by several hosts keep their claims apart and nobody learns a machine id from a database.
 */

#include <glib.h>

G_BEGIN_DECLS

/* HMAC-SHA-256 keyed with the machine id over our application id, 128 bits as 32 hex digits
   (machine-id(5), "sd_id128_get_machine_app_specific"). Pure. */
char *host_from_machine_id(const char *machine_id) G_GNUC_WARN_UNUSED_RESULT;

/* Of this machine: /etc/machine-id, else /var/lib/dbus/machine-id, else the host name. */
char *host_here(void) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
