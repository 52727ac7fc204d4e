/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From what the daemon or certpropctl knows to what a store is told: copies, because a pipeline
 * must not change its mind when they do.
 */

#include "presence.h"

#include <string.h>

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

Presence *presence_new(void)
{
	Presence *presence = g_new0(Presence, 1);

	presence->endpoints = g_ptr_array_new_with_free_func(endpoint_destroy);
	presence->present = g_ptr_array_new_with_free_func(present_destroy);

	return presence;
}

Presence *presence_free(Presence *presence)
{
	if (presence == NULL)
		return NULL;

	g_ptr_array_unref(presence->endpoints);
	g_ptr_array_unref(presence->present);
	g_free(presence);

	return NULL;
}

void presence_add_endpoint(Presence *presence, const char *name, bool live, bool settled)
{
	PipelineEndpoint *endpoint = g_new0(PipelineEndpoint, 1);

	endpoint->name = g_strdup(name);
	endpoint->live = live;
	endpoint->settled = settled;
	g_ptr_array_add(presence->endpoints, endpoint);
}

void presence_add_token(
	Presence *presence, const char *endpoint, const char *reader, const Token *token)
{
	PipelinePresent *present = g_new0(PipelinePresent, 1);

	present->endpoint = g_strdup(endpoint);
	present->reader = g_strdup(reader);
	present->token = token_dup(token);
	g_ptr_array_add(presence->present, present);
}

static bool same_endpoint(const PipelineEndpoint *a, const PipelineEndpoint *b)
{
	return strcmp(a->name, b->name) == 0 && a->live == b->live && a->settled == b->settled;
}

static bool same_present(const PipelinePresent *a, const PipelinePresent *b)
{
	return strcmp(a->endpoint, b->endpoint) == 0 && strcmp(a->reader, b->reader) == 0 &&
	       token_equal(a->token, b->token);
}

bool presence_equal(const Presence *a, const Presence *b)
{
	if (a->endpoints->len != b->endpoints->len || a->present->len != b->present->len)
		return false;

	for (guint i = 0; i < a->endpoints->len; i++) {
		if (!same_endpoint(
			    g_ptr_array_index(a->endpoints, i), g_ptr_array_index(b->endpoints, i)))
			return false;
	}
	for (guint i = 0; i < a->present->len; i++) {
		if (!same_present(
			    g_ptr_array_index(a->present, i), g_ptr_array_index(b->present, i)))
			return false;
	}
	return a->expecting == b->expecting;
}
