/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names of PKCS#11's return values, for messages: libp11 knows only sentences for them, and
 * what a vendor's documentation or a search finds is the name.
 */

#include "ckr.h"

/* Those that reading may meet (PKCS #11 v2.40, pkcs11t.h). */
static const struct {
	gulong code;
	const char *name;
	bool gone;
} ckr_table[] = {
	{0x02, "CKR_HOST_MEMORY", false},
	{0x03, "CKR_SLOT_ID_INVALID", true},
	{0x05, "CKR_GENERAL_ERROR", false},
	{0x06, "CKR_FUNCTION_FAILED", false},
	{0x07, "CKR_ARGUMENTS_BAD", false},
	{0x09, "CKR_NEED_TO_CREATE_THREADS", false},
	{0x0a, "CKR_CANT_LOCK", false},
	{0x12, "CKR_ATTRIBUTE_TYPE_INVALID", false},
	{0x30, "CKR_DEVICE_ERROR", false},
	{0x31, "CKR_DEVICE_MEMORY", false},
	{0x32, "CKR_DEVICE_REMOVED", true},
	{0x50, "CKR_FUNCTION_CANCELED", false},
	{0x54, "CKR_FUNCTION_NOT_SUPPORTED", false},
	{0x82, "CKR_OBJECT_HANDLE_INVALID", true},
	{0x90, "CKR_OPERATION_ACTIVE", false},
	{0x91, "CKR_OPERATION_NOT_INITIALIZED", false},
	{0xb0, "CKR_SESSION_CLOSED", true},
	{0xb1, "CKR_SESSION_COUNT", false},
	{0xb3, "CKR_SESSION_HANDLE_INVALID", true},
	{0xe0, "CKR_TOKEN_NOT_PRESENT", true},
	{0xe1, "CKR_TOKEN_NOT_RECOGNIZED", false},
	{0x101, "CKR_USER_NOT_LOGGED_IN", false},
	{0x190, "CKR_CRYPTOKI_NOT_INITIALIZED", false},
	{0x191, "CKR_CRYPTOKI_ALREADY_INITIALIZED", false},
};

const char *ckr_name(gulong code, bool *ret_gone)
{
	for (gsize i = 0; i < G_N_ELEMENTS(ckr_table); i++) {
		if (ckr_table[i].code != code)
			continue;
		*ret_gone = ckr_table[i].gone;
		return ckr_table[i].name;
	}
	*ret_gone = false;
	return NULL;
}
