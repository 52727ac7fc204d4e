/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One event on its way to the terminal, in the form in which the bus carries it: a{sv} with the
 * members that org.certprop.Manager1.xml names.
 */

#include <gio/gio.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* A floating a{sv} of what is given; `reader` and `reason` may be NULL. The time is now. */
GVariant *notice_new(
	const char *kind, const char *endpoint, const char *reader, const char *reason);

/* One line for people, without a newline, not escaped. */
char *notice_text(GVariant *event) G_GNUC_WARN_UNUSED_RESULT;
/* One line of JSON, newline included. */
char *notice_json(GVariant *event) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
