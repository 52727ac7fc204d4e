/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A word on standard error while something takes longer than people like to wait in silence. Only
 * on a terminal, and gone from it afterwards.
 */

void progress_start(const char *what);
void progress_stop(void);
