/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How the programs of a database come to a PKCS#11 module: not at all, by one way, or by several,
 * of which only one would do.
 */

#include "report.h"

G_BEGIN_DECLS

typedef enum { WAYS_NONE, WAYS_ONE, WAYS_SEVERAL } Ways;

Ways ways_count(const ReportModule *module);
/* "absent", "reachable", "twice": as it stands in JSON. */
const char *ways_word(Ways ways);
/* All of them, for people. Not escaped. */
char *ways_text(const ReportModule *module) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
