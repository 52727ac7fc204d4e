/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certprop-watch beside a real pcscd with virtual readers and cards.
 */

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "rig.h"
#include "wire.h"

#define SEEN_READERS 20u
#define WAIT_MS      10000u
/* A second and a half of pcscd's polls, and less than any pause after a second attempt. */
/* A busy machine makes several switches of one turn; a loop without a wait makes thousands. */
#define SPIN    60
#define SOON_MS 1500u
/* kB by which private memory may differ. AddressSanitizer keeps what was freed. */
#ifdef __SANITIZE_ADDRESS__
#define SLACK 256u
#else
#define SLACK 16u
#endif

/* What one certprop-watch has said, picture by picture. */
typedef struct Seen {
	RigProcess *process;
	WireReader *wire;
	gsize taken; /* bytes of its output */
	/* the picture last read */
	guint pictures;
	guint64 service;
	guint n_readers;
	struct {
		char name[WIRE_NAME_MAX + 1];
		guint64 flags;
		guint64 counter;
		gsize atr_len;
	} readers[SEEN_READERS];
	/* what is waited for */
	guint64 want_service;
	guint want_readers;
	guint want_reader;
	guint64 want_flags;
	guint64 want_counter;
} Seen;

static Seen seen;

static void seen_start(const char *const *arguments, const RigProcessOptions *options)
{
	g_autofree char *program = rig_program("daemon/certprop-watch");
	const char *argv[6] = {program};

	for (gsize i = 0; arguments != NULL && arguments[i] != NULL; i++)
		argv[i + 1] = arguments[i];
	seen = (Seen){.wire = wire_reader_new(), .process = rig_process_start(argv, options)};
}

static void seen_clear(void)
{
	rig_process_free(seen.process);
	wire_reader_free(seen.wire);
	seen = (Seen){0};
}

static void take_reader(void)
{
	guint i = seen.n_readers++;
	g_autofree char *name = wire_get_text(seen.wire, WIRE_NAME_MAX);
	g_autoptr(GBytes) atr = NULL;

	ck_assert_uint_lt(i, SEEN_READERS);
	g_strlcpy(seen.readers[i].name, name, sizeof seen.readers[i].name);
	ck_assert_uint_eq(wire_get_number(seen.wire), 0);
	seen.readers[i].flags = wire_get_number(seen.wire);
	seen.readers[i].counter = wire_get_number(seen.wire);
	atr = wire_get_bytes(seen.wire, 33);
	seen.readers[i].atr_len = g_bytes_get_size(atr);
}

/* Reads on to the end of the next picture; false if it has not been said yet. */
static bool next_picture(void)
{
	gsize len;
	g_autofree char *output = rig_process_output(seen.process, &len);

	wire_reader_push(seen.wire, output + seen.taken, len - seen.taken);
	seen.taken = len;
	while (wire_reader_next(seen.wire, NULL) == 1) {
		if (seen.wire->type == WIRE_WATCH_BEGIN) {
			seen.service = wire_get_number(seen.wire);
			seen.n_readers = 0;
			(void)wire_get_number(seen.wire);
			g_free(wire_get_text(seen.wire, WIRE_TEXT_MAX));
		} else if (seen.wire->type == WIRE_WATCH_READER) {
			take_reader();
		} else {
			seen.pictures++;
			return true;
		}
		ck_assert(wire_reader_done(seen.wire, NULL));
	}
	return false;
}

static bool service_is(gpointer data)
{
	while (next_picture())
		if (seen.service == seen.want_service &&
			(seen.service != WIRE_SERVICE_OK || seen.n_readers == seen.want_readers))
			return true;
	return false;
}

static bool reader_is(gpointer data)
{
	while (next_picture())
		if (seen.want_reader < seen.n_readers &&
			seen.readers[seen.want_reader].flags == seen.want_flags &&
			seen.readers[seen.want_reader].counter == seen.want_counter)
			return true;
	return false;
}

static void wait_service(WireService service, guint n_readers, guint ms)
{
	seen.want_service = service;
	seen.want_readers = n_readers;
	rig_wait_until(service_is, NULL, ms, "a picture with that service and readers");
}

static void wait_reader(guint reader, guint64 flags, guint64 counter)
{
	seen.want_reader = reader;
	seen.want_flags = flags;
	seen.want_counter = counter;
	rig_wait_until(reader_is, NULL, WAIT_MS, "a picture with that reader's state and counter");
}

