/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rig itself, proved against programs that know nothing of it: OpenSC's pkcs11-tool reads the
 * virtual cards, openssl verifies what they signed, PC/SC tells what happened in the readers,
 * NSS's own tools fill the databases that RigDb reads. When these fail, no other integration test
 * means anything.
 */
#include "rig.h"
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GUID_A     "00112233445566778899aabbccddee0a"
#define GUID_B     "00112233445566778899aabbccddee0b"
#define SERIAL_A   "8899aabbccddee0a"
#define SERIAL_B   "8899aabbccddee0b"
#define INS_VERIFY 0x20
#define INS_SIGN   0x87
#define LEAVE      "--leave-behind"
#define OPENSC_ALL "app opensc-pkcs11 { pkcs11 { slots_per_card = 1; } }\n"
#define LONG_MS    60000

/* One pcscd with two readers, a card of four certificates for the first. */
typedef struct {
	RigHome *home;
	char **environment;
	RigPcscd *pcscd;
	char *directory;
	RigCard *card;
} Bench;

static Bench bench;

static void set_up_with(unsigned certs)
{
	bench.home = rig_home_new();
	bench.environment = rig_home_environment(bench.home);
	bench.pcscd = rig_pcscd_new(2);
	rig_pcscd_start(bench.pcscd);
	bench.directory = rig_deal_simple(certs, GUID_A);
	bench.card = rig_card_new(bench.pcscd, 0, bench.directory);
	/* An activated pcscd is known only now. */
	g_strfreev(bench.environment);
	bench.environment = rig_home_environment(bench.home);
}

static void set_up(void)
{
	rig_setup();
	set_up_with(4);
}

static void tear_down(void)
{
	g_clear_pointer(&bench.card, rig_card_free);
	g_clear_pointer(&bench.pcscd, rig_pcscd_free);
	g_clear_pointer(&bench.home, rig_home_free);
	g_clear_pointer(&bench.environment, g_strfreev);
	g_clear_pointer(&bench.directory, g_free);
	rig_teardown();
}

static const char *reader(void)
{
	return rig_pcscd_reader(bench.pcscd, 0);
}

static unsigned occurrences(const char *text, const char *word)
{
	unsigned found = 0;

	for (const char *at = text; (at = strstr(at, word)) != NULL; at += strlen(word))
		found++;
	return found;
}

/* How many certificates OpenSC lists. */
static unsigned listed(void)
{
	const char *argv[] = {"pkcs11-tool", "-O", "--type", "cert", NULL};
	g_autofree char *output = rig_run_ok(argv, bench.environment);

	return occurrences(output, "Certificate Object");
}

static bool token_is(const char *serial)
{
	const char *argv[] = {"pkcs11-tool", "-L", NULL};
	g_autofree char *output = rig_run_ok(argv, bench.environment);

	return strstr(output, serial) != NULL;
}

/* The certificate in a place, as OpenSC gives it. Its CKA_ID is the place, counted from 1 and
   written in decimal, of which the digits are then taken for hex: the 10th is 0x10. */
static GBytes *read_der(unsigned index)
{
	g_autofree char *id = g_strdup_printf("%02u", index + 1);
	const char *argv[] = {"pkcs11-tool", "-r", "--type", "cert", "--id", id, NULL};
	RigProcessOptions options = {.environment = bench.environment};
	g_autoptr(RigProcess) process = rig_process_start(argv, &options);
	char *data;
	gsize length;

	ck_assert_int_eq(rig_process_wait(process, LONG_MS), 0);
	data = rig_process_output(process, &length);
	return g_bytes_new_take(data, length);
}

static void assert_reads_back(const char *directory, unsigned index)
{
	g_autoptr(GBytes) made = rig_dealt_der(directory, index);
	g_autoptr(GBytes) read = read_der(index);

	ck_assert_uint_gt(g_bytes_get_size(made), 0);
	ck_assert_msg(g_bytes_equal(made, read), "place %s differs", slot_at(index)->name);
}

