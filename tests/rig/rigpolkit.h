/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A real polkitd on a system bus of its own, without a service that knows sessions: so nobody sits
 * at the machine. Needs root, and mounts of the test's own: in them its rules
 * (/etc/polkit-1/rules.d) and its actions come before the machine's, and neither is changed.
 */

#include <glib.h>

typedef struct RigPolkit RigPolkit;

#define RIG_POLKIT_RULES "/etc/polkit-1/rules.d"

/* It answers when it returns, and has no rule but its own. */
RigPolkit *rig_polkit_new(void) G_GNUC_WARN_UNUSED_RESULT;
void rig_polkit_free(RigPolkit *polkit);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RigPolkit, rig_polkit_free)
