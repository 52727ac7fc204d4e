/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NSS, as little of it as will do, and the only file that knows it. libnss3 opens and closes the
 * database; everything else goes straight to softoken's function list. Why:
 *
 * NSS_INIT_NOMODDB: what pkcs11.txt names is not loaded. A profile may belong to a sandboxed
 * browser, and a library named there would run with our rights; and with a card's module loaded,
 * NSS's own delete calls reach for the certificate on the card.
 *
 * Handles on the internal slot: the only way to delete that cannot mean the card, also when
 * somebody is logged in to it.
 *
 * Raw C_CreateObject: only a template can bring CKA_URL (NSS never adds the attribute to an object
 * that was created without it), and PK11_CreateManagedGenericObject() stops for ever on a database
 * that was locked while NSS started: NSS then silently starts a second time without locking
 * (isThreadSafe is false), and that function takes the session lock twice. Raw calls do not care,
 * but such a start is repeated all the same.
 *
 * Nothing here logs in. What a trust object says is trust.c's business.
 */

#include "nssdb.h"

#include <keyhi.h>
#include <nss.h>
#include <pk11pub.h>
#include <pkcs11.h>
#include <pkcs11n.h>
#include <poll.h>
#include <prerror.h>
#include <sechash.h>
#include <secmod.h>
#include <string.h>

#include "error.h"
#include "marker.h"

#ifndef CKO_TRUST
#define CKO_TRUST 0x0000000bUL /* PKCS#11 v3.2; NSS 3.114 and later write it */
#endif

#define OPEN_ATTEMPTS 4u
#define OPEN_PAUSE_MS 50    /* doubled each time */
#define OPEN_WAIT_MS  2000u /* for a lock, before each attempt */
#define WRITE_WAIT_MS 5000u /* for a lock, before each write */
#define FIND_CHUNK    256u  /* handles a call */
#define ATTRIBUTE_MAX (1024u * 1024u)
#define MATCHES_MAX   100000u              /* certificates in one database */
#define MARKED_MAX    4096u                /* of these with a marker … */
#define MARKERS_MAX   (8u * 1024u * 1024u) /* … and bytes of all markers together */

struct Nssdb {
	Files *files;
	bool write;
	NSSInitContext *context;
	PK11SlotInfo *slot;
	CK_FUNCTION_LIST *pkcs11;
	CK_SESSION_HANDLE session;
};

static const char *nss_reason(void)
{
	const char *name = PR_ErrorToName(PR_GetError());

	return name != NULL ? name : "no reason given";
}

static void set_rv_error(const Nssdb *db, CK_RV rv, const char *what, GError **error)
{
	CertpropError code = CERTPROP_ERROR_FAILED;

	if (rv == CKR_TOKEN_WRITE_PROTECTED || rv == CKR_SESSION_READ_ONLY)
		code = CERTPROP_ERROR_READ_ONLY;
	else if (rv == CKR_OBJECT_HANDLE_INVALID)
		code = CERTPROP_ERROR_CHANGED;
	else if (rv == CKR_DEVICE_ERROR)
		code = CERTPROP_ERROR_DAMAGED;
	g_set_error(error, CERTPROP_ERROR, code, "%s in %s failed: PKCS#11 error 0x%lx", what,
		db->files->dir, rv);
}

/* Starts NSS on the directory. false: PR_GetError() says why. */
static bool start_nss(Nssdb *db)
{
	g_autofree char *spec = g_strconcat("sql:", db->files->dir, NULL);
	PRUint32 flags = NSS_INIT_NOMODDB | NSS_INIT_NOROOTINIT;

	if (!db->write)
		flags |= NSS_INIT_READONLY;
	db->context = NSS_InitContext(spec, "", "", SECMOD_DB, NULL, flags);
	if (db->context == NULL)
		return false;

	db->slot = PK11_GetInternalKeySlot();
	return db->slot != NULL;
}

static void stop_nss(Nssdb *db)
{
	if (db->session != CK_INVALID_HANDLE)
		(void)db->pkcs11->C_CloseSession(db->session);
	db->session = CK_INVALID_HANDLE;
	db->pkcs11 = NULL;
	g_clear_pointer(&db->slot, PK11_FreeSlot);
	if (db->context != NULL && NSS_ShutdownContext(db->context) != SECSuccess)
		g_printerr("Closing %s: %s\n", db->files->dir, nss_reason());
	db->context = NULL;
}

