/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A real Chromium in a scratch home, driven over its DevTools pipe; the PIN comes by keyboard. */

#include <stdbool.h>

#include "home.h"
#include "screen.h"

typedef struct RigChromium RigChromium;

/* Every Chromium of this test program that starts from here on sends a certificate whose subject
   has this common name, and asks nobody, when a server on `host` wants one. It is the
   administrator's policy file that says so, in an /etc/chromium that only this test program sees.
 */
void rig_chromium_policy(const char *host, const char *cn);

/* Returns when it takes orders. The screen has to outlive it; NULL: without one, and then it cannot
   ask for a PIN. */
RigChromium *rig_chromium_start(
	const RigHome *home, const RigScreen *screen) G_GNUC_WARN_UNUSED_RESULT;
/* Kills it if it runs. */
void rig_chromium_free(RigChromium *chromium);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RigChromium, rig_chromium_free)
/* Returns when it has ended by itself. */
void rig_chromium_quit(RigChromium *chromium);
/* From here on a crash does not fail the test; whether it has come to that. What the other
   functions have returned since means nothing then. */
void rig_chromium_may_crash(RigChromium *chromium);
bool rig_chromium_crashed(const RigChromium *chromium);

/* How many certificates its own page of certificates counts with which its user can identify
   himself: those for which it has the key. Within a second after a card has gone, Chromium still
   thinks that it is in; this count goes by what it thinks. */
unsigned rig_chromium_listed(RigChromium *chromium);
/* Goes to a page. "": it was loaded; otherwise Chromium's word for why not, "net::ERR_…". */
char *rig_chromium_visit(RigChromium *chromium, const char *url) G_GNUC_WARN_UNUSED_RESULT;
/* The same, typing the PIN into the dialog in which Chromium asks for it; it has to ask. */
char *rig_chromium_visit_with_pin(
	RigChromium *chromium, const char *url, const char *pin) G_GNUC_WARN_UNUSED_RESULT;
