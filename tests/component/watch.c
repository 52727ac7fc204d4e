/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The watcher's loop against a scripted service: everything that a real pcscd will not do to order.
 */

#include <check.h>
#include <string.h>
#include <winscard.h>

#include "harness.h"
#include "part.h"

#define CODE(code) ((guint32)(code))

static Part part; /* each test runs in its own process, or after clear() */

static void clear(void)
{
	part_clear(&part);
	part = (Part){0};
}

/* N readers named "r00", "r01", …, without cards. */
static void add_readers(guint n)
{
	static char names[PART_READERS][8];

	part.n_readers = n;
	for (guint i = 0; i < n; i++) {
		g_snprintf(names[i], sizeof names[i], "r%02u", i);
		part.readers[i] = (PartReader){.name = names[i], .state = SCARD_STATE_EMPTY};
	}
}

static void card_in(Part *p)
{
	p->readers[0].state = SCARD_STATE_PRESENT;
	p->readers[0].counter++;
	p->readers[0].atr_len = 4;
}

static void card_out(Part *p)
{
	p->readers[0].state = SCARD_STATE_EMPTY;
	p->readers[0].counter++;
	p->readers[0].atr_len = 0;
}

static void swap(Part *p)
{
	card_out(p);
	card_in(p);
}

static void one_more(Part *p)
{
	p->readers[p->n_readers++] = (PartReader){.name = "late", .state = SCARD_STATE_EMPTY};
}

static void one_more_once(Part *p)
{
	p->after_list = NULL;
	one_more(p);
}

static void first_goes(Part *p)
{
	p->n_readers--;
	memmove(&p->readers[0], &p->readers[1], p->n_readers * sizeof p->readers[0]);
}

static void first_goes_once(Part *p)
{
	p->after_list = NULL;
	first_goes(p);
}

#define PLAY(...)                           \
	PartTurn turns[] = {__VA_ARGS__};   \
	part.turns = turns;                 \
	part.n_turns = G_N_ELEMENTS(turns); \
	part_run(&part, false)

static guint32 pause_at(guint n)
{
	ck_assert_uint_lt(n, part.pauses->len);
	return g_array_index(part.pauses, guint32, n);
}

static guint32 timeout_at(guint n)
{
	ck_assert_uint_lt(n, part.timeouts->len);
	return g_array_index(part.timeouts, guint32, n);
}

START_TEST(in_and_out)
{
	add_readers(2);
	PLAY({.act = card_in}, {.act = card_out}, {.act = card_in});
	ck_assert(part.sent);
	ck_assert_uint_eq(part.said->len, 5); /* the last one: pcscd went */
	for (guint i = 0; i < 4; i++) {
		const PartSaid *said = part_said(&part, i);

		ck_assert_uint_eq(said->service, WIRE_SERVICE_OK);
		ck_assert_uint_eq(said->n_readers, 2);
		ck_assert_str_eq(said->readers[0].name, "r00");
		ck_assert_uint_eq(said->readers[0].counter, i);
		ck_assert_uint_eq(said->readers[0].flags, i % 2 == 1 ? WIRE_READER_PRESENT : 0);
		ck_assert_uint_eq(said->readers[0].atr_len, i % 2 == 1 ? 4 : 0);
		ck_assert_uint_eq(said->readers[1].flags, 0);
	}
	ck_assert_uint_eq(part_said(&part, 4)->service, WIRE_SERVICE_ABSENT);
	ck_assert_uint_eq(part.n_release, 1);
	clear();
}
END_TEST

START_TEST(flags)
{
	static const struct {
		guint32 state;
		guint64 flags;
	} table[] = {
		{SCARD_STATE_PRESENT | SCARD_STATE_MUTE, WIRE_READER_PRESENT | WIRE_READER_MUTE},
		{SCARD_STATE_PRESENT | SCARD_STATE_INUSE, WIRE_READER_PRESENT | WIRE_READER_IN_USE},
		{SCARD_STATE_PRESENT | SCARD_STATE_EXCLUSIVE,
			WIRE_READER_PRESENT | WIRE_READER_EXCLUSIVE},
		{SCARD_STATE_UNAVAILABLE, WIRE_READER_UNAVAILABLE},
	};

	add_readers(G_N_ELEMENTS(table));
	for (gsize i = 0; i < G_N_ELEMENTS(table); i++)
		part.readers[i].state = table[i].state;
	part_run(&part, true);
	for (gsize i = 0; i < G_N_ELEMENTS(table); i++)
		ck_assert_uint_eq(part_said(&part, 0)->readers[i].flags, table[i].flags);
	clear();
}
END_TEST

