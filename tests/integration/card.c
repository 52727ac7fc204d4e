/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The virtual card, proved against programs that know nothing of it: OpenSC's pkcs11-tool reads it
 * and signs with it, openssl verifies what was signed, PC/SC tells what happened in the reader.
 */
#include "harness.h"
#include "stage.h"

#include <string.h>
#include <unistd.h>

#define OTHER_GUID   "00112233445566778899aabbccddee0b"
#define OTHER_SERIAL "8899aabbccddee0b"
#define INS_SIGN     0x87
#define LONG_MS      60000

static const unsigned amounts[] = {0, 1, 4, 24};

START_TEST(reads_every_certificate)
{
	unsigned certs = amounts[_i];
	g_autofree char *directory = rig_deal_simple(certs, OTHER_GUID);

	rig_card_insert_seen(stage.card);
	rig_card_swap(stage.card, directory);
	(void)rig_reader_wait(stage_reader(), true);
	ck_assert(stage_token_is(OTHER_SERIAL));
	ck_assert_uint_eq(stage_listed(), certs);
	for (unsigned i = 0; i < certs; i++)
		stage_assert_reads_back(directory, i);
}
END_TEST

START_TEST(keys_sign)
{
	rig_card_insert_seen(stage.card);
	stage_sign_and_verify(0, "SHA256-RSA-PKCS");
	ck_assert_uint_eq(rig_card_count(stage.card, INS_SIGN), 2); /* chained */
	stage_sign_and_verify(1, "ECDSA-SHA256");
	ck_assert_uint_eq(rig_card_count(stage.card, INS_SIGN), 3);
}
END_TEST

START_TEST(wrong_pin_is_refused_and_blocks)
{
	const char *argv[] = {"pkcs11-tool", "--login", "--pin", "654321", "--test", NULL};
	const char *right[] = {"pkcs11-tool", "--login", "--pin", "123456", "-O", NULL};
	g_autofree char *errors = NULL;

	rig_card_insert_seen(stage.card);
	g_free(rig_run_ok(right, stage.environment));
	for (int i = 0; i < 3; i++) {
		g_clear_pointer(&errors, g_free);
		ck_assert_int_ne(rig_run(argv, stage.environment, NULL, &errors), 0);
		ck_assert_msg(strstr(errors, "CKR_PIN_INCORRECT") != NULL ||
				      (i == 2 && strstr(errors, "CKR_PIN_LOCKED") != NULL),
			"%s", errors);
	}
	ck_assert_int_ne(rig_run(right, stage.environment, NULL, NULL), 0);
	ck_assert_uint_eq(rig_card_count(stage.card, INS_SIGN), 0);
}
END_TEST

START_TEST(events_are_counted)
{
	g_autofree char *other = rig_deal_simple(1, OTHER_GUID);

	ck_assert(!rig_reader_look(stage_reader()).present);
	ck_assert_uint_eq(rig_reader_look(stage_reader()).counter, 0);
	rig_card_insert(stage.card);
	ck_assert_uint_eq(rig_reader_wait(stage_reader(), true).counter, 1);
	rig_card_remove(stage.card);
	ck_assert_uint_eq(rig_reader_wait(stage_reader(), false).counter, 2);
	rig_card_insert_seen(stage.card);
	rig_card_swap(stage.card, other);
	ck_assert(rig_reader_wait_counter(stage_reader(), 5).present);
	g_free(rig_card_command(stage.card, "swap %s", stage.directory)); /* as a hand does it */
	ck_assert(rig_reader_wait_counter(stage_reader(), 7).present);
	ck_assert(stage_token_is(STAGE_SERIAL));
	rig_card_swap(stage.card, other);
	ck_assert(rig_reader_wait_counter(stage_reader(), 9).present);
	ck_assert(stage_token_is(OTHER_SERIAL));
	ck_assert_uint_gt(rig_card_seen(stage.card), 0);
}
END_TEST

