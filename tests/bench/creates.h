/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The lower bound of storing: a bare loop of C_CreateObject on an open database. */

#include <glib.h>

/* Milliseconds for creating all of them (GBytes, DER) in the database of `directory`, which is
   opened before and closed after the clock runs. Aborts on failure. */
double creates_run(const char *directory, GPtrArray *ders);
