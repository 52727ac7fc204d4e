/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Selectors: what is understood, what is refused, and what they name in a small world: a card A1 of
 * this host in a local reader, a card B2 that came through a remote session, and a certificate that
 * both carry.
 */

#include <string.h>

#include "harness.h"
#include "plan-world.h"
#include "select.h"
#include "text.h"

#define DAY (24 * 60 * 60)

static World *world;

static void set_up(void)
{
	PlanToken *a;
	PlanToken *b;
	g_autofree char *done = NULL;

	world = world_new();
	world->where = "select";
	/* What has expired is propagated only on request. */
	world_set(world, "filter", "time-invalid", "allow");
	a = world_read(world, "A1", "local", true);
	world_carry(a, "ada", 1);
	world_carry(a, "old ada", 2);
	world_carry(a, "both", 3);
	b = world_read(world, "B2", "xrdp:10", true);
	world_carry(b, "bob", 1);
	world_carry(b, "both", 2);
	done = world_run(world);
	world_look(world);
}

static void tear_down(void)
{
	world = world_free(world);
}

/* "kind=value kind=value" */
static Select *parse(const char *text, GError **error)
{
	g_autoptr(Select) select = select_new();
	g_auto(GStrv) words = g_strsplit(text, ";", -1);

	for (char **word = words; *word != NULL; word++) {
		char *value = strchr(*word, '=');

		if (value != NULL)
			*value++ = '\0';
		if (!select_add(select, *word, value != NULL ? value : "", world->now, error))
			return NULL;
	}

	return g_steal_pointer(&select);
}

static SelectInput input_of(const Select *select)
{
	return (SelectInput){
		.select = select,
		.host = WORLD_HOST,
		.now = world->now,
		.endpoints = world->endpoints,
		.present = world->present,
		.objects = world->objects,
	};
}

static int compare_words(gconstpointer x, gconstpointer y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* The steps, sorted, with the number of claims that are left where any are. */
static char *plan_text(const char *selectors)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Select) select = parse(selectors, &error);
	g_autoptr(Plan) plan = NULL;
	g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
	SelectInput input;

	ck_assert_msg(select != NULL, "%s: %s", selectors, error != NULL ? error->message : "");
	ck_assert_msg(select_check(select, &error), "%s", selectors);
	input = input_of(select);
	plan = select_plan(&input);
	for (guint i = 0; i < plan->steps->len; i++) {
		const PlanStep *step = plan->steps->pdata[i];

		g_ptr_array_add(words,
			g_strdup_printf("%s %s %s%s", plan_word(step->action),
				step->object->cert->common_name, step->reason,
				step->marker != NULL && step->marker->claims->len > 0 ? " +" : ""));
	}
	g_ptr_array_sort(words, compare_words);
	g_ptr_array_add(words, NULL);
	return g_strjoinv("; ", (char **)words->pdata);
}

static void expect(const char *selectors, const char *wanted)
{
	g_autofree char *got = plan_text(selectors);

	ck_assert_msg(strcmp(got, wanted) == 0, "%s: %s, not %s", selectors, got, wanted);
}

#define ALL  "delete ada purged; delete bob purged; delete both purged; delete old ada purged"
#define OF_A "delete ada purged; delete old ada purged; release both purged +"
#define OF_B "delete bob purged; release both purged +"

static const struct {
	const char *selectors, *steps;
} table[] = {
	{"all", ALL}, {"token=A1", OF_A}, {"token=a1", OF_A},
	{"token=label", ALL}, /* all have that */
	{"token=A", ""}, {"endpoint=local", OF_A}, {"endpoint=xrdp", OF_B},
	{"endpoint=xrdp:10", OF_B}, {"endpoint=xrdp:1", ""}, {"endpoint=loc", ""},
	{"subject=ADA", "delete ada purged; delete old ada purged"}, {"issuer=author", ALL},
	{"issuer=nobody", ""}, {"expired", "delete old ada purged"},
	{"subject=both", "delete both purged"}, {"subject=both;token=B2", "release both purged +"},
	{"subject=ada;token=B2", ""}, {"expired;endpoint=xrdp", ""}, {"older-than=2100-01-01", ALL},
	{"older-than=2000-01-01", ""}, {"older-than=1d", ""},
	{"absent", ""}, /* nothing is known of any endpoint */
};

START_TEST(what_is_named)
{
	expect(table[_i].selectors, table[_i].steps);
}
END_TEST

START_TEST(ages)
{
	world->now += 10 * DAY;
	expect("older-than=10d", "");
	expect("older-than=9d", ALL);
	expect("older-than=1w", ALL);
	expect("older-than=2w", "");
	world->now += 21 * DAY;
	expect("older-than=1m", ALL);
	expect("older-than=1y", "");
}
END_TEST

