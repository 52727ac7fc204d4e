/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A card that a program has connected to: its handle for the program, and the one for chansrv. */

#include "remote.h"

typedef struct Card {
	struct Card *next; /* in its context */
	SCARDHANDLE handle;
	char reader[READER_NAME_MAX];
	uint32_t remote; /* chansrv's handle; without meaning while not connected */
	bool connected;  /* false: a reconnect has failed half-way */
	uint32_t protocol;
	uint32_t counter;  /* of the reader's events, when it was connected */
	unsigned locks;    /* transactions begun and not ended */
	size_t atr_length; /* what the reader said last */
	uint8_t atr[MAX_ATR_SIZE];
} Card;

/* What pcscd's SCardConnect() says before it looks at a reader. */
LONG card_check_modes(DWORD share, DWORD protocols);
/* A card for this reader, as yet without a handle. */
LONG card_connect(
	const Remote *remote, const char *reader, DWORD share, DWORD protocols, Card **ret_card);
LONG card_reconnect(
	const Remote *remote, Card *card, DWORD share, DWORD protocols, DWORD initialization);
LONG card_disconnect(const Remote *remote, const Card *card, DWORD disposition);
LONG card_begin(const Remote *remote, Card *card);
LONG card_end(const Remote *remote, Card *card, DWORD disposition);
/* The state as pcsc-lite's SCardStatus() has it, counter and all; the ATR is then in the card. */
LONG card_status(const Remote *remote, Card *card, DWORD *ret_state, DWORD *ret_protocol);
/* The handle is good; or SCARD_W_REMOVED_CARD, SCARD_W_RESET_CARD, SCARD_E_READER_UNAVAILABLE. */
LONG card_verify(const Remote *remote, const Card *card);
/* The answer is borrowed until the next call. */
LONG card_transmit(const Remote *remote, const Card *card, DWORD protocol, const void *send,
	size_t send_length, size_t receive_max, const uint8_t **ret_answer, size_t *ret_length);
LONG card_control(const Remote *remote, const Card *card, DWORD code, const void *send,
	size_t send_length, size_t receive_max, const uint8_t **ret_answer, size_t *ret_length);
