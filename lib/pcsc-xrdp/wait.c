/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting for something to change. The client waits for its readers itself, so news comes at once;
 * but never for longer than a slice, because a client whose card channel is left in the middle of a
 * long wait may not serve it again. Each round asks for the list of readers anew: nothing in the
 * protocol tells when it changes.
 *
 * A round that ends at once and says nothing new (there are clients that do so) is made to last: a
 * wait must not become a loop over somebody's line.
 */
#include "wait.h"

#include "change.h"
#include "deadline.h"

#include <string.h>

#define SLICE_MS 1000
#define ROUND_MS 250

typedef struct {
	const Remote *remote;
	SCARD_READERSTATE *states; /* the caller's */
	unsigned count;
	int interrupt;
	unsigned readers_before;
	RemoteReaders readers;
	RemoteState seen[READERS_MAX]; /* of each of the caller's, what the client said last */
} Wait;

static bool is_listed(const Wait *wait, const char *reader)
{
	for (unsigned i = 0; i < wait->readers.count; i++) {
		if (strcmp(wait->readers.names[i], reader) == 0)
			return true;
	}
	return false;
}

static bool is_asked(const Wait *wait, unsigned i)
{
	const SCARD_READERSTATE *state = &wait->states[i];

	return (state->dwCurrentState & SCARD_STATE_IGNORE) == 0 &&
	       is_listed(wait, state->szReader);
}

/* The readers that are there, asked for a change from what was seen last. */
static LONG ask(Wait *wait, int ms)
{
	RemoteState asked[READERS_MAX];
	unsigned n = 0;
	LONG code;

	for (unsigned i = 0; i < wait->count; i++) {
		if (is_asked(wait, i))
			asked[n++] = wait->seen[i];
	}
	if (n == 0)
		return connection_pause(wait->remote->connection, ms, wait->interrupt);
	code = remote_change(wait->remote, ms, wait->interrupt, asked, n);
	if (code != SCARD_S_SUCCESS && code != SCARD_E_TIMEOUT)
		return code;
	for (unsigned i = 0, j = 0; i < wait->count; i++) {
		if (is_asked(wait, i))
			wait->seen[i] = asked[j++];
	}
	return SCARD_S_SUCCESS;
}

/* A reader that is gone, and comes again, is asked from the start. */
static LONG list_again(Wait *wait)
{
	LONG code = remote_list(wait->remote, &wait->readers);

	for (unsigned i = 0; i < wait->count; i++) {
		if (code == SCARD_S_SUCCESS && !is_listed(wait, wait->states[i].szReader))
			wait->seen[i] = (RemoteState){.reader = wait->states[i].szReader};
	}
	return code;
}

static LONG first_look(Wait *wait)
{
	LONG code = remote_list(wait->remote, &wait->readers);

	if (code != SCARD_S_SUCCESS)
		return code;
	for (unsigned i = 0; i < wait->count; i++) {
		const char *reader = wait->states[i].szReader;

		if (!is_listed(wait, reader) && !change_is_notification(reader))
			return SCARD_E_UNKNOWN_READER;
		wait->seen[i] = (RemoteState){.reader = reader};
	}
	for (unsigned i = 0; i < wait->count; i++)
		wait->states[i].dwEventState = 0;
	wait->readers_before = wait->readers.count;
	return ask(wait, 0);
}

static void tell_atr(SCARD_READERSTATE *state, const RemoteState *seen)
{
	state->cbAtr = (state->dwEventState & SCARD_STATE_PRESENT) != 0 ? seen->atr_length : 0;
	memcpy(state->rgbAtr, seen->atr, state->cbAtr);
}

/* Writes into the caller's states what is; true when there is news in it. */
static bool tell(Wait *wait)
{
	DWORD all = 0;

	for (unsigned i = 0; i < wait->count; i++) {
		SCARD_READERSTATE *state = &wait->states[i];

		if ((state->dwCurrentState & SCARD_STATE_IGNORE) != 0)
			continue;
		if (change_is_notification(state->szReader)) {
			state->dwEventState = change_of_list(
				state->dwCurrentState, wait->readers_before, wait->readers.count);
		} else {
			state->dwEventState = change_of_reader(state->dwCurrentState,
				is_listed(wait, state->szReader), wait->seen[i].event);
			tell_atr(state, &wait->seen[i]);
		}
		all |= state->dwEventState;
	}
	return (all & SCARD_STATE_CHANGED) != 0;
}

static LONG one_round(Wait *wait, int ms)
{
	Deadline least = deadline_in(ms < ROUND_MS ? ms : ROUND_MS);
	LONG code = ask(wait, ms);

	if (code == SCARD_S_SUCCESS)
		code = list_again(wait);
	if (code == SCARD_S_SUCCESS && !tell(wait))
		code = connection_pause(
			wait->remote->connection, deadline_left(least), wait->interrupt);
	return code;
}

static LONG wait_rounds(Wait *wait, DWORD timeout)
{
	bool for_ever = timeout == INFINITE || timeout == (DWORD)-1;
	Deadline deadline = deadline_in(for_ever ? INT64_MAX / 2 : (int64_t)(uint32_t)timeout);
	LONG code = first_look(wait);

	while (code == SCARD_S_SUCCESS && !tell(wait)) {
		int left = deadline_left(deadline);

		if (left == 0)
			return SCARD_E_TIMEOUT;
		code = one_round(wait, left < SLICE_MS ? left : SLICE_MS);
	}
	return code;
}

LONG wait_for_change(Context *context, DWORD timeout, SCARD_READERSTATE *states, unsigned count)
{
	Wait wait = {.remote = context_remote(context), .states = states, .count = count};
	LONG code;

	wait.interrupt = context_begin_wait(context);
	code = wait_rounds(&wait, timeout);
	context_end_wait(context);
	return code;
}
