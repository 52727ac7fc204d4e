/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Entries for the systemd journal, in its native protocol, by a socket that never blocks.
 */

#include <glib.h>

G_BEGIN_DECLS

typedef enum JournalFate {
	JOURNAL_TAKEN,
	JOURNAL_FULL,   /* nobody reads there: the entry is lost */
	JOURNAL_ABSENT, /* nobody listens there */
} JournalFate;

/* One entry with these fields, of which a value that is too long is cut. */
JournalFate journal_send(const GLogField *fields, gsize n_fields);

G_END_DECLS
