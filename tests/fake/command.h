/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One line of the control protocol, carried out. */

#include "card.h"

/* What the commands are, for --help. */
#define COMMAND_HELP                                                                            \
	"Commands:\n"                                                                           \
	"  insert                      the card goes into the reader\n"                         \
	"  remove                      and out of it; ends a hang\n"                            \
	"  swap DIR                    another card in the same reader\n"                       \
	"  renew N [same-key|new-key]  a new certificate in place N, the card staying in;\n"    \
	"                              written to the card's directory too\n"                   \
	"  reload                      read the card's directory again, the card staying in\n"  \
	"  malformed N KIND            none garbage truncated empty bad-signature\n"            \
	"                              trailing-zeros unknown-algorithm gzip-flag\n"            \
	"  atr HEX                     answer to reset, from the next question on\n"            \
	"  applet on|off               off: a card that knows no PIV\n"                         \
	"  delay MS                    before each answer to an APDU\n"                         \
	"  pull-after K                the card leaves after K more APDUs (0: now)\n"           \
	"  hang-after K                it answers nothing after K more APDUs (0: now)\n"        \
	"  turn-after K DIR            it is another card after K more APDUs, and the reader\n" \
	"                              has noticed nothing\n"                                   \
	"  hang, resume                answer nothing, go on\n"                                 \
	"  count                       APDUs since insertion: total and for each INS (hex)\n"   \
	"  state                       removed, inserted or hanging\n"                          \
	"  quit\n"                                                                              \
	"N is a key reference (9a 9c 9d 9e 82 … 95) or a position from 1 to 24.\n"

/* The answer, without newline; *ret_quit is set by "quit" and otherwise left alone. */
char *command_run(gpointer card, const char *line, bool *ret_quit) G_GNUC_WARN_UNUSED_RESULT;
