/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * "Did you mean …": the nearest of some known words.
 */

#include <glib.h>

G_BEGIN_DECLS

/* The one of `words` (NULL-terminated) that is nearest to `word`, if it is near enough to be a
   mistyping, else NULL. Borrowed from `words`. */
const char *suggest_word(const char *word, const char *const *words);

G_END_DECLS
