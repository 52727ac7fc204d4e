/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What chansrv can be asked, one function an opcode. chansrv passes on whether the client could be
 * asked, and drops what the client's PC/SC said: a success here means that there was an answer.
 * Whether it is a good one shows in what it holds, and that is for the callers to judge.
 */

#include "connection.h"

/* chansrv packs a request for the client into 4 KiB, and its answers into 8. */
#define REMOTE_SEND_MAX    3072
#define REMOTE_RECEIVE_MAX 4096

typedef struct {
	Connection *connection;
	uint32_t context;
} Remote;

typedef struct {
	unsigned count;
	char names[READERS_MAX][READER_NAME_MAX];
} RemoteReaders;

typedef struct {
	const char *reader;
	uint32_t event; /* SCARD_STATE_…, and the counter of events in the upper half */
	size_t atr_length;
	uint8_t atr[MAX_ATR_SIZE];
} RemoteState;

/* Takes the connection, whatever comes of it. */
LONG remote_establish(Connection *connection, uint32_t scope, Remote *ret_remote);
void remote_release(Remote *remote);

LONG remote_list(const Remote *remote, RemoteReaders *ret_readers);
/* Fills in what the client says of each reader: after a change from `event`, or after so many
   milliseconds. `event` 0 asks for the state that is. What it does not know it leaves. */
LONG remote_change(
	const Remote *remote, int ms, int interrupt, RemoteState *states, unsigned count);

/* Protocol 0: the client could not connect, or it did so without one. */
LONG remote_connect(const Remote *remote, const char *reader, uint32_t share, uint32_t protocols,
	uint32_t *ret_card, uint32_t *ret_protocol);
LONG remote_disconnect(const Remote *remote, uint32_t card, uint32_t disposition);
LONG remote_begin(const Remote *remote, uint32_t card);
LONG remote_end(const Remote *remote, uint32_t card, uint32_t disposition);
/* Not alive: the client does not know the card by this handle any more, or may not say. */
LONG remote_status(const Remote *remote, uint32_t card, bool *ret_alive, uint32_t *ret_protocol);
/* The answer is borrowed until the next call; it has no bytes when there was none. */
LONG remote_transmit(const Remote *remote, uint32_t card, uint32_t protocol, const void *send,
	size_t send_length, size_t receive_max, const uint8_t **ret_answer, size_t *ret_length);
LONG remote_control(const Remote *remote, uint32_t card, uint32_t code, const void *send,
	size_t send_length, size_t receive_max, const uint8_t **ret_answer, size_t *ret_length);