static bool open_session(Nssdb *db, GError **error)
{
	CK_FLAGS flags = CKF_SERIAL_SESSION | (db->write ? CKF_RW_SESSION : 0);
	CK_RV rv;

	db->pkcs11 = PK11_GetModule(db->slot)->functionList;
	rv = db->pkcs11->C_OpenSession(PK11_GetSlotID(db->slot), flags, NULL, NULL, &db->session);
	if (rv == CKR_OK)
		return true;

	db->session = CK_INVALID_HANDLE;
	set_rv_error(db, rv, "Opening a session", error);
	return false;
}

/* NSS could not start and gave `reason`: what is it really? */
static void set_open_error(const Nssdb *db, const char *reason, GError **error)
{
	const char *dir = db->files->dir;

	if (files_locked(db->files, db->write))
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_BUSY,
			"Another program holds a lock on the database in %s (NSS: %s)", dir,
			reason);
	else if (db->write && !files_writable(db->files))
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_READ_ONLY,
			"The database in %s may not be written to", dir);
	else
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_DAMAGED,
			"NSS cannot open the database in %s: %s; look at it with "
			"\"certutil -L -d sql:%s\"",
			dir, reason, dir);
}

/* A lock that comes and goes makes NSS fail or start lamed: tries several times. */
static bool start_patiently(Nssdb *db, bool wait, GError **error)
{
	const char *reason = "locked";

	for (unsigned attempt = 0; attempt < OPEN_ATTEMPTS; attempt++) {
		bool last = attempt + 1 == OPEN_ATTEMPTS;

		if (attempt > 0)
			(void)poll(NULL, 0, OPEN_PAUSE_MS << attempt);
		if (!files_wait_unlocked(db->files, db->write, wait ? OPEN_WAIT_MS : 0))
			break;
		if (!files_verify(db->files, error))
			return false;
		if (start_nss(db)) {
			if (SECMOD_GetInternalModule()->isThreadSafe || last)
				return true;
		} else {
			reason = nss_reason();
			/* Half-way through somebody's transaction: NSS that may only read cannot
			   roll it back, and that is no damage. */
			if (!db->write && files_interrupted(db->files))
				db->write = files_writable(db->files);
		}
		stop_nss(db);
	}

	set_open_error(db, reason, error);
	return false;
}

Nssdb *nssdb_open(Files *files, bool write, bool wait, GError **error)
{
	g_autoptr(Nssdb) db = g_new0(Nssdb, 1);

	db->files = files;
	db->write = write;
	db->session = CK_INVALID_HANDLE;
	if (write && !files_writable(files)) {
		set_open_error(db, "not asked", error);
		return NULL;
	}
	if (!start_patiently(db, wait, error) || !open_session(db, error))
		return NULL;

	return g_steal_pointer(&db);
}

Nssdb *nssdb_close(Nssdb *db)
{
	if (db == NULL)
		return NULL;

	stop_nss(db);
	files_close(db->files);
	g_free(db);
	return NULL;
}

bool nssdb_writable(const Nssdb *db)
{
	return db->write;
}

const Files *nssdb_files(const Nssdb *db)
{
	return db->files;
}

bool nssdb_make(const char *dir, GError **error)
{
	g_autofree char *spec = g_strconcat("sql:", dir, NULL);
	NSSInitContext *context = NSS_InitContext(
		spec, "", "", SECMOD_DB, NULL, NSS_INIT_NOMODDB | NSS_INIT_NOROOTINIT);
	PK11SlotInfo *slot = context != NULL ? PK11_GetInternalKeySlot() : NULL;
	/* As "certutil -N --empty-password" and the browsers do: no password, and said so, or
	   every program would offer to set one. */
	bool done = slot != NULL &&
		    (!PK11_NeedUserInit(slot) || PK11_InitPin(slot, NULL, "") == SECSuccess);

	if (!done)
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"NSS cannot create a database in %s: %s", dir, nss_reason());
	if (slot != NULL)
		PK11_FreeSlot(slot);
	if (context != NULL)
		(void)NSS_ShutdownContext(context);
	return done;
}

