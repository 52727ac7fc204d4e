/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The exported functions of cards. Attributes do not go over the wire; the few that every program
 * asks for are answered from what is known here.
 */
#include "context.h"
#include "give.h"

#include <reader.h>
#include <string.h>

PCSC_EXPORT const SCARD_IO_REQUEST g_rgSCardT0Pci = {SCARD_PROTOCOL_T0, sizeof(SCARD_IO_REQUEST)};
PCSC_EXPORT const SCARD_IO_REQUEST g_rgSCardT1Pci = {SCARD_PROTOCOL_T1, sizeof(SCARD_IO_REQUEST)};
PCSC_EXPORT const SCARD_IO_REQUEST g_rgSCardRawPci = {SCARD_PROTOCOL_RAW, sizeof(SCARD_IO_REQUEST)};

static LONG connect_card(Context *context, LPCSTR reader, DWORD share, DWORD protocols,
	LPSCARDHANDLE ret_handle, LPDWORD ret_protocol)
{
	LONG code = card_check_modes(share, protocols);
	Card *card;

	if (code == SCARD_S_SUCCESS)
		code = card_connect(context_remote(context), reader, share, protocols, &card);
	if (code != SCARD_S_SUCCESS)
		return code;
	*ret_protocol = card->protocol;
	*ret_handle = context_add_card(context, card);
	return SCARD_S_SUCCESS;
}

PCSC_EXPORT LONG SCardConnect(SCARDCONTEXT hContext, LPCSTR szReader, DWORD dwShareMode,
	DWORD dwPreferredProtocols, LPSCARDHANDLE phCard, LPDWORD pdwActiveProtocol)
{
	Context *context;
	LONG code;

	if (phCard == NULL || pdwActiveProtocol == NULL)
		return SCARD_E_INVALID_PARAMETER;
	*phCard = 0;
	if (szReader == NULL)
		return SCARD_E_UNKNOWN_READER;
	if (strlen(szReader) > MAX_READERNAME)
		return SCARD_E_INVALID_VALUE;
	context = context_take(hContext);
	if (context == NULL)
		return SCARD_E_INVALID_HANDLE;
	*pdwActiveProtocol = SCARD_PROTOCOL_UNDEFINED;
	code = connect_card(
		context, szReader, dwShareMode, dwPreferredProtocols, phCard, pdwActiveProtocol);
	context_give(context);
	return code;
}

PCSC_EXPORT LONG SCardReconnect(SCARDHANDLE hCard, DWORD dwShareMode, DWORD dwPreferredProtocols,
	DWORD dwInitialization, LPDWORD pdwActiveProtocol)
{
	Context *context;
	Card *card;
	LONG code;

	if (pdwActiveProtocol == NULL)
		return SCARD_E_INVALID_PARAMETER;
	context = context_take_card(hCard, &card);
	if (context == NULL)
		return SCARD_E_INVALID_HANDLE;
	code = dwInitialization > SCARD_UNPOWER_CARD
		       ? SCARD_E_INVALID_VALUE
		       : card_check_modes(dwShareMode, dwPreferredProtocols);
	if (code == SCARD_S_SUCCESS)
		code = card_reconnect(context_remote(context), card, dwShareMode,
			dwPreferredProtocols, dwInitialization);
	if (code == SCARD_S_SUCCESS)
		*pdwActiveProtocol = card->protocol;
	context_give(context);
	return code;
}

PCSC_EXPORT LONG SCardDisconnect(SCARDHANDLE hCard, DWORD dwDisposition)
{
	Card *card;
	Context *context = context_take_card(hCard, &card);
	LONG code = SCARD_E_INVALID_VALUE;

	if (context == NULL)
		return SCARD_E_INVALID_HANDLE;
	if (dwDisposition <= SCARD_EJECT_CARD)
		code = card_disconnect(context_remote(context), card, dwDisposition);
	if (code == SCARD_S_SUCCESS)
		context_drop_card(context, card);
	context_give(context);
	return code;
}

PCSC_EXPORT LONG SCardBeginTransaction(SCARDHANDLE hCard)
{
	Card *card;
	Context *context = context_take_card(hCard, &card);
	LONG code;

	if (context == NULL)
		return SCARD_E_INVALID_HANDLE;
	code = card_begin(context_remote(context), card);
	context_give(context);
	return code;
}

PCSC_EXPORT LONG SCardEndTransaction(SCARDHANDLE hCard, DWORD dwDisposition)
{
	Card *card;
	Context *context = context_take_card(hCard, &card);
	LONG code = SCARD_E_INVALID_VALUE;

	if (context == NULL)
		return SCARD_E_INVALID_HANDLE;
	if (dwDisposition <= SCARD_EJECT_CARD)
		code = card_end(context_remote(context), card, dwDisposition);
	context_give(context);
	return code;
}

PCSC_EXPORT LONG SCardStatus(SCARDHANDLE hCard, LPSTR mszReaderName, LPDWORD pcchReaderLen,
	LPDWORD pdwState, LPDWORD pdwProtocol, LPBYTE pbAtr, LPDWORD pcbAtrLen)
{
	DWORD name_length = pcchReaderLen != NULL ? *pcchReaderLen : 0;
	DWORD atr_length = pcbAtrLen != NULL ? *pcbAtrLen : 0;
	DWORD state = 0, protocol = 0;
	Card *card;
	Context *context = context_take_card(hCard, &card);
	LONG code = SCARD_E_INVALID_HANDLE, atr_code;

	if (context != NULL)
		code = card_status(context_remote(context), card, &state, &protocol);
	if (code == SCARD_S_SUCCESS) {
		code = give_what_fits(
			mszReaderName, &name_length, card->reader, strlen(card->reader) + 1);
		atr_code = give_what_fits(pbAtr, &atr_length, card->atr, card->atr_length);
		code = code == SCARD_S_SUCCESS ? atr_code : code;
	} else {
		name_length = atr_length = 0;
	}
	if (context != NULL)
		context_give(context);
	if (pcchReaderLen != NULL)
		*pcchReaderLen = name_length;
	if (pcbAtrLen != NULL)
		*pcbAtrLen = atr_length;
	if (pdwState != NULL)
		*pdwState = state;
	if (pdwProtocol != NULL)
		*pdwProtocol = protocol;
	return code;
}