/* Out and in again between two looks: only the counter tells. */
START_TEST(swap_shows)
{
	add_readers(1);
	PLAY({.act = card_in}, {.act = swap});
	ck_assert_uint_eq(part_said(&part, 1)->readers[0].counter, 1);
	ck_assert_uint_eq(part_said(&part, 2)->readers[0].counter, 3);
	ck_assert_uint_eq(part_said(&part, 2)->readers[0].flags, WIRE_READER_PRESENT);
	clear();
}
END_TEST

/* Wakes without a reason: nothing is said twice, and they are asked less and less often; the first
   real change is said, and ends the pauses. */
START_TEST(spurious_wakes)
{
	guint until = WATCH_IDLE_MAX;

	add_readers(1);
	PLAY({.wake = true, .times = 50}, {.act = card_in}, {.wake = true, .times = 4},
		{.act = card_out});
	ck_assert_uint_eq(part.said->len, 4);
	/* One pause before each wait past the allowance, then none, but for the last: the end. */
	ck_assert_uint_eq(part.pauses->len, 50 - until + 1);
	ck_assert_uint_lt(pause_at(0), 50);
	for (guint i = 1; i + 1 < part.pauses->len; i++) {
		ck_assert_uint_ge(pause_at(i), pause_at(i - 1));
		ck_assert_uint_le(pause_at(i), WATCH_CALM_MAX_MS);
	}
	ck_assert_uint_eq(pause_at(50 - until - 1), WATCH_CALM_MAX_MS);
	clear();
}
END_TEST

/* The same of a library that says "unknown reader" for ever. */
START_TEST(never_known)
{
	static PartTurn turns[60];

	add_readers(1);
	part.turns = turns;
	part.n_turns = G_N_ELEMENTS(turns);
	part.look_code = CODE(SCARD_E_UNKNOWN_READER);
	part_run(&part, false);
	ck_assert_uint_ge(part.pauses->len, 60 - WATCH_IDLE_MAX - 1);
	ck_assert_uint_eq(part.n_establish, 1);
	clear();
}
END_TEST

START_TEST(no_reader_then_one)
{
	PLAY({.act = one_more});
	ck_assert_uint_eq(part_said(&part, 0)->service, WIRE_SERVICE_OK);
	ck_assert_uint_eq(part_said(&part, 0)->n_readers, 0);
	ck_assert_uint_eq(part_said(&part, 1)->n_readers, 1);
	ck_assert_str_eq(part_said(&part, 1)->readers[0].name, "late");
	clear();
}
END_TEST

/* One that came after the list was read and before the wait began: found when the list has
   settled, which is looked at once more and then left alone. */
START_TEST(came_between)
{
	part.after_list = one_more_once;
	PLAY({.code = CODE(SCARD_E_TIMEOUT)}, {.code = CODE(SCARD_E_TIMEOUT)});
	ck_assert_uint_eq(part_said(&part, 0)->n_readers, 0);
	ck_assert_uint_eq(part_said(&part, 1)->n_readers, 1);
	ck_assert_uint_eq(part.timeouts->len, 3);
	ck_assert_uint_eq(timeout_at(0), WATCH_SETTLE_MS);
	ck_assert_uint_eq(timeout_at(1), WATCH_SETTLE_MS); /* a new list again */
	ck_assert_uint_eq(timeout_at(2), WATCH_ROUND_MS);
	clear();
}
END_TEST

START_TEST(went_between)
{
	add_readers(3);
	part.after_list = first_goes_once;
	PLAY({.act = card_in});
	ck_assert_uint_eq(part_said(&part, 0)->n_readers, 2);
	ck_assert_str_eq(part_said(&part, 0)->readers[0].name, "r01");
	ck_assert_uint_eq(part.n_list, 2);
	clear();
}
END_TEST

/* 15 readers and PnP fill a wait; with 16 there is no room for PnP; a 17th cannot be asked. */
START_TEST(sixteen)
{
	static const guint counts[] = {0, 2, 15, 16, 17};
	guint n = counts[_i];

	add_readers(n);
	part.max_entries = 16;
	PLAY({.act = n > 0 ? card_in : one_more});
	ck_assert_uint_eq(part.last_pnp, n < 16);
	ck_assert_uint_le(part.last_entries, 16);
	ck_assert_uint_eq(part_said(&part, 0)->n_readers, n);
	if (n == 17)
		ck_assert_uint_eq(part_said(&part, 0)->readers[16].flags, WIRE_READER_UNAVAILABLE);
	if (n > 0)
		ck_assert_uint_eq(part_said(&part, 1)->readers[0].flags, WIRE_READER_PRESENT);
	ck_assert_uint_eq(part.said->len, 3);
	clear();
}
END_TEST

