/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A real Firefox in a scratch home, without a screen, and somebody in front of it, who types the
 * PIN when Firefox asks him for it. Firefox sends a certificate by itself when a server wants one.
 */

#include "home.h"

#include <stdbool.h>

typedef struct RigFirefox RigFirefox;

/* Firefox makes itself a profile. It does not run yet, so the profile has no database. */
RigFirefox *rig_firefox_new(const RigHome *home, const char *pin) G_GNUC_WARN_UNUSED_RESULT;
/* Kills it if it runs. */
void rig_firefox_free(RigFirefox *firefox);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RigFirefox, rig_firefox_free)

/* The profile's directory. Borrowed. */
const char *rig_firefox_profile(const RigFirefox *firefox);
/* Returns when it takes orders. */
void rig_firefox_start(RigFirefox *firefox);
/* Returns when it has ended by itself. */
void rig_firefox_quit(RigFirefox *firefox);

/* Runs one of the functions of firefox.js with a string (or NULL); what it returns. */
char *rig_firefox_do(
	RigFirefox *firefox, const char *function, const char *argument) G_GNUC_WARN_UNUSED_RESULT;
/* What nsIX509CertDB holds but for Mozilla's own, a line each: SHA-256 in capitals, where it is
   from, and "user" if there is a key for it. */
char *rig_firefox_certificates(RigFirefox *firefox) G_GNUC_WARN_UNUSED_RESULT;
/* Goes to a page. Returns whether it was loaded. */
bool rig_firefox_visit(RigFirefox *firefox, const char *url);
/* How often he was asked for a PIN since Firefox was started. */
unsigned rig_firefox_prompts(RigFirefox *firefox);
