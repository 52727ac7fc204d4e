/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * org.certprop.Manager1 on a socket of our own, and on the session bus where there is one.
 */

#include <glib.h>

#include "event.h"
#include "manager.h"

G_BEGIN_DECLS

typedef struct Bus Bus;

/* Never fails: what cannot be offered is logged, and the daemon does its work without. */
Bus *bus_new(const char *runtime_dir, Manager *manager);
Bus *bus_free(Bus *bus);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bus, bus_free)
void bus_emit(Bus *bus, const Event *event);

G_END_DECLS