static GArray *find(Nssdb *db, CK_ATTRIBUTE *template, CK_ULONG n, GError **error)
{
	g_autoptr(GArray) handles = g_array_new(FALSE, FALSE, sizeof(gulong));
	CK_OBJECT_HANDLE chunk[FIND_CHUNK];
	CK_ULONG got = 0;
	CK_RV rv = db->pkcs11->C_FindObjectsInit(db->session, template, n);

	if (rv != CKR_OK) {
		set_rv_error(db, rv, "Searching", error);
		return NULL;
	}
	do {
		rv = db->pkcs11->C_FindObjects(db->session, chunk, FIND_CHUNK, &got);
		if (rv == CKR_OK)
			g_array_append_vals(handles, chunk, (guint)got);
	} while (rv == CKR_OK && got == FIND_CHUNK && handles->len < MATCHES_MAX);
	(void)db->pkcs11->C_FindObjectsFinal(db->session);
	if (rv != CKR_OK) {
		set_rv_error(db, rv, "Searching", error);
		return NULL;
	}

	return g_steal_pointer(&handles);
}

/* An attribute from bytes that PKCS#11 only reads. */
static CK_ATTRIBUTE attribute(CK_ATTRIBUTE_TYPE type, const void *data, gsize len)
{
	return (CK_ATTRIBUTE){type, (void *)(guintptr)data, (CK_ULONG)len};
}

static CK_ATTRIBUTE attribute_bytes(CK_ATTRIBUTE_TYPE type, GBytes *bytes)
{
	gsize len;
	const void *data = g_bytes_get_data(bytes, &len);

	return attribute(type, data, len);
}

/* The length of its CKA_URL. Anything else than a value of a sane length is none of ours: most
   certificates have none at all. `buffer` has MARKER_MAX bytes. */
static gsize url_length(Nssdb *db, gulong handle, void *buffer)
{
	CK_ATTRIBUTE a = {CKA_URL, buffer, MARKER_MAX};
	CK_RV rv = db->pkcs11->C_GetAttributeValue(db->session, handle, &a, 1);

	return rv == CKR_OK && a.ulValueLen <= MARKER_MAX ? a.ulValueLen : 0;
}

/* Keeps those that have a marker. What each is tied to is searched for in the whole database, so
   whoever can forge thousands could keep us busy for all the time that there is for all. */
static bool keep_marked(Nssdb *db, GArray *handles, GError **error)
{
	g_autofree guint8 *buffer = g_malloc(MARKER_MAX);
	gsize bytes = 0;
	guint kept = 0;

	for (guint i = 0; i < handles->len; i++) {
		gulong handle = g_array_index(handles, gulong, i);
		gsize len = url_length(db, handle, buffer);

		if (len == 0)
			continue;
		bytes += len;
		if (kept == MARKED_MAX || bytes > MARKERS_MAX) {
			g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_LIMIT,
				"The database in %s has more than %u marked certificates, or %u "
				"MiB of markers: nobody has so many cards",
				db->files->dir, MARKED_MAX, MARKERS_MAX / 1024 / 1024);
			return false;
		}
		g_array_index(handles, gulong, kept++) = handle;
	}

	g_array_set_size(handles, kept);
	return true;
}

GArray *nssdb_certs(Nssdb *db, bool marked, GError **error)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_ATTRIBUTE template = attribute(CKA_CLASS, &class, sizeof class);
	g_autoptr(GArray) handles = find(db, &template, 1, error);

	if (handles == NULL || (marked && !keep_marked(db, handles, error)))
		return NULL;

	return g_steal_pointer(&handles);
}

GArray *nssdb_find(Nssdb *db, GBytes *issuer, GBytes *serial, GError **error)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_ATTRIBUTE template[] = {
		attribute(CKA_CLASS, &class, sizeof class),
		attribute_bytes(CKA_ISSUER, issuer),
		attribute_bytes(CKA_SERIAL_NUMBER, serial),
	};

	return find(db, template, G_N_ELEMENTS(template), error);
}

