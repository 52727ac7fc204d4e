/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The PC/SC library for xrdp sessions and a chansrv that means it ill: random calls, random
 * answers. No call may write beyond what it was given, take longer than its deadlines, or leave
 * anything behind. The library is built into this program, with deadlines of a fraction of a
 * second, so that sanitizers see it.
 *
 * Most of the time is spent in waiting for answers that do not come; so several threads call at
 * once, each with contexts of its own.
 *
 * CERTPROP_HOSTILE_CALLS in the environment: how many calls.
 */
#include "harness.h"
#include "rig.h"

#include <malloc.h>
#include <pthread.h>
#include <reader.h>
#include <string.h>
#include <unistd.h>
#include <winscard.h>

#define CALLS          100000
#define THREADS        5
#define DISPLAY_NUMBER "10"
#define CONTEXTS       4
#define CARDS          4
#define ROOM           512
#define GUARD          0xa5
#define WAIT_MS        5
/* The most questions in a call are a dozen, each with its deadline; the rest is for a slow machine.
 */
#define CALL_US      (20 * G_USEC_PER_SEC)
#define GROWTH_BYTES (256 * 1024)

typedef struct {
	SCARDCONTEXT context;
	SCARDHANDLE cards[CARDS];
} Player;

/* Of each thread its own. */
static _Thread_local Player players[CONTEXTS];
static _Thread_local GRand *dice;
static RigChansrv *chansrv;

typedef struct {
	pthread_t thread;
	guint32 seed;
	unsigned count;
	gint64 longest;
} Game;

/* A buffer of the size that is said, and a guard behind it. */
typedef struct {
	BYTE bytes[ROOM + 16];
	DWORD length;
} Buffer;

static Buffer *buffer_new(void)
{
	Buffer *buffer = g_new(Buffer, 1);

	memset(buffer->bytes, GUARD, sizeof(buffer->bytes));
	buffer->length = (DWORD)g_rand_int_range(dice, 0, ROOM);
	return buffer;
}

/* Assertions are dear (check notes each one), so there is none where nothing is wrong. */
static void buffer_check(Buffer *buffer, DWORD room)
{
	for (gsize i = room; i < sizeof(buffer->bytes); i++) {
		if (buffer->bytes[i] != GUARD)
			ck_abort_msg("byte %zu of a buffer of %lu was written", i, room);
	}
	g_free(buffer);
}

static void expect(bool right, const char *what)
{
	if (!right)
		ck_abort_msg("%s", what);
}

static void call_list(Player *player)
{
	Buffer *names = buffer_new();
	DWORD room = names->length, allocated_length = SCARD_AUTOALLOCATE;
	char *allocated = NULL;

	if (SCardListReaders(player->context, NULL, (LPSTR)names->bytes, &names->length) ==
		SCARD_S_SUCCESS) {
		expect(names->length <= room, "a list of readers that is too long");
		expect(names->bytes[names->length - 1] == '\0', "a list without an end");
	}
	buffer_check(names, room);
	if (SCardListReaders(player->context, NULL, (LPSTR)&allocated, &allocated_length) ==
		SCARD_S_SUCCESS)
		expect(SCardFreeMemory(player->context, allocated) == SCARD_S_SUCCESS,
			"a list that cannot be freed");
}

static void call_change(Player *player)
{
	SCARD_READERSTATE states[] = {{.szReader = "Reader One 00 00"},
		{.szReader = "Reader Two 00 00"}, {.szReader = "\\\\?PnP?\\Notification"}};

	for (gsize i = 0; i < G_N_ELEMENTS(states); i++)
		states[i].dwCurrentState = (DWORD)g_rand_int_range(dice, 0, 0x800);
	(void)SCardGetStatusChange(player->context, (DWORD)g_rand_int_range(dice, 0, WAIT_MS),
		states, (DWORD)g_rand_int_range(dice, 1, 4));
	for (gsize i = 0; i < G_N_ELEMENTS(states); i++)
		expect(states[i].cbAtr <= MAX_ATR_SIZE, "an ATR that is too long");
}

static SCARDHANDLE *some_card(Player *player)
{
	return &player->cards[g_rand_int_range(dice, 0, CARDS)];
}

static void call_connect(Player *player)
{
	SCARDHANDLE *card = some_card(player);
	DWORD protocol;

	if (*card != 0)
		(void)SCardDisconnect(*card, (DWORD)g_rand_int_range(dice, 0, 4));
	(void)SCardConnect(player->context, "Reader One 00 00", (DWORD)g_rand_int_range(dice, 1, 4),
		SCARD_PROTOCOL_ANY, card, &protocol);
}

static void call_reconnect(Player *player)
{
	DWORD protocol;

	(void)SCardReconnect(*some_card(player), SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY,
		(DWORD)g_rand_int_range(dice, 0, 3), &protocol);
}

static void call_transmit(Player *player)
{
	static const BYTE command[300];
	Buffer *answer = buffer_new();
	DWORD room = answer->length;
	LONG code = SCardTransmit(*some_card(player), SCARD_PCI_T1, command,
		(DWORD)g_rand_int_range(dice, 0, sizeof(command)), NULL, answer->bytes,
		&answer->length);

	expect(code != SCARD_S_SUCCESS || answer->length <= room, "an answer that is too long");
	buffer_check(answer, room);
}

