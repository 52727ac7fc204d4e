/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What changes on the cards, and what changes policy's mind: a card that was renewed, the same
 * certificate on two tokens, certificates that have expired. What must go goes; its neighbours in
 * the database are not touched.
 */
#include "mainjob.h"

#include <signal.h>
#include <string.h>

#include "harness.h"

#define OTHERS 3u /* certificates on the other card */
#define ALLOW  "[filter]\ntime-invalid=allow\n"

/* While it is out, and while it is in; with its key and with a new one. */
START_TEST(test_renewed)
{
	bool new_key = _i % 2 == 1;
	bool in = _i / 2 == 1;
	g_autofree char *card = NULL;
	g_autofree char *other = NULL;
	g_autofree char *stay = NULL;
	g_autofree char *others = NULL;
	g_autofree char *nickname = NULL;
	g_autofree char *same = NULL;
	g_autoptr(GBytes) old = NULL;

	world_start();
	card = job_card(0, &(const Deal){.certs = JOB_CERTS, .guid = JOB_GUID_A});
	other = job_card(1, &(const Deal){.certs = OTHERS, .guid = JOB_GUID_B, .cn = "Other"});
	stay = job_rows_of(card, 1, JOB_CERTS);
	others = job_rows_of(other, 0, OTHERS);
	nickname = job_label(card, 0);
	old = rig_dealt_der(card, 0);

	if (!in)
		job_out(0);
	job_renew(card, 0, new_key);
	job_reload(0);
	if (in)
		job_look();
	else
		job_in(0);
	ck_assert(!job_has(old));
	ck_assert_uint_eq(job_rows(), JOB_CERTS + OTHERS);
	same = job_label(card, 0);
	ck_assert_str_eq(nickname, same);
	job_check_rows(stay, card, 1, JOB_CERTS);
	job_check_rows(others, other, 0, OTHERS);
}
END_TEST

/* The same certificates and keys on a token of another identity. */
static char *copy_card(const char *card, unsigned n, const char *guid)
{
	static const char *const kept[] = {"der", "pem"};
	char *copy = rig_deal(&(const Deal){.certs = n, .guid = guid});

	for (unsigned i = 0; i < n * 2; i++) {
		g_autofree char *from = job_file(card, i / 2, kept[i % 2]);
		g_autofree char *to = job_file(copy, i / 2, kept[i % 2]);
		g_autofree char *data = NULL;
		gsize length;

		ck_assert(g_file_get_contents(from, &data, &length, NULL));
		ck_assert(g_file_set_contents(to, data, (gssize)length, NULL));
	}
	return copy;
}

static void check_claims(const char *card, unsigned index, const char *serial, const char *other)
{
	g_autofree char *url = job_url(card, index);

	ck_assert_uint_eq(job_claims(url), other != NULL ? 2 : 1);
	ck_assert_ptr_nonnull(strstr(url, serial));
	ck_assert(other == NULL || strstr(url, other) != NULL);
}

START_TEST(test_two_tokens)
{
	static const char *const serials[] = {JOB_SERIAL_A, JOB_SERIAL_B};
	unsigned first = (unsigned)_i;
	g_autofree char *card = NULL;
	g_autofree char *copy = NULL;
	g_autofree char *alone = NULL;

	world_configure(JOB_REMOVE);
	world_start();
	card = job_card(0, &(const Deal){.certs = 2, .guid = JOB_GUID_A});
	check_claims(card, 0, JOB_SERIAL_A, NULL);
	alone = job_row_without_url(card, 0);
	copy = copy_card(card, 2, JOB_GUID_B);
	world.cards[1] = rig_card_new(world.pcscd, 1, copy);
	job_in(1);
	ck_assert_uint_eq(job_rows(), 2);
	check_claims(card, 0, JOB_SERIAL_A, JOB_SERIAL_B);
	check_claims(card, 1, JOB_SERIAL_A, JOB_SERIAL_B);

	job_out(first);
	ck_assert_uint_eq(job_rows(), 2);
	check_claims(card, 0, serials[1 - first], NULL);
	check_claims(card, 1, serials[1 - first], NULL);
	g_autofree char *left = job_row_without_url(card, 0);
	ck_assert_str_eq(alone, left);
	job_out(1 - first);
	ck_assert_uint_eq(job_rows(), 0);
}
END_TEST

