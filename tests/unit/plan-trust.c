/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which certificates are trusted, and when that ends (issue 4). plan-random.c goes over the same
 * rules in lives that nobody has thought of.
 */

#include <string.h>

#include "harness.h"
#include "plan-world.h"

static void pin(World *world, bool pinned)
{
	world_set(world, "ca", "trusted-roots", pinned ? world_cert("root")->sha256_hex : "");
}

static void assert_run(World *world, const char *expected)
{
	g_autofree char *text = world_run(world);

	ck_assert_str_eq(text, expected);
}

static PlanToken *card(World *world, const char *endpoint)
{
	PlanToken *token;

	world_look(world);
	world_endpoint(world, endpoint, true, true);
	token = world_read(world, "1", endpoint, true);
	world_carry(token, "root", 1);
	return token;
}

static void pull(World *world)
{
	world_look(world);
	world_endpoint(world, "local", true, true);
}

/* The root is pinned, was on a card, and is trusted. */
static World *trusted(void)
{
	World *world = world_new();

	pin(world, true);
	(void)card(world, "local");
	assert_run(world, "create root pinned +trust");
	ck_assert(plan_object_trusted(world_object(world, "root")));
	return world;
}

START_TEST(test_only_when_pinned)
{
	g_autoptr(World) world = world_new();
	PlanToken *token = card(world, "local");

	world_carry(token, "CA one", 2);
	assert_run(world, "create CA one new; skip root unpinned-root");
	pin(world, true);
	assert_run(world, "create root pinned +trust; keep CA one known");
}
END_TEST

/* Pinning what is no root does nothing for it. */
START_TEST(test_only_roots)
{
	g_autoptr(World) world = world_new();
	PlanToken *token = card(world, "local");
	const char *cn = _i == 0 ? "CA one" : "ada";
	g_autofree char *expected = g_strdup_printf("create %s new; skip root unpinned-root", cn);

	world_set(world, "ca", "trusted-roots", world_cert(cn)->sha256_hex);
	world_carry(token, cn, 2);
	assert_run(world, expected);
}
END_TEST

START_TEST(test_only_here)
{
	g_autoptr(World) world = world_new();

	pin(world, true);
	(void)card(world, "xrdp:10");
	assert_run(world, "skip root intermediate");
}
END_TEST

START_TEST(test_goes)
{
	g_autoptr(World) world = trusted();

	pull(world);
	if (_i == 0) {
		world_set(world, "local", "on-removal", "remove");
		assert_run(world, "delete root removed -trust");
		return;
	}
	pin(world, false);
	assert_run(world, "release root unpinned -trust");
	ck_assert_uint_eq(world_object(world, "root")->marker->claims->len, 1);
	assert_run(world, "");
}
END_TEST

/* Another host's administrator has pinned it as well. */
START_TEST(test_two_hosts)
{
	g_autoptr(World) world = trusted();

	world->host = "other-host";
	(void)card(world, "local");
	assert_run(world, "claim root new");
	pin(world, false);
	pull(world);
	assert_run(world, "release root unpinned");
	ck_assert(plan_object_trusted(world_object(world, "root")));
	world->host = WORLD_HOST;
	assert_run(world, "release root unpinned -trust");
}
END_TEST

/* 0: edited, 1: renamed, 2: imported again. */
START_TEST(test_users_hand)
{
	static const char *const ends[] = {
		"release root removed", "release root removed -trust", "release root adopted"};
	g_autoptr(World) world = trusted();
	PlanObject *object = world_object(world, "root");

	if (_i == 0) {
		object->own_trust = false;
	} else if (_i == 1) {
		g_free(object->label);
		object->label = g_strdup("mine");
	} else {
		g_bytes_unref(object->id);
		object->id = g_bytes_new("SHA-1 of the public", 20);
	}
	ck_assert(plan_object_adopted(object));
	pull(world);
	world_set(world, "local", "on-removal", "remove");
	assert_run(world, ends[_i]);
	ck_assert(object->has_trust == (_i != 1));

	(void)card(world, "local");
	assert_run(world, "skip root users-own");
}
END_TEST

/* What is marked, and was given trust by its owner before it was pinned. */
START_TEST(test_users_trust)
{
	g_autoptr(World) world = trusted();
	PlanObject *object = world_object(world, "root");

	pin(world, false);
	pull(world);
	assert_run(world, "release root unpinned -trust");
	object->has_trust = true;
	object->own_trust = _i == 0;
	pin(world, true);
	(void)card(world, "local");
	assert_run(world, "keep root known");
	ck_assert(!marker_trusts(object->marker));
	world_set(world, "local", "on-removal", "remove");
	pull(world);
	assert_run(world, "release root removed");
	ck_assert(object->has_trust);
}
END_TEST

START_TEST(test_password)
{
	g_autoptr(World) world = world_new();

	pin(world, true);
	world->can_trust = false;
	(void)card(world, "local");
	assert_run(world, "create root new; skip root trust-needs-password");
	assert_run(world, "keep root known; skip root trust-needs-password");
	world->can_trust = true;
	assert_run(world, "claim root pinned +trust");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("plan-trust");
	TCase *tcase = tcase_create("trust");

	tcase_add_test(tcase, test_only_when_pinned);
	tcase_add_loop_test(tcase, test_only_roots, 0, 2);
	tcase_add_test(tcase, test_only_here);
	tcase_add_loop_test(tcase, test_goes, 0, 2);
	tcase_add_test(tcase, test_two_hosts);
	tcase_add_loop_test(tcase, test_users_hand, 0, 3);
	tcase_add_loop_test(tcase, test_users_trust, 0, 2);
	tcase_add_test(tcase, test_password);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
