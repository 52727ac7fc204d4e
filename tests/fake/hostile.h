/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Answers as no chansrv gives them: most are good enough to be led on by, the others random,
   truncated, oversized, of another question, never ending, or none at all. */

#include "frame.h"

/* false: nothing more is said on this connection. */
bool hostile_answer(int fd, GRand *rand, const Frame *frame);
