/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes the calls of PC/SC one after the other, right and wrong, and prints what each gives: one
 * line a call, without anything that differs from run to run. It is linked with the stock
 * libpcsclite, so that which library it really calls is a matter of LD_LIBRARY_PATH.
 *
 *   xrdp-calls READER
 *
 * The reader has no card at first. What has to happen to it is asked for on descriptor 20: a word
 * ("insert", "remove") goes out, and a byte comes back when it is done.
 */
#include <winscard.h>

#include <pthread.h>
#include <reader.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HAND     20
#define SHORT_MS 150
#define LONG_MS  20000
#define NAMES    2048
#define PNP      "\\\\?PnP?\\Notification"
#define BOGUS    0x7eadbeef
/* What the two libraries say of the list of readers differs, and between versions too. */
#define PNP_BITS 0xffffu

static const char *reader;
static SCARDCONTEXT context;

static const BYTE select_piv[] = {
	0x00, 0xa4, 0x04, 0x00, 0x09, 0xa0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x00};

__attribute__((format(printf, 3, 4))) static void print_row(
	const char *call, LONG code, const char *format, ...)
{
	va_list arguments;
	char more[256];

	va_start(arguments, format);
	(void)vsnprintf(more, sizeof(more), format, arguments);
	va_end(arguments);
	printf("%-58s %08lx%s\n", call, (unsigned long)code, strcmp(more, " ") == 0 ? "" : more);
	fflush(stdout);
}

static void hand(const char *word)
{
	char done;

	if (write(HAND, word, strlen(word)) < 0 || read(HAND, &done, 1) != 1) {
		fprintf(stderr, "xrdp-calls: nobody does '%s'\n", word);
		exit(2);
	}
}

/* First the call, then what it has filled in. */
#define row(call, expression, ...)                    \
	do {                                          \
		LONG result = (expression);           \
		print_row(call, result, __VA_ARGS__); \
	} while (0)

/* --- without a context --- */

static void bogus_contexts(const char *when, SCARDCONTEXT bogus)
{
	SCARD_READERSTATE state = {.szReader = reader};
	SCARDHANDLE card = 1;
	DWORD length = 0, protocol = 0;

	printf("# %s\n", when);
	row("SCardIsValidContext", SCardIsValidContext(bogus), " ");
	row("SCardReleaseContext", SCardReleaseContext(bogus), " ");
	row("SCardListReaders", SCardListReaders(bogus, NULL, NULL, &length), " ");
	length = 0;
	row("SCardListReaderGroups", SCardListReaderGroups(bogus, NULL, &length), " ");
	row("SCardGetStatusChange", SCardGetStatusChange(bogus, 0, &state, 1), " ");
	row("SCardConnect",
		SCardConnect(
			bogus, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card, &protocol),
		" card %d", card != 0);
	row("SCardCancel", SCardCancel(bogus), " ");
	row("SCardFreeMemory", SCardFreeMemory(bogus, NULL), " ");
}

static void bogus_cards(const char *when, SCARDHANDLE card)
{
	BYTE answer[300];
	DWORD length = sizeof(answer), protocol = 0;

	printf("# %s\n", when);
	row("SCardTransmit",
		SCardTransmit(
			card, SCARD_PCI_T1, select_piv, sizeof(select_piv), NULL, answer, &length),
		" length %lu", length);
	row("SCardStatus", SCardStatus(card, NULL, NULL, NULL, NULL, NULL, NULL), " ");
	row("SCardBeginTransaction", SCardBeginTransaction(card), " ");
	row("SCardEndTransaction", SCardEndTransaction(card, SCARD_LEAVE_CARD), " ");
	row("SCardReconnect",
		SCardReconnect(
			card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD, &protocol),
		" ");
	row("SCardControl", SCardControl(card, 1, "", 0, answer, sizeof(answer), &length), " ");
	length = sizeof(answer);
	row("SCardGetAttrib", SCardGetAttrib(card, SCARD_ATTR_ATR_STRING, answer, &length), " ");
	row("SCardSetAttrib", SCardSetAttrib(card, SCARD_ATTR_ATR_STRING, answer, 1), " ");
	row("SCardDisconnect", SCardDisconnect(card, SCARD_LEAVE_CARD), " ");
}

