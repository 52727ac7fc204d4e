/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/plan*.c: each rule by an example. plan-random.c has the combinations.
 */

#include "plan.h"

#include <string.h>

#include "harness.h"
#include "plan-world.h"
#include "text.h"

#define assert_run(world, expected)                        \
	do {                                               \
		g_autofree char *text_ = world_run(world); \
		ck_assert_str_eq(text_, expected);         \
	} while (0)

/* A look at one local card, whole, and settled. */
static PlanToken *card(World *world, const char *name)
{
	world_look(world);
	world_endpoint(world, "local", true, true);
	return world_read(world, name, "local", true);
}

/* The card with ada and bob is in, and has been propagated. */
static World *propagated(void)
{
	World *world = world_new();
	PlanToken *token = card(world, "1");
	g_autofree char *text = NULL;

	world_carry(token, "ada", 1);
	text = world_run(world);
	ck_assert_str_eq(text, "create ada new");
	return world;
}

/* No card is in. */
static void pull(World *world)
{
	world_look(world);
	world_endpoint(world, "local", true, true);
}

static guint n_claims(const World *world, const char *cn)
{
	const PlanObject *object = world_object(world, cn);

	ck_assert_ptr_nonnull(object);
	return object->marker != NULL ? object->marker->claims->len : 0;
}

START_TEST(test_create)
{
	g_autoptr(World) world = propagated();
	const PlanObject *object = world_object(world, "ada");
	const Claim *claim = object->marker->claims->pdata[0];

	ck_assert_str_eq(object->label, "ada - Certificate 1 (Label)");
	ck_assert_str_eq(claim->nickname, object->label);
	ck_assert_str_eq(claim->token->serial, "1");
	ck_assert_str_eq(claim->endpoint, "local");
	ck_assert_str_eq(claim->host, WORLD_HOST);
	ck_assert_str_eq(claim->reader, "Reader 0");
	ck_assert_str_eq(claim->module, "/lib/module.so");
	ck_assert_str_eq(claim->since, "2027-01-15T08:00:00Z");
	ck_assert_mem_eq(g_bytes_get_data(claim->id, NULL), "\1", 1);
}
END_TEST

START_TEST(test_known_card_writes_nothing)
{
	g_autoptr(World) world = propagated();
	PlanToken *token;

	world->now += 1000;
	token = card(world, "1");
	world_carry(token, "ada", 1);
	g_free(token->reader);
	token->reader = g_strdup("Another reader");
	g_free(token->token->label);
	token->token->label = g_strdup("Another label");
	assert_run(world, "keep ada known");
}
END_TEST

START_TEST(test_renumbered)
{
	g_autoptr(World) world = propagated();
	const Claim *claim;

	world->now += 1000;
	world_carry(card(world, "1"), "ada", 7);
	assert_run(world, "claim ada changed");
	claim = world_object(world, "ada")->marker->claims->pdata[0];
	ck_assert_str_eq(claim->since, "2027-01-15T08:00:00Z");
	ck_assert_str_eq(claim->object, "Certificate 7");
	ck_assert_mem_eq(g_bytes_get_data(claim->id, NULL), "\7", 1);
	ck_assert_uint_eq(n_claims(world, "ada"), 1);
}
END_TEST

START_TEST(test_twice_on_one_token)
{
	g_autoptr(World) world = world_new();
	PlanToken *token = card(world, "1");
	const Claim *claim;

	world_carry(token, "ada", 5);
	world_carry(token, "ada", 3);
	assert_run(world, "create ada new");
	claim = world_object(world, "ada")->marker->claims->pdata[0];
	ck_assert_str_eq(claim->object, "Certificate 3");

	/* A smaller one appears: the claim is still true. */
	token = card(world, "1");
	world_carry(token, "ada", 1);
	world_carry(token, "ada", 3);
	assert_run(world, "keep ada known");
	token = card(world, "1");
	world_carry(token, "ada", 1);
	assert_run(world, "claim ada changed");
}
END_TEST