static const unsigned amounts[] = {0, 1, 4, 24};

START_TEST(reads_every_certificate)
{
	unsigned certs = amounts[_i];
	g_autofree char *directory = rig_deal_simple(certs, GUID_B);

	rig_card_insert_seen(bench.card);
	rig_card_swap(bench.card, directory);
	(void)rig_reader_wait(reader(), true);
	ck_assert(token_is(SERIAL_B));
	ck_assert_uint_eq(listed(), certs);
	for (unsigned i = 0; i < certs; i++)
		assert_reads_back(directory, i);
}
END_TEST

/* With the mechanism of the key's kind, verified by openssl with the certificate's public key. */
static void sign_and_verify(unsigned index, const char *mechanism)
{
	g_autofree char *data = rig_home_path(bench.home, "data");
	g_autofree char *signature = rig_home_path(bench.home, "signature");
	g_autofree char *public = rig_home_path(bench.home, "public.pem");
	g_autofree char *der = g_strdup_printf("%s/%s.der", bench.directory, slot_at(index)->name);
	g_autofree char *id = g_strdup_printf("%02u", index + 1);
	const char *sign[] = {"pkcs11-tool", "--login", "--pin", "123456", "--sign", "--id", id,
		"--mechanism", mechanism, "--signature-format", "openssl", "-i", data, "-o",
		signature, NULL};
	const char *extract[] = {"openssl", "x509", "-inform", "DER", "-in", der, "-noout",
		"-pubkey", "-out", public, NULL};
	const char *verify[] = {"openssl", "dgst", "-sha256", "-verify", public, "-signature",
		signature, data, NULL};

	rig_home_write(bench.home, "data", "what is signed\n");
	g_free(rig_run_ok(sign, bench.environment));
	g_free(rig_run_ok(extract, bench.environment));
	g_free(rig_run_ok(verify, bench.environment));
}

START_TEST(keys_sign)
{
	rig_card_insert_seen(bench.card);
	sign_and_verify(0, "SHA256-RSA-PKCS");
	ck_assert_uint_eq(rig_card_count(bench.card, INS_SIGN), 2); /* chained */
	sign_and_verify(1, "ECDSA-SHA256");
	ck_assert_uint_eq(rig_card_count(bench.card, INS_SIGN), 3);
}
END_TEST

START_TEST(wrong_pin_is_refused_and_blocks)
{
	const char *argv[] = {"pkcs11-tool", "--login", "--pin", "654321", "--test", NULL};
	const char *right[] = {"pkcs11-tool", "--login", "--pin", "123456", "-O", NULL};
	g_autofree char *errors = NULL;

	rig_card_insert_seen(bench.card);
	g_free(rig_run_ok(right, bench.environment));
	for (int i = 0; i < 3; i++) {
		g_clear_pointer(&errors, g_free);
		ck_assert_int_ne(rig_run(argv, bench.environment, NULL, &errors), 0);
		ck_assert_msg(strstr(errors, "CKR_PIN_INCORRECT") != NULL ||
				      (i == 2 && strstr(errors, "CKR_PIN_LOCKED") != NULL),
			"%s", errors);
	}
	ck_assert_int_ne(rig_run(right, bench.environment, NULL, NULL), 0);
	ck_assert_uint_eq(rig_card_count(bench.card, INS_SIGN), 0);
}
END_TEST