static void establish(void)
{
	SCARDCONTEXT other = 1;

	puts("# a context");
	row("SCardEstablishContext, nowhere to put it",
		SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, NULL), " ");
	row("SCardEstablishContext, no such scope", SCardEstablishContext(99, NULL, NULL, &other),
		" context %d", other != 0);
	row("SCardEstablishContext",
		SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context), " context %d",
		context != 0);
	row("SCardIsValidContext", SCardIsValidContext(context), " ");
	row("SCardFreeMemory, nothing", SCardFreeMemory(context, NULL), " ");
}

/* --- readers --- */

static unsigned count_names(const char *names)
{
	unsigned count = 0;

	for (; *names != '\0'; names += strlen(names) + 1)
		count++;
	return count;
}

static void list(void)
{
	char names[NAMES];
	char *allocated = NULL;
	DWORD length = 0, full;
	LONG code;

	puts("# readers");
	row("SCardListReaders, nowhere to put the length",
		SCardListReaders(context, NULL, NULL, NULL), " ");
	row("SCardListReaders, length", SCardListReaders(context, NULL, NULL, &length),
		" length %lu", length);
	full = length;
	code = SCardListReaders(context, NULL, names, &length);
	row("SCardListReaders, as long", code, " length %lu names %u", length, count_names(names));
	length = full - 1;
	row("SCardListReaders, too short", SCardListReaders(context, NULL, names, &length),
		" length %lu", length);
	length = SCARD_AUTOALLOCATE;
	code = SCardListReaders(context, NULL, (LPSTR)&allocated, &length);
	row("SCardListReaders, SCARD_AUTOALLOCATE", code, " length %lu same %d", length,
		allocated != NULL && memcmp(allocated, names, length) == 0);
	row("SCardFreeMemory", SCardFreeMemory(context, allocated), " ");
	length = SCARD_AUTOALLOCATE;
	row("SCardListReaders, SCARD_AUTOALLOCATE of nothing",
		SCardListReaders(context, NULL, NULL, &length), " length %lu", length);
	length = sizeof(names);
	row("SCardListReaders, a group",
		SCardListReaders(context, "SCard$AllReaders\0", names, &length), " length %lu",
		length);
	length = 0;
	row("SCardListReaderGroups, length", SCardListReaderGroups(context, NULL, &length),
		" length %lu", length);
	row("SCardListReaderGroups", SCardListReaderGroups(context, names, &length), " %s", names);
	length = 3;
	row("SCardListReaderGroups, too short", SCardListReaderGroups(context, names, &length),
		" length %lu", length);
}

/* --- waiting --- */

static LONG change(const char *call, DWORD timeout, const char *name, DWORD current)
{
	SCARD_READERSTATE state = {
		.szReader = name, .dwCurrentState = current, .dwEventState = 0x5a5a, .cbAtr = 1};
	LONG code = SCardGetStatusChange(context, timeout, &state, 1);

	if (strcmp(name, PNP) == 0)
		state.dwEventState &= PNP_BITS;
	row(call, code, " event %lx atr %lu", state.dwEventState, state.cbAtr);
	return code;
}

static DWORD state_now(void)
{
	SCARD_READERSTATE state = {.szReader = reader};

	(void)SCardGetStatusChange(context, 0, &state, 1);
	return state.dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
}