/* One of the two is renewed: the shared certificate stays for the other. */
START_TEST(test_two_tokens_renewed)
{
	g_autofree char *card = NULL;
	g_autofree char *copy = NULL;

	world_start();
	card = job_card(0, &(const Deal){.certs = 1, .guid = JOB_GUID_A});
	copy = copy_card(card, 1, JOB_GUID_B);
	world.cards[1] = rig_card_new(world.pcscd, 1, copy);
	job_in(1);
	check_claims(card, 0, JOB_SERIAL_A, JOB_SERIAL_B);
	job_renew(card, 0, true);
	job_reload(0);
	job_look();
	ck_assert_uint_eq(job_rows(), 2);
	check_claims(card, 0, JOB_SERIAL_A, NULL);
	check_claims(copy, 0, JOB_SERIAL_B, NULL);
}
END_TEST

/* on-removal=keep: claims stay as well, and both out is nothing special. */
START_TEST(test_two_tokens_kept)
{
	g_autofree char *card = NULL;
	g_autofree char *copy = NULL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	world_start();
	card = job_card(0, &(const Deal){.certs = 2, .guid = JOB_GUID_A});
	copy = copy_card(card, 2, JOB_GUID_B);
	world.cards[1] = rig_card_new(world.pcscd, 1, copy);
	job_in(1);
	before = rig_db_state(world.database);
	job_out(0);
	job_out(1);
	job_in(0);
	after = rig_db_state(world.database);
	ck_assert_str_eq(before, after);
	check_claims(card, 0, JOB_SERIAL_A, JOB_SERIAL_B);
}
END_TEST

/* SIGHUP, as systemctl reload sends it. */
static void sighup(const char *text)
{
	world_configure(text);
	ck_assert_int_eq(kill(rig_process_pid(world.daemon), SIGHUP), 0);
}

START_TEST(test_expired)
{
	g_autofree char *card = NULL;
	g_autofree char *valid = NULL;

	world_start();
	card = job_card(
		0, &(const Deal){.certs = JOB_CERTS, .guid = JOB_GUID_A, .expired = 1u << 1});
	ck_assert_uint_eq(job_rows(), JOB_CERTS - 1);
	ck_assert(!job_stored(card, 1));
	valid = job_rows_of(card, 2, JOB_CERTS);

	sighup(ALLOW);
	world_wait_marked(JOB_CERTS);
	job_settle(0, "read");
	job_check_whole(card, JOB_CERTS, JOB_SERIAL_A, 0);
	job_check_rows(valid, card, 2, JOB_CERTS);

	sighup("");
	world_wait_marked(JOB_CERTS - 1);
	job_settle(0, "read");
	ck_assert_uint_eq(job_rows(), JOB_CERTS - 1);
	ck_assert(!job_stored(card, 1));
	job_check_rows(valid, card, 2, JOB_CERTS);
}
END_TEST

/* Expired, and his own all the same. */
START_TEST(test_expired_adopted)
{
	g_autofree char *card = NULL;
	g_autofree char *der = NULL;
	g_autofree char *url = NULL;

	world_configure(ALLOW);
	world_start();
	card = job_card(
		0, &(const Deal){.certs = JOB_CERTS, .guid = JOB_GUID_A, .expired = 1u << 1});
	ck_assert_uint_eq(job_rows(), JOB_CERTS);
	der = job_file(card, 1, "der");
	rig_db_import(world.database, "my own", der, ",,");
	job_configure("");
	ck_assert_uint_eq(job_rows(), JOB_CERTS);
	url = job_url(card, 1);
	ck_assert_str_eq(url, "");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("mainjob-cards");
	TCase *tcase;

	rig_enter();
	tcase = job_case(suite, "cards");
	tcase_add_loop_test(tcase, test_renewed, 0, 4);
	tcase_add_loop_test(tcase, test_two_tokens, 0, 2);
	tcase_add_test(tcase, test_two_tokens_renewed);
	tcase_add_test(tcase, test_two_tokens_kept);
	tcase = job_case(suite, "policy");
	tcase_add_test(tcase, test_expired);
	tcase_add_test(tcase, test_expired_adopted);
	return harness_run(suite, argc, argv);
}