START_TEST(events_are_counted)
{
	g_autofree char *other = rig_deal_simple(1, GUID_B);

	ck_assert(!rig_reader_look(reader()).present);
	ck_assert_uint_eq(rig_reader_look(reader()).counter, 0);
	rig_card_insert(bench.card);
	ck_assert_uint_eq(rig_reader_wait(reader(), true).counter, 1);
	rig_card_remove(bench.card);
	ck_assert_uint_eq(rig_reader_wait(reader(), false).counter, 2);
	rig_card_insert_seen(bench.card);
	rig_card_swap(bench.card, other);
	ck_assert(rig_reader_wait_counter(reader(), 5).present);
	g_free(rig_card_command(bench.card, "swap %s", bench.directory)); /* as a hand does it */
	ck_assert(rig_reader_wait_counter(reader(), 7).present);
	ck_assert(token_is(SERIAL_A));
	rig_card_swap(bench.card, other);
	ck_assert(rig_reader_wait_counter(reader(), 9).present);
	ck_assert(token_is(SERIAL_B));
	ck_assert_uint_gt(rig_card_seen(bench.card), 0);
}
END_TEST

START_TEST(renewal_is_no_event)
{
	g_autoptr(GBytes) before = rig_dealt_der(bench.directory, 1);
	g_autoptr(GBytes) after = NULL;
	guint counter;

	rig_card_insert_seen(bench.card);
	counter = rig_reader_look(reader()).counter;
	g_free(rig_card_command(bench.card, "renew 9c %s", _i == 0 ? "same-key" : "new-key"));
	after = rig_dealt_der(bench.directory, 1);
	ck_assert(!g_bytes_equal(before, after));
	assert_reads_back(bench.directory, 1);
	assert_reads_back(bench.directory, 0);
	sign_and_verify(1, "ECDSA-SHA256");
	ck_assert_uint_eq(rig_reader_look(reader()).counter, counter);
}
END_TEST

START_TEST(atr_is_as_told)
{
	static const guint8 atr[] = {0x3b, 0x02, 0x14, 0x50};
	RigReader state;

	g_free(rig_card_command(bench.card, "atr 3b021450"));
	rig_card_insert(bench.card);
	state = rig_reader_wait(reader(), true);
	ck_assert_uint_eq(state.atr_length, sizeof(atr));
	ck_assert_mem_eq(state.atr, atr, sizeof(atr));
	ck_assert_uint_eq(listed(), 4);
}
END_TEST

START_TEST(leaves_after_so_many_apdus)
{
	const char *argv[] = {"pkcs11-tool", "-L", NULL};

	g_free(rig_card_command(bench.card, "pull-after 6"));
	rig_card_insert_seen(bench.card);
	ck_assert_uint_eq(rig_card_count(bench.card, -1), 0);
	(void)rig_run(argv, bench.environment, NULL, NULL);
	rig_card_wait_state(bench.card, "removed");
	ck_assert_uint_eq(rig_card_count(bench.card, -1), 6);
	ck_assert_uint_eq(rig_reader_wait(reader(), false).counter, 2);
	rig_card_insert_seen(bench.card); /* it was for once */
	ck_assert_uint_eq(listed(), 4);
}
END_TEST

static RigProcess *start_listing(void)
{
	const char *argv[] = {"pkcs11-tool", "-O", "--type", "cert", NULL};
	RigProcessOptions options = {.environment = bench.environment};

	return rig_process_start(argv, &options);
}

START_TEST(hangs_until_resumed)
{
	g_autoptr(RigProcess) reading = NULL;
	g_autofree char *output = NULL;

	rig_card_insert_seen(bench.card);
	g_free(rig_card_command(bench.card, "hang-after 10"));
	reading = start_listing();
	rig_card_wait_state(bench.card, "hanging");
	ck_assert(rig_process_alive(reading));
	g_free(rig_card_command(bench.card, "resume"));
	ck_assert_int_eq(rig_process_wait(reading, LONG_MS), 0);
	output = rig_process_output(reading, NULL);
	ck_assert_uint_eq(occurrences(output, "Certificate Object"), 4);
}
END_TEST