NssdbCert *nssdb_cert_free(NssdbCert *cert)
{
	if (cert == NULL)
		return NULL;

	g_clear_pointer(&cert->der, g_bytes_unref);
	g_clear_pointer(&cert->id, g_bytes_unref);
	g_clear_pointer(&cert->url, g_bytes_unref);
	g_free(cert->label);
	g_free(cert);
	return NULL;
}

static bool usable(CK_ULONG len)
{
	return len != CK_UNAVAILABLE_INFORMATION && len <= ATTRIBUTE_MAX;
}

/* Reads attributes in two calls, lengths and values; what is not there, or too long, becomes empty.
   The values are to be freed. */
static bool get_attributes(
	Nssdb *db, gulong handle, CK_ATTRIBUTE *attrs, CK_ULONG n, GError **error)
{
	CK_RV rv = db->pkcs11->C_GetAttributeValue(db->session, handle, attrs, n);

	/* "Some attribute is not there" still gives the lengths of the others. */
	if (rv != CKR_OK && rv != CKR_ATTRIBUTE_TYPE_INVALID) {
		set_rv_error(db, rv, "Reading a certificate", error);
		return false;
	}
	for (CK_ULONG i = 0; i < n; i++) {
		CK_ULONG len = attrs[i].ulValueLen;

		attrs[i].ulValueLen = 0;
		if (!usable(len) || len == 0)
			continue;
		attrs[i].pValue = g_malloc(len);
		attrs[i].ulValueLen = len;
		rv = db->pkcs11->C_GetAttributeValue(db->session, handle, &attrs[i], 1);
		if (rv != CKR_OK || !usable(attrs[i].ulValueLen))
			attrs[i].ulValueLen = 0;
	}

	return true;
}

NssdbCert *nssdb_read(Nssdb *db, gulong handle, GError **error)
{
	CK_ATTRIBUTE a[] = {
		{CKA_VALUE, NULL, 0}, {CKA_LABEL, NULL, 0}, {CKA_ID, NULL, 0}, {CKA_URL, NULL, 0}};
	NssdbCert *cert;

	if (!get_attributes(db, handle, a, G_N_ELEMENTS(a), error))
		return NULL;

	cert = g_new0(NssdbCert, 1);
	cert->handle = handle;
	cert->der = g_bytes_new_take(a[0].pValue, a[0].ulValueLen);
	cert->label =
		g_utf8_make_valid(a[1].pValue != NULL ? a[1].pValue : "", (gssize)a[1].ulValueLen);
	cert->id = g_bytes_new_take(a[2].pValue, a[2].ulValueLen);
	cert->url = g_bytes_new_take(a[3].pValue, a[3].ulValueLen);
	g_free(a[1].pValue);
	return cert;
}

static bool exists(Nssdb *db, CK_ATTRIBUTE *template, CK_ULONG n, bool *ret_has, GError **error)
{
	g_autoptr(GArray) handles = find(db, template, n, error);

	if (handles == NULL)
		return false;

	*ret_has = *ret_has || handles->len > 0;
	return true;
}

GArray *nssdb_trusts(Nssdb *db, GBytes *issuer, GBytes *serial, GError **error)
{
	static const CK_OBJECT_CLASS classes[] = {CKO_NSS_TRUST, CKO_TRUST};
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(gulong));

	for (gsize i = 0; i < G_N_ELEMENTS(classes); i++) {
		CK_ATTRIBUTE template[] = {
			attribute(CKA_CLASS, &classes[i], sizeof classes[i]),
			attribute_bytes(CKA_ISSUER, issuer),
			attribute_bytes(CKA_SERIAL_NUMBER, serial),
		};
		g_autoptr(GArray) handles = find(db, template, G_N_ELEMENTS(template), error);

		if (handles == NULL)
			return NULL;
		g_array_append_vals(all, handles->data, handles->len);
	}

	return g_steal_pointer(&all);
}

bool nssdb_needs_password(const Nssdb *db)
{
	CK_TOKEN_INFO info;
	CK_RV rv = db->pkcs11->C_GetTokenInfo(PK11_GetSlotID(db->slot), &info);

	return rv != CKR_OK || (info.flags & CKF_LOGIN_REQUIRED) != 0;
}

