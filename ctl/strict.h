/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * JSON from somebody whom we do not believe, looked through before a parser sees it.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

#define STRICT_DEPTH_MAX 16u

/* One object, RFC 8259, in UTF-8, no deeper than STRICT_DEPTH_MAX, with whole numbers of at most 15
   digits, no NUL and no half surrogate in any text, and nothing but white space around it. Error:
   PROTOCOL. */
bool strict_check(const char *text, gsize len, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