static void wait_badly(void)
{
	SCARD_READERSTATE states[PCSCLITE_MAX_READERS_CONTEXTS + 1] = {0};

	puts("# SCardGetStatusChange, arguments");
	for (unsigned i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		states[i].szReader = reader;
	row("no readers", SCardGetStatusChange(context, SHORT_MS, NULL, 0), " ");
	row("one reader, no states", SCardGetStatusChange(context, 0, NULL, 1), " ");
	row("17 readers",
		SCardGetStatusChange(context, 0, states, PCSCLITE_MAX_READERS_CONTEXTS + 1), " ");
	row("16 times the same reader",
		SCardGetStatusChange(context, 0, states, PCSCLITE_MAX_READERS_CONTEXTS),
		" event %lx %lx", states[0].dwEventState, states[15].dwEventState);
	states[1].szReader = NULL;
	row("a reader without a name", SCardGetStatusChange(context, 0, states, 2), " ");
	change("a reader that is not there", 0, "No Such Reader 00 00", SCARD_STATE_UNAWARE);
	change("a reader that is not there, ignored", 0, "No Such Reader 00 00",
		SCARD_STATE_IGNORE);
	change("a reader that is ignored", SHORT_MS, reader, SCARD_STATE_IGNORE);
	change("a reader whose case is wrong", 0, "vIRTUAL pcd a 00 00", SCARD_STATE_UNAWARE);
}

static void wait_empty(void)
{
	DWORD now = state_now();

	puts("# SCardGetStatusChange, no card");
	change("unaware", SHORT_MS, reader, SCARD_STATE_UNAWARE);
	change("as it is, no time", 0, reader, now);
	change("as it is, a moment", SHORT_MS, reader, now);
	change("thought present", SHORT_MS, reader, SCARD_STATE_PRESENT);
	change("thought empty", SHORT_MS, reader, SCARD_STATE_EMPTY);
	change("thought unknown", SHORT_MS, reader, SCARD_STATE_UNKNOWN);
	change("thought unavailable", SHORT_MS, reader, SCARD_STATE_UNAVAILABLE);
	change("thought in use", SHORT_MS, reader, SCARD_STATE_EMPTY | SCARD_STATE_INUSE);
	change("of another count", SHORT_MS, reader, (now & 0xffff) | 0x70000);
	change("the list of readers, no time", 0, PNP, SCARD_STATE_UNAWARE);
	change("the list of readers, a moment", SHORT_MS, PNP, SCARD_STATE_UNAWARE);
}

static void wait_present(void)
{
	DWORD now = state_now();

	puts("# SCardGetStatusChange, a card");
	change("unaware", SHORT_MS, reader, SCARD_STATE_UNAWARE);
	change("as it is, a moment", SHORT_MS, reader, now);
	change("thought empty", SHORT_MS, reader, SCARD_STATE_EMPTY);
	change("thought present", SHORT_MS, reader, SCARD_STATE_PRESENT);
	change("thought mute", SHORT_MS, reader, SCARD_STATE_PRESENT | SCARD_STATE_MUTE);
	change("thought exclusive", SHORT_MS, reader, SCARD_STATE_PRESENT | SCARD_STATE_EXCLUSIVE);
	change("of another count", SHORT_MS, reader, (now & 0xffff) | 0x70000);
}

typedef struct {
	SCARD_READERSTATE state;
	LONG code;
	DWORD timeout;
	pthread_t thread;
} Waiter;

static void *waiter_run(void *data)
{
	Waiter *waiter = data;

	waiter->code = SCardGetStatusChange(context, waiter->timeout, &waiter->state, 1);
	return NULL;
}

static void waiter_start(Waiter *waiter, const char *name, DWORD current)
{
	*waiter = (Waiter){.timeout = INFINITE,
		.state = {.szReader = name, .dwCurrentState = current, .dwEventState = 0x5a5a}};
	if (pthread_create(&waiter->thread, NULL, waiter_run, waiter) != 0)
		exit(2);
}

static void waiter_end(Waiter *waiter, const char *call)
{
	(void)pthread_join(waiter->thread, NULL);
	row(call, waiter->code, " event %lx atr %lu", waiter->state.dwEventState,
		waiter->state.cbAtr);
}

/* A cancel that comes before the wait does nothing: so it is repeated until the wait has ended. */
static void cancel_until(Waiter *waiter)
{
	struct timespec tick;

	do {
		(void)SCardCancel(context);
		(void)clock_gettime(CLOCK_REALTIME, &tick);
		tick.tv_nsec += 20000000;
		tick.tv_sec += tick.tv_nsec / 1000000000;
		tick.tv_nsec %= 1000000000;
	} while (pthread_timedjoin_np(waiter->thread, NULL, &tick) != 0);
}

static void cancelled(void)
{
	DWORD now = state_now();
	Waiter waiter;

	puts("# SCardCancel");
	row("SCardCancel, nobody waits", SCardCancel(context), " ");
	change("and then a wait, a moment", SHORT_MS, reader, now);
	waiter_start(&waiter, reader, now);
	cancel_until(&waiter);
	row("SCardGetStatusChange, for ever, cancelled", waiter.code, " ");
	change("and then a wait, a moment", SHORT_MS, reader, now);
	row("and SCardListReaders", SCardListReaders(context, NULL, NULL, &now), " length %lu",
		now);
}

/* --- cards --- */

static LONG connect_to(
	const char *call, const char *name, DWORD share, DWORD protocols, SCARDHANDLE *ret_card)
{
	DWORD protocol = 0;
	LONG code = SCardConnect(context, name, share, protocols, ret_card, &protocol);

	if (code != SCARD_S_SUCCESS)
		protocol = 0;
	row(call, code, " card %d protocol %lu", *ret_card != 0, protocol);
	return code;
}

static LONG transmit_as(const char *call, SCARDHANDLE card, const SCARD_IO_REQUEST *pci, DWORD room)
{
	SCARD_IO_REQUEST received = {SCARD_PROTOCOL_T1, sizeof(received)};
	BYTE answer[600] = {0};
	DWORD length = room;
	LONG code = SCardTransmit(
		card, pci, select_piv, sizeof(select_piv), &received, answer, &length);

	row(call, code, " length %lu first %02x", length, answer[0]);
	return code;
}

static void transmit(const char *call, SCARDHANDLE card)
{
	(void)transmit_as(call, card, SCARD_PCI_T1, 300);
}

static void status(const char *call, SCARDHANDLE card)
{
	char name[MAX_READERNAME] = "";
	BYTE atr[MAX_ATR_SIZE] = {0};
	DWORD name_length = sizeof(name), atr_length = sizeof(atr), state = 7, protocol = 7;
	LONG code = SCardStatus(card, name, &name_length, &state, &protocol, atr, &atr_length);

	row(call, code, " name %lu '%s' state %lx protocol %lu atr %lu %02x", name_length, name,
		state, protocol, atr_length, atr[0]);
}

static void connect_badly(void)
{
	char long_name[200];
	SCARDHANDLE card = 1;
	DWORD protocol;

	puts("# SCardConnect, no card");
	memset(long_name, 'x', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = '\0';
	row("nowhere to put it",
		SCardConnect(
			context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, NULL, &protocol),
		" ");
	row("no reader",
		SCardConnect(
			context, NULL, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card, &protocol),
		" ");
	(void)connect_to(
		"a name too long", long_name, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card);
	(void)connect_to("a reader that is not there", "No Such Reader 00 00", SCARD_SHARE_SHARED,
		SCARD_PROTOCOL_ANY, &card);
	(void)connect_to("the same, direct", "No Such Reader 00 00", SCARD_SHARE_DIRECT, 0, &card);
	(void)connect_to("no such share mode", reader, 9, SCARD_PROTOCOL_ANY, &card);
	(void)connect_to("no protocol", reader, SCARD_SHARE_SHARED, 0, &card);
	(void)connect_to("shared", reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card);
	(void)connect_to("exclusive", reader, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_ANY, &card);
}

static void direct(void)
{
	SCARDHANDLE card;
	BYTE answer[64];
	DWORD length = sizeof(answer);

	puts("# a reader without a card, direct");
	if (connect_to("SCardConnect", reader, SCARD_SHARE_DIRECT, 0, &card) != SCARD_S_SUCCESS)
		return;
	status("SCardStatus", card);
	row("SCardControl, no such code",
		SCardControl(card, SCARD_CTL_CODE(77), "", 0, answer, sizeof(answer), &length),
		" length %lu", length);
	row("SCardBeginTransaction", SCardBeginTransaction(card), " ");
	row("SCardEndTransaction", SCardEndTransaction(card, SCARD_LEAVE_CARD), " ");
	row("SCardDisconnect", SCardDisconnect(card, SCARD_LEAVE_CARD), " ");
}

static void exchange(SCARDHANDLE card)
{
	BYTE answer[300], nothing[66000] = {0};
	DWORD length = sizeof(answer);

	puts("# SCardTransmit");
	transmit("select", card);
	(void)transmit_as("with the other protocol", card, SCARD_PCI_T0, 300);
	(void)transmit_as("room for one byte", card, SCARD_PCI_T1, 1);
	row("no command", SCardTransmit(card, SCARD_PCI_T1, NULL, 5, NULL, answer, &length), " ");
	row("no protocol",
		SCardTransmit(card, NULL, select_piv, sizeof(select_piv), NULL, answer, &length),
		" ");
	row("nowhere to put the answer",
		SCardTransmit(
			card, SCARD_PCI_T1, select_piv, sizeof(select_piv), NULL, NULL, &length),
		" ");
	length = sizeof(answer);
	row("a command too long",
		SCardTransmit(card, SCARD_PCI_T1, nothing, sizeof(nothing), NULL, answer, &length),
		" ");
	length = sizeof(answer);
	row("without a place for the protocol",
		SCardTransmit(
			card, SCARD_PCI_T1, select_piv, sizeof(select_piv), NULL, answer, &length),
		" length %lu", length);
}

static void ask_status(SCARDHANDLE card)
{
	char name[MAX_READERNAME] = "", *new_name = NULL;
	BYTE atr[MAX_ATR_SIZE] = {0}, *new_atr = NULL;
	DWORD name_length = 5, atr_length = sizeof(atr);
	LONG code;

	puts("# SCardStatus");
	status("all of it", card);
	row("nothing of it", SCardStatus(card, NULL, NULL, NULL, NULL, NULL, NULL), " ");
	row("the lengths", SCardStatus(card, NULL, &name_length, NULL, NULL, NULL, &atr_length),
		" name %lu atr %lu", name_length, atr_length);
	name_length = 5;
	atr_length = sizeof(atr);
	row("a name too short", SCardStatus(card, name, &name_length, NULL, NULL, atr, &atr_length),
		" name %lu '%.5s' atr %lu %02x", name_length, name, atr_length, atr[0]);
	atr_length = 3;
	memset(atr, 0, sizeof(atr));
	row("an ATR too short", SCardStatus(card, NULL, NULL, NULL, NULL, atr, &atr_length),
		" atr %lu %02x%02x", atr_length, atr[2], atr[3]);
	name_length = atr_length = SCARD_AUTOALLOCATE;
	code = SCardStatus(
		card, (LPSTR)&new_name, &name_length, NULL, NULL, (LPBYTE)&new_atr, &atr_length);
	row("SCARD_AUTOALLOCATE", code, " name %lu '%s' atr %lu %02x", name_length,
		new_name != NULL ? new_name : "", atr_length, new_atr != NULL ? new_atr[0] : 0);
	(void)SCardFreeMemory(context, new_name);
	(void)SCardFreeMemory(context, new_atr);
}

static void ask_attributes(SCARDHANDLE card)
{
	BYTE value[200] = {0}, *allocated = NULL;
	DWORD length = sizeof(value);
	LONG code;

	puts("# attributes");
	code = SCardGetAttrib(card, SCARD_ATTR_ATR_STRING, value, &length);
	row("SCardGetAttrib, ATR", code, " length %lu %02x", length, value[0]);
	length = 0;
	row("SCardGetAttrib, ATR, length",
		SCardGetAttrib(card, SCARD_ATTR_ATR_STRING, NULL, &length), " length %lu", length);
	length = 2;
	row("SCardGetAttrib, ATR, too short",
		SCardGetAttrib(card, SCARD_ATTR_ATR_STRING, value, &length), " length %lu", length);
	length = SCARD_AUTOALLOCATE;
	code = SCardGetAttrib(card, SCARD_ATTR_ATR_STRING, (LPBYTE)&allocated, &length);
	row("SCardGetAttrib, ATR, SCARD_AUTOALLOCATE", code, " length %lu %02x", length,
		allocated != NULL ? allocated[0] : 0);
	(void)SCardFreeMemory(context, allocated);
	length = sizeof(value);
	code = SCardGetAttrib(card, SCARD_ATTR_DEVICE_FRIENDLY_NAME, value, &length);
	row("SCardGetAttrib, name of the reader", code, " length %lu '%s'", length, (char *)value);
	row("SCardGetAttrib, nowhere to put the length",
		SCardGetAttrib(card, SCARD_ATTR_ATR_STRING, value, NULL), " ");
	length = sizeof(value);
	row("SCardGetAttrib, no such attribute", SCardGetAttrib(card, 0x7fff7777, value, &length),
		" ");
	row("SCardSetAttrib", SCardSetAttrib(card, SCARD_ATTR_VENDOR_NAME, value, 4), " ");
	row("SCardSetAttrib, nothing", SCardSetAttrib(card, SCARD_ATTR_VENDOR_NAME, NULL, 0), " ");
	length = 0;
	row("SCardControl, no such code",
		SCardControl(card, SCARD_CTL_CODE(77), "", 0, value, sizeof(value), &length),
		" length %lu", length);
}

static void transact(SCARDHANDLE card)
{
	puts("# transactions");
	row("SCardEndTransaction, none is open", SCardEndTransaction(card, SCARD_LEAVE_CARD), " ");
	row("SCardBeginTransaction", SCardBeginTransaction(card), " ");
	transmit("SCardTransmit", card);
	row("SCardBeginTransaction, again", SCardBeginTransaction(card), " ");
	row("SCardEndTransaction, no such disposition", SCardEndTransaction(card, 9), " ");
	row("SCardEndTransaction", SCardEndTransaction(card, SCARD_LEAVE_CARD), " ");
	row("SCardEndTransaction, again", SCardEndTransaction(card, SCARD_LEAVE_CARD), " ");
	row("SCardEndTransaction, once too often", SCardEndTransaction(card, SCARD_LEAVE_CARD),
		" ");
}

static void reconnect(
	const char *call, SCARDHANDLE card, DWORD share, DWORD protocols, DWORD initialization)
{
	DWORD protocol = 0;
	LONG code = SCardReconnect(card, share, protocols, initialization, &protocol);

	row(call, code, " protocol %lu", code == SCARD_S_SUCCESS ? protocol : 0);
}

static void reconnect_all(SCARDHANDLE card)
{
	puts("# SCardReconnect");
	row("nowhere to put the protocol",
		SCardReconnect(
			card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD, NULL),
		" ");
	reconnect("no such initialization", card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, 9);
	reconnect("no such share mode", card, 9, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD);
	reconnect("no protocol", card, SCARD_SHARE_SHARED, 0, SCARD_LEAVE_CARD);
	reconnect("leave", card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD);
	transmit("and then SCardTransmit", card);
	reconnect("reset", card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_RESET_CARD);
	transmit("and then SCardTransmit", card);
	reconnect("power off and on", card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY,
		SCARD_UNPOWER_CARD);
	transmit("and then SCardTransmit", card);
	reconnect("exclusive", card, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD);
	change("and then SCardGetStatusChange", 0, reader, SCARD_STATE_UNAWARE);
	row("and then SCardEndTransaction, none is open",
		SCardEndTransaction(card, SCARD_LEAVE_CARD), " ");
	/* Not back to shared: pcscd 1.9 then keeps the reader locked for ever. */
	row("and SCardDisconnect", SCardDisconnect(card, SCARD_LEAVE_CARD), " ");
}

static void reset_by_another(SCARDHANDLE card)
{
	SCARDHANDLE other;

	puts("# a card that another one resets");
	if (connect_to("SCardConnect", reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &other) !=
		SCARD_S_SUCCESS)
		return;
	row("SCardDisconnect, reset", SCardDisconnect(other, SCARD_RESET_CARD), " ");
	transmit("SCardTransmit", card);
	row("SCardBeginTransaction", SCardBeginTransaction(card), " ");
	row("SCardEndTransaction", SCardEndTransaction(card, SCARD_LEAVE_CARD), " ");
	status("SCardStatus", card);
	reconnect("SCardReconnect", card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD);
	transmit("SCardTransmit", card);
	row("SCardBeginTransaction", SCardBeginTransaction(card), " ");
	row("SCardEndTransaction, reset", SCardEndTransaction(card, SCARD_RESET_CARD), " ");
	transmit("SCardTransmit", card);
	reconnect("SCardReconnect", card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD);
	transmit("SCardTransmit", card);
}

static void share(SCARDHANDLE card)
{
	SCARDHANDLE other = 0;

	puts("# sharing");
	(void)connect_to("SCardConnect, exclusive, in use", reader, SCARD_SHARE_EXCLUSIVE,
		SCARD_PROTOCOL_ANY, &other);
	(void)connect_to("SCardConnect, the other protocol only", reader, SCARD_SHARE_SHARED,
		SCARD_PROTOCOL_T0, &other);
	change("SCardGetStatusChange, in use", 0, reader, SCARD_STATE_UNAWARE);
	row("SCardDisconnect, no such disposition", SCardDisconnect(card, 9), " ");
	row("SCardDisconnect", SCardDisconnect(card, SCARD_LEAVE_CARD), " ");
	(void)connect_to("SCardConnect, exclusive", reader, SCARD_SHARE_EXCLUSIVE,
		SCARD_PROTOCOL_ANY, &card);
	change("SCardGetStatusChange, exclusive", 0, reader, SCARD_STATE_UNAWARE);
	(void)connect_to(
		"SCardConnect, shared", reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &other);
	(void)connect_to("SCardConnect, direct", reader, SCARD_SHARE_DIRECT, 0, &other);
	transmit("SCardTransmit", card);
	row("SCardDisconnect", SCardDisconnect(card, SCARD_LEAVE_CARD), " ");
	(void)connect_to("SCardConnect, direct, with a card", reader, SCARD_SHARE_DIRECT,
		SCARD_PROTOCOL_ANY, &card);
	row("SCardDisconnect", SCardDisconnect(card, SCARD_LEAVE_CARD), " ");
}

static void with_card(void)
{
	SCARDHANDLE card = 0;

	puts("# SCardConnect");
	if (connect_to("SCardConnect", reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card) !=
		SCARD_S_SUCCESS)
		exit(2);
	exchange(card);
	ask_status(card);
	ask_attributes(card);
	transact(card);
	reconnect_all(card);
	(void)connect_to("SCardConnect", reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card);
	reset_by_another(card);
	share(card);
	bogus_cards("a card that was disconnected", card);
}

static void taken_out(void)
{
	SCARDHANDLE card = 0;
	Waiter waiter;

	puts("# a card that is taken out");
	(void)connect_to("SCardConnect", reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card);
	waiter_start(&waiter, reader, state_now());
	hand("remove");
	waiter_end(&waiter, "SCardGetStatusChange, for ever");
	transmit("SCardTransmit", card);
	status("SCardStatus", card);
	row("SCardBeginTransaction", SCardBeginTransaction(card), " ");
	row("SCardEndTransaction", SCardEndTransaction(card, SCARD_LEAVE_CARD), " ");
	reconnect("SCardReconnect", card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD);
	hand("insert");
	transmit("SCardTransmit, another one is in", card);
	status("SCardStatus", card);
	reconnect("SCardReconnect", card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD);
	transmit("SCardTransmit", card);
	row("SCardDisconnect", SCardDisconnect(card, SCARD_LEAVE_CARD), " ");
}

static void put_in(void)
{
	Waiter waiter;

	puts("# a card that is put in");
	waiter_start(&waiter, reader, state_now());
	hand("insert");
	waiter_end(&waiter, "SCardGetStatusChange, for ever");
}

static void words(void)
{
	puts("# pcsc_stringify_error");
	for (LONG code = SCARD_F_INTERNAL_ERROR; code <= SCARD_W_CARD_NOT_AUTHENTICATED; code++)
		row(pcsc_stringify_error(code), code, " ");
	row(pcsc_stringify_error(SCARD_S_SUCCESS), SCARD_S_SUCCESS, " ");
	row(pcsc_stringify_error(4711), 4711, " ");
	printf("# %lu %lu %lu %lu\n", SCARD_PCI_T0->dwProtocol, SCARD_PCI_T1->dwProtocol,
		SCARD_PCI_RAW->dwProtocol, SCARD_PCI_RAW->cbPciLength);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: xrdp-calls READER\n", stderr);
		return 2;
	}
	reader = argv[1];
	bogus_contexts("no context", BOGUS);
	bogus_cards("no card", BOGUS);
	establish();
	list();
	wait_badly();
	wait_empty();
	cancelled();
	connect_badly();
	direct();
	put_in();
	wait_present();
	with_card();
	taken_out();
	row("SCardReleaseContext", SCardReleaseContext(context), " ");
	bogus_contexts("a context that was released", context);
	words();
	return 0;
}
