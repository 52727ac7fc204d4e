/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether what a program believes of a reader is still so, as pcsc-lite decides it. */

#include "remote.h"

/* The name that stands for the list of readers. */
bool change_is_notification(const char *reader);
/* Of a reader; listed: the client has it. Gives the new dwEventState, with SCARD_STATE_CHANGED in
   it when the program should know. */
DWORD change_of_reader(DWORD current, bool listed, uint32_t event);
/* Of the list: how many readers there were when the call began, and how many there are. */
DWORD change_of_list(DWORD current, unsigned before, unsigned now);
