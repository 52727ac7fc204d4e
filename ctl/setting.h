/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * [keys] register-module=true in the text of the user's configuration file, put there by
 * certpropctl setup and taken out again. Pure.
 */

#include <glib.h>

G_BEGIN_DECLS

/* With it. The caller knows that no line of this text sets the key. */
char *setting_add(const char *text) G_GNUC_WARN_UNUSED_RESULT;
/* Without it; the same text if it is not there as we wrote it. */
char *setting_remove(const char *text) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