START_TEST(test_two_tokens_in_one_look)
{
	g_autoptr(World) world = world_new();

	world_carry(card(world, "1"), "ada", 1);
	world_carry(world_read(world, "2", "local", true), "ada", 2);
	assert_run(world, "create ada new");
	ck_assert_uint_eq(n_claims(world, "ada"), 2);

	/* One of them is renewed: the other still owns it. */
	world_carry(card(world, "1"), "bob", 1);
	assert_run(world, "create bob new; release ada superseded");
	ck_assert_uint_eq(n_claims(world, "ada"), 1);
	world_carry(card(world, "2"), "bob", 1);
	assert_run(world, "claim bob new; delete ada superseded");
}
END_TEST

START_TEST(test_moved_to_another_token)
{
	g_autoptr(World) world = propagated();
	const Claim *claim;

	world_carry(card(world, "1"), "bob", 1);
	world_carry(world_read(world, "2", "local", true), "ada", 1);
	assert_run(world, "create bob new; claim ada new; release ada superseded");
	ck_assert_uint_eq(n_claims(world, "ada"), 1);
	claim = world_object(world, "ada")->marker->claims->pdata[0];
	ck_assert_str_eq(claim->token->serial, "2");
	/* The name that we gave it stays. */
	ck_assert_str_eq(claim->nickname, "ada - Certificate 1 (Label)");
}
END_TEST

START_TEST(test_superseded_only_when_whole)
{
	g_autoptr(World) world = propagated();

	/* Not read to its end. */
	card(world, "1")->whole = false;
	assert_run(world, "");
	world_carry(g_ptr_array_index(world->tokens, 0), "bob", 1);
	assert_run(world, "create bob new");

	/* Without any certificate: empty, or blocked, or not understood. */
	(void)card(world, "1");
	assert_run(world, "");

	/* Another card. */
	world_carry(card(world, "2"), "eve", 1);
	assert_run(world, "create eve new");

	/* The same card elsewhere. */
	world_look(world);
	world_endpoint(world, "local", true, true);
	world_endpoint(world, "xrdp:1", true, true);
	world_carry(world_read(world, "1", "xrdp:1", true), "eve", 1);
	assert_run(world, "claim eve new");

	/* Two modules, of which one failed. */
	world_carry(card(world, "1"), "bob", 1);
	(void)world_read(world, "1", "local", false);
	world_endpoint(world, "xrdp:1", true, true);
	world_present(world, "1", "xrdp:1");
	assert_run(world, "keep bob known");

	world_carry(card(world, "1"), "bob", 1);
	assert_run(world, "delete ada superseded; keep bob known");
	pull(world);
	assert_run(world, "release eve swept");
}
END_TEST

START_TEST(test_no_identity)
{
	g_autoptr(World) world = world_new();

	/* Two cards that cannot be told apart do not take each other's certificates away. */
	world_carry(card(world, "0000"), "ada", 1);
	assert_run(world, "create ada new");
	world_carry(card(world, ""), "bob", 1);
	assert_run(world, "create bob new");
	world_carry(card(world, "0000"), "bob", 1);
	assert_run(world, "keep bob known");
	ck_assert_uint_eq(n_claims(world, "bob"), 1);

	/* Any of the kind is in: then this one may be. */
	world_set(world, "local", "on-removal", "remove");
	(void)card(world, "00");
	assert_run(world, "");
	(void)card(world, "7");
	assert_run(world, "");
	pull(world);
	world_present(world, "00", "local");
	assert_run(world, "");
	pull(world);
	world_present(world, "Other/00", "local");
	{
		g_autofree char *text = world_run(world);

		ck_assert(g_str_has_prefix(text, "delete "));
		ck_assert_uint_eq(world->objects->len, 0);
	}
}
END_TEST

START_TEST(test_users_own)
{
	g_autoptr(World) world = world_new();
	PlanObject *object = world_import(world, "ada");

	world_carry(card(world, "1"), "ada", 1);
	assert_run(world, "skip ada users-own");

	/* Once marked and handed back, or with a line that is not ours. */
	object->marker = marker_new();
	assert_run(world, "skip ada users-own");
	g_ptr_array_add(object->marker->others, g_strdup("https://example.org/ada.cer"));
	assert_run(world, "skip ada users-own");

	pull(world);
	world_set(world, "local", "on-removal", "remove");
	assert_run(world, "");
}
END_TEST

