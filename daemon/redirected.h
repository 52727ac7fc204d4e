/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which redirected endpoints there are: those that the configuration names, and xrdp's.
 */

#include <glib.h>
#include <stdbool.h>

#include "endpoint.h"

G_BEGIN_DECLS

typedef struct Redirected Redirected;

Redirected *redirected_new(Manager *manager);
Redirected *redirected_free(Redirected *redirected);
/* Finds them; again when the configuration has changed. */
void redirected_update(Redirected *redirected);
/* The grace of one is over: if xrdp's directory is gone as well it is forgotten (and freed). */
void redirected_lapse(Redirected *redirected, Endpoint *endpoint);
/* There are claims that wait for one: it will be looked at them when that is over. */
void redirected_await(Redirected *redirected);
/* The daemon has just started: those that are not there may still come back. */
bool redirected_expecting(const Redirected *redirected);
/* Names of those that are over the cap; "" if there are none. */
const char *redirected_left_out(const Redirected *redirected);

G_END_DECLS
