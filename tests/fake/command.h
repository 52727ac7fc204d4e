/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One line of the control protocol, carried out. */

#include "card.h"

/* The answer, without newline; *ret_quit is set by "quit" and otherwise left alone. */
char *command_run(Card *card, const char *line, bool *ret_quit) G_GNUC_WARN_UNUSED_RESULT;