/* Each way in which a user touches a certificate of ours. */
static void touch(PlanObject *object, int how)
{
	if (how == 0) {
		g_bytes_unref(object->id);
		object->id = g_bytes_new("SHA-1 of the public", 20);
	} else if (how == 1) {
		object->has_key = true;
	} else if (how == 2) {
		g_free(object->label);
		object->label = g_strdup("my card");
	} else {
		object->has_trust = true;
	}
}

START_TEST(test_touched)
{
	g_autoptr(World) world = propagated();
	PlanObject *object = world_object(world, "ada");
	bool reimported = _i < 2;

	world_claim(object, "9", "local", "other-host");
	touch(object, _i);
	ck_assert(plan_object_adopted(object));
	ck_assert(plan_object_reimported(object) == reimported);

	if (reimported) {
		assert_run(world, "release ada adopted; skip ada users-own");
		ck_assert_uint_eq(n_claims(world, "ada"), 0);
		assert_run(world, "skip ada users-own");
		return;
	}

	assert_run(world, "keep ada known");
	ck_assert_uint_eq(n_claims(world, "ada"), 2);
	g_ptr_array_set_size(object->marker->claims, 1);
	world_carry(card(world, "1"), "bob", 1);
	assert_run(world, "create bob new; release ada superseded");
	ck_assert_ptr_eq(world_object(world, "ada"), object);
	ck_assert_uint_eq(n_claims(world, "ada"), 0);
}
END_TEST

START_TEST(test_line_of_others)
{
	g_autoptr(World) world = propagated();
	const PlanObject *object = world_object(world, "ada");

	g_ptr_array_add(object->marker->others, g_strdup("https://example.org/ada.cer"));
	world_carry(card(world, "1"), "bob", 1);
	assert_run(world, "create bob new; release ada superseded");
	ck_assert_uint_eq(object->marker->others->len, 1);
	ck_assert(!marker_is_ours(object->marker));
}
END_TEST

START_TEST(test_policy)
{
	g_autoptr(World) world = propagated();

	/* An expired one does not come in, and one that expires goes, but only on a whole read. */
	world_carry(card(world, "1"), "ada", 1);
	world_carry(g_ptr_array_index(world->tokens, 0), "old", 2);
	assert_run(world, "keep ada known; skip old expired");

	world->now = world_cert("ada")->not_after + 1;
	((PlanToken *)world->tokens->pdata[0])->whole = false;
	{
		g_autofree char *text = world_run(world);

		ck_assert_ptr_null(strstr(text, "delete"));
	}
	((PlanToken *)world->tokens->pdata[0])->whole = true;
	{
		g_autofree char *text = world_run(world);

		ck_assert(g_str_has_prefix(text, "delete ada policy; skip "));
		ck_assert_uint_eq(world->objects->len, 0);
	}
}
END_TEST