START_TEST(absence)
{
	world_endpoint(world, "local", true, true);
	expect("absent", OF_A);
	world_present(world, "A1", "local");
	expect("absent", "");

	/* Also if it is in a reader of another endpoint. */
	world_look(world);
	world_endpoint(world, "local", true, true);
	world_present(world, "A1", "xrdp:11");
	expect("absent", "");

	world_look(world);
	world_endpoint(world, "local", true, false); /* some card was not read */
	expect("absent", "");
	world_look(world);
	world_endpoint(world, "local", false, true);
	expect("absent", "");

	world_look(world);
	world_endpoint(world, "local", true, true);
	world_endpoint(world, "xrdp:10", true, true);
	expect("absent", ALL);
	expect("absent;token=B2", OF_B);
}
END_TEST

START_TEST(other_hosts)
{
	world_claim(world_object(world, "ada"), "A1", "local", "other-host");
	world_endpoint(world, "local", true, true);
	expect("absent;subject=CN=ada", "release ada purged +");
	expect("token=A1;subject=CN=ada", "delete ada purged");
}
END_TEST

/* No step for what is the user's; a release for what he made his. */
START_TEST(the_users_own)
{
	PlanObject *object = world_object(world, "ada");

	(void)world_import(world, "his own");
	expect("subject=his", "");
	object->has_trust = true;
	expect("subject=CN=ada", "release ada adopted");
	object->has_trust = false;
	g_free(object->label);
	object->label = g_strdup("another name");
	expect("subject=CN=ada", "release ada adopted");
	g_ptr_array_add(
		world_object(world, "bob")->marker->others, g_strdup("https://example.org"));
	expect("subject=bob", "release bob purged");
}
END_TEST

static bool names_unmarked(const char *selectors, const PlanObject *object)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Select) select = parse(selectors, &error);
	SelectInput input = input_of(select);

	ck_assert_ptr_nonnull(select);
	return select_unmarked(&input, object);
}

START_TEST(unmarked)
{
	PlanObject *left = world_import(world, "ada left over");
	PlanObject *authority = world_import(world, "ada CA");

	ck_assert(names_unmarked("subject=ada;unmarked", left));
	ck_assert(!names_unmarked("subject=ada", left));
	ck_assert(!names_unmarked("subject=bob;unmarked", left));
	ck_assert(!names_unmarked("expired;unmarked", left));
	ck_assert(!names_unmarked("subject=ada;expired;unmarked", left));
	ck_assert(names_unmarked("issuer=authority;unmarked", left));
	ck_assert(!names_unmarked("subject=ada;unmarked", authority));
	ck_assert(!names_unmarked("subject=ada;unmarked", world_object(world, "ada")));

	/* Of the same holder as one on the card. */
	ck_assert(!names_unmarked("token=A1;unmarked", left));
	g_bytes_unref(left->cert->subject_der);
	left->cert->subject_der = g_bytes_ref(world_cert("ada")->subject_der);
	ck_assert(names_unmarked("token=A1;unmarked", left));
	ck_assert(!names_unmarked("token=B2;unmarked", left));

	left->has_key = true;
	ck_assert(!names_unmarked("subject=ada;unmarked", left));
	left->has_key = false;
	left->has_trust = true;
	ck_assert(!names_unmarked("subject=ada;unmarked", left));
	left->has_trust = false;
	left->marker = marker_new();
	g_ptr_array_add(left->marker->others, g_strdup("https://example.org"));
	ck_assert(!names_unmarked("subject=ada;unmarked", left));
}
END_TEST

static const char *const refused[] = {
	"nonsense",
	"token",
	"token=",
	"subject=",
	"all=yes",
	"subject=\xff",
	"older-than=",
	"older-than=soon",
	"older-than=3",
	"older-than=d",
	"older-than=-3d",
	"older-than=3 d",
	"older-than=3days",
	"older-than=100001d",
	"older-than=99999999999999999999d",
	"older-than=2026-13-01",
	"older-than=2026-1-1",
};

START_TEST(what_is_refused)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Select) select = parse(refused[_i], &error);

	ck_assert_msg(select == NULL, "%s", refused[_i]);
	ck_assert_ptr_nonnull(error);
}
END_TEST

static const char *const not_enough[] = {
	"unmarked",
	"unmarked;all",
	"unmarked;absent;subject=a",
	"unmarked;endpoint=local;subject=a",
	"unmarked;older-than=1d;expired",
};

START_TEST(what_is_not_enough)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Select) none = select_new();
	g_autoptr(Select) select = parse(not_enough[_i], NULL);

	ck_assert(!select_check(none, NULL));
	ck_assert_ptr_nonnull(select);
	ck_assert_msg(!select_check(select, &error), "%s", not_enough[_i]);
	ck_assert_ptr_nonnull(error);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("select");
	TCase *tcase = tcase_create("select");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, what_is_named, 0, G_N_ELEMENTS(table));
	tcase_add_test(tcase, ages);
	tcase_add_test(tcase, absence);
	tcase_add_test(tcase, other_hosts);
	tcase_add_test(tcase, the_users_own);
	tcase_add_test(tcase, unmarked);
	tcase_add_loop_test(tcase, what_is_refused, 0, G_N_ELEMENTS(refused));
	tcase_add_loop_test(tcase, what_is_not_enough, 0, G_N_ELEMENTS(not_enough));
	suite_add_tcase(suite, tcase);

	return harness_run(suite, argc, argv);
}
