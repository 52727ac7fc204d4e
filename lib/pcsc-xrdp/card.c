/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connected card, and the art of telling what has happened to it. chansrv says "success" to
 * everything; a call that failed at the client shows as an answer with nothing in it. Then we ask
 * what can be asked: is the reader still listed, is there a card in it, has its counter of events
 * moved, does the client still know the handle?
 *
 * There is no message for a reconnect: it is a disconnect and a connect. Between the two another
 * program may come in, which with pcscd it could not.
 */
#include "card.h"

#include <stdlib.h>
#include <string.h>

/* pcsc-lite still takes what was T=0|T=1 in its first versions. */
#define PROTOCOL_ANY_OLD 0x1000u
#define PROTOCOLS_KNOWN  (SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1 | SCARD_PROTOCOL_RAW)
#define ANSWER_LEAST     2   /* a status word */
#define ANSWER_SHORT     258 /* the longest answer to a short command */
#define STATE_POWERED    (SCARD_PRESENT | SCARD_POWERED | SCARD_NEGOTIABLE)
#define COUNTER(event)   ((event) >> 16)

static bool is_listed(const RemoteReaders *readers, const char *name)
{
	for (unsigned i = 0; i < readers->count; i++) {
		if (strcmp(readers->names[i], name) == 0)
			return true;
	}
	return false;
}

/* What the client says of a reader that it has. */
static LONG look_at(const Remote *remote, const char *reader, RemoteState *ret_state)
{
	RemoteState state = {.reader = reader};
	LONG code = remote_change(remote, 0, -1, &state, 1);

	if (code == SCARD_E_TIMEOUT)
		code = SCARD_S_SUCCESS;
	if (code == SCARD_S_SUCCESS)
		*ret_state = state;
	return code;
}

/* SCARD_E_UNKNOWN_READER: it has no such reader. */
static LONG look_for(const Remote *remote, const char *reader, RemoteState *ret_state)
{
	RemoteReaders readers;
	LONG code = remote_list(remote, &readers);

	if (code != SCARD_S_SUCCESS)
		return code;
	return is_listed(&readers, reader) ? look_at(remote, reader, ret_state)
					   : SCARD_E_UNKNOWN_READER;
}

/* Why a connection to a reader came to nothing; `otherwise` when nothing else speaks against it. */
static LONG why_not_connected(const Remote *remote, const char *reader, DWORD share, LONG otherwise)
{
	RemoteState state;
	LONG code = look_for(remote, reader, &state);

	if (code != SCARD_S_SUCCESS)
		return code;
	if ((state.event & SCARD_STATE_UNAVAILABLE) != 0)
		return SCARD_E_READER_UNAVAILABLE;
	if ((state.event & SCARD_STATE_EXCLUSIVE) != 0)
		return SCARD_E_SHARING_VIOLATION;
	if ((state.event & SCARD_STATE_EMPTY) != 0)
		return SCARD_E_NO_SMARTCARD;
	if ((state.event & SCARD_STATE_MUTE) != 0)
		return SCARD_W_UNRESPONSIVE_CARD;
	if (share == SCARD_SHARE_EXCLUSIVE && (state.event & SCARD_STATE_INUSE) != 0)
		return SCARD_E_SHARING_VIOLATION;
	return otherwise;
}

/* Why a handle that was good is no longer. */
static LONG why_lost(const Remote *remote, const Card *card)
{
	RemoteState state;
	LONG code = look_for(remote, card->reader, &state);

	if (code == SCARD_E_UNKNOWN_READER)
		return SCARD_E_READER_UNAVAILABLE;
	if (code != SCARD_S_SUCCESS)
		return code;
	if ((state.event & SCARD_STATE_EMPTY) != 0 || COUNTER(state.event) != card->counter)
		return SCARD_W_REMOVED_CARD;
	return card->connected ? SCARD_W_RESET_CARD : SCARD_W_REMOVED_CARD;
}

