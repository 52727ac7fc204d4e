/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan-world.h"

#include <check.h>
#include <string.h>

#include "maker.h"

static void free_object(gpointer data)
{
	plan_object_free(data);
}

static void free_token(gpointer data)
{
	plan_token_free(data);
}

static void free_cert(gpointer data)
{
	plan_cert_free(data);
}

static void free_endpoint(gpointer data)
{
	PlanEndpoint *endpoint = data;

	g_free(endpoint->name);
	g_free(endpoint);
}

static void free_present(gpointer data)
{
	PlanPresent *present = data;

	token_free(present->token);
	g_free(present->endpoint);
	g_free(present);
}

World *world_new(void)
{
	World *world = g_new0(World, 1);

	world->host = WORLD_HOST;
	world->can_trust = true;
	world->where = "";
	world->config = config_new();
	world->now = WORLD_NOW;
	world->objects = g_ptr_array_new_with_free_func(free_object);
	world->tokens = g_ptr_array_new_with_free_func(free_token);
	world->endpoints = g_ptr_array_new_with_free_func(free_endpoint);
	world->present = g_ptr_array_new_with_free_func(free_present);
	world->next_handle = 1;
	return world;
}

World *world_free(World *world)
{
	if (world == NULL)
		return NULL;

	config_free(world->config);
	g_ptr_array_unref(world->objects);
	g_ptr_array_unref(world->tokens);
	g_ptr_array_unref(world->endpoints);
	g_ptr_array_unref(world->present);
	g_free(world);
	return NULL;
}

void world_set(World *world, const char *group, const char *key, const char *text)
{
	g_autoptr(GError) error = NULL;

	ck_assert_msg(config_set(world->config, group, key, text, "test", &error), "%s",
		error != NULL ? error->message : "no error");
}

Cert *world_cert(const char *cn)
{
	static GHashTable *certs;
	Cert *cert;

	if (certs == NULL)
		certs = g_hash_table_new_full(
			g_str_hash, g_str_equal, g_free, (GDestroyNotify)cert_unref);
	cert = g_hash_table_lookup(certs, cn);
	if (cert == NULL) {
		g_autoptr(GBytes) der = maker_der(&(MakerSpec){.cn = cn,
			.issuer_cn = strstr(cn, "root") != NULL ? cn : "Authority",
			.serial = g_hash_table_size(certs) + 1,
			.ca = strstr(cn, "CA") != NULL || strstr(cn, "root") != NULL,
			.not_after = g_str_has_prefix(cn, "old") ? WORLD_NOW - 1 : 0});

		cert = cert_parse(der, NULL);
		ck_assert_ptr_nonnull(cert);
		g_hash_table_insert(certs, g_strdup(cn), cert);
	}
	return cert;
}

void world_look(World *world)
{
	g_ptr_array_set_size(world->tokens, 0);
	g_ptr_array_set_size(world->endpoints, 0);
	g_ptr_array_set_size(world->present, 0);
}

Token *world_token(const char *name)
{
	const char *slash = strchr(name, '/');
	g_autofree char *model =
		slash != NULL ? g_strndup(name, (gsize)(slash - name)) : g_strdup("PIV");

	return token_new("piv_II", model, slash != NULL ? slash + 1 : name, "Label");
}

PlanToken *world_read(World *world, const char *name, const char *endpoint, bool whole)
{
	PlanToken *token = g_new0(PlanToken, 1);

	token->token = world_token(name);
	token->endpoint = g_strdup(endpoint);
	token->reader = g_strdup("Reader 0");
	token->module = g_strdup("/lib/module.so");
	token->certs = g_ptr_array_new_with_free_func(free_cert);
	token->whole = whole;
	g_ptr_array_add(world->tokens, token);
	world_present(world, name, endpoint);
	return token;
}

void world_carry(PlanToken *token, const char *cn, guint8 id)
{
	PlanCert *cert = g_new0(PlanCert, 1);

	cert->cert = cert_ref(world_cert(cn));
	cert->id = g_bytes_new(&id, 1);
	cert->object = g_strdup_printf("Certificate %u", id);
	g_ptr_array_add(token->certs, cert);
}

void world_endpoint(World *world, const char *name, bool live, bool settled)
{
	PlanEndpoint *endpoint = g_new0(PlanEndpoint, 1);

	endpoint->name = g_strdup(name);
	endpoint->live = live;
	endpoint->settled = settled;
	g_ptr_array_add(world->endpoints, endpoint);
}

void world_present(World *world, const char *name, const char *endpoint)
{
	PlanPresent *present = g_new0(PlanPresent, 1);

	present->token = world_token(name);
	present->endpoint = g_strdup(endpoint);
	g_ptr_array_add(world->present, present);
}

static PlanObject *add_object(World *world, Cert *cert, const char *label)
{
	PlanObject *object = g_new0(PlanObject, 1);

	object->handle = world->next_handle++;
	object->cert = cert_ref(cert);
	object->label = g_strdup(label);
	g_ptr_array_add(world->objects, object);
	return object;
}

PlanObject *world_import(World *world, const char *cn)
{
	PlanObject *object = add_object(world, world_cert(cn), cn);

	object->id = g_bytes_new("SHA-1 of the key", 16);
	return object;
}

