/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A second host with the same home: the product's programs with another machine id and a runtime
 * directory of their own. It sees the same readers.
 */

#include <glib.h>

/* certpropctl sync there, which has to end well: this host's look, once. */
void life_host_sync(void);
/* Any command of certpropctl there; its output. */
char *life_host_ctl(const char *verb, const char *word) G_GNUC_WARN_UNUSED_RESULT;