LONG card_verify(const Remote *remote, const Card *card)
{
	uint32_t protocol;
	bool alive = false;
	LONG code = SCARD_S_SUCCESS;

	if (card->connected)
		code = remote_status(remote, card->remote, &alive, &protocol);
	if (code != SCARD_S_SUCCESS || alive)
		return code;
	return why_lost(remote, card);
}

LONG card_check_modes(DWORD share, DWORD protocols)
{
	if (share != SCARD_SHARE_DIRECT && (protocols & (PROTOCOLS_KNOWN | PROTOCOL_ANY_OLD)) == 0)
		return SCARD_E_PROTO_MISMATCH;
	if (share != SCARD_SHARE_EXCLUSIVE && share != SCARD_SHARE_SHARED &&
		share != SCARD_SHARE_DIRECT)
		return SCARD_E_INVALID_VALUE;
	return SCARD_S_SUCCESS;
}

/* Asks for the connection, and says what is wrong when it is none. Without a protocol it may still
   be a reader that was connected to without a card; and with one, a handle of which the client
   knows nothing, because chansrv has misread its answer. */
static LONG attach(const Remote *remote, Card *card, DWORD share, DWORD protocols)
{
	uint32_t wanted = (uint32_t)protocols & PROTOCOLS_KNOWN, protocol;
	bool alive = false;
	RemoteState state;
	LONG code;

	if ((protocols & PROTOCOL_ANY_OLD) != 0)
		wanted |= SCARD_PROTOCOL_ANY;
	card->connected = false;
	code = remote_connect(
		remote, card->reader, (uint32_t)share, wanted, &card->remote, &card->protocol);
	if (code != SCARD_S_SUCCESS)
		return code;
	if (card->protocol != SCARD_PROTOCOL_UNDEFINED || share == SCARD_SHARE_DIRECT)
		code = remote_status(remote, card->remote, &alive, &protocol);
	if (code != SCARD_S_SUCCESS)
		return code;
	if (!alive)
		return why_not_connected(remote, card->reader, share,
			card->protocol == SCARD_PROTOCOL_UNDEFINED ? SCARD_E_PROTO_MISMATCH
								   : SCARD_E_READER_UNSUPPORTED);
	card->connected = true;
	if (card->protocol == SCARD_PROTOCOL_UNDEFINED)
		card->protocol = protocol;
	code = look_at(remote, card->reader, &state);
	if (code == SCARD_S_SUCCESS)
		card->counter = COUNTER(state.event);
	return code;
}

LONG card_connect(
	const Remote *remote, const char *reader, DWORD share, DWORD protocols, Card **ret_card)
{
	Card *card = calloc(1, sizeof(*card));
	LONG code;

	if (card == NULL)
		return SCARD_E_NO_MEMORY;
	memcpy(card->reader, reader, strnlen(reader, sizeof(card->reader) - 1));
	code = attach(remote, card, share, protocols);
	if (code != SCARD_S_SUCCESS) {
		(void)card_disconnect(remote, card, SCARD_LEAVE_CARD);
		free(card);
		return code;
	}
	*ret_card = card;
	return SCARD_S_SUCCESS;
}

/* A transaction that was open stays open. */
LONG card_reconnect(
	const Remote *remote, Card *card, DWORD share, DWORD protocols, DWORD initialization)
{
	unsigned locks = card->locks;
	LONG code = SCARD_S_SUCCESS;

	if (card->connected)
		code = remote_disconnect(remote, card->remote, (uint32_t)initialization);
	if (code == SCARD_S_SUCCESS)
		code = attach(remote, card, share, protocols);
	if (code != SCARD_S_SUCCESS)
		return code;
	for (card->locks = 0; locks > 0 && code == SCARD_S_SUCCESS; locks--)
		code = card_begin(remote, card);
	return code;
}

LONG card_disconnect(const Remote *remote, const Card *card, DWORD disposition)
{
	return card->connected ? remote_disconnect(remote, card->remote, (uint32_t)disposition)
			       : SCARD_S_SUCCESS;
}

/* That the client has begun one shows only in that the handle is still good. */
LONG card_begin(const Remote *remote, Card *card)
{
	LONG code = SCARD_S_SUCCESS;

	if (card->connected)
		code = remote_begin(remote, card->remote);
	if (code == SCARD_S_SUCCESS)
		code = card_verify(remote, card);
	if (code == SCARD_S_SUCCESS)
		card->locks++;
	return code;
}