START_TEST(pulling_ends_a_hang)
{
	g_autoptr(RigProcess) reading = NULL;

	rig_card_insert_seen(bench.card);
	g_free(rig_card_command(bench.card, "hang-after 10"));
	reading = start_listing();
	rig_card_wait_state(bench.card, "hanging");
	/* The 11th came and was not answered. */
	while (rig_card_count(bench.card, -1) < 11)
		g_usleep(1000);
	ck_assert(rig_process_alive(reading));
	rig_card_remove(bench.card);
	(void)rig_process_wait(reading, LONG_MS);
	(void)rig_reader_wait(reader(), false);
	rig_card_insert_seen(bench.card);
	ck_assert_uint_eq(listed(), 4);
}
END_TEST

START_TEST(delays_each_apdu)
{
	gint64 start, took;
	unsigned apdus;

	rig_card_insert_seen(bench.card);
	g_free(rig_card_command(bench.card, "delay 10"));
	start = g_get_monotonic_time();
	ck_assert_uint_eq(listed(), 4);
	took = g_get_monotonic_time() - start;
	apdus = rig_card_count(bench.card, -1);
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
	g_autoptr(GBytes) made = rig_dealt_der(bench.directory, place);

	g_free(rig_card_command(bench.card, "malformed %u %s", place + 1, spoilt[_i].kind));
	rig_card_insert_seen(bench.card);
	ck_assert_uint_eq(listed(), spoilt[_i].listed);
	assert_reads_back(bench.directory, 0);
	if (strcmp(spoilt[_i].kind, "bad-signature") == 0) {
		g_autoptr(GBytes) read = read_der(place);

		ck_assert_uint_eq(g_bytes_get_size(read), g_bytes_get_size(made));
		ck_assert(!g_bytes_equal(read, made));
	}
	if (strcmp(spoilt[_i].kind, "none") == 0)
		assert_reads_back(bench.directory, place);
}
END_TEST

START_TEST(restarted_and_killed)
{
	unsigned descriptors = rig_descriptors(getpid());

	for (int i = 0; i < 6; i++) {
		if (i % 2 == 0)
			rig_pcscd_kill(bench.pcscd);
		else
			rig_pcscd_stop(bench.pcscd);
		ck_assert(!rig_readers_ready());
		rig_card_wait_state(bench.card, "removed");
		rig_pcscd_start(bench.pcscd);
		rig_card_insert_seen(bench.card);
		ck_assert_uint_eq(listed(), 4);
	}
	ck_assert_uint_eq(rig_descriptors(getpid()), descriptors);
}
END_TEST

START_TEST(sixteen_readers)
{
	g_autoptr(RigHome) home = rig_home_new();
	g_auto(GStrv) environment = NULL;
	g_autofree char *conf = rig_home_path(home, "opensc.conf");
	g_autoptr(RigPcscd) pcscd = rig_pcscd_new(RIG_READERS_MAX);
	RigCard *cards[RIG_READERS_MAX];
	const char *argv[] = {"pkcs11-tool", "-L", NULL};
	g_autofree char *output = NULL;

	rig_pcscd_start(pcscd);
	environment = rig_home_environment(home);
	rig_home_write(home, "opensc.conf", OPENSC_ALL);
	environment = g_environ_setenv(environment, "OPENSC_CONF", conf, TRUE);
	for (unsigned i = 0; i < RIG_READERS_MAX; i++) {
		g_autofree char *guid = g_strdup_printf("001122334455667788990000000000%02x", i);
		g_autofree char *directory = rig_deal_simple(1, guid);

		cards[i] = rig_card_new(pcscd, i, directory);
		rig_card_insert(cards[i]);
	}
	for (unsigned i = 0; i < RIG_READERS_MAX; i++)
		(void)rig_reader_wait(rig_pcscd_reader(pcscd, i), true);
	output = rig_run_ok(argv, environment);
	for (unsigned i = 0; i < RIG_READERS_MAX; i++) {
		g_autofree char *serial = g_strdup_printf("88990000000000%02x", i);

		ck_assert_uint_eq(occurrences(output, serial), 1);
		rig_card_free(cards[i]);
	}
}
END_TEST

