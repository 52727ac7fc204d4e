/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each request is carried out with the stock libpcsclite, and its result code is dropped: as far as
 * chansrv is concerned, a client that answers has succeeded. What a failed call has not filled in
 * is empty, or comes back as it was sent. Reader names are cut at 99 bytes, lengths come without
 * their NUL, the ATR of a status has 32 bytes, the state there is always the same.
 */
#include "relay.h"

#include <winscard.h>

#include <string.h>

#define NAME_FIELD      100
#define ATR_FIELD       36
#define STATUS_ATR      32
#define STATUS_STATE    0x34
#define READERS_MAX     16
#define HANDLES_FROM    100
#define MS_PROTOCOL_RAW 0x10000u

typedef struct {
	SCARDHANDLE handle; /* 0: nothing that the client knows */
} RelayCard;

struct Relay {
	bool confused;
	guint32 last;         /* handle that was given out */
	GHashTable *contexts; /* handle → SCARDCONTEXT */
	GHashTable *cards;    /* handle → RelayCard */
};

Relay *relay_new(void)
{
	Relay *relay = g_new0(Relay, 1);

	relay->last = HANDLES_FROM;
	relay->contexts = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	relay->cards = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	return relay;
}

void relay_free(Relay *relay)
{
	GHashTableIter iter;
	gpointer context;

	if (relay == NULL)
		return;
	g_hash_table_iter_init(&iter, relay->contexts);
	while (g_hash_table_iter_next(&iter, NULL, &context))
		(void)SCardReleaseContext(*(SCARDCONTEXT *)context);
	g_hash_table_unref(relay->contexts);
	g_hash_table_unref(relay->cards);
	g_free(relay);
}

void relay_set_confused(Relay *relay, bool confused)
{
	relay->confused = confused;
}

static guint32 from_wire(guint32 protocols)
{
	if ((protocols & MS_PROTOCOL_RAW) == 0)
		return protocols;
	return (protocols & ~MS_PROTOCOL_RAW) | SCARD_PROTOCOL_RAW;
}

static guint32 to_wire(DWORD protocol)
{
	return protocol == SCARD_PROTOCOL_RAW ? MS_PROTOCOL_RAW : (guint32)protocol;
}

/* chansrv closes the connection of who names a context or a card that it did not give out. */
static const SCARDCONTEXT *take_context(const Relay *relay, Frame *frame)
{
	const SCARDCONTEXT *context =
		g_hash_table_lookup(relay->contexts, GUINT_TO_POINTER(frame_u32(frame)));

	frame->bad |= context == NULL;
	return context;
}

static const RelayCard *take_card(const Relay *relay, Frame *frame)
{
	static const RelayCard none;
	const RelayCard *card =
		g_hash_table_lookup(relay->cards, GUINT_TO_POINTER(frame_u32(frame)));

	frame->bad |= card == NULL;
	return card != NULL ? card : &none;
}

static void answer_establish(Relay *relay, Frame *frame, GByteArray *answer)
{
	SCARDCONTEXT *context = g_new0(SCARDCONTEXT, 1);
	guint32 handle = 0;

	if (SCardEstablishContext(frame_u32(frame), NULL, NULL, context) == SCARD_S_SUCCESS) {
		handle = ++relay->last;
		g_hash_table_insert(
			relay->contexts, GUINT_TO_POINTER(handle), g_steal_pointer(&context));
	}
	g_free(context);
	frame_put_u32(answer, handle);
}

static void answer_release(Relay *relay, Frame *frame, GByteArray *answer)
{
	guint32 handle = frame_u32(frame);
	const SCARDCONTEXT *context =
		g_hash_table_lookup(relay->contexts, GUINT_TO_POINTER(handle));

	if (context == NULL) {
		frame->bad = true;
		return;
	}
	(void)SCardReleaseContext(*context);
	g_hash_table_remove(relay->contexts, GUINT_TO_POINTER(handle));
}

static void answer_list(Relay *relay, Frame *frame, GByteArray *answer)
{
	const SCARDCONTEXT *context = take_context(relay, frame);
	char names[READERS_MAX * (MAX_READERNAME + 1) + 1] = "";
	DWORD length = sizeof(names);
	guint32 count = 0, utf16 = 0;
	guint at;

	(void)frame_bytes(frame, frame_u32(frame));
	if ((gint32)frame_u32(frame) <= 0 || frame->bad ||
		SCardListReaders(*context, NULL, names, &length) != SCARD_S_SUCCESS)
		names[0] = names[1] = '\0';
	frame_put_u32(answer, 0);
	frame_put_u32(answer, 0);
	at = answer->len;
	for (const char *name = names; *name != '\0'; name += strlen(name) + 1) {
		frame_put_field(answer, name, NAME_FIELD);
		utf16 += 2 * ((guint32)strlen(name) + 1);
		count++;
	}
	utf16 = GUINT32_TO_LE(utf16 + 2);
	count = GUINT32_TO_LE(count);
	memcpy(answer->data + at - 8, &utf16, sizeof(utf16));
	memcpy(answer->data + at - 4, &count, sizeof(count));
}