START_TEST(renewal_is_no_event)
{
	g_autoptr(GBytes) before = rig_dealt_der(stage.directory, 1);
	g_autoptr(GBytes) after = NULL;
	guint counter;

	rig_card_insert_seen(stage.card);
	counter = rig_reader_look(stage_reader()).counter;
	g_free(rig_card_command(stage.card, "renew 9c %s", _i == 0 ? "same-key" : "new-key"));
	after = rig_dealt_der(stage.directory, 1);
	ck_assert(!g_bytes_equal(before, after));
	stage_assert_reads_back(stage.directory, 1);
	stage_assert_reads_back(stage.directory, 0);
	stage_sign_and_verify(1, "ECDSA-SHA256");
	ck_assert_uint_eq(rig_reader_look(stage_reader()).counter, counter);
}
END_TEST

START_TEST(atr_is_as_told)
{
	static const guint8 atr[] = {0x3b, 0x02, 0x14, 0x50};
	RigReader state;

	g_free(rig_card_command(stage.card, "atr 3b021450"));
	rig_card_insert(stage.card);
	state = rig_reader_wait(stage_reader(), true);
	ck_assert_uint_eq(state.atr_length, sizeof(atr));
	ck_assert_mem_eq(state.atr, atr, sizeof(atr));
	ck_assert_uint_eq(stage_listed(), 4);
}
END_TEST

START_TEST(leaves_after_so_many_apdus)
{
	const char *argv[] = {"pkcs11-tool", "-L", NULL};

	g_free(rig_card_command(stage.card, "pull-after 6"));
	rig_card_insert_seen(stage.card);
	ck_assert_uint_eq(rig_card_count(stage.card, -1), 0);
	(void)rig_run(argv, stage.environment, NULL, NULL);
	rig_card_wait_state(stage.card, "removed");
	ck_assert_uint_eq(rig_card_count(stage.card, -1), 6);
	ck_assert_uint_eq(rig_reader_wait(stage_reader(), false).counter, 2);
	rig_card_insert_seen(stage.card); /* it was for once */
	ck_assert_uint_eq(stage_listed(), 4);
}
END_TEST

static RigProcess *start_listing(void)
{
	const char *argv[] = {"pkcs11-tool", "-O", "--type", "cert", NULL};
	RigProcessOptions options = {.environment = stage.environment};

	return rig_process_start(argv, &options);
}

START_TEST(hangs_until_resumed)
{
	g_autoptr(RigProcess) reading = NULL;
	g_autofree char *output = NULL;

	rig_card_insert_seen(stage.card);
	g_free(rig_card_command(stage.card, "hang-after 10"));
	reading = start_listing();
	rig_card_wait_state(stage.card, "hanging");
	ck_assert(rig_process_alive(reading));
	g_free(rig_card_command(stage.card, "resume"));
	ck_assert_int_eq(rig_process_wait(reading, LONG_MS), 0);
	output = rig_process_output(reading, NULL);
	ck_assert_uint_eq(stage_occurrences(output, "Certificate Object"), 4);
}
END_TEST

START_TEST(pulling_ends_a_hang)
{
	g_autoptr(RigProcess) reading = NULL;

	rig_card_insert_seen(stage.card);
	g_free(rig_card_command(stage.card, "hang-after 10"));
	reading = start_listing();
	rig_card_wait_state(stage.card, "hanging");
	/* The 11th came and was not answered. */
	rig_card_wait_count(stage.card, 11);
	ck_assert(rig_process_alive(reading));
	rig_card_remove(stage.card);
	(void)rig_process_wait(reading, LONG_MS);
	(void)rig_reader_wait(stage_reader(), false);
	rig_card_insert_seen(stage.card);
	ck_assert_uint_eq(stage_listed(), 4);
}
END_TEST

START_TEST(delays_each_apdu)
{
	gint64 start, took;
	unsigned apdus;

	rig_card_insert_seen(stage.card);
	g_free(rig_card_command(stage.card, "delay 10"));
	start = g_get_monotonic_time();
	ck_assert_uint_eq(stage_listed(), 4);
	took = g_get_monotonic_time() - start;
	apdus = rig_card_count(stage.card, -1);
	ck_assert_uint_gt(apdus, 20);
	ck_assert_int_ge(took, (gint64)apdus * 10000);
}
END_TEST

typedef struct {
	const char *kind;
	unsigned listed; /* by OpenSC, of four */
} Spoilt;

static const Spoilt spoilt[] = {
	{"garbage", 3},
	{"truncated", 3},
	{"empty", 3},
	{"unknown-algorithm", 3},
	{"gzip-flag", 3},
	{"bad-signature", 4},
	{"trailing-zeros", 4},
	{"none", 4},
};

