/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Messages of chansrv's protocol, for fake-chansrv: written anew, so that a mistake in the
   library's own reading and writing does not go unseen. */

#include <glib.h>

#include <stdbool.h>

#define FRAME_HEADER 8
#define FRAME_MAX    8192

enum {
	FRAME_ESTABLISH = 0x01,
	FRAME_RELEASE,
	FRAME_LIST,
	FRAME_CONNECT,
	FRAME_RECONNECT,
	FRAME_DISCONNECT,
	FRAME_BEGIN,
	FRAME_END,
	FRAME_TRANSMIT,
	FRAME_CONTROL,
	FRAME_STATUS,
	FRAME_CHANGE,
	FRAME_CANCEL,
	FRAME_CANCEL_TRANSACTION,
	FRAME_GET_ATTRIB,
	FRAME_SET_ATTRIB,
};

/* What is left of a request to read. Too little of it is remembered. */
typedef struct {
	guint32 opcode;
	const guint8 *at;
	gsize left;
	bool bad;
} Frame;

guint32 frame_u32(Frame *frame);
const guint8 *frame_bytes(Frame *frame, gsize length);

void frame_put_u32(GByteArray *payload, guint32 value);
/* Cut, or filled up with NULs. */
void frame_put_field(GByteArray *payload, const char *text, gsize length);
/* Header and payload. */
GByteArray *frame_seal(const GByteArray *payload, guint32 opcode) G_GNUC_WARN_UNUSED_RESULT;
bool frame_send(int fd, const guint8 *bytes, gsize length);
/* The next request, whose bytes go into the buffer. false: the other side has gone, or sends what
   chansrv has no room for. */
bool frame_receive(int fd, GByteArray *buffer, Frame *ret_frame);
