/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What nobody can be faster than who writes one object after the other through softoken: no plan,
 * no marker longer than a word, no look at what is there, one session.
 */
#include "creates.h"

#include <cert.h>
#include <nss.h>
#include <pk11pub.h>
#include <pkcs11.h>
#include <secasn1.h>
#include <secmodt.h>

#include "sample.h"

static void create(CK_FUNCTION_LIST_PTR f, CK_SESSION_HANDLE session, GBytes *der, guint i)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	CK_BBOOL yes = CK_TRUE;
	g_autofree char *label = g_strdup_printf("bench %u", i);
	char url[] = "pkcs11:serial=0";
	guint8 id[20] = {(guint8)i};
	CK_OBJECT_HANDLE object;
	gsize len;
	const void *data = g_bytes_get_data(der, &len);
	CERTCertificate *cert = CERT_DecodeCertFromPackage((char *)data, (int)len);
	SECItem serial = {0};

	g_assert(cert != NULL);
	SEC_ASN1EncodeItem(NULL, &serial, &cert->serialNumber, SEC_ASN1_GET(SEC_IntegerTemplate));

	CK_ATTRIBUTE template[] = {
		{CKA_CLASS, &class, sizeof class},
		{CKA_TOKEN, &yes, sizeof yes},
		{CKA_CERTIFICATE_TYPE, &type, sizeof type},
		{CKA_SUBJECT, cert->derSubject.data, cert->derSubject.len},
		{CKA_ISSUER, cert->derIssuer.data, cert->derIssuer.len},
		{CKA_SERIAL_NUMBER, serial.data, serial.len},
		{CKA_VALUE, (void *)data, len},
		{CKA_ID, id, sizeof id},
		{CKA_LABEL, label, strlen(label)},
		{CKA_URL, url, strlen(url)},
	};
	CK_RV rv = f->C_CreateObject(session, template, G_N_ELEMENTS(template), &object);

	g_assert_cmpuint(rv, ==, CKR_OK);
	SECITEM_FreeItem(&serial, PR_FALSE);
	CERT_DestroyCertificate(cert);
}

double creates_run(const char *directory, GPtrArray *ders)
{
	g_autofree char *path = g_strdup_printf("sql:%s", directory);
	NSSInitContext *nss = NSS_InitContext(
		path, "", "", SECMOD_DB, NULL, NSS_INIT_NOMODDB | NSS_INIT_NOROOTINIT);
	PK11SlotInfo *slot = PK11_GetInternalKeySlot();
	CK_FUNCTION_LIST_PTR f = PK11_GetModule(slot)->functionList;
	CK_SESSION_HANDLE session;
	double start, end;

	g_assert(nss != NULL);
	g_assert_cmpuint(f->C_OpenSession(PK11_GetSlotID(slot), CKF_SERIAL_SESSION | CKF_RW_SESSION,
				 NULL, NULL, &session),
		==, CKR_OK);
	start = sample_now();
	for (guint i = 0; i < ders->len; i++)
		create(f, session, ders->pdata[i], i);
	end = sample_now();
	f->C_CloseSession(session);
	PK11_FreeSlot(slot);
	NSS_ShutdownContext(nss);
	return end - start;
}