/* The card is out. */
static const struct {
	const char *group, *key, *text; /* one setting */
	const char *cn;
	const char *endpoint; /* through which it came */
	bool listed, live, settled, present, logout;
	const char *expected;
} absences[] = {
	/* local, by default: it stays */
	{NULL, NULL, NULL, "ada", "local", true, true, true, false, false, ""},
	{NULL, NULL, NULL, "ada", "local", true, true, true, false, true, ""},
	/* local, on-removal=remove */
	{"local", "on-removal", "remove", "ada", "local", true, true, true, false, false,
		"delete ada removed"},
	{"local", "on-removal", "remove", "ada", "local", true, true, true, true, false, ""},
	{"local", "on-removal", "remove", "ada", "local", true, true, false, false, false, ""},
	{"local", "on-removal", "remove", "ada", "local", true, false, false, false, false, ""},
	{"local", "on-removal", "remove", "ada", "local", false, true, true, false, false, ""},
	{"local", "on-removal", "remove", "CA", "local", true, true, true, false, false,
		"delete CA removed"},
	/* local, on-logout=remove */
	{"local", "on-logout", "remove", "ada", "local", true, true, true, true, true,
		"delete ada logout"},
	{"local", "on-logout", "remove", "ada", "local", true, true, true, false, false, ""},
	{"local", "on-logout", "remove", "ada", "xrdp:1", true, true, true, true, false, ""},
	/* redirected, by default bound to the session */
	{NULL, NULL, NULL, "ada", "xrdp:1", true, true, true, true, false, ""},
	{NULL, NULL, NULL, "ada", "xrdp:1", true, true, true, false, false, "delete ada removed"},
	{NULL, NULL, NULL, "ada", "xrdp:1", true, true, false, false, false, ""},
	{NULL, NULL, NULL, "ada", "xrdp:1", true, false, false, false, false, "delete ada swept"},
	{NULL, NULL, NULL, "ada", "xrdp:1", false, false, false, false, false, "delete ada swept"},
	{NULL, NULL, NULL, "ada", "xrdp:1", true, true, true, true, true, "delete ada logout"},
	/* redirected, kept or ignored */
	{"redirected", "policy", "keep", "ada", "xrdp:1", true, false, false, false, true, ""},
	{"redirected", "policy", "ignore", "ada", "xrdp:1", true, true, true, true, false,
		"delete ada policy"},
	{"redirected", "policy", "ignore", "ada", "local", true, true, true, false, false, ""},
};

static PlanObject *add_ours(World *world, const char *cn, const char *endpoint, const char *host)
{
	PlanObject *object = world_import(world, cn);
	guint8 id[CERT_ID_LEN];

	cert_id(object->cert, id);
	g_bytes_unref(object->id);
	object->id = g_bytes_new(id, sizeof(id));
	world_claim(object, "1", endpoint, host);
	ck_assert(!plan_object_adopted(object));
	return object;
}

START_TEST(test_absent)
{
	g_autoptr(World) world = world_new();
	const char *endpoint = absences[_i].endpoint;

	(void)add_ours(world, absences[_i].cn, endpoint, WORLD_HOST);
	/* Another host's claim on another certificate, which nothing here concerns. */
	(void)add_ours(world, "eve", endpoint, "other-host");
	if (absences[_i].group != NULL)
		world_set(world, absences[_i].group, absences[_i].key, absences[_i].text);
	world_endpoint(world, "forwarded:other", true, true);
	if (absences[_i].listed)
		world_endpoint(world, endpoint, absences[_i].live, absences[_i].settled);
	if (absences[_i].present)
		world_present(world, "1", endpoint);
	else
		world_present(world, "2", endpoint);
	world_present(world, "1", "forwarded:other");
	world->logout = absences[_i].logout;

	assert_run(world, absences[_i].expected);
	ck_assert_uint_eq(n_claims(world, "eve"), 1);
}
END_TEST

START_TEST(test_nothing_known_sweeps_nothing)
{
	g_autoptr(World) world = world_new();

	(void)add_ours(world, "ada", "xrdp:1", WORLD_HOST);
	assert_run(world, "");
	world_endpoint(world, "local", true, true);
	assert_run(world, "delete ada swept");
}
END_TEST

START_TEST(test_ca_cleanup)
{
	g_autoptr(World) world = world_new();

	world_set(world, "ca", "cleanup", "keep");
	world_set(world, "local", "on-removal", "remove");
	world_set(world, "local", "on-logout", "remove");
	(void)add_ours(world, "CA", "local", WORLD_HOST);
	(void)add_ours(world, "ada", "local", WORLD_HOST);
	pull(world);
	assert_run(world, "delete ada removed");
	world->logout = true;
	assert_run(world, "");

	/* Superseded is not cleaned up: the card is in, and does not carry it. */
	world->logout = false;
	world_carry(card(world, "1"), "bob", 1);
	assert_run(world, "create bob new; delete CA superseded");
}
END_TEST

