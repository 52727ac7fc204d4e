/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A context for each look: a test that keeps one would not notice a pcscd that was restarted.
 * Waiting is SCardGetStatusChange's own, which wakes with the event.
 */
#include "readers.h"

#include <check.h>
#include <string.h>
#include <winscard.h>

#define WAIT_MS      10000
#define NAMES_MAX    4096
#define COUNTER_BITS 16

bool rig_readers_ready(void)
{
	SCARDCONTEXT context;

	if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context) != SCARD_S_SUCCESS)
		return false;
	SCardReleaseContext(context);
	return true;
}

char **rig_readers_list(void)
{
	g_autoptr(GStrvBuilder) names = g_strv_builder_new();
	char buffer[NAMES_MAX] = "";
	DWORD length = sizeof(buffer);
	SCARDCONTEXT context;

	if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context) != SCARD_S_SUCCESS)
		return g_strv_builder_end(names);
	if (SCardListReaders(context, NULL, buffer, &length) == SCARD_S_SUCCESS) {
		for (const char *at = buffer; *at != '\0'; at += strlen(at) + 1)
			g_strv_builder_add(names, at);
	}
	SCardReleaseContext(context);
	return g_strv_builder_end(names);
}

static RigReader from_state(const SCARD_READERSTATE *state)
{
	RigReader reader = {.present = (state->dwEventState & SCARD_STATE_PRESENT) != 0,
		.mute = (state->dwEventState & SCARD_STATE_MUTE) != 0,
		.counter = (guint)(state->dwEventState >> COUNTER_BITS),
		.atr_length = MIN(state->cbAtr, sizeof(reader.atr))};

	memcpy(reader.atr, state->rgbAtr, reader.atr_length);
	return reader;
}

static void change(SCARDCONTEXT context, SCARD_READERSTATE *state, gint64 ms)
{
	LONG rv = SCardGetStatusChange(context, (DWORD)ms, state, 1);

	ck_assert_msg(rv == SCARD_S_SUCCESS, "looking at reader '%s': %s", state->szReader,
		pcsc_stringify_error(rv));
	ck_assert_msg((state->dwEventState & (SCARD_STATE_UNKNOWN | SCARD_STATE_UNAVAILABLE)) == 0,
		"there is no reader '%s'", state->szReader);
	state->dwCurrentState = state->dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
}

typedef bool (*Wanted)(const RigReader *reader, guint value);

/* Looks once, then waits for events until the reader is as wanted. */
static RigReader wait_for(const char *name, Wanted wanted, guint value, const char *what)
{
	SCARD_READERSTATE state = {.szReader = name, .dwCurrentState = SCARD_STATE_UNAWARE};
	gint64 deadline = g_get_monotonic_time() / 1000 + WAIT_MS;
	SCARDCONTEXT context;
	RigReader reader;
	LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);

	ck_assert_msg(rv == SCARD_S_SUCCESS, "no pcscd: %s", pcsc_stringify_error(rv));
	for (;;) {
		gint64 left = deadline - g_get_monotonic_time() / 1000;

		ck_assert_msg(left > 0, "not within %d ms: %s in '%s'", WAIT_MS, what, name);
		change(context, &state, left);
		reader = from_state(&state);
		if (wanted(&reader, value))
			break;
	}
	SCardReleaseContext(context);
	return reader;
}

static bool anything(const RigReader *reader, guint value)
{
	return true;
}

static bool presence(const RigReader *reader, guint value)
{
	return reader->present == (value != 0);
}

static bool counted(const RigReader *reader, guint value)
{
	return reader->counter >= value;
}

RigReader rig_reader_look(const char *name)
{
	return wait_for(name, anything, 0, "a state");
}

RigReader rig_reader_wait(const char *name, bool present)
{
	return wait_for(name, presence, present, present ? "a card" : "no card");
}

RigReader rig_reader_wait_counter(const char *name, guint at_least)
{
	return wait_for(name, counted, at_least, "more events");
}
