/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A simulated database and what was read of cards, for tests of the planner. Plans are carried out
 * on it as the store would, and checked while at it: no step may touch what is not ours.
 */

#include <glib.h>
#include <stdbool.h>

#include "plan.h"

#define WORLD_HOST "this-host"
#define WORLD_NOW  G_GINT64_CONSTANT(1800000000)

typedef struct World {
	const char *host;  /* whose look it is */
	const char *where; /* for messages: in which test this is */
	Config *config;
	gint64 now;
	gint64 session; /* 0: not told */
	bool logout;
	bool expecting;
	bool can_trust;       /* true at first */
	bool reading;         /* also when no token was read */
	GPtrArray *objects;   /* PlanObject: the database */
	GPtrArray *tokens;    /* PlanToken: this look */
	GPtrArray *endpoints; /* PlanEndpoint */
	GPtrArray *present;   /* PlanPresent */
	gulong next_handle;
} World;

World *world_new(void);
World *world_free(World *world);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)

void world_set(World *world, const char *group, const char *key, const char *text);

/* A certificate of this name, the same in the whole process; borrowed. With "CA" in its name it
   is an intermediate; "old..." has expired. */
Cert *world_cert(const char *cn);

/* Forgets what was read: a new look begins. */
void world_look(World *world);
/* `name` is the serial, or model and serial with a '/' between them. */
Token *world_token(const char *name);
/* A token that was read; it is present. Borrowed. */
PlanToken *world_read(World *world, const char *name, const char *endpoint, bool whole);
void world_carry(PlanToken *token, const char *cn, guint8 id);
void world_endpoint(World *world, const char *name, bool live, bool settled);
void world_present(World *world, const char *name, const char *endpoint);

/* Of the user. */
PlanObject *world_import(World *world, const char *cn);
/* NULL if there is none. */
PlanObject *world_object(const World *world, const char *cn);
/* Adds a claim, as another host or session would have. */
void world_claim(PlanObject *object, const char *name, const char *endpoint, const char *host);

Plan *world_plan(const World *world);
/* "create ada new; keep bob known", and with `details` the markers. */
char *world_text(const Plan *plan, bool details);
/* Carries out the first `n` steps. */
void world_apply(World *world, const Plan *plan, guint n);
/* Plans, carries it out, and insists that nothing is then left to be written. Returns world_text().
 */
char *world_run(World *world);