START_TEST(test_two_claims_one_goes)
{
	g_autoptr(World) world = world_new();
	PlanObject *object = add_ours(world, "ada", "xrdp:1", WORLD_HOST);

	world_claim(object, "1", "local", WORLD_HOST);
	world_claim(object, "1", "xrdp:1", "other-host");
	pull(world);
	assert_run(world, "release ada swept");
	ck_assert_uint_eq(n_claims(world, "ada"), 2);
	world_set(world, "local", "on-removal", "remove");
	assert_run(world, "release ada removed");
	ck_assert_uint_eq(n_claims(world, "ada"), 1);
}
END_TEST

START_TEST(test_disabled)
{
	g_autoptr(World) world = propagated();

	(void)add_ours(world, "eve", "xrdp:1", WORLD_HOST);
	world_set(world, "propagation", "enabled", "false");
	world_set(world, "local", "on-removal", "remove");
	pull(world);
	world->logout = true;
	assert_run(world, "");
	ck_assert_uint_eq(world->objects->len, 2);
}
END_TEST

START_TEST(test_logout_adds_nothing)
{
	g_autoptr(World) world = propagated();

	world->logout = true;
	world_set(world, "local", "on-logout", "remove");
	world_carry(world->tokens->pdata[0], "bob", 2);
	assert_run(world, "delete ada logout");
	ck_assert_uint_eq(world->objects->len, 0);
}
END_TEST

/* What NSS does not let happen, and must not trip us. */
START_TEST(test_odd_objects)
{
	g_autoptr(World) world = world_new();
	PlanObject *object;

	/* Without a readable certificate, even with a marker. */
	object = world_import(world, "eve");
	g_clear_pointer(&object->cert, cert_unref);
	world_claim(object, "1", "xrdp:1", WORLD_HOST);
	/* One certificate twice, one of them ours. */
	(void)world_import(world, "ada");
	(void)add_ours(world, "ada", "local", WORLD_HOST);
	/* Without CKA_ID and label. */
	object = add_ours(world, "bob", "xrdp:1", WORLD_HOST);
	g_clear_pointer(&object->id, g_bytes_unref);
	g_clear_pointer(&object->label, g_free);

	world_carry(card(world, "1"), "ada", 1);
	assert_run(world, "release bob adopted; keep ada known");
	world_carry(card(world, "1"), "eve", 1);
	assert_run(world, "create eve new; delete ada superseded");
	ck_assert_ptr_nonnull(world_object(world, "ada"));
}
END_TEST

START_TEST(test_full_marker)
{
	g_autoptr(World) world = world_new();
	PlanObject *object = add_ours(world, "ada", "local", "other-host");

	for (guint i = 1; i < MARKER_CLAIMS_MAX; i++) {
		g_autofree char *host = g_strdup_printf("host-%u", i);

		world_claim(object, "1", "local", host);
	}
	world_carry(card(world, "1"), "ada", 1);
	assert_run(world, "skip ada marker-full");
	ck_assert_uint_eq(n_claims(world, "ada"), MARKER_CLAIMS_MAX);
}
END_TEST

/* The session in which the card was read ended without anybody to see to it. */
static World *left_over(const char *on_logout)
{
	World *world = world_new();
	PlanObject *object = add_ours(world, "ada", "local", WORLD_HOST);
	Claim *claim = object->marker->claims->pdata[0];

	claim->since = text_time(WORLD_NOW - 100);
	world_set(world, "local", "on-logout", on_logout);
	world->session = WORLD_NOW - 50;
	return world;
}

static const struct {
	const char *on_logout;
	const char *cn;
	const char *endpoint, *host;
	gint64 session;
	bool live, settled, present;
	const char *expected;
} leftovers[] = {
	{"remove", "ada", "local", WORLD_HOST, WORLD_NOW - 50, true, true, false,
		"delete ada logout"},
	{"remove", "ada", "local", WORLD_HOST, WORLD_NOW - 50, false, false, false,
		"delete ada logout"},
	/* The card may be the one that is being read. */
	{"remove", "ada", "local", WORLD_HOST, WORLD_NOW - 50, true, false, false, ""},
	{"remove", "ada", "local", WORLD_HOST, WORLD_NOW - 50, true, true, true, ""},
	{"remove", "ada", "local", WORLD_HOST, WORLD_NOW - 100, true, true, false, ""},
	{"remove", "ada", "local", WORLD_HOST, 0, true, true, false, ""},
	{"remove", "ada", "local", "other-host", WORLD_NOW - 50, true, true, false, ""},
	{"remove", "ada", "forwarded:x", WORLD_HOST, WORLD_NOW - 50, true, false, false, ""},
	{"keep", "ada", "local", WORLD_HOST, WORLD_NOW - 50, true, true, false, ""},
};

