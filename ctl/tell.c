/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From what was seen to what a store is told: copies, because a pipeline must not change its mind
 * when the view does.
 */

#include "tell.h"

#include "pipeline.h"

static void endpoint_destroy(gpointer data)
{
	PipelineEndpoint *endpoint = data;

	g_free(endpoint->name);
	g_free(endpoint);
}

static void present_destroy(gpointer data)
{
	PipelinePresent *present = data;

	g_free(present->endpoint);
	g_free(present->reader);
	token_free(present->token);
	g_free(present);
}

Tell *tell_new(void)
{
	Tell *tell = g_new0(Tell, 1);

	tell->endpoints = g_ptr_array_new_with_free_func(endpoint_destroy);
	tell->present = g_ptr_array_new_with_free_func(present_destroy);

	return tell;
}

Tell *tell_free(Tell *tell)
{
	if (tell == NULL)
		return NULL;

	g_ptr_array_unref(tell->endpoints);
	g_ptr_array_unref(tell->present);
	g_free(tell);

	return NULL;
}

static void add_reader(Tell *tell, const SeenEndpoint *endpoint, const SeenReader *reader)
{
	for (guint i = 0; i < reader->tokens->len; i++) {
		const SeenToken *token = g_ptr_array_index(reader->tokens, i);
		PipelinePresent *present = g_new0(PipelinePresent, 1);

		present->endpoint = g_strdup(endpoint->name);
		present->reader = g_strdup(reader->name);
		present->token = token_dup(token->token);
		g_ptr_array_add(tell->present, present);
	}
}

void tell_add(Tell *tell, const SeenEndpoint *seen)
{
	PipelineEndpoint *endpoint = g_new0(PipelineEndpoint, 1);

	endpoint->name = g_strdup(seen->name);
	endpoint->live = seen_endpoint_live(seen);
	endpoint->settled = seen->settled;
	g_ptr_array_add(tell->endpoints, endpoint);
	for (guint i = 0; i < seen->readers->len; i++)
		add_reader(tell, seen, g_ptr_array_index(seen->readers, i));
}

void tell_add_all(Tell *tell, const GPtrArray *endpoints)
{
	for (guint i = 0; endpoints != NULL && i < endpoints->len; i++)
		tell_add(tell, g_ptr_array_index(endpoints, i));
}