/* Context switches of the one thread, so far. */
static guint64 switches(void)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/status", rig_process_pid(seen.process));
	g_autofree char *text = NULL;
	guint64 sum = 0;

	ck_assert(g_file_get_contents(path, &text, NULL, NULL));
	for (const char *at = text; (at = strstr(at, "ctxt_switches:\t")) != NULL; at++)
		sum += g_ascii_strtoull(at + strlen("ctxt_switches:\t"), NULL, 10);
	return sum;
}

/* The interval is what is measured; there is nothing to wait for in it. */
static guint64 switches_in(guint ms)
{
	guint64 before = switches();

	g_usleep(ms * 1000);
	return switches() - before;
}

START_TEST(in_out_swap)
{
	g_autoptr(RigPcscd) pcscd = rig_pcscd_new(2);
	g_autofree char *one = rig_deal_simple(1, NULL);
	g_autofree char *two = rig_deal_simple(0, "00112233445566778899aabbccddee01");
	g_autoptr(RigCard) card = NULL;

	rig_pcscd_start(pcscd);
	seen_start(NULL, NULL);
	wait_service(WIRE_SERVICE_OK, 2, WAIT_MS);
	ck_assert_str_eq(seen.readers[1].name, rig_pcscd_reader(pcscd, 1));
	ck_assert_uint_eq(seen.readers[1].flags, 0);

	card = rig_card_new(pcscd, 1, one);
	rig_card_insert(card);
	wait_reader(1, WIRE_READER_PRESENT, 1);
	ck_assert_uint_gt(seen.readers[1].atr_len, 2);
	ck_assert_uint_eq(seen.readers[0].flags, 0);
	rig_card_remove(card);
	wait_reader(1, 0, 2);
	ck_assert_uint_eq(seen.readers[1].atr_len, 0);
	rig_card_insert(card);
	wait_reader(1, WIRE_READER_PRESENT, 3);
	rig_card_swap(card, two);
	wait_reader(1, WIRE_READER_PRESENT, 5);
	/* Nothing was said twice: none, in, out, in, [out,] in. */
	ck_assert_uint_ge(seen.pictures, 5);
	ck_assert_uint_le(seen.pictures, 6);
	seen_clear();
}
END_TEST

/* The watcher is stopped while the card is changed: the counter tells. */
START_TEST(missed_swap)
{
	g_autoptr(RigPcscd) pcscd = rig_pcscd_new(2);
	g_autofree char *one = rig_deal_simple(1, NULL);
	g_autoptr(RigCard) card = NULL;

	rig_pcscd_start(pcscd);
	seen_start(NULL, NULL);
	card = rig_card_new(pcscd, 0, one);
	rig_card_insert(card);
	wait_reader(0, WIRE_READER_PRESENT, 1);

	ck_assert_int_eq(kill(rig_process_pid(seen.process), SIGSTOP), 0);
	rig_card_remove_seen(card);
	rig_card_insert(card);
	(void)rig_reader_wait_counter(rig_pcscd_reader(pcscd, 0), 3);
	ck_assert_int_eq(kill(rig_process_pid(seen.process), SIGCONT), 0);
	wait_reader(0, WIRE_READER_PRESENT, 3);
	seen_clear();
}
END_TEST

/* With no reader, some, and as many as there can be, events come through and nothing spins. */
START_TEST(reader_counts)
{
	static const guint counts[] = {0, 2, 14, 16};
	guint n = counts[_i];
	g_autoptr(RigPcscd) pcscd = rig_pcscd_new(n);
	g_autofree char *one = rig_deal_simple(0, NULL);
	g_autoptr(RigCard) card = NULL;

	rig_pcscd_start(pcscd);
	seen_start(NULL, NULL);
	wait_service(WIRE_SERVICE_OK, n, WAIT_MS);
	ck_assert_uint_le(switches_in(3000), SPIN); /* the list is looked at once more */
	if (n > 0) {
		card = rig_card_new(pcscd, n - 1, one);
		rig_card_insert(card);
		wait_reader(n - 1, WIRE_READER_PRESENT, 1);
		ck_assert_uint_eq(switches_in(1000), 0);
	}
	seen_clear();
}
END_TEST

/* Not there, started, gone, started, … with a card in: always the right picture, at once, and
   nothing grows. */
