/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libpcsclite, and nothing but it: translates between winscard.h's types, whose widths differ from
 * system to system, and ours. It decides nothing. What the service says is passed on unjudged,
 * apart from what would be unsafe to copy; watch.c judges it.
 */

#include "pcsc.h"

#include <string.h>
#include <winscard.h>

G_STATIC_ASSERT(PCSC_ATR_MAX == MAX_ATR_SIZE);
G_STATIC_ASSERT(PCSC_STATE_UNAWARE == SCARD_STATE_UNAWARE);
G_STATIC_ASSERT(PCSC_STATE_CHANGED == SCARD_STATE_CHANGED);
G_STATIC_ASSERT(PCSC_STATE_UNKNOWN == SCARD_STATE_UNKNOWN);
G_STATIC_ASSERT(PCSC_STATE_UNAVAILABLE == SCARD_STATE_UNAVAILABLE);
G_STATIC_ASSERT(PCSC_STATE_PRESENT == SCARD_STATE_PRESENT);
G_STATIC_ASSERT(PCSC_STATE_EXCLUSIVE == SCARD_STATE_EXCLUSIVE);
G_STATIC_ASSERT(PCSC_STATE_IN_USE == SCARD_STATE_INUSE);
G_STATIC_ASSERT(PCSC_STATE_MUTE == SCARD_STATE_MUTE);

/* Every code that a wait may end with; the others are PCSC_FAILED. */
static const struct {
	guint32 code;
	PcscResult result;
	const char *name;
} codes[] = {
	{(guint32)SCARD_S_SUCCESS, PCSC_OK, "SCARD_S_SUCCESS"},
	{(guint32)SCARD_E_TIMEOUT, PCSC_TIMEOUT, "SCARD_E_TIMEOUT"},
	{(guint32)SCARD_E_NO_READERS_AVAILABLE, PCSC_NO_READERS, "SCARD_E_NO_READERS_AVAILABLE"},
	{(guint32)SCARD_E_UNKNOWN_READER, PCSC_UNKNOWN_READER, "SCARD_E_UNKNOWN_READER"},
	{(guint32)SCARD_E_READER_UNAVAILABLE, PCSC_UNKNOWN_READER, "SCARD_E_READER_UNAVAILABLE"},
	{(guint32)SCARD_E_INVALID_PARAMETER, PCSC_TOO_MANY, "SCARD_E_INVALID_PARAMETER"},
	{(guint32)SCARD_E_NO_SERVICE, PCSC_GONE, "SCARD_E_NO_SERVICE"},
	{(guint32)SCARD_F_COMM_ERROR, PCSC_GONE, "SCARD_F_COMM_ERROR"},
	{(guint32)SCARD_E_INVALID_HANDLE, PCSC_GONE, "SCARD_E_INVALID_HANDLE"},
	{(guint32)SCARD_E_CANCELLED, PCSC_GONE, "SCARD_E_CANCELLED"},
	{(guint32)SCARD_E_SYSTEM_CANCELLED, PCSC_GONE, "SCARD_E_SYSTEM_CANCELLED"},
	{(guint32)SCARD_P_SHUTDOWN, PCSC_GONE, "SCARD_P_SHUTDOWN"},
	{(guint32)SCARD_E_SERVICE_STOPPED, PCSC_MISMATCH, "SCARD_E_SERVICE_STOPPED"},
	{(guint32)SCARD_W_SECURITY_VIOLATION, PCSC_DENIED, "SCARD_W_SECURITY_VIOLATION"},
	{(guint32)SCARD_E_NO_MEMORY, PCSC_FAILED, "SCARD_E_NO_MEMORY"},
	{(guint32)SCARD_E_INSUFFICIENT_BUFFER, PCSC_FAILED, "SCARD_E_INSUFFICIENT_BUFFER"},
	{(guint32)SCARD_F_INTERNAL_ERROR, PCSC_FAILED, "SCARD_F_INTERNAL_ERROR"},
	{(guint32)SCARD_E_UNSUPPORTED_FEATURE, PCSC_FAILED, "SCARD_E_UNSUPPORTED_FEATURE"},
};

PcscResult pcsc_result(guint32 code)
{
	for (gsize i = 0; i < G_N_ELEMENTS(codes); i++)
		if (codes[i].code == code)
			return codes[i].result;
	return PCSC_FAILED;
}

const char *pcsc_code_name(guint32 code)
{
	for (gsize i = 0; i < G_N_ELEMENTS(codes); i++)
		if (codes[i].code == code)
			return codes[i].name;
	return "";
}

static guint32 establish(gpointer data)
{
	Pcsc *pcsc = data;
	SCARDCONTEXT context = 0;
	LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);

	if (rv == SCARD_S_SUCCESS)
		pcsc->context = (glong)context;
	return (guint32)rv;
}

/* Closes the socket even if pcscd has gone. */
static void release(gpointer data)
{
	Pcsc *pcsc = data;

	(void)SCardReleaseContext((SCARDCONTEXT)pcsc->context);
	pcsc->context = 0;
}

static guint32 list(gpointer data, char *names, gsize *ret_len)
{
	Pcsc *pcsc = data;
	DWORD len = PCSC_LIST_MAX;
	LONG rv = SCardListReaders((SCARDCONTEXT)pcsc->context, NULL, names, &len);

	*ret_len = rv == SCARD_S_SUCCESS ? (gsize)len : 0;
	return (guint32)rv;
}

static guint32 change(gpointer data, guint32 timeout_ms, PcscEntry *entries, gsize n_entries)
{
	Pcsc *pcsc = data;
	SCARD_READERSTATE states[PCSC_READERS_MAX + 1];
	LONG rv;

	g_assert(n_entries <= G_N_ELEMENTS(states));
	for (gsize i = 0; i < n_entries; i++) {
		memset(&states[i], 0, sizeof states[i]);
		states[i].szReader = entries[i].name;
		states[i].dwCurrentState = entries[i].current;
	}

	rv = SCardGetStatusChange(
		(SCARDCONTEXT)pcsc->context, timeout_ms, states, (DWORD)n_entries);

	for (gsize i = 0; i < n_entries; i++) {
		entries[i].event = (guint32)states[i].dwEventState;
		entries[i].atr_len = (guint32)MIN(states[i].cbAtr, G_MAXUINT32);
		memcpy(entries[i].atr, states[i].rgbAtr, PCSC_ATR_MAX);
	}
	return (guint32)rv;
}

const PcscOps pcsc_ops = {
	.establish = establish,
	.release = release,
	.list = list,
	.change = change,
};