/* A connect that failed gives a handle all the same. */
static void answer_connect(Relay *relay, Frame *frame, GByteArray *answer)
{
	const SCARDCONTEXT *context = take_context(relay, frame);
	char name[NAME_FIELD + 1] = "";
	RelayCard *card = g_new0(RelayCard, 1);
	DWORD protocol = 0;
	guint32 share, handle = ++relay->last;

	memcpy(name, frame_bytes(frame, NAME_FIELD), NAME_FIELD);
	share = frame_u32(frame);
	if (!frame->bad && SCardConnect(*context, name, share, from_wire(frame_u32(frame)),
				   &card->handle, &protocol) != SCARD_S_SUCCESS) {
		card->handle = 0;
		protocol = 0;
	}
	if (relay->confused)
		card->handle = 0;
	g_hash_table_insert(relay->cards, GUINT_TO_POINTER(handle), card);
	frame_put_u32(answer, handle);
	frame_put_u32(answer, to_wire(protocol));
}

static void answer_disconnect(Relay *relay, Frame *frame, GByteArray *answer)
{
	const RelayCard *card = take_card(relay, frame);

	(void)SCardDisconnect(card->handle, frame_u32(frame));
}

static void answer_begin(Relay *relay, Frame *frame, GByteArray *answer)
{
	(void)SCardBeginTransaction(take_card(relay, frame)->handle);
}

static void answer_end(Relay *relay, Frame *frame, GByteArray *answer)
{
	const RelayCard *card = take_card(relay, frame);

	(void)SCardEndTransaction(card->handle, frame_u32(frame));
}

static void answer_transmit(Relay *relay, Frame *frame, GByteArray *answer)
{
	const RelayCard *card = take_card(relay, frame);
	SCARD_IO_REQUEST send = {.cbPciLength = sizeof(send)};
	guint8 received[FRAME_MAX];
	guint32 send_length, protocol, length_of, most;
	const guint8 *data;
	DWORD length;

	send.dwProtocol = from_wire(frame_u32(frame));
	(void)frame_u32(frame);
	(void)frame_bytes(frame, frame_u32(frame));
	send_length = frame_u32(frame);
	data = frame_bytes(frame, send_length);
	protocol = frame_u32(frame);
	length_of = frame_u32(frame);
	(void)frame_bytes(frame, frame_u32(frame));
	most = frame_u32(frame);
	length = MIN(most, sizeof(received));
	if (frame->bad || SCardTransmit(card->handle, &send, data, send_length, NULL, received,
				  &length) != SCARD_S_SUCCESS)
		length = 0;
	frame_put_u32(answer, protocol);
	frame_put_u32(answer, length_of);
	frame_put_u32(answer, 0);
	frame_put_u32(answer, (guint32)length);
	g_byte_array_append(answer, received, (guint)length);
}

/* Clients of the kind that run on Linux turn Windows' code into pcsc-lite's. */
static DWORD control_code(guint32 code)
{
	return code >> 16 == 0x31 ? 0x42000000 + ((code & 0xffff) >> 2) : code;
}

static void answer_control(Relay *relay, Frame *frame, GByteArray *answer)
{
	const RelayCard *card = take_card(relay, frame);
	guint32 code = frame_u32(frame);
	guint32 send_length = frame_u32(frame);
	const guint8 *data = frame_bytes(frame, send_length);
	guint32 most = frame_u32(frame);
	guint8 received[FRAME_MAX];
	DWORD length = 0;

	if (frame->bad ||
		SCardControl(card->handle, control_code(code), data, send_length, received,
			MIN(most, sizeof(received)), &length) != SCARD_S_SUCCESS)
		length = 0;
	frame_put_u32(answer, (guint32)length);
	g_byte_array_append(answer, received, (guint)length);
}

static void answer_status(Relay *relay, Frame *frame, GByteArray *answer)
{
	const RelayCard *card = take_card(relay, frame);
	char name[MAX_READERNAME + 1] = "";
	guint8 atr[MAX_ATR_SIZE];
	DWORD name_length = sizeof(name), atr_length = sizeof(atr), state, protocol;

	(void)frame_u32(frame);
	(void)frame_u32(frame);
	if (frame->bad || SCardStatus(card->handle, name, &name_length, &state, &protocol, atr,
				  &atr_length) != SCARD_S_SUCCESS) {
		name[0] = '\0';
		state = protocol = atr_length = 0;
	}
	name_length = MIN(strlen(name), NAME_FIELD - 1);
	atr_length = MIN(atr_length, STATUS_ATR);
	frame_put_u32(answer, (guint32)name_length);
	g_byte_array_append(answer, (const guint8 *)name, (guint)name_length);
	frame_put_u32(answer, name[0] != '\0' ? STATUS_STATE : SCARD_UNKNOWN);
	frame_put_u32(answer, to_wire(protocol));
	frame_put_u32(answer, (guint32)atr_length);
	g_byte_array_append(answer, atr, (guint)atr_length);
}

