/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a card, a reader or a user wrote, made safe to store and to show. Nothing that comes from
 * outside reaches a nickname, a terminal or the journal without passing here.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* For people: one line, valid UTF-8, with control characters (C0, C1, DEL), line and paragraph
   separators, bidi marks and other invisible format characters as \xNN or \u{NNNN} escapes, and a
   backslash as \\. NULL gives "". Free with g_free(). */
char *text_escape(const char *text) G_GNUC_WARN_UNUSED_RESULT;

/* For names that we write: valid UTF-8, control, format and separator characters dropped, runs of
   white space folded to one blank, trimmed, cut at `max` bytes on a character boundary. May be
   empty. */
char *text_clean(const char *text, gsize max) G_GNUC_WARN_UNUSED_RESULT;

/* How much of valid UTF-8 that is longer than `max` bytes fits into them, in whole characters. */
gsize text_fit(const char *text, gsize max);

/* Blank-padded PKCS#11 text of `len` bytes, not terminated: trailing blanks and NULs off, UTF-8
   repaired. */
char *text_from_padded(const void *data, gsize len) G_GNUC_WARN_UNUSED_RESULT;

/* Lower-case hexadecimal. */
char *text_hex(const void *data, gsize len) G_GNUC_WARN_UNUSED_RESULT;

/* ISO 8601 UTC, "2026-11-22T09:00:00Z", from and to Unix seconds. Parsing takes only this form. */
char *text_time(gint64 seconds) G_GNUC_WARN_UNUSED_RESULT;
bool text_time_parse(const char *text, gint64 *ret_seconds) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
