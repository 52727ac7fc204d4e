/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is live, in the terms in which a pipeline tells it to its store.
 */

#include <glib.h>
#include <stdbool.h>

#include "token.h"

G_BEGIN_DECLS

typedef struct Presence {
	GPtrArray *endpoints; /* PipelineEndpoint */
	GPtrArray *present;   /* PipelinePresent */
	bool expecting;       /* redirected endpoints that are not among them may still come */
} Presence;

Presence *presence_new(void);
Presence *presence_free(Presence *presence);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Presence, presence_free)

/* Everything is copied. */
void presence_add_endpoint(Presence *presence, const char *name, bool live, bool settled);
void presence_add_token(
	Presence *presence, const char *endpoint, const char *reader, const Token *token);
/* Both say the same. */
bool presence_equal(const Presence *a, const Presence *b);

G_END_DECLS
