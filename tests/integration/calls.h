/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the calls of PC/SC give (xrdp-calls), with the card of the stage; see stage.h. */

#include <glib.h>

/* All that the program has printed, run where the stage says. The card is out, before and after. */
char *calls_made(char **environment) G_GNUC_WARN_UNUSED_RESULT;
/* It is what the table in docs/pcsc-xrdp.md says, line by line. */
void calls_check_page(const char *made);
