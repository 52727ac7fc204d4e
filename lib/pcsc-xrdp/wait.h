/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SCardGetStatusChange(), for who has the context's turn. */

#include "context.h"

LONG wait_for_change(Context *context, DWORD timeout, SCARD_READERSTATE *states, unsigned count);
