/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The four calls of PC/SC that a watcher needs, as a table of functions, so that a test can be a
 * service that lies. Codes and state bits are those of winscard.h, which only pcsc.c includes.
 */

#include <glib.h>

G_BEGIN_DECLS

#define PCSC_ATR_MAX     33u          /* MAX_ATR_SIZE */
#define PCSC_READERS_MAX 64u          /* more are not looked at */
#define PCSC_LIST_MAX    (8u * 1024u) /* bytes of all names together */
#define PCSC_WAIT_MAX    16u          /* entries that every libpcsclite takes in one wait */
#define PCSC_PNP         "\\\\?PnP?\\Notification"
#define PCSC_SOCKET      "/run/pcscd/pcscd.comm"
#define PCSC_SOCKET_ENV  "PCSCLITE_CSOCK_NAME"

/* SCARD_STATE_*; the event counter stands in the upper 16 bits. */
enum {
	PCSC_STATE_UNAWARE = 0x0000,
	PCSC_STATE_CHANGED = 0x0002,
	PCSC_STATE_UNKNOWN = 0x0004,
	PCSC_STATE_UNAVAILABLE = 0x0008,
	PCSC_STATE_PRESENT = 0x0020,
	PCSC_STATE_EXCLUSIVE = 0x0080,
	PCSC_STATE_IN_USE = 0x0100,
	PCSC_STATE_MUTE = 0x0200,
};

/* What a code means to the one who waits. */
typedef enum {
	PCSC_OK,
	PCSC_TIMEOUT,
	PCSC_NO_READERS,
	PCSC_UNKNOWN_READER, /* the list of readers is out of date */
	PCSC_TOO_MANY,       /* SCARD_E_INVALID_PARAMETER: more entries than the library takes */
	PCSC_GONE,           /* no pcscd, or not any more */
	PCSC_MISMATCH,       /* SCARD_E_SERVICE_STOPPED: at the start, another protocol version */
	PCSC_DENIED,
	PCSC_FAILED, /* anything else */
} PcscResult;

/* One reader in a wait. `atr_len` is what the service says, believe it only up to PCSC_ATR_MAX. */
typedef struct PcscEntry {
	const char *name;
	guint32 current; /* what we know */
	guint32 event;   /* what is */
	guint32 atr_len;
	guint8 atr[PCSC_ATR_MAX];
} PcscEntry;

/* Each returns a SCARD code. `data` is the table owner's; it holds the context. */
typedef struct PcscOps {
	guint32 (*establish)(gpointer data);
	void (*release)(gpointer data);
	/* Names, each ended by a NUL, and one more NUL, in at most PCSC_LIST_MAX bytes. */
	guint32 (*list)(gpointer data, char *names, gsize *ret_len);
	guint32 (*change)(gpointer data, guint32 timeout_ms, PcscEntry *entries, gsize n_entries);
} PcscOps;

/* libpcsclite; `data` is a Pcsc, all zero at first. */
typedef struct Pcsc {
	glong context;
} Pcsc;

extern const PcscOps pcsc_ops;

PcscResult pcsc_result(guint32 code);
/* "SCARD_E_NO_SERVICE", or "" if it is none of those that we know by name. */
const char *pcsc_code_name(guint32 code);

G_END_DECLS
