/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/* Who is at the other end of the socket may use pcscd and its cards. */
bool polkit_allows(int client);