/* Without PnP a reader that goes shows as unknown. */
START_TEST(sixteenth_goes)
{
	add_readers(16);
	part.max_entries = 16;
	PLAY({.act = first_goes}, {.act = one_more});
	ck_assert_uint_eq(part_said(&part, 0)->n_readers, 16);
	ck_assert_uint_eq(part_said(&part, 1)->n_readers, 15);
	ck_assert_str_eq(part_said(&part, 1)->readers[0].name, "r01");
	ck_assert_uint_eq(part_said(&part, 2)->n_readers, 16);
	clear();
}
END_TEST

/* A library without that limit is given all. */
START_TEST(no_limit)
{
	add_readers(40);
	PLAY({.act = card_in});
	ck_assert(part.last_pnp);
	ck_assert_uint_eq(part.last_entries, 41);
	clear();
}
END_TEST

START_TEST(twins)
{
	add_readers(3);
	part.readers[1].name = part.readers[2].name = part.readers[0].name;
	PLAY({.act = card_in});
	ck_assert_uint_eq(part.last_entries, 2); /* one of them, and PnP */
	ck_assert_uint_eq(part_said(&part, 1)->n_readers, 3);
	ck_assert_uint_eq(part_said(&part, 1)->readers[0].flags, WIRE_READER_PRESENT);
	for (guint i = 0; i < 3; i++) {
		ck_assert_str_eq(part_said(&part, 1)->readers[i].name, "r00");
		ck_assert_uint_eq(part_said(&part, 1)->readers[i].ordinal, i);
		ck_assert_uint_eq(
			(part_said(&part, 1)->readers[i].flags & WIRE_READER_TWIN) != 0, i > 0);
	}
	clear();
}
END_TEST

START_TEST(names)
{
	g_autofree char *longest = g_strnfill(400, 'x');

	memcpy(longest + WIRE_NAME_MAX - 1, "\xc3\xa4", 2); /* across the cap */
	add_readers(3);
	part.readers[0].name = "a\xff";
	part.readers[1].name = "a\xfe";
	part.readers[2].name = longest;
	part_run(&part, true);
	ck_assert_str_eq(part_said(&part, 0)->readers[0].name, "a\uFFFD");
	ck_assert_str_eq(part_said(&part, 0)->readers[1].name, "a\uFFFD");
	ck_assert_uint_eq(part_said(&part, 0)->readers[1].ordinal, 1);
	/* told apart when asked, so no twin */
	ck_assert_uint_eq(part_said(&part, 0)->readers[1].flags, 0);
	ck_assert_uint_eq(strlen(part_said(&part, 0)->readers[2].name), WIRE_NAME_MAX - 1);
	clear();
}
END_TEST

START_TEST(too_many)
{
	add_readers(PART_READERS);
	part_run(&part, true);
	ck_assert_uint_eq(part_said(&part, 0)->n_readers, PCSC_READERS_MAX);
	clear();
}
END_TEST

/* A list without an end, with a length that is not true: read as far as there was room for it. */
START_TEST(lying_list)
{
	static char raw[PCSC_LIST_MAX];
	static char second[PCSC_LIST_MAX];

	memset(raw, 'x', sizeof raw);
	memcpy(raw, "r00", 4);
	memcpy(second, raw + 4, sizeof raw - 4);
	add_readers(2);
	part.readers[1].name = second;
	part.raw_list = raw;
	part.raw_len = sizeof raw;
	part.lie_len = G_MAXUINT32;
	part_run(&part, true);
	ck_assert_uint_eq(part_said(&part, 0)->n_readers, 2);
	ck_assert_str_eq(part_said(&part, 0)->readers[0].name, "r00");
	ck_assert_uint_eq(strlen(part_said(&part, 0)->readers[1].name), WIRE_NAME_MAX);
	clear();
}
END_TEST

START_TEST(lying_atr)
{
	static const guint32 lengths[] = {33, 34, 255, G_MAXUINT32};

	add_readers(2);
	card_in(&part);
	part.readers[0].atr_len = lengths[_i];
	part.readers[1].atr_len = lengths[_i]; /* and no card */
	part_run(&part, true);
	ck_assert_uint_eq(part_said(&part, 0)->readers[0].atr_len, PCSC_ATR_MAX);
	ck_assert_uint_eq(part_said(&part, 0)->readers[1].atr_len, 0);
	clear();
}
END_TEST

