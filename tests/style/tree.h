/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The source tree, as the style tests look at it: which files there are, and what stands in them.
 * $CERTPROP_SOURCE_ROOT says where it is; meson sets it.
 */

#include <glib.h>
#include <stdbool.h>

/* An absolute path in the source tree; free with g_free(). */
char *tree_path(const char *relative);

/* The relative paths, sorted, of all files below the NULL-terminated directories whose names match
   one of the patterns ("*.c", NULL-terminated). Build directories and hidden ones are passed over,
   hidden files are not. */
GPtrArray *tree_files(const char *const *dirs, const char *const *patterns);

/* The content; the test fails if it cannot be read. */
char *tree_read(const char *relative);

/* C source with its comments blanked out; line breaks stay. Strings are seen, so that one with "//"
   in it hides nothing. */
char *tree_without_comments(const char *source);

/* The number of the line in which `at` points into `text`. */
unsigned tree_line(const char *text, const char *at);