START_TEST(malformed_certificates)
{
	unsigned place = 1 + (unsigned)_i % 2; /* EC or RSA */
	g_autoptr(GBytes) made = rig_dealt_der(stage.directory, place);

	g_free(rig_card_command(stage.card, "malformed %u %s", place + 1, spoilt[_i].kind));
	rig_card_insert_seen(stage.card);
	ck_assert_uint_eq(stage_listed(), spoilt[_i].listed);
	stage_assert_reads_back(stage.directory, 0);
	if (strcmp(spoilt[_i].kind, "bad-signature") == 0) {
		g_autoptr(GBytes) read = stage_read_der(place);

		ck_assert_uint_eq(g_bytes_get_size(read), g_bytes_get_size(made));
		ck_assert(!g_bytes_equal(read, made));
	}
	if (strcmp(spoilt[_i].kind, "none") == 0)
		stage_assert_reads_back(stage.directory, place);
}
END_TEST

START_TEST(restarted_and_killed)
{
	unsigned descriptors = rig_descriptors(getpid());

	for (int i = 0; i < 6; i++) {
		if (i % 2 == 0)
			rig_pcscd_kill(stage.pcscd);
		else
			rig_pcscd_stop(stage.pcscd);
		ck_assert(!rig_readers_ready());
		rig_card_wait_state(stage.card, "removed");
		rig_pcscd_start(stage.pcscd);
		rig_card_insert_seen(stage.card);
		ck_assert_uint_eq(stage_listed(), 4);
	}
	ck_assert_uint_eq(rig_descriptors(getpid()), descriptors);
}
END_TEST

START_TEST(names_are_any_bytes)
{
	static const char *const names[] = {
		"", "\x1b[31mred\nline:two", "\xff\xfe not UTF-8", "\xe2\x80\xae turned"};
	Deal deal = {.certs = 1, .guid = OTHER_GUID, .cn = names[_i]};
	g_autofree char *directory = rig_deal(&deal);

	rig_card_insert_seen(stage.card);
	rig_card_swap(stage.card, directory);
	(void)rig_reader_wait(stage_reader(), true);
	stage_assert_reads_back(directory, 0);
	if (names[_i][0] != '\0') {
		g_autoptr(GBytes) read = stage_read_der(0);

		ck_assert_ptr_nonnull(memmem(g_bytes_get_data(read, NULL), g_bytes_get_size(read),
			names[_i], strlen(names[_i])));
	}
}
END_TEST

static void add_card_tests(Suite *suite)
{
	TCase *tcase = tcase_create("card");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, stage_set_up, stage_tear_down);
	tcase_add_loop_test(tcase, reads_every_certificate, 0, (int)G_N_ELEMENTS(amounts));
	tcase_add_test(tcase, keys_sign);
	tcase_add_test(tcase, wrong_pin_is_refused_and_blocks);
	suite_add_tcase(suite, tcase);
}

static void add_event_tests(Suite *suite)
{
	TCase *tcase = tcase_create("events");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, stage_set_up, stage_tear_down);
	tcase_add_test(tcase, events_are_counted);
	tcase_add_loop_test(tcase, renewal_is_no_event, 0, 2);
	tcase_add_test(tcase, atr_is_as_told);
	tcase_add_test(tcase, restarted_and_killed);
	suite_add_tcase(suite, tcase);
}

static void add_fault_tests(Suite *suite)
{
	TCase *tcase = tcase_create("faults");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, stage_set_up, stage_tear_down);
	tcase_add_test(tcase, leaves_after_so_many_apdus);
	tcase_add_test(tcase, hangs_until_resumed);
	tcase_add_test(tcase, pulling_ends_a_hang);
	tcase_add_test(tcase, delays_each_apdu);
	tcase_add_loop_test(tcase, malformed_certificates, 0, (int)G_N_ELEMENTS(spoilt));
	tcase_add_loop_test(tcase, names_are_any_bytes, 0, 4);
	suite_add_tcase(suite, tcase);
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("card");

	rig_enter();
	add_card_tests(suite);
	add_event_tests(suite);
	add_fault_tests(suite);
	return harness_run(suite, argc, argv);
}
