/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A screen and a keyboard: Xvfb, and xdotool for the keys. */

#include <glib.h>
#include <stdbool.h>

#include "space.h"

typedef struct RigScreen RigScreen;

/* In a space, or where the test is (NULL). Returns when it takes programs. */
RigScreen *rig_screen_new(const RigSpace *space) G_GNUC_WARN_UNUSED_RESULT;
void rig_screen_free(RigScreen *screen);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RigScreen, rig_screen_free)

/* For DISPLAY. Borrowed. */
const char *rig_screen_display(const RigScreen *screen);
/* Whether what is typed goes to a window with this title. */
bool rig_screen_has_keyboard(const RigScreen *screen, const char *title);
/* The text, and Return. */
void rig_screen_type(const RigScreen *screen, const char *text);