PlanObject *world_object(const World *world, const char *cn)
{
	const Cert *cert = world_cert(cn);

	for (guint i = 0; i < world->objects->len; i++) {
		PlanObject *object = world->objects->pdata[i];

		if (object->cert != NULL && strcmp(object->cert->sha256_hex, cert->sha256_hex) == 0)
			return object;
	}
	return NULL;
}

void world_claim(PlanObject *object, const char *name, const char *endpoint, const char *host)
{
	Claim *claim = g_new0(Claim, 1);

	if (object->marker == NULL)
		object->marker = marker_new();
	claim->token = world_token(name);
	claim->id = g_bytes_new("\1", 1);
	claim->object = g_strdup("Certificate 1");
	claim->endpoint = g_strdup(endpoint);
	claim->host = g_strdup(host);
	claim->nickname = g_strdup(object->label);
	g_ptr_array_add(object->marker->claims, claim);
}

Plan *world_plan(const World *world)
{
	PlanInput input = {
		.config = world->config,
		.host = world->host,
		.now = world->now,
		.session = world->session,
		.logout = world->logout,
		.expecting = world->expecting,
		.reading = world->reading || world->tokens->len > 0,
		.objects = world->objects,
		.tokens = world->tokens,
		.endpoints = world->endpoints,
		.present = world->present,
		.can_trust = world->can_trust,
	};

	return plan_make(&input);
}

char *world_text(const Plan *plan, bool details)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < plan->steps->len; i++) {
		const PlanStep *step = plan->steps->pdata[i];
		const Cert *cert = step->object != NULL ? step->object->cert : step->cert->cert;

		g_string_append_printf(text, "%s%s %s %s", i > 0 ? "; " : "",
			plan_word(step->action), cert->common_name, step->reason);
		if (step->trust != PLAN_TRUST_LEAVE)
			g_string_append(
				text, step->trust == PLAN_TRUST_GIVE ? " +trust" : " -trust");
		if (details && step->marker != NULL) {
			g_autofree char *marker = marker_format(step->marker, NULL);

			g_string_append_printf(text, " {%s}", marker);
		}
	}
	return g_string_free(text, FALSE);
}

/* As it comes back from the database. */
static void write_marker(PlanObject *object, const Marker *marker)
{
	g_autofree char *text = marker_format(marker, NULL);

	ck_assert_ptr_nonnull(text);
	marker_free(object->marker);
	object->marker = marker_parse(text, strlen(text), NULL);
	ck_assert_ptr_nonnull(object->marker);
}

static void apply_create(World *world, const PlanStep *step)
{
	guint8 id[CERT_ID_LEN];
	const Claim *claim;
	PlanObject *object;

	/* NSS refuses a second one of the same issuer and serial. */
	ck_assert_ptr_null(world_object(world, step->cert->cert->common_name));
	ck_assert_uint_gt(step->marker->claims->len, 0);
	claim = step->marker->claims->pdata[0];
	object = add_object(world, step->cert->cert, claim->nickname);
	cert_id(object->cert, id);
	object->id = g_bytes_new(id, sizeof(id));
	write_marker(object, step->marker);
	ck_assert(!plan_object_adopted(object));
}

static void give_trust(const World *world, PlanObject *object)
{
	/* What somebody thinks of it already is not changed. */
	ck_assert(world->can_trust && !object->has_trust);
	ck_assert(marker_trusts(object->marker));
	object->has_trust = object->own_trust = true;
}

static void take_trust(PlanObject *object)
{
	ck_assert(plan_object_trusted(object));
	object->has_trust = object->own_trust = false;
}

static void apply(World *world, const PlanStep *step)
{
	PlanObject *object = (PlanObject *)step->object;

	if (step->trust == PLAN_TRUST_TAKE)
		take_trust(object);

	switch (step->action) {
	case PLAN_CREATE:
		apply_create(world, step);
		break;
	case PLAN_CLAIM:
	case PLAN_RELEASE:
		ck_assert(object->marker != NULL && marker_is_ours(object->marker));
		write_marker(object, step->marker);
		break;
	case PLAN_DELETE:
		ck_assert(object->marker != NULL && marker_is_ours(object->marker));
		ck_assert(!plan_object_adopted(object));
		ck_assert_uint_eq(object->marker->others->len, 0);
		ck_assert(g_ptr_array_remove(world->objects, object));
		break;
	case PLAN_KEEP:
	case PLAN_SKIP:
		ck_assert_ptr_null(step->marker);
		break;
	}
	if (step->trust == PLAN_TRUST_GIVE)
		give_trust(world, object != NULL
					  ? object
					  : world_object(world, step->cert->cert->common_name));
}

void world_apply(World *world, const Plan *plan, guint n)
{
	for (guint i = 0; i < MIN(n, plan->steps->len); i++)
		apply(world, plan->steps->pdata[i]);
}

char *world_run(World *world)
{
	g_autoptr(Plan) plan = world_plan(world);
	char *text = world_text(plan, false);
	g_autofree char *before = world_text(plan, true);
	g_autofree char *left = NULL;
	g_autoptr(Plan) again = NULL;

	world_apply(world, plan, G_MAXUINT);
	again = world_plan(world);
	left = world_text(again, true);
	ck_assert_msg(plan_additions(again) + plan_removals(again) == 0,
		"%s: planned: %s; still left: %s", world->where, before, left);
	return text;
}