PCSC_EXPORT LONG SCardTransmit(SCARDHANDLE hCard, const SCARD_IO_REQUEST *pioSendPci,
	LPCBYTE pbSendBuffer, DWORD cbSendLength, SCARD_IO_REQUEST *pioRecvPci, LPBYTE pbRecvBuffer,
	LPDWORD pcbRecvLength)
{
	const uint8_t *answer;
	Context *context;
	size_t length, room;
	Card *card;
	LONG code;

	if (pbSendBuffer == NULL || pbRecvBuffer == NULL || pcbRecvLength == NULL ||
		pioSendPci == NULL)
		return SCARD_E_INVALID_PARAMETER;
	room = *pcbRecvLength;
	*pcbRecvLength = 0;
	context = context_take_card(hCard, &card);
	if (context == NULL)
		return SCARD_E_INVALID_HANDLE;
	code = card_transmit(context_remote(context), card, pioSendPci->dwProtocol, pbSendBuffer,
		cbSendLength, room, &answer, &length);
	if (code == SCARD_S_SUCCESS)
		*pcbRecvLength = length;
	if (code == SCARD_S_SUCCESS && length > room)
		code = SCARD_E_INSUFFICIENT_BUFFER;
	if (code == SCARD_S_SUCCESS) {
		memcpy(pbRecvBuffer, answer, length);
		if (pioRecvPci != NULL)
			*pioRecvPci = (SCARD_IO_REQUEST){
				pioSendPci->dwProtocol, sizeof(SCARD_IO_REQUEST)};
	}
	context_give(context);
	return code;
}

PCSC_EXPORT LONG SCardControl(SCARDHANDLE hCard, DWORD dwControlCode, LPCVOID pbSendBuffer,
	DWORD cbSendLength, LPVOID pbRecvBuffer, DWORD cbRecvLength, LPDWORD lpBytesReturned)
{
	const uint8_t *answer;
	Context *context;
	size_t length = 0;
	Card *card;
	LONG code;

	if (lpBytesReturned != NULL)
		*lpBytesReturned = 0;
	if ((pbSendBuffer == NULL && cbSendLength > 0) ||
		(pbRecvBuffer == NULL && cbRecvLength > 0))
		return SCARD_E_INVALID_PARAMETER;
	context = context_take_card(hCard, &card);
	if (context == NULL)
		return SCARD_E_INVALID_HANDLE;
	code = card_control(context_remote(context), card, dwControlCode, pbSendBuffer,
		cbSendLength, cbRecvLength, &answer, &length);
	if (code == SCARD_S_SUCCESS && lpBytesReturned != NULL)
		*lpBytesReturned = length;
	if (code == SCARD_S_SUCCESS && length > cbRecvLength)
		code = SCARD_E_INSUFFICIENT_BUFFER;
	if (code == SCARD_S_SUCCESS && length > 0)
		memcpy(pbRecvBuffer, answer, length);
	context_give(context);
	return code;
}

static LONG give_attribute(
	const Remote *remote, Card *card, DWORD attribute, LPBYTE buffer, LPDWORD length)
{
	DWORD state, protocol;
	LONG code = card_status(remote, card, &state, &protocol);

	if (code != SCARD_S_SUCCESS)
		return code;
	switch (attribute) {
	case SCARD_ATTR_ATR_STRING:
		return give(buffer, length, card->atr, card->atr_length);
	case SCARD_ATTR_DEVICE_FRIENDLY_NAME:
	case SCARD_ATTR_DEVICE_SYSTEM_NAME:
		return give(buffer, length, card->reader, strlen(card->reader) + 1);
	default:
		return SCARD_E_UNSUPPORTED_FEATURE;
	}
}

PCSC_EXPORT LONG SCardGetAttrib(
	SCARDHANDLE hCard, DWORD dwAttrId, LPBYTE pbAttr, LPDWORD pcbAttrLen)
{
	Context *context;
	Card *card;
	LONG code;

	if (pcbAttrLen == NULL || (*pcbAttrLen == SCARD_AUTOALLOCATE && pbAttr == NULL))
		return SCARD_E_INVALID_PARAMETER;
	context = context_take_card(hCard, &card);
	if (context == NULL)
		return SCARD_E_INVALID_HANDLE;
	code = give_attribute(context_remote(context), card, dwAttrId, pbAttr, pcbAttrLen);
	context_give(context);
	return code;
}

PCSC_EXPORT LONG SCardSetAttrib(SCARDHANDLE hCard, DWORD dwAttrId, LPCBYTE pbAttr, DWORD cbAttrLen)
{
	Context *context;
	Card *card;
	LONG code;

	(void)dwAttrId;
	if (pbAttr == NULL || cbAttrLen == 0)
		return SCARD_E_INVALID_PARAMETER;
	context = context_take_card(hCard, &card);
	if (context == NULL)
		return SCARD_E_INVALID_HANDLE;
	code = card_verify(context_remote(context), card);
	context_give(context);
	return code == SCARD_S_SUCCESS ? SCARD_E_UNSUPPORTED_FEATURE : code;
}
