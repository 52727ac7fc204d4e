/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What systemd-logind knows of the sessions behind xrdp's displays.
 */

#include <glib.h>

G_BEGIN_DECLS

/* Fills in `session` and `remote_host` of the SeenEndpoints of displays, where they can be known.
   Takes a second at most, and nothing where there is no such endpoint or no system bus. */
void logind_fill(GPtrArray *endpoints);

G_END_DECLS
