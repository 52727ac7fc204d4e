/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SCardGetStatusChange()'s judgement, without its waiting. The rules are pcsc-lite's, with their
 * oddities: a counter of zero is one that the program does not know, a mute card is always news to
 * who has not seen it mute, and the list of readers is compared with what the upper half of the
 * state says only if that says something.
 */
#include "change.h"

#include <strings.h>

#define COUNTER_MASK 0xffff0000u
#define USERS        (SCARD_STATE_INUSE | SCARD_STATE_EXCLUSIVE)
#define TOLD_APART   (SCARD_STATE_EMPTY | SCARD_STATE_PRESENT)

bool change_is_notification(const char *reader)
{
	return strcasecmp(reader, "\\\\?PnP?\\Notification") == 0;
}

static bool card_changed(DWORD current, DWORD event)
{
	if ((event & SCARD_STATE_EMPTY) != 0)
		return (current & SCARD_STATE_PRESENT) != 0;
	return (current & SCARD_STATE_EMPTY) != 0 || ((current ^ event) & SCARD_STATE_MUTE) != 0;
}

static bool users_changed(DWORD current, DWORD event)
{
	if ((event & SCARD_STATE_EXCLUSIVE) != 0)
		return (current & SCARD_STATE_INUSE) != 0;
	if ((event & SCARD_STATE_INUSE) != 0)
		return (current & SCARD_STATE_EXCLUSIVE) != 0;
	return (current & USERS) != 0;
}

/* The bits that pcsc-lite would set; a reader of which the client says nothing is in a bad state.
 */
static DWORD sane(uint32_t event)
{
	DWORD counter = event & COUNTER_MASK;

	if ((event & SCARD_STATE_UNAVAILABLE) != 0 || (event & TOLD_APART) == 0)
		return SCARD_STATE_UNAVAILABLE;
	if ((event & SCARD_STATE_EMPTY) != 0)
		return counter | SCARD_STATE_EMPTY | (event & SCARD_STATE_EXCLUSIVE);
	if ((event & SCARD_STATE_EXCLUSIVE) != 0)
		event &= ~(uint32_t)SCARD_STATE_INUSE;
	return counter | (event & (SCARD_STATE_PRESENT | SCARD_STATE_MUTE | USERS));
}

DWORD change_of_reader(DWORD current, bool listed, uint32_t reported)
{
	DWORD event = sane(reported);
	bool bad = event == SCARD_STATE_UNAVAILABLE;
	bool changed;

	if (!listed) {
		event = SCARD_STATE_UNKNOWN | SCARD_STATE_UNAVAILABLE;
		changed = (current & SCARD_STATE_UNKNOWN) == 0;
		return changed ? event | SCARD_STATE_CHANGED : event;
	}
	changed = current == SCARD_STATE_UNAWARE || (current & SCARD_STATE_UNKNOWN) != 0;
	changed |= bad != ((current & SCARD_STATE_UNAVAILABLE) != 0);
	if (!bad) {
		changed |= (current & COUNTER_MASK) != 0 && ((current ^ event) & COUNTER_MASK) != 0;
		changed |= card_changed(current, event) || users_changed(current, event);
	}
	return changed ? event | SCARD_STATE_CHANGED : event;
}

DWORD change_of_list(DWORD current, unsigned before, unsigned now)
{
	unsigned believed = (current & COUNTER_MASK) >> 16;
	DWORD event = (DWORD)now << 16;

	if (now != before || (believed != 0 && believed != now))
		event |= SCARD_STATE_CHANGED;
	return event;
}