LONG card_end(const Remote *remote, Card *card, DWORD disposition)
{
	LONG code = card_verify(remote, card);

	if (code != SCARD_S_SUCCESS)
		return code;
	if (card->locks == 0)
		return SCARD_E_NOT_TRANSACTED;
	code = remote_end(remote, card->remote, (uint32_t)disposition);
	if (code == SCARD_S_SUCCESS)
		card->locks--;
	return code;
}

static DWORD state_from(uint32_t event)
{
	DWORD counter = (DWORD)COUNTER(event) << 16;

	if ((event & SCARD_STATE_EMPTY) != 0)
		return counter | SCARD_ABSENT;
	if ((event & SCARD_STATE_MUTE) != 0)
		return counter | SCARD_PRESENT | SCARD_SWALLOWED;
	if ((event & SCARD_STATE_PRESENT) != 0)
		return counter | STATE_POWERED;
	return counter | SCARD_UNKNOWN;
}

LONG card_status(const Remote *remote, Card *card, DWORD *ret_state, DWORD *ret_protocol)
{
	LONG code = card_verify(remote, card);
	RemoteState state;

	if (code == SCARD_S_SUCCESS)
		code = look_at(remote, card->reader, &state);
	if (code != SCARD_S_SUCCESS)
		return code;
	card->atr_length = (state.event & SCARD_STATE_EMPTY) != 0 ? 0 : state.atr_length;
	memcpy(card->atr, state.atr, sizeof(card->atr));
	*ret_state = state_from(state.event);
	*ret_protocol = card->protocol;
	return SCARD_S_SUCCESS;
}

LONG card_transmit(const Remote *remote, const Card *card, DWORD protocol, const void *send,
	size_t send_length, size_t receive_max, const uint8_t **ret_answer, size_t *ret_length)
{
	size_t room = receive_max < ANSWER_SHORT ? ANSWER_SHORT : receive_max;
	LONG code;

	if (send_length > REMOTE_SEND_MAX)
		return SCARD_E_INSUFFICIENT_BUFFER;
	if (!card->connected)
		return why_lost(remote, card);
	if (protocol == PROTOCOL_ANY_OLD)
		protocol = card->protocol;
	if (protocol != SCARD_PROTOCOL_RAW && protocol != card->protocol) {
		code = card_verify(remote, card);
		return code == SCARD_S_SUCCESS ? SCARD_E_PROTO_MISMATCH : code;
	}
	if (room > REMOTE_RECEIVE_MAX)
		room = REMOTE_RECEIVE_MAX;
	code = remote_transmit(remote, card->remote, (uint32_t)protocol, send, send_length, room,
		ret_answer, ret_length);
	if (code != SCARD_S_SUCCESS || *ret_length >= ANSWER_LEAST)
		return code;
	code = card_verify(remote, card);
	return code == SCARD_S_SUCCESS ? SCARD_E_NOT_TRANSACTED : code;
}

/* A control that fills a buffer with nothing is one that the client's reader does not know. */
LONG card_control(const Remote *remote, const Card *card, DWORD code, const void *send,
	size_t send_length, size_t receive_max, const uint8_t **ret_answer, size_t *ret_length)
{
	size_t room = receive_max > REMOTE_RECEIVE_MAX ? REMOTE_RECEIVE_MAX : receive_max;
	LONG result;

	if (send_length > REMOTE_SEND_MAX)
		return SCARD_E_INSUFFICIENT_BUFFER;
	if (!card->connected)
		return why_lost(remote, card);
	result = remote_control(remote, card->remote, (uint32_t)code, send, send_length, room,
		ret_answer, ret_length);
	if (result != SCARD_S_SUCCESS || *ret_length > 0 || receive_max == 0)
		return result;
	result = card_verify(remote, card);
	return result == SCARD_S_SUCCESS ? SCARD_E_UNSUPPORTED_FEATURE : result;
}
