/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which PC/SC library the programs of this session use, by its variables.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* The system's libpcsclite passes everything on to a library that LIBPCSCLITE_DELEGATE names. */
bool provider_delegates(void);
/* OpenSC at least uses `library`, in one of the ways that work on this machine. */
bool provider_is_used(const char *library);

G_END_DECLS