/* The CKA_ID that NSS gives a key: SHA-1 over the modulus or the EC point. */
static bool key_id(GBytes *spki, guint8 ret_id[SHA1_LENGTH])
{
	gsize len;
	const void *data = g_bytes_get_data(spki, &len);
	const SECItem der = {siBuffer, (unsigned char *)(guintptr)data, (unsigned)len};
	CERTSubjectPublicKeyInfo *info = SECKEY_DecodeDERSubjectPublicKeyInfo(&der);
	SECKEYPublicKey *key = info != NULL ? SECKEY_ExtractPublicKey(info) : NULL;
	const SECItem *item = NULL;
	bool known;

	if (key != NULL && key->keyType == rsaKey)
		item = &key->u.rsa.modulus;
	else if (key != NULL && key->keyType == ecKey)
		item = &key->u.ec.publicValue;
	known = item != NULL &&
		HASH_HashBuf(HASH_AlgSHA1, ret_id, item->data, item->len) == SECSuccess;

	if (key != NULL)
		SECKEY_DestroyPublicKey(key);
	if (info != NULL)
		SECKEY_DestroySubjectPublicKeyInfo(info);
	return known;
}

static bool has_key(Nssdb *db, CK_ATTRIBUTE id, bool *ret_has, GError **error)
{
	static const CK_OBJECT_CLASS classes[] = {CKO_PUBLIC_KEY, CKO_PRIVATE_KEY};
	bool has = false;

	for (gsize i = 0; i < G_N_ELEMENTS(classes); i++) {
		CK_ATTRIBUTE template[] = {
			attribute(CKA_CLASS, &classes[i], sizeof classes[i]), id};

		if (!exists(db, template, G_N_ELEMENTS(template), &has, error))
			return false;
	}

	*ret_has = has;
	return true;
}

bool nssdb_has_key(Nssdb *db, GBytes *spki, bool *ret_has, GError **error)
{
	guint8 id[SHA1_LENGTH];

	if (!key_id(spki, id)) {
		*ret_has = false;
		return true;
	}
	return has_key(db, attribute(CKA_ID, id, sizeof id), ret_has, error);
}

bool nssdb_has_key_id(Nssdb *db, GBytes *id, bool *ret_has, GError **error)
{
	return has_key(db, attribute_bytes(CKA_ID, id), ret_has, error);
}

/* Sets *ret_value to NULL if the length says that there is none. */
static bool get_value(
	Nssdb *db, gulong handle, const CK_ATTRIBUTE *length, GBytes **ret_value, GError **error)
{
	CK_ATTRIBUTE a = *length;
	CK_RV rv = CKR_OK;

	*ret_value = NULL;
	if (a.ulValueLen == CK_UNAVAILABLE_INFORMATION)
		return true;
	if (a.ulValueLen > ROW_VALUE_MAX) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_LIMIT,
			"A certificate in %s has an attribute (0x%lx) of more than %u bytes",
			db->files->dir, a.type, ROW_VALUE_MAX);
		return false;
	}
	a.pValue = g_malloc(a.ulValueLen + 1);
	if (a.ulValueLen > 0)
		rv = db->pkcs11->C_GetAttributeValue(db->session, handle, &a, 1);
	if (rv != CKR_OK || a.ulValueLen > length->ulValueLen) {
		g_free(a.pValue);
		set_rv_error(db, rv, "Reading a certificate", error);
		return false;
	}

	*ret_value = g_bytes_new_take(a.pValue, a.ulValueLen);
	return true;
}

Row *nssdb_row(Nssdb *db, gulong handle, GError **error)
{
	gsize n;
	const gulong *types = row_types(&n);

	return nssdb_attributes(db, handle, types, n, error);
}

Row *nssdb_attributes(Nssdb *db, gulong handle, const gulong *types, gsize n, GError **error)
{
	g_autofree CK_ATTRIBUTE *a = g_new0(CK_ATTRIBUTE, n);
	g_autoptr(Row) row = row_new();
	CK_RV rv;

	for (gsize i = 0; i < n; i++)
		a[i].type = types[i];
	rv = db->pkcs11->C_GetAttributeValue(db->session, handle, a, n);
	if (rv != CKR_OK && rv != CKR_ATTRIBUTE_TYPE_INVALID) {
		set_rv_error(db, rv, "Reading a certificate", error);
		return NULL;
	}
	for (gsize i = 0; i < n; i++) {
		GBytes *value;

		if (!get_value(db, handle, &a[i], &value, error))
			return NULL;
		if (value != NULL)
			row_add(row, types[i], value);
	}

	return g_steal_pointer(&row);
}