START_TEST(names_are_any_bytes)
{
	static const char *const names[] = {
		"", "\x1b[31mred\nline:two", "\xff\xfe not UTF-8", "\xe2\x80\xae turned"};
	Deal deal = {.certs = 1, .guid = GUID_B, .cn = names[_i]};
	g_autofree char *directory = rig_deal(&deal);

	rig_card_insert_seen(bench.card);
	rig_card_swap(bench.card, directory);
	(void)rig_reader_wait(reader(), true);
	assert_reads_back(directory, 0);
	if (names[_i][0] != '\0') {
		g_autoptr(GBytes) read = read_der(0);

		ck_assert_ptr_nonnull(memmem(g_bytes_get_data(read, NULL), g_bytes_get_size(read),
			names[_i], strlen(names[_i])));
	}
}
END_TEST

START_TEST(database_is_read_bare)
{
	g_autoptr(RigHome) home = rig_home_new();
	g_autofree char *db = rig_home_path(home, "nssdb");
	g_autofree char *directory = rig_deal_simple(2, GUID_A);
	g_autofree char *first = g_build_filename(directory, "9a.der", NULL);
	g_autofree char *second = g_build_filename(directory, "9c.der", NULL);
	g_autofree char *key = g_build_filename(directory, "9c.pem", NULL);
	g_autoptr(GBytes) der = rig_dealt_der(directory, 0);
	g_autoptr(GPtrArray) rows = NULL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;
	g_autofree char *integrity = NULL;

	ck_assert(!rig_db_exists(db));
	rig_db_create(db);
	ck_assert(rig_db_exists(db));
	before = rig_db_state(db);
	rig_db_import(db, "mine", first, "P,,");
	after = rig_db_state(db);
	ck_assert_str_ne(before, after);
	g_clear_pointer(&before, g_free);
	rows = rig_db_certificates(db);
	before = rig_db_state(db);
	ck_assert_str_eq(before, after); /* looking changes nothing */
	ck_assert_uint_eq(rows->len, 1);
	ck_assert_str_eq(rig_db_find(rows, der)->label, "mine");
	ck_assert_ptr_null(rig_db_find(rows, der)->url);
	ck_assert_uint_eq(rig_db_marked(rows), 0);
	ck_assert_uint_ge(rig_db_trust_objects(db), 1);
	ck_assert_uint_eq(rig_db_private_objects(db), 0);
	rig_db_import_key(db, "with key", second, key);
	ck_assert_uint_eq(rig_db_private_objects(db), 1);
	integrity = rig_db_integrity(db);
	ck_assert_str_eq(integrity, "ok");
}
END_TEST

START_TEST(processes_are_counted)
{
	const char *argv[] = {"sh", "-c", "sleep 600 & sleep 600 & wait", NULL};
	g_autoptr(RigProcess) process = rig_process_start(argv, NULL);
	g_autoptr(GArray) two = NULL;

	do {
		g_clear_pointer(&two, g_array_unref);
		two = rig_descendants(rig_process_pid(process));
	} while (two->len < 2);
	ck_assert_uint_eq(two->len, 2);
	ck_assert_uint_gt(rig_memory(rig_process_pid(process)).pss, 0);
	for (guint i = 0; i < two->len; i++)
		kill(g_array_index(two, pid_t, i), SIGTERM);
	ck_assert_int_eq(rig_process_wait(process, LONG_MS), 0);
}
END_TEST

static char *own_program(void)
{
	g_autoptr(GError) error = NULL;
	char *path = g_file_read_link("/proc/self/exe", &error);

	ck_assert_msg(path != NULL, "%s", error != NULL ? error->message : "");
	return path;
}