static void take_state(Frame *frame, SCARD_READERSTATE *state, char *name)
{
	guint32 length;

	memcpy(name, frame_bytes(frame, NAME_FIELD), NAME_FIELD);
	state->szReader = name;
	state->dwCurrentState = frame_u32(frame);
	state->dwEventState = frame_u32(frame);
	length = frame_u32(frame);
	state->cbAtr = MIN(length, sizeof(state->rgbAtr));
	memcpy(state->rgbAtr, frame_bytes(frame, ATR_FIELD), sizeof(state->rgbAtr));
}

static void put_state(GByteArray *answer, const SCARD_READERSTATE *state)
{
	guint8 padding[ATR_FIELD - sizeof(state->rgbAtr)] = {0};

	frame_put_u32(answer, (guint32)state->dwCurrentState);
	frame_put_u32(answer, (guint32)state->dwEventState);
	frame_put_u32(answer, (guint32)state->cbAtr);
	g_byte_array_append(answer, state->rgbAtr, sizeof(state->rgbAtr));
	g_byte_array_append(answer, padding, sizeof(padding));
}

static void answer_change(Relay *relay, Frame *frame, GByteArray *answer)
{
	const SCARDCONTEXT *context = take_context(relay, frame);
	SCARD_READERSTATE states[READERS_MAX] = {0};
	char names[READERS_MAX][NAME_FIELD + 1] = {0};
	guint32 timeout = frame_u32(frame), count = frame_u32(frame);

	frame->bad |= count > READERS_MAX;
	for (guint32 i = 0; i < count && !frame->bad; i++)
		take_state(frame, &states[i], names[i]);
	if (frame->bad)
		return;
	(void)SCardGetStatusChange(*context, timeout, states, count);
	frame_put_u32(answer, count);
	for (guint32 i = 0; i < count; i++)
		put_state(answer, &states[i]);
}

static void answer_cancel(Relay *relay, Frame *frame, GByteArray *answer)
{
	const SCARDCONTEXT *context = take_context(relay, frame);

	if (context != NULL)
		(void)SCardCancel(*context);
}

typedef void (*Answerer)(Relay *relay, Frame *frame, GByteArray *answer);

static const Answerer answerers[] = {
	[FRAME_ESTABLISH] = answer_establish,
	[FRAME_RELEASE] = answer_release,
	[FRAME_LIST] = answer_list,
	[FRAME_CONNECT] = answer_connect,
	[FRAME_DISCONNECT] = answer_disconnect,
	[FRAME_BEGIN] = answer_begin,
	[FRAME_END] = answer_end,
	[FRAME_TRANSMIT] = answer_transmit,
	[FRAME_CONTROL] = answer_control,
	[FRAME_STATUS] = answer_status,
	[FRAME_CHANGE] = answer_change,
	[FRAME_CANCEL] = answer_cancel,
};

static bool is_swallowed(guint32 opcode)
{
	return opcode == FRAME_RECONNECT ||
	       (opcode >= FRAME_CANCEL_TRANSACTION && opcode <= FRAME_SET_ATTRIB);
}

GByteArray *relay_answer(Relay *relay, Frame *frame, bool *ret_close)
{
	g_autoptr(GByteArray) answer = g_byte_array_new();

	*ret_close = false;
	if (is_swallowed(frame->opcode))
		return NULL;
	if (frame->opcode < G_N_ELEMENTS(answerers) && answerers[frame->opcode] != NULL)
		answerers[frame->opcode](relay, frame, answer);
	else
		frame->bad = true;
	if (frame->bad) {
		*ret_close = true;
		return NULL;
	}
	frame_put_u32(answer, 0); /* success, whatever it was */
	return g_steal_pointer(&answer);
}

/* So many numbers, all of them zero, are the shortest answer to each. */
GByteArray *relay_answer_nothing(Frame *frame)
{
	static const guint8 numbers[] = {[FRAME_ESTABLISH] = 2,
		[FRAME_RELEASE] = 1,
		[FRAME_LIST] = 3,
		[FRAME_CONNECT] = 3,
		[FRAME_DISCONNECT] = 1,
		[FRAME_BEGIN] = 1,
		[FRAME_END] = 1,
		[FRAME_TRANSMIT] = 5,
		[FRAME_CONTROL] = 2,
		[FRAME_STATUS] = 5,
		[FRAME_CHANGE] = 2,
		[FRAME_CANCEL] = 1};
	GByteArray *answer = g_byte_array_new();

	for (guint i = 0; frame->opcode < G_N_ELEMENTS(numbers) && i < numbers[frame->opcode]; i++)
		frame_put_u32(answer, 0);
	return answer;
}
