/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The exported functions of contexts and readers. Each checks its arguments in pcsc-lite's order,
 * so that the same mistake is answered by the same code, and leaves the rest to others.
 */
#include "context.h"
#include "give.h"
#include "wait.h"

#include <stdlib.h>
#include <string.h>

static const char all_readers[] = "SCard$DefaultReaders\0"; /* a list of one */

PCSC_EXPORT LONG SCardEstablishContext(
	DWORD dwScope, LPCVOID pvReserved1, LPCVOID pvReserved2, LPSCARDCONTEXT phContext)
{
	(void)pvReserved1;
	(void)pvReserved2;
	if (phContext == NULL)
		return SCARD_E_INVALID_PARAMETER;
	*phContext = 0;
	if (dwScope != SCARD_SCOPE_USER && dwScope != SCARD_SCOPE_TERMINAL &&
		dwScope != SCARD_SCOPE_SYSTEM && dwScope != SCARD_SCOPE_GLOBAL)
		return SCARD_E_INVALID_VALUE;
	return context_new(dwScope, phContext);
}

PCSC_EXPORT LONG SCardReleaseContext(SCARDCONTEXT hContext)
{
	Context *context = context_take(hContext);

	if (context == NULL)
		return SCARD_E_INVALID_HANDLE;
	context_release(context);
	context_give(context);
	return SCARD_S_SUCCESS;
}

PCSC_EXPORT LONG SCardIsValidContext(SCARDCONTEXT hContext)
{
	return context_exists(hContext) ? SCARD_S_SUCCESS : SCARD_E_INVALID_HANDLE;
}

static LONG list_readers(const Context *context, LPSTR names, LPDWORD length)
{
	char list[READERS_MAX * READER_NAME_MAX + 1];
	RemoteReaders readers;
	size_t n = 0;
	LONG code = remote_list(context_remote(context), &readers);

	if (code != SCARD_S_SUCCESS) {
		*length = 0;
		return code;
	}
	for (unsigned i = 0; i < readers.count; i++) {
		size_t name = strlen(readers.names[i]) + 1;

		memcpy(list + n, readers.names[i], name);
		n += name;
	}
	list[n++] = '\0';
	if (readers.count > 0)
		return give(names, length, list, n);
	*length = n;
	return SCARD_E_NO_READERS_AVAILABLE;
}

PCSC_EXPORT LONG SCardListReaders(
	SCARDCONTEXT hContext, LPCSTR mszGroups, LPSTR mszReaders, LPDWORD pcchReaders)
{
	Context *context;
	LONG code;

	(void)mszGroups;
	if (pcchReaders == NULL)
		return SCARD_E_INVALID_PARAMETER;
	context = context_take(hContext);
	if (context == NULL)
		return SCARD_E_INVALID_HANDLE;
	code = list_readers(context, mszReaders, pcchReaders);
	context_give(context);
	return code;
}

PCSC_EXPORT LONG SCardListReaderGroups(SCARDCONTEXT hContext, LPSTR mszGroups, LPDWORD pcchGroups)
{
	if (pcchGroups == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (!context_exists(hContext))
		return SCARD_E_INVALID_HANDLE;
	return give(mszGroups, pcchGroups, all_readers, sizeof(all_readers));
}

PCSC_EXPORT LONG SCardFreeMemory(SCARDCONTEXT hContext, LPCVOID pvMem)
{
	if (!context_exists(hContext))
		return SCARD_E_INVALID_HANDLE;
	free((void *)(uintptr_t)pvMem);
	return SCARD_S_SUCCESS;
}

PCSC_EXPORT LONG SCardCancel(SCARDCONTEXT hContext)
{
	return context_cancel(hContext) ? SCARD_S_SUCCESS : SCARD_E_INVALID_HANDLE;
}

static bool all_ignored(const SCARD_READERSTATE *states, DWORD count)
{
	for (DWORD i = 0; i < count; i++) {
		if ((states[i].dwCurrentState & SCARD_STATE_IGNORE) == 0)
			return false;
	}
	return true;
}

PCSC_EXPORT LONG SCardGetStatusChange(
	SCARDCONTEXT hContext, DWORD dwTimeout, SCARD_READERSTATE *rgReaderStates, DWORD cReaders)
{
	Context *context;
	LONG code;

	if ((rgReaderStates == NULL && cReaders > 0) || cReaders > READERS_MAX)
		return SCARD_E_INVALID_PARAMETER;
	for (DWORD i = 0; i < cReaders; i++) {
		if (rgReaderStates[i].szReader == NULL)
			return SCARD_E_INVALID_VALUE;
	}
	if (all_ignored(rgReaderStates, cReaders))
		return SCARD_S_SUCCESS;
	context = context_take(hContext);
	if (context == NULL)
		return SCARD_E_INVALID_HANDLE;
	code = wait_for_change(context, dwTimeout, rgReaderStates, (unsigned)cReaders);
	context_give(context);
	return code;
}