/* What the first attempt meets, what it is called, and what the detail names. */
static const struct {
	LONG code;
	WireService service;
	const char *detail;
} refusals[] = {
	{SCARD_E_NO_SERVICE, WIRE_SERVICE_ABSENT, "SCARD_E_NO_SERVICE"},
	{SCARD_F_COMM_ERROR, WIRE_SERVICE_ABSENT, "SCARD_F_COMM_ERROR"},
	{SCARD_W_SECURITY_VIOLATION, WIRE_SERVICE_DENIED, "org.debian.pcsc-lite.access_pcsc"},
	{SCARD_E_SERVICE_STOPPED, WIRE_SERVICE_INCOMPATIBLE, "protocol version"},
	{SCARD_E_NO_MEMORY, WIRE_SERVICE_FAILED, "SCARD_E_NO_MEMORY"},
	{(LONG)0x80108888, WIRE_SERVICE_FAILED, "0x80108888"},
};

/* Said once, then tried again with pauses that grow to a minute. */
START_TEST(refused)
{
	static const guint32 pauses[] = {
		1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000, 60000};
	guint32 opening[G_N_ELEMENTS(pauses)];

	for (gsize i = 0; i < G_N_ELEMENTS(opening); i++)
		opening[i] = CODE(refusals[_i].code);
	part.opening = opening;
	part.n_opening = G_N_ELEMENTS(opening);
	part_run(&part, false);
	ck_assert(part.sent);
	ck_assert_uint_eq(part.said->len, 1);
	ck_assert_uint_eq(part_said(&part, 0)->service, refusals[_i].service);
	ck_assert_uint_eq(part_said(&part, 0)->code, CODE(refusals[_i].code));
	ck_assert_ptr_nonnull(strstr(part_said(&part, 0)->detail, refusals[_i].detail));
	ck_assert_uint_eq(part.pauses->len, G_N_ELEMENTS(pauses));
	ck_assert_int_eq(memcmp(part.pauses->data, pauses, sizeof pauses), 0);
	ck_assert_uint_eq(part.n_release, 0);
	clear();
}
END_TEST

START_TEST(refused_once)
{
	const guint32 opening[] = {CODE(refusals[_i].code)};

	part.opening = opening;
	part.n_opening = 1;
	part_run(&part, true);
	ck_assert(part.sent);
	ck_assert_uint_eq(part.said->len, 1);
	ck_assert_uint_eq(part_said(&part, 0)->service, refusals[_i].service);
	ck_assert_uint_eq(part.pauses->len, 0);
	clear();
}
END_TEST

static const LONG losses[] = {
	SCARD_F_COMM_ERROR, SCARD_E_SERVICE_STOPPED, SCARD_E_INVALID_HANDLE, SCARD_E_NO_SERVICE,
	SCARD_E_CANCELLED,
	SCARD_W_SECURITY_VIOLATION, /* what libpcsclite makes of a connection that is reset */
};

/* A link that had lasted is lost and back at once: that is said, though both pictures are equal,
   because the counters of two links cannot be compared. */
START_TEST(lost_and_back)
{
	PartTurn turns[] = {
		{.code = CODE(SCARD_E_TIMEOUT)}, {.code = CODE(losses[_i])}, {.wake = true}};

	add_readers(1);
	card_in(&part);
	part.reopen = true;
	part.turns = turns;
	part.n_turns = G_N_ELEMENTS(turns);
	part_run(&part, false);

	ck_assert_uint_eq(part_said(&part, 0)->service, WIRE_SERVICE_OK);
	ck_assert_uint_eq(part_said(&part, 1)->service, WIRE_SERVICE_ABSENT);
	ck_assert_uint_eq(part_said(&part, 1)->code, CODE(losses[_i]));
	ck_assert_uint_eq(part_said(&part, 2)->service, WIRE_SERVICE_OK);
	ck_assert_uint_eq(part_said(&part, 2)->readers[0].flags, WIRE_READER_PRESENT);
	ck_assert_uint_eq(part.n_establish, 2);
	ck_assert_uint_eq(part.n_release, 2);
	ck_assert_uint_eq(part.pauses->len, 1); /* only the last one: the end */
	clear();
}
END_TEST

/* The try at once, after a link that had lasted or because the socket moved, met a pcscd that was
   still dying: that is no refusal. The one after a pause is. */