START_TEST(test_left_over)
{
	g_autoptr(World) world = left_over(leftovers[_i].on_logout);
	PlanObject *object = world_object(world, "ada");
	Claim *claim = object->marker->claims->pdata[0];

	g_free(claim->endpoint);
	claim->endpoint = g_strdup(leftovers[_i].endpoint);
	g_free(claim->host);
	claim->host = g_strdup(leftovers[_i].host);
	world->session = leftovers[_i].session;
	world_endpoint(world, leftovers[_i].endpoint, leftovers[_i].live, leftovers[_i].settled);
	if (strcmp(leftovers[_i].endpoint, "local") != 0)
		world_endpoint(world, "local", true, false);
	if (leftovers[_i].present)
		world_present(world, "1", leftovers[_i].endpoint);

	assert_run(world, leftovers[_i].expected);
}
END_TEST

/* The card is still in, or in again: a new claim of the same owner begins, once. */
START_TEST(test_left_over_card_in)
{
	g_autoptr(World) world = left_over("remove");
	g_autofree char *since = text_time(WORLD_NOW);
	PlanObject *object = world_object(world, "ada");
	const Claim *claim;

	world_endpoint(world, "local", true, true);
	world_carry(card(world, "1"), "ada", 1);
	assert_run(world, "claim ada new");
	claim = object->marker->claims->pdata[0];
	ck_assert_uint_eq(n_claims(world, "ada"), 1);
	ck_assert_str_eq(claim->since, since);
	world->now += 1000;
	assert_run(world, "keep ada known");
	/* Also with a clock that is an hour behind all of a sudden. */
	world->now = WORLD_NOW - 3600;
	assert_run(world, "keep ada known");
	world->now = WORLD_NOW + 1000;
	pull(world);
	assert_run(world, "");
	world->session = WORLD_NOW + 500;
	assert_run(world, "delete ada logout");
}
END_TEST

/* Of the others a look at a card knows only what was so when it began, also if the card shows no
   token: what they lack is judged when nobody reads. */
START_TEST(test_reading_judges_no_others)
{
	g_autoptr(World) world = world_new();

	world_set(world, "local", "on-removal", "remove");
	world_set(world, "local", "on-logout", "remove");
	(void)add_ours(world, "ada", "local", WORLD_HOST);
	(void)add_ours(world, "bob", "xrdp:1", WORLD_HOST);
	(void)add_ours(world, "eve", "xrdp:2", WORLD_HOST);
	world->session = WORLD_NOW;
	pull(world);
	world_endpoint(world, "xrdp:1", true, true);
	world->reading = true;
	assert_run(world, "");
	world->reading = false;
	{
		g_autofree char *text = world_run(world);

		ck_assert_ptr_nonnull(strstr(text, "delete ada"));
		ck_assert_ptr_nonnull(strstr(text, "delete bob removed"));
		ck_assert_ptr_nonnull(strstr(text, "delete eve swept"));
	}
}
END_TEST

static unsigned waiting(const World *world)
{
	g_autoptr(Plan) plan = world_plan(world);

	return plan->n_waiting;
}

/* After a start: who is not known yet may still come, and who is known to be gone is gone. */
START_TEST(test_expected_endpoints)
{
	g_autoptr(World) world = world_new();

	(void)add_ours(world, "ada", "xrdp:1", WORLD_HOST);
	(void)add_ours(world, "bob", "xrdp:2", WORLD_HOST);
	(void)add_ours(world, "eve", "forwarded:desk", "other-host");
	pull(world);
	world_endpoint(world, "xrdp:2", false, false);
	world->expecting = true;
	ck_assert_uint_eq(waiting(world), 1); /* ada */
	assert_run(world, "delete bob swept");
	ck_assert_uint_eq(waiting(world), 1);
	world_set(world, "redirected", "policy", "keep");
	ck_assert_uint_eq(waiting(world), 0);
	assert_run(world, "");
	world_set(world, "redirected", "policy", "session");
	world->expecting = false;
	ck_assert_uint_eq(waiting(world), 0);
	assert_run(world, "delete ada swept");
}
END_TEST