static void run_two(const char *wish)
{
	g_autofree char *self = own_program();
	const char *argv[] = {self, "card", NULL};
	g_auto(GStrv) environment = g_get_environ();
	RigProcessOptions options = {0};
	RigProcess *both[2];

	environment = g_environ_setenv(environment, "CERTPROP_RIG", wish, TRUE);
	options.environment = environment;
	for (int i = 0; i < 2; i++)
		both[i] = rig_process_start(argv, &options);
	for (int i = 0; i < 2; i++) {
		int status = rig_process_wait(both[i], LONG_MS);
		g_autofree char *output = rig_process_output(both[i], NULL);

		ck_assert_msg(status == 0 && strstr(output, "\nok ") != NULL, "%s", output);
		rig_process_free(both[i]);
	}
}

START_TEST(two_side_by_side)
{
	run_two("");
}
END_TEST

START_TEST(two_by_activation)
{
	run_two("activation");
}
END_TEST

/* A process that nobody would end: it has left its parent and its session. */
static int leave_behind(void)
{
	if (fork() == 0) {
		(void)setsid();
		if (fork() == 0) {
			printf("%d\n", getpid());
			fflush(stdout);
			for (;;)
				pause();
		}
		_exit(0);
	}
	/* Ends at once, whether or not the orphan has spoken: the minder finds it all the same. */
	return 0;
}

START_TEST(nothing_is_left_behind)
{
	g_autofree char *self = own_program();
	const char *argv[] = {self, LEAVE, NULL};
	g_autoptr(RigProcess) process = rig_process_start(argv, NULL);
	g_autoptr(GArray) left = NULL;
	g_autofree char *output = NULL;
	g_autofree char *errors = NULL;
	const char *directory;

	ck_assert_int_eq(rig_process_wait(process, LONG_MS), 0);
	output = rig_process_output(process, NULL);
	ck_assert_msg(output[0] == '\0' || kill((pid_t)atoi(output), 0) != 0, "%s lives", output);
	left = rig_children(getpid());
	ck_assert_uint_eq(left->len, 0);
	errors = rig_process_errors(process);
	directory = strrchr(errors, ' ');
	ck_assert_ptr_nonnull(directory);
	g_strchomp(errors);
	ck_assert_msg(!g_file_test(directory + 1, G_FILE_TEST_EXISTS), "%s is left", directory);
}
END_TEST

static void add_card_tests(Suite *suite)
{
	TCase *tcase = tcase_create("card");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, reads_every_certificate, 0, (int)G_N_ELEMENTS(amounts));
	tcase_add_test(tcase, keys_sign);
	tcase_add_test(tcase, wrong_pin_is_refused_and_blocks);
	suite_add_tcase(suite, tcase);
}

static void add_event_tests(Suite *suite)
{
	TCase *tcase = tcase_create("events");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
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
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, leaves_after_so_many_apdus);
	tcase_add_test(tcase, hangs_until_resumed);
	tcase_add_test(tcase, pulling_ends_a_hang);
	tcase_add_test(tcase, delays_each_apdu);
	tcase_add_loop_test(tcase, malformed_certificates, 0, (int)G_N_ELEMENTS(spoilt));
	tcase_add_loop_test(tcase, names_are_any_bytes, 0, 4);
	suite_add_tcase(suite, tcase);
}

static void add_rig_tests(Suite *suite)
{
	TCase *tcase = tcase_create("rig");

	tcase_set_timeout(tcase, 180);
	tcase_add_checked_fixture(tcase, rig_setup, rig_teardown);
	tcase_add_test(tcase, sixteen_readers);
	tcase_add_test(tcase, database_is_read_bare);
	tcase_add_test(tcase, processes_are_counted);
	tcase_add_test(tcase, two_side_by_side);
	tcase_add_test(tcase, two_by_activation);
	tcase_add_test(tcase, nothing_is_left_behind);
	suite_add_tcase(suite, tcase);
}

int main(int argc, char **argv)
{
	Suite *suite;

	rig_enter();
	if (argc == 2 && strcmp(argv[1], LEAVE) == 0)
		return leave_behind();
	suite = suite_create("rig");
	add_card_tests(suite);
	add_event_tests(suite);
	add_fault_tests(suite);
	add_rig_tests(suite);
	return harness_run(suite, argc, argv);
}
