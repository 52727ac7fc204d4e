/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One connection to chansrv, for one context: a question and its answer at a time, each with a
 * deadline. Whatever goes wrong with it goes wrong once: the connection is then broken, and every
 * later call is told SCARD_E_NO_SERVICE.
 */

#include "message.h"
#include "pcsc.h"

/* How long chansrv and the client behind it may take for an answer; the build may shorten it for
   tests. What a card takes part in may wait for another program's transaction, for a finger on a
   token or for a new key. */
#ifndef CONNECTION_REPLY_MS
#define CONNECTION_REPLY_MS 30000
#endif
#ifndef CONNECTION_CARD_MS
#define CONNECTION_CARD_MS 120000
#endif

typedef struct Connection Connection;

/* SCARD_E_NO_SERVICE: no xrdp session, no client, or a socket that is not this user's. */
LONG connection_open(Connection **ret_connection);
void connection_close(Connection *connection);

/* The reply is borrowed until the next call. */
LONG connection_exchange(Connection *connection, Request *request, int ms, Reply *ret_reply);
/* The same; ends with SCARD_E_CANCELLED when `interrupt` becomes readable. The answer that is still
   to come is then taken off by the next call. */
LONG connection_wait(
	Connection *connection, Request *request, int ms, int interrupt, Reply *ret_reply);
/* Asks nothing, and waits so long: SCARD_S_SUCCESS, or why not. */
LONG connection_pause(Connection *connection, int ms, int interrupt);
/* The other side does not speak the protocol: SCARD_F_COMM_ERROR, and the end of the connection. */
LONG connection_spoil(Connection *connection);
/* An answer is still on its way: nothing that is sent now would be answered before. */
bool connection_owes(const Connection *connection);