/* They end with the session all the same. */
START_TEST(test_expected_endpoints_at_logout)
{
	g_autoptr(World) world = world_new();

	(void)add_ours(world, "ada", "xrdp:1", WORLD_HOST);
	pull(world);
	world->expecting = true;
	world->logout = true;
	assert_run(world, "delete ada logout");
}
END_TEST

/* While cards are being read, who is in is not known yet. */
START_TEST(test_left_over_waits_for_readers)
{
	g_autoptr(World) world = left_over("remove");

	world_carry(card(world, "2"), "bob", 1);
	assert_run(world, "create bob new");
	world_look(world);
	world_endpoint(world, "local", true, true);
	world_present(world, "2", "local");
	assert_run(world, "delete ada logout");
}
END_TEST

START_TEST(test_words_and_counts)
{
	static const char *const words[] = {"create", "claim", "release", "delete", "keep", "skip"};
	g_autoptr(World) world = propagated();
	g_autoptr(Plan) plan = NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(words); i++)
		ck_assert_str_eq(plan_word((PlanAction)i), words[i]);

	world_carry(card(world, "1"), "bob", 1);
	world_carry(g_ptr_array_index(world->tokens, 0), "old", 2);
	plan = world_plan(world);
	ck_assert_uint_eq(plan_additions(plan), 1);
	ck_assert_uint_eq(plan_removals(plan), 1);
	ck_assert_uint_eq(plan->steps->len, 3);
}
END_TEST

static TCase *touch_cases(void)
{
	TCase *tcase = tcase_create("user");

	tcase_add_test(tcase, test_users_own);
	tcase_add_loop_test(tcase, test_touched, 0, 4);
	tcase_add_test(tcase, test_line_of_others);
	tcase_add_test(tcase, test_odd_objects);
	return tcase;
}

static Suite *plan_suite(void)
{
	Suite *suite = suite_create("plan");
	TCase *tcase = tcase_create("present");

	tcase_add_test(tcase, test_create);
	tcase_add_test(tcase, test_known_card_writes_nothing);
	tcase_add_test(tcase, test_renumbered);
	tcase_add_test(tcase, test_twice_on_one_token);
	tcase_add_test(tcase, test_two_tokens_in_one_look);
	tcase_add_test(tcase, test_moved_to_another_token);
	tcase_add_test(tcase, test_superseded_only_when_whole);
	tcase_add_test(tcase, test_no_identity);
	tcase_add_test(tcase, test_policy);
	tcase_add_test(tcase, test_full_marker);
	tcase_add_test(tcase, test_words_and_counts);
	suite_add_tcase(suite, tcase);
	suite_add_tcase(suite, touch_cases());

	tcase = tcase_create("absent");
	tcase_add_loop_test(tcase, test_absent, 0, G_N_ELEMENTS(absences));
	tcase_add_test(tcase, test_nothing_known_sweeps_nothing);
	tcase_add_test(tcase, test_ca_cleanup);
	tcase_add_test(tcase, test_two_claims_one_goes);
	tcase_add_test(tcase, test_disabled);
	tcase_add_test(tcase, test_logout_adds_nothing);
	tcase_add_loop_test(tcase, test_left_over, 0, G_N_ELEMENTS(leftovers));
	tcase_add_test(tcase, test_left_over_card_in);
	tcase_add_test(tcase, test_left_over_waits_for_readers);
	tcase_add_test(tcase, test_expected_endpoints);
	tcase_add_test(tcase, test_expected_endpoints_at_logout);
	tcase_add_test(tcase, test_reading_judges_no_others);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(int argc, char **argv)
{
	return harness_run(plan_suite(), argc, argv);
}
