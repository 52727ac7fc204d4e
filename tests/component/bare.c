/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What nobody can be faster than who deletes one object after the other through softoken: no owner
 * is looked at, nothing is checked, planned, kept or told. Takes the directories of the databases
 * as arguments, one after the other in one process, and deletes every certificate with a CKA_URL.
 */

#include <glib.h>
#include <nss.h>
#include <pk11pub.h>
#include <pkcs11.h>
#include <secmodt.h>

#define AT_ONCE 64

static gboolean is_marked(
	CK_FUNCTION_LIST_PTR f, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	CK_ATTRIBUTE url = {CKA_URL, NULL, 0};

	return f->C_GetAttributeValue(session, object, &url, 1) == CKR_OK && url.ulValueLen > 0;
}

static void delete_marked(CK_FUNCTION_LIST_PTR f, CK_SESSION_HANDLE session)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template[] = {
		{CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, sizeof yes}};
	CK_OBJECT_HANDLE objects[AT_ONCE];
	CK_ULONG n = 0;

	g_assert_cmpuint(
		f->C_FindObjectsInit(session, template, G_N_ELEMENTS(template)), ==, CKR_OK);
	g_assert_cmpuint(f->C_FindObjects(session, objects, AT_ONCE, &n), ==, CKR_OK);
	g_assert_cmpuint(f->C_FindObjectsFinal(session), ==, CKR_OK);
	for (CK_ULONG i = 0; i < n; i++) {
		if (is_marked(f, session, objects[i]))
			g_assert_cmpuint(f->C_DestroyObject(session, objects[i]), ==, CKR_OK);
	}
}

static void clean(const char *directory)
{
	g_autofree char *path = g_strdup_printf("sql:%s", directory);
	NSSInitContext *nss = NSS_InitContext(
		path, "", "", SECMOD_DB, NULL, NSS_INIT_NOMODDB | NSS_INIT_NOROOTINIT);
	PK11SlotInfo *slot = PK11_GetInternalKeySlot();
	CK_FUNCTION_LIST_PTR f = PK11_GetModule(slot)->functionList;
	CK_SESSION_HANDLE session;

	g_assert(nss != NULL);
	g_assert_cmpuint(f->C_OpenSession(PK11_GetSlotID(slot), CKF_SERIAL_SESSION | CKF_RW_SESSION,
				 NULL, NULL, &session),
		==, CKR_OK);
	delete_marked(f, session);
	f->C_CloseSession(session);
	PK11_FreeSlot(slot);
	NSS_ShutdownContext(nss);
}

int main(int argc, char **argv)
{
	g_setenv("NSS_DISABLE_UNLOAD", "1", TRUE);
	for (int i = 1; i < argc; i++)
		clean(argv[i]);
	return 0;
}
