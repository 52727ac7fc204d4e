/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One place for a rule that every call with a buffer follows: `buffer` is where the bytes go or,
 * when `*length` is SCARD_AUTOALLOCATE, where the address of a new buffer goes, for
 * SCardFreeMemory().
 */
#include "give.h"

#include <stdlib.h>
#include <string.h>

static LONG give_new(void *buffer, const void *bytes, size_t n)
{
	void *new_buffer;

	if (buffer == NULL)
		return SCARD_E_INVALID_PARAMETER;
	new_buffer = malloc(n > 0 ? n : 1);
	if (new_buffer == NULL)
		return SCARD_E_NO_MEMORY;
	memcpy(new_buffer, bytes, n);
	*(void **)buffer = new_buffer;
	return SCARD_S_SUCCESS;
}

LONG give_what_fits(void *buffer, DWORD *length, const void *bytes, size_t n)
{
	size_t room = *length;

	*length = n;
	if (room == SCARD_AUTOALLOCATE)
		return give_new(buffer, bytes, n);
	if (buffer == NULL)
		return SCARD_S_SUCCESS;
	memcpy(buffer, bytes, room < n ? room : n);
	return room < n ? SCARD_E_INSUFFICIENT_BUFFER : SCARD_S_SUCCESS;
}

LONG give(void *buffer, DWORD *length, const void *bytes, size_t n)
{
	if (buffer != NULL && *length != SCARD_AUTOALLOCATE && *length < n) {
		*length = n;
		return SCARD_E_INSUFFICIENT_BUFFER;
	}
	return give_what_fits(buffer, length, bytes, n);
}
