/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The doctor's round, for the command of that name and for others that end with it.
 */

#include "ctl.h"

G_BEGIN_DECLS

/* Looks at everything and says what it found. Returns the exit status that says the same. */
int doctor_round(const Ctl *ctl);

G_END_DECLS
