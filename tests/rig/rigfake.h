/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A program of tests/fake that takes commands on a Unix socket. */

#include "process.h"

typedef struct RigFake RigFake;

/* "fake-card" and its arguments (at most 4), to which --control is added. Returns when it takes
   commands. */
RigFake *rig_fake_start(const char *name, const char *const *arguments) G_GNUC_WARN_UNUSED_RESULT;
/* Ends the program. */
void rig_fake_free(RigFake *fake);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RigFake, rig_fake_free)
/* Kills the program and keeps the rest. */
void rig_fake_kill(RigFake *fake);
/* Returns what follows "ok", or fails the test. */
char *rig_fake_command(RigFake *fake, const char *command) G_GNUC_WARN_UNUSED_RESULT;
