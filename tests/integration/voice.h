/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * All that our programs can be made to say about the database and the card of the world as it is,
 * each time judged by safe_assert_text().
 */

#include "safe.h"

/* What only looks. Nothing changes by it. */
void voice_assert_looking(SafeWhere where);
/* Everything is purged, and brought back by undo. No daemon may run, or it would have its say. */
void voice_assert_purge(SafeWhere where);
