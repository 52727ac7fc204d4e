/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is live, in the terms in which a pipeline tells it to its store.
 */

#include <glib.h>

#include "seen.h"

G_BEGIN_DECLS

typedef struct Tell {
	GPtrArray *endpoints; /* PipelineEndpoint */
	GPtrArray *present;   /* PipelinePresent */
} Tell;

Tell *tell_new(void);
/* As it stands now. */
void tell_add(Tell *tell, const SeenEndpoint *endpoint);
/* SeenEndpoint; may be NULL. */
void tell_add_all(Tell *tell, const GPtrArray *endpoints);
Tell *tell_free(Tell *tell);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Tell, tell_free)

G_END_DECLS
