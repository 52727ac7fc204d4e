/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the daemon and its watcher cost while nothing happens. */

#include "pcscd.h"

/* Starts certpropd, and counts over so many seconds, with the card out and with it in: context
   switches of every thread, PSS, private dirty. */
void idle_run(const RigPcscd *pcscd, unsigned seconds);
