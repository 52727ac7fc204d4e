/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A card goes in, and its certificates stand in the database, whatever that was before; the same
 * card again, however often and wherever, and nothing is written.
 */
#include "mainjob.h"

#include <glib/gstdio.h>
#include <string.h>

#include "harness.h"

#define PASSWORD "correct horse"

typedef enum {
	NO_DIRECTORY,   /* nothing: it is made in XDG_DATA_HOME */
	HOME_DIRECTORY, /* ~/.pki/nssdb is there, without a database */
	HOME_EMPTY,     /* ~/.pki/nssdb with an empty database */
	DATA_EMPTY,     /* the same in XDG_DATA_HOME */
	DATA_FILLED,    /* with a certificate of the user's own */
	DATA_PASSWORD,  /* with a master password, and nobody logged in */
	START_COUNT
} Start;

static const unsigned sizes[] = {4, 24};

static void use_home(void)
{
	g_free(world.database);
	world.database = rig_home_path(world.home, ".pki/nssdb");
	ck_assert_int_eq(g_mkdir_with_parents(world.database, 0700), 0);
}

static void create_with_password(void)
{
	g_autofree char *sql = job_sql();
	g_autofree char *file = g_build_filename(rig_directory(), "password", NULL);
	const char *argv[] = {"certutil", "-N", "-d", sql, "-f", file, NULL};

	ck_assert(g_file_set_contents(file, PASSWORD "\n", -1, NULL));
	ck_assert_int_eq(g_mkdir_with_parents(world.database, 0700), 0);
	g_free(rig_run_ok(argv, NULL));
}

/* Returns the directory of a card with the user's own certificate, if he has one. */
static char *arrange(Start start)
{
	g_autofree char *own = NULL;
	g_autofree char *file = NULL;

	switch (start) {
	case NO_DIRECTORY:
		return NULL;
	case HOME_DIRECTORY:
		use_home();
		return NULL;
	case HOME_EMPTY:
		use_home();
		rig_db_create(world.database);
		return NULL;
	case DATA_EMPTY:
		rig_db_create(world.database);
		return NULL;
	case DATA_PASSWORD:
		create_with_password();
		return NULL;
	case DATA_FILLED:
	case START_COUNT:
		break;
	}

	rig_db_create(world.database);
	own = rig_deal(&(const Deal){.certs = 1, .guid = JOB_GUID_B, .cn = "Somebody Else"});
	file = job_file(own, 0, "der");
	rig_db_import(world.database, "my own", file, ",,");
	return g_steal_pointer(&own);
}

/* Takes the user's own certificate out, so that the rest can be counted. It has to be as it was. */
static void forget_own(const char *own, const char *before)
{
	g_autofree char *after = job_row(own, 0);
	g_autofree char *sql = job_sql();
	const char *argv[] = {"certutil", "-D", "-d", sql, "-n", "my own", NULL};

	ck_assert_str_eq(after, before);
	g_free(rig_run_ok(argv, NULL));
}

static bool exists(const char *below_home)
{
	g_autofree char *path = rig_home_path(world.home, below_home);

	return g_file_test(path, G_FILE_TEST_EXISTS);
}

START_TEST(test_stored)
{
	Start start = (Start)(_i % START_COUNT);
	unsigned n = sizes[_i / START_COUNT];
	g_autofree char *own = arrange(start);
	g_autofree char *before = own != NULL ? job_row(own, 0) : NULL;
	g_autofree char *card = NULL;

	world_start();
	card = job_card(0, &(const Deal){.certs = n, .guid = JOB_GUID_A});
	if (own != NULL)
		forget_own(own, before);
	job_check_whole(card, n, JOB_SERIAL_A, 0);
	if (start == HOME_DIRECTORY || start == HOME_EMPTY)
		ck_assert(!exists(".local/share/pki"));
	else
		ck_assert(!exists(".pki"));
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

/* There is no key to be listed; what counts is whether the password was taken. */
static bool opens_with(const char *password)
{
	g_autofree char *sql = job_sql();
	const char *argv[] = {"certutil", "-K", "-d", sql, "-f", password, NULL};
	g_autofree char *output = NULL;
	g_autofree char *errors = NULL;
	g_autofree char *both = NULL;

	(void)rig_run(argv, NULL, &output, &errors);
	both = g_strconcat(output, errors, NULL);
	ck_assert_msg(
		strstr(both, "no keys found") != NULL || strstr(both, "ncorrect password") != NULL,
		"%s", both);
	return strstr(both, "no keys found") != NULL;
}

/* What the database forbids without its password is not needed, and still forbidden afterwards. */
START_TEST(test_password_stands)
{
	g_autofree char *card = NULL;
	g_autofree char *wrong = g_build_filename(rig_directory(), "wrong", NULL);
	g_autofree char *right = g_build_filename(rig_directory(), "password", NULL);

	create_with_password();
	world_start();
	card = job_card(0, &(const Deal){.certs = 1, .guid = JOB_GUID_A});
	ck_assert(g_file_set_contents(wrong, "guessed\n", -1, NULL));

	ck_assert(!opens_with(wrong));
	ck_assert(opens_with(right));
	job_check_whole(card, 1, JOB_SERIAL_A, 0);
}
END_TEST

/* Everything that brings a new look at the same card. */
START_TEST(test_again)
{
	unsigned n = sizes[_i];
	g_autofree char *card = NULL;
	g_autofree char *before = NULL;
	g_autofree char *state = NULL;

	world_start();
	card = job_card(0, &(const Deal){.certs = n, .guid = JOB_GUID_A});
	before = rig_db_state(world.database);

#define ASSERT_UNCHANGED(what)                                                                     \
	do {                                                                                       \
		g_free(state);                                                                     \
		state = rig_db_state(world.database);                                              \
		ck_assert_msg(                                                                     \
			strcmp(before, state) == 0, "%s has written:\n%s%s", what, before, state); \
	} while (0)

	job_out(0);
	ASSERT_UNCHANGED("the removal");
	job_in(0);
	ASSERT_UNCHANGED("the insertion");
	job_look();
	ASSERT_UNCHANGED("a look by order");
	g_free(job_ctl(0, "sync", NULL));
	ASSERT_UNCHANGED("certpropctl sync beside the daemon");
	ck_assert_int_eq(world_stop(), 0);
	ASSERT_UNCHANGED("the daemon's end");
	g_free(job_ctl(0, "sync", NULL));
	ASSERT_UNCHANGED("certpropctl sync without a daemon");
	world_start();
	job_settle(0, "read");
	ASSERT_UNCHANGED("the daemon's start");

	/* In the other reader. */
	job_out(0);
	g_clear_pointer(&world.cards[0], rig_card_free);
	world.cards[1] = rig_card_new(world.pcscd, 1, card);
	job_in(1);
	ASSERT_UNCHANGED("the other reader");
#undef ASSERT_UNCHANGED
	job_check_whole(card, n, JOB_SERIAL_A, 0);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("mainjob-store");
	TCase *tcase;

	rig_enter();
	tcase = job_case(suite, "stored");
	tcase_add_loop_test(tcase, test_stored, 0, START_COUNT * (int)G_N_ELEMENTS(sizes));
	tcase_add_test(tcase, test_password_stands);
	tcase = job_case(suite, "again");
	tcase_add_loop_test(tcase, test_again, 0, G_N_ELEMENTS(sizes));
	return harness_run(suite, argc, argv);
}
