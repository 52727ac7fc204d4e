/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A socket in front of the rig's pcscd, as `ssh -R` makes it (fake-forward). */

#include <glib.h>

typedef struct RigForward RigForward;

/* Listens on `path` when it returns; what is there is replaced. */
RigForward *rig_forward_new(const char *path) G_GNUC_WARN_UNUSED_RESULT;
/* In front of the socket `target`, for those whom polkit (RigPolkit) lets use it. */
RigForward *rig_forward_new_guarded(const char *path, const char *target) G_GNUC_WARN_UNUSED_RESULT;
/* It is killed: its connections end, its socket stays. */
void rig_forward_free(RigForward *forward);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RigForward, rig_forward_free)
