/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The bytes of chansrv's protocol: a header of payload length and opcode, then numbers of 32 bits,
 * little-endian, and bytes. A cursor that has run over its end stays at it and gives zeros; its
 * user asks once, at the end, whether all went well.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_HEADER 8
/* chansrv reads a message into 8 KiB, header included, and closes the connection on a longer one.
 */
#define REQUEST_MAX 8192
/* It also writes into 8 KiB. Anything beyond this, header included, is no answer of a chansrv. */
#define REPLY_MAX 16384

typedef struct {
	uint8_t bytes[REQUEST_MAX];
	size_t length; /* with the header */
	bool overrun;
} Request;

void request_begin(Request *request, uint32_t opcode);
void request_u32(Request *request, uint32_t value);
void request_bytes(Request *request, const void *bytes, size_t length);
/* A field of fixed length, filled up with NULs. */
void request_field(Request *request, const char *text, size_t length);
/* Writes the length into the header. false: it did not fit. */
bool request_end(Request *request);
uint32_t request_opcode(const Request *request);

typedef struct {
	const uint8_t *bytes; /* of the payload; borrowed */
	size_t length, at;
	bool overrun;
} Reply;

uint32_t message_u32(const uint8_t *bytes);
uint32_t reply_u32(Reply *reply);
/* Borrowed; NULL, and an overrun, when there are not so many. */
const uint8_t *reply_bytes(Reply *reply, size_t length);
/* Nothing was missing, and nothing is left over. */
bool reply_whole(const Reply *reply);
