/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What people are told of a PC/SC service that cannot be used: why, and what to do about it.
 */

#include <glib.h>
#include <stdbool.h>

#include "wire.h"

G_BEGIN_DECLS

/* `linked`: it could be used until now. */
const char *advice_of(const char *endpoint, WireService service, bool linked);

G_END_DECLS