START_TEST(refused_while_it_dies)
{
	const guint32 code = CODE(refusals[_i / 2].code);
	const WireService service = refusals[_i / 2].service;
	const guint32 opening[] = {SCARD_S_SUCCESS, code, code};
	PartTurn turns[] = {{.code = CODE(SCARD_E_TIMEOUT)}, {.code = CODE(SCARD_F_COMM_ERROR)}};
	bool proven = _i % 2 == 0;
	bool ambiguous = service == WIRE_SERVICE_DENIED || service == WIRE_SERVICE_INCOMPATIBLE;

	add_readers(1);
	part.opening = opening;
	part.n_opening = G_N_ELEMENTS(opening);
	part.turns = proven ? turns : turns + 1;
	part.n_turns = proven ? 2 : 1;
	part.n_woken = proven ? 0 : 1;
	part_run(&part, false);

	ck_assert_uint_eq(part_said(&part, 1)->service, WIRE_SERVICE_ABSENT);
	ck_assert_uint_eq(part_said(&part, 2)->service, ambiguous ? WIRE_SERVICE_ABSENT : service);
	ck_assert_uint_eq(part_said(&part, part.said->len - 1)->service, service);
	ck_assert_uint_eq(part.n_establish, 3);
	clear();
}
END_TEST

/* One that accepts and dies, again and again, costs growing pauses. */
START_TEST(crash_loop)
{
	add_readers(1);
	part.reopen = true;
	PLAY({.code = CODE(SCARD_F_COMM_ERROR), .times = 9});
	ck_assert_uint_eq(part.n_establish, 9);
	ck_assert_uint_eq(part.n_release, 9);
	for (guint i = 0; i < part.pauses->len; i++)
		ck_assert_uint_eq(pause_at(i), MIN(1000u << i, WATCH_PAUSE_MAX_MS));
	clear();
}
END_TEST

/* A refusal that has nothing to do with the number of readers. */
START_TEST(invalid_parameter)
{
	add_readers(1);
	part.reopen = true;
	PLAY({.code = CODE(SCARD_E_INVALID_PARAMETER), .times = 5});
	ck_assert_uint_eq(part_said(&part, 1)->service, WIRE_SERVICE_FAILED);
	ck_assert_uint_eq(part_said(&part, 1)->code, CODE(SCARD_E_INVALID_PARAMETER));
	ck_assert_uint_eq(part.n_establish, 5);
	clear();
}
END_TEST

START_TEST(once)
{
	add_readers(2);
	part_run(&part, true);
	ck_assert(part.sent);
	ck_assert_uint_eq(part.said->len, 1);
	ck_assert_uint_eq(part_said(&part, 0)->n_readers, 2);
	ck_assert_uint_eq(part.n_wait, 0);
	ck_assert_uint_eq(part.n_release, 1);
	clear();
}
END_TEST

static void add_basics(TCase *tcase)
{
	tcase_add_test(tcase, in_and_out);
	tcase_add_test(tcase, flags);
	tcase_add_test(tcase, swap_shows);
	tcase_add_test(tcase, spurious_wakes);
	tcase_add_test(tcase, once);
}

static void add_lists(TCase *tcase)
{
	tcase_add_test(tcase, no_reader_then_one);
	tcase_add_test(tcase, came_between);
	tcase_add_test(tcase, went_between);
	tcase_add_loop_test(tcase, sixteen, 0, 5);
	tcase_add_test(tcase, sixteenth_goes);
	tcase_add_test(tcase, no_limit);
	tcase_add_test(tcase, twins);
	tcase_add_test(tcase, names);
	tcase_add_test(tcase, too_many);
}

static void add_faults(TCase *tcase)
{
	tcase_add_test(tcase, never_known);
	tcase_add_test(tcase, lying_list);
	tcase_add_loop_test(tcase, lying_atr, 0, 4);
	tcase_add_loop_test(tcase, refused, 0, G_N_ELEMENTS(refusals));
	tcase_add_loop_test(tcase, refused_once, 0, G_N_ELEMENTS(refusals));
	tcase_add_loop_test(tcase, lost_and_back, 0, G_N_ELEMENTS(losses));
	tcase_add_loop_test(tcase, refused_while_it_dies, 0, 2 * G_N_ELEMENTS(refusals));
	tcase_add_test(tcase, crash_loop);
	tcase_add_test(tcase, invalid_parameter);
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("watch");
	TCase *basics = tcase_create("basics");
	TCase *lists = tcase_create("lists");
	TCase *faults = tcase_create("faults");

	add_basics(basics);
	add_lists(lists);
	add_faults(faults);
	suite_add_tcase(suite, basics);
	suite_add_tcase(suite, lists);
	suite_add_tcase(suite, faults);
	return harness_run(suite, argc, argv);
}