START_TEST(restarts)
{
	g_autoptr(RigPcscd) pcscd = rig_pcscd_new(2);
	g_autofree char *one = rig_deal_simple(0, NULL);
	g_autoptr(RigCard) card = NULL;
	unsigned descriptors = 0;
	RigMemory memory = {0}, now;

	seen_start(NULL, NULL);
	wait_service(WIRE_SERVICE_ABSENT, 0, WAIT_MS);
	ck_assert_uint_le(switches_in(SOON_MS), SPIN);
	for (int i = 0; i < 10; i++) {
		rig_pcscd_start(pcscd);
		wait_service(WIRE_SERVICE_OK, 2, SOON_MS);
		card = rig_card_new(pcscd, 0, one);
		rig_card_insert(card);
		wait_reader(0, WIRE_READER_PRESENT, 1);
		now = rig_memory(rig_process_pid(seen.process));
		if (i == 1) {
			memory = now;
			descriptors = rig_descriptors(rig_process_pid(seen.process));
		}
		if (i % 2 == 0)
			rig_pcscd_kill(pcscd);
		else
			rig_pcscd_stop(pcscd);
		wait_service(WIRE_SERVICE_ABSENT, 0, SOON_MS);
		g_clear_pointer(&card, rig_card_free);
	}

	rig_pcscd_start(pcscd);
	wait_service(WIRE_SERVICE_OK, 2, SOON_MS);
	ck_assert_uint_eq(rig_descriptors(rig_process_pid(seen.process)), descriptors);
	ck_assert_uint_le(now.private_dirty, memory.private_dirty + SLACK);
	ck_assert(rig_process_alive(seen.process));
	seen_clear();
}
END_TEST

START_TEST(once)
{
	static const char *const arguments[] = {"--once", NULL};
	g_autoptr(RigPcscd) pcscd = rig_pcscd_new(2);
	g_autofree char *one = rig_deal_simple(0, NULL);
	g_autoptr(RigCard) card = NULL;

	seen_start(arguments, NULL);
	ck_assert_int_eq(rig_process_wait(seen.process, WAIT_MS), 0);
	ck_assert(next_picture());
	ck_assert_uint_eq(seen.service, WIRE_SERVICE_ABSENT);
	ck_assert(!next_picture());
	seen_clear();

	rig_pcscd_start(pcscd);
	card = rig_card_new(pcscd, 1, one);
	rig_card_insert_seen(card);
	seen_start(arguments, NULL);
	ck_assert_int_eq(rig_process_wait(seen.process, WAIT_MS), 0);
	ck_assert(next_picture());
	ck_assert_uint_eq(seen.service, WIRE_SERVICE_OK);
	ck_assert_uint_eq(seen.n_readers, 2);
	ck_assert_uint_eq(seen.readers[1].flags, WIRE_READER_PRESENT);
	ck_assert(!next_picture());
	seen_clear();
}
END_TEST

/* A pcscd that accepts and does not answer cannot hold --once for ever. */
START_TEST(once_with_a_stopped_pcscd)
{
	static const char *const arguments[] = {"--once", NULL};
	g_autoptr(RigPcscd) pcscd = rig_pcscd_new(2);

	rig_pcscd_start(pcscd);
	ck_assert_int_eq(kill(rig_pcscd_pid(pcscd), SIGSTOP), 0);
	seen_start(arguments, NULL);
	ck_assert_int_eq(rig_process_wait(seen.process, 2 * WAIT_MS), 1);
	ck_assert(!next_picture());
	ck_assert_int_eq(kill(rig_pcscd_pid(pcscd), SIGCONT), 0);
	seen_clear();
}
END_TEST

/* Whoever listened has gone: it ends, also while it is blocked in PC/SC. */
START_TEST(nobody_listens)
{
	g_autoptr(RigPcscd) pcscd = rig_pcscd_new(2);
	int output[2];
	char byte;

	if (_i == 0)
		rig_pcscd_start(pcscd);
	ck_assert_int_eq(pipe2(output, O_CLOEXEC), 0);
	seen_start(NULL, &(RigProcessOptions){.fds = {output[1], STDOUT_FILENO}});
	ck_assert_int_eq(close(output[1]), 0);
	ck_assert_int_eq(read(output[0], &byte, 1), 1);
	ck_assert_int_eq(close(output[0]), 0);
	ck_assert_int_eq(rig_process_wait(seen.process, SOON_MS), 0);
	seen_clear();
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("watch");
	TCase *tcase = tcase_create("pcscd");

	rig_enter();
	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, rig_setup, rig_teardown);
	tcase_add_test(tcase, in_out_swap);
	tcase_add_test(tcase, missed_swap);
	tcase_add_loop_test(tcase, reader_counts, 0, 4);
	tcase_add_test(tcase, restarts);
	tcase_add_test(tcase, once);
	tcase_add_test(tcase, once_with_a_stopped_pcscd);
	tcase_add_loop_test(tcase, nobody_listens, 0, 2);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
