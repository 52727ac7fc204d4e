/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The manager's state as GetStatus gives it; its form is described in org.certprop.Manager1.xml.
 */

#include <glib.h>

#include "manager.h"

G_BEGIN_DECLS

/* a{sv}, floating. */
GVariant *status_make(const Manager *manager) G_GNUC_WARN_UNUSED_RESULT;
/* The messages of the last load of the configuration, as text. Free with g_strfreev(). */
char **status_messages(const Manager *manager) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