/* A transaction waits for a lock without a limit, so we do the waiting. */
static bool wait_to_write(Nssdb *db, GError **error)
{
	if (files_wait_unlocked(db->files, true, WRITE_WAIT_MS))
		return files_verify(db->files, error);

	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_BUSY,
		"Another program has held a lock on the database in %s for %u s", db->files->dir,
		WRITE_WAIT_MS / 1000);
	return false;
}

/* The row that PK11_ImportCert() would write, and CKA_URL. */
static CK_RV create_object(Nssdb *db, const NssdbNew *new)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	CK_BBOOL yes = CK_TRUE;
	const char *email = new->email;
	CK_ATTRIBUTE template[] = {
		attribute(CKA_CLASS, &class, sizeof class),
		attribute(CKA_TOKEN, &yes, sizeof yes),
		attribute(CKA_CERTIFICATE_TYPE, &type, sizeof type),
		attribute_bytes(CKA_SUBJECT, new->subject),
		attribute_bytes(CKA_ISSUER, new->issuer),
		attribute_bytes(CKA_SERIAL_NUMBER, new->serial),
		attribute_bytes(CKA_VALUE, new->der),
		attribute_bytes(CKA_ID, new->id),
		attribute(CKA_LABEL, new->label, strlen(new->label)),
		attribute(CKA_URL, new->url, strlen(new->url)),
		attribute(CKA_NSS_EMAIL, email, email != NULL ? strlen(email) : 0),
	};
	CK_ULONG n = G_N_ELEMENTS(template);
	CK_OBJECT_HANDLE handle;

	/* The last one only where there is one, as NSS does. */
	if (email == NULL || *email == '\0')
		n--;
	return db->pkcs11->C_CreateObject(db->session, template, n, &handle);
}

static NssdbOutcome created(const Nssdb *db, CK_RV rv, GError **error)
{
	if (rv == CKR_OK)
		return NSSDB_CREATED;
	if (rv == CKR_ATTRIBUTE_VALUE_INVALID)
		return NSSDB_NICKNAME_TAKEN;

	set_rv_error(db, rv, "Storing a certificate", error);
	return NSSDB_FAILED;
}

NssdbOutcome nssdb_create(Nssdb *db, const NssdbNew *new, GError **error)
{
	if (!wait_to_write(db, error))
		return NSSDB_FAILED;

	return created(db, create_object(db, new), error);
}

NssdbOutcome nssdb_restore(Nssdb *db, const Row *row, GError **error)
{
	guint n = row->attributes->len;
	g_autofree CK_ATTRIBUTE *template = g_new0(CK_ATTRIBUTE, n + 1);
	CK_OBJECT_HANDLE handle;

	for (guint i = 0; i < n; i++) {
		const RowAttribute *a = g_ptr_array_index(row->attributes, i);

		template[i] = attribute_bytes(a->type, a->value);
	}
	if (!wait_to_write(db, error))
		return NSSDB_FAILED;

	return created(db, db->pkcs11->C_CreateObject(db->session, template, n, &handle), error);
}

bool nssdb_set_url(Nssdb *db, gulong handle, const char *url, GError **error)
{
	CK_ATTRIBUTE a = attribute(CKA_URL, url, strlen(url));
	CK_RV rv;

	if (!wait_to_write(db, error))
		return false;

	rv = db->pkcs11->C_SetAttributeValue(db->session, handle, &a, 1);
	if (rv == CKR_OK)
		return true;

	set_rv_error(db, rv, "Writing a marker", error);
	return false;
}

bool nssdb_destroy(Nssdb *db, gulong handle, GError **error)
{
	CK_RV rv;

	if (!wait_to_write(db, error))
		return false;

	rv = db->pkcs11->C_DestroyObject(db->session, handle);
	if (rv == CKR_OK)
		return true;

	set_rv_error(db, rv, "Deleting a certificate", error);
	return false;
}
