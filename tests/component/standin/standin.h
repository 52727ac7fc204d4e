/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the stand-ins for the helpers have in common: the ways in which a helper can go wrong.
 */

#include <glib.h>
#include <stdbool.h>

/* Goes wrong in the named way on `fd` and does not return; returns if there is no such way. */
void standin_misbehave(const char *way, int fd);
/* The value that follows `name` in argv, or NULL. Borrowed. */
const char *standin_option(char **argv, const char *name);
/* Ends the program if a frame could not be sent: then nobody reads it, which is no failure. */
void standin_sent(bool sent);
