/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The buffers of callers: one of theirs with its size, none to learn the size, or
   SCARD_AUTOALLOCATE for one of ours. */

#include "pcsc.h"

#include <stddef.h>

/* All or nothing; sets the length in any case. */
LONG give(void *buffer, DWORD *length, const void *bytes, size_t n);
/* The same, but what fits is given even when not all does: as SCardStatus() has it. */
LONG give_what_fits(void *buffer, DWORD *length, const void *bytes, size_t n);