static void call_control(Player *player)
{
	Buffer *answer = buffer_new();
	DWORD room = answer->length;
	LONG code = SCardControl(*some_card(player), SCARD_CTL_CODE(3400), "", 0, answer->bytes,
		room, &answer->length);

	expect(code != SCARD_S_SUCCESS || answer->length <= room, "an answer that is too long");
	buffer_check(answer, room);
}

static void call_status(Player *player)
{
	Buffer *name = buffer_new(), *atr = buffer_new();
	DWORD name_room = name->length, atr_room = atr->length, state, protocol;

	(void)SCardStatus(*some_card(player), (LPSTR)name->bytes, &name->length, &state, &protocol,
		atr->bytes, &atr->length);
	buffer_check(name, name_room);
	buffer_check(atr, atr_room);
}

static void call_attribute(Player *player)
{
	Buffer *value = buffer_new();
	DWORD room = value->length;

	(void)SCardGetAttrib(
		*some_card(player), SCARD_ATTR_ATR_STRING, value->bytes, &value->length);
	buffer_check(value, room);
}

static void call_transaction(Player *player)
{
	SCARDHANDLE card = *some_card(player);

	if (g_rand_boolean(dice))
		(void)SCardBeginTransaction(card);
	else
		(void)SCardEndTransaction(card, SCARD_LEAVE_CARD);
}

static void end_player(Player *player)
{
	if (player->context != 0)
		(void)SCardReleaseContext(player->context);
	*player = (Player){0};
}

static void begin_player(Player *player)
{
	end_player(player);
	(void)SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &player->context);
}

static void (*const calls[])(Player *player) = {call_list, call_change, call_connect, call_connect,
	call_reconnect, call_transmit, call_transmit, call_control, call_status, call_attribute,
	call_transaction};

/* A context whose connection has broken says so at every call: a new one takes its place. */
static void *play(void *data)
{
	Game *game = data;

	dice = g_rand_new_with_seed(game->seed);
	for (unsigned i = 0; i < game->count; i++) {
		Player *player = &players[g_rand_int_range(dice, 0, CONTEXTS)];
		gint64 start = g_get_monotonic_time(), took;
		DWORD length = 0;

		calls[g_rand_int_range(dice, 0, G_N_ELEMENTS(calls))](player);
		took = g_get_monotonic_time() - start;
		expect(took < CALL_US, "a call beyond its deadlines");
		game->longest = MAX(game->longest, took);
		if (SCardListReaders(player->context, NULL, NULL, &length) != SCARD_S_SUCCESS)
			begin_player(player);
	}
	for (gsize i = 0; i < CONTEXTS; i++)
		end_player(&players[i]);
	g_rand_free(dice);
	return NULL;
}

/* Returns the time of the longest call. */
static gint64 play_all(unsigned count, guint32 seed)
{
	Game games[THREADS];
	gint64 longest = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		games[i] = (Game){.seed = seed + i, .count = count / THREADS};
		ck_assert_int_eq(pthread_create(&games[i].thread, NULL, play, &games[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(games[i].thread, NULL), 0);
		longest = MAX(longest, games[i].longest);
	}
	return longest;
}

static unsigned calls_wanted(void)
{
	const char *wanted = g_getenv("CERTPROP_HOSTILE_CALLS");

	return wanted != NULL ? (unsigned)g_ascii_strtoull(wanted, NULL, 10) : CALLS;
}

START_TEST(random_answers)
{
	RigHome *home = rig_home_new();
	unsigned descriptors;
	gsize before, after;
	gint64 longest;

	chansrv = rig_chansrv_new(home->home, DISPLAY_NUMBER);
	rig_chansrv_connect(chansrv);
	rig_chansrv_set_mode(chansrv, "hostile");
	g_setenv("HOME", home->home, TRUE);
	g_setenv("DISPLAY", ":" DISPLAY_NUMBER, TRUE);
	g_setenv("XRDP_SESSION", "1", TRUE);
	(void)play_all(calls_wanted() / 10, 1);
	before = mallinfo2().uordblks;
	descriptors = rig_descriptors(getpid());
	longest = play_all(calls_wanted() - calls_wanted() / 10, 1 + THREADS);
	after = mallinfo2().uordblks;
	g_printerr("# %u calls, %" G_GUINT64_FORMAT " answers, the longest call %.3f s\n",
		calls_wanted(), rig_chansrv_requests(chansrv), (double)longest / G_USEC_PER_SEC);
	ck_assert_uint_eq(rig_descriptors(getpid()), descriptors);
	ck_assert_uint_lt(after, before + GROWTH_BYTES);
	g_clear_pointer(&chansrv, rig_chansrv_free);
	rig_home_free(home);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("xrdp-hostile");
	TCase *tcase = tcase_create("hostile");

	rig_enter();
	tcase_set_timeout(tcase, 1200);
	tcase_add_checked_fixture(tcase, rig_setup, rig_teardown);
	tcase_add_test(tcase, random_answers);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
