/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is told of many users: a line of JSON for each as soon as he is done, or a table at the end.
 */

#include <stdbool.h>

#include "visit.h"

G_BEGIN_DECLS

typedef struct Ledger Ledger;

/* `verb` is the command's name; `n` how many users there are; `dry_run` nothing is really done. */
Ledger *ledger_new(const char *verb, unsigned n, bool json, bool dry_run);
Ledger *ledger_free(Ledger *ledger);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ledger, ledger_free)

/* Returns false when nobody listens any more. */
bool ledger_add(Ledger *ledger, const VisitResult *result) G_GNUC_WARN_UNUSED_RESULT;
/* The table, if that is what was asked for. Returns the exit status; `n_left` users had no turn. */
int ledger_close(Ledger *ledger, unsigned n_left);

G_END_DECLS
