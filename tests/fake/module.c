/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A PKCS#11 module with one vice, named by FAKE_MODULE_VICE; without one it is honest: a token with
 * three certificates, listed from the last to the first. The certificate is the DER in the file
 * FAKE_MODULE_CERT, made different for each object by its last bytes. The slot is named
 * FAKE_MODULE_READER. Before it does something from which it will not return it says so on standard
 * error, so that a test can wait for that and needs no guess.
 *
 * Behind certpropd, which passes no such variables on, ~/.fake-module says the same: a key file
 * with the group [module] and the keys vice, reader, cert, and besides them certificates (a number)
 * and the names that the token gives: manufacturer, model, serial, label, object. In these "\NNN"
 * is a byte in octal.
 */

#include <glib.h>
#include <p11-kit/pkcs11.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define KEY_BASE   100000u /* handles of private keys begin here */
#define LABEL_LONG 60000u
#define MANY       10000u

static const char *vice = "";
static const char *reader = "Fake Reader 00 00";
static char *der;
static gsize der_len;
static unsigned n_certs = 3;
static GKeyFile *settings; /* NULL without ~/.fake-module */

static CK_OBJECT_CLASS wanted;
static CK_ULONG next_object;
static bool listed; /* the certificates were given out once */

static bool is(const char *name)
{
	return strcmp(vice, name) == 0;
}

static void hang_if(const char *name)
{
	if (!is(name))
		return;
	(void)!write(STDERR_FILENO, "hanging\n", 8);
	for (;;)
		pause();
}

static void pad(void *to, gsize size, const char *text)
{
	memset(to, ' ', size);
	memcpy(to, text, MIN(size, strlen(text)));
}

static void load_settings(void)
{
	const char *home = g_getenv("HOME");
	g_autofree char *path = g_build_filename(home != NULL ? home : "/", ".fake-module", NULL);
	g_autoptr(GKeyFile) file = g_key_file_new();

	if (g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL))
		settings = g_steal_pointer(&file);
}

/* Any bytes but NUL, or NULL. Lives as long as the process. */
static const char *setting(const char *key)
{
	g_autofree char *raw =
		settings != NULL ? g_key_file_get_value(settings, "module", key, NULL) : NULL;

	return raw != NULL ? g_strcompress(raw) : NULL;
}

static const char *either(const char *variable, const char *key, const char *fallback)
{
	const char *text = g_getenv(variable);

	if (text == NULL)
		text = setting(key);
	return text != NULL ? text : fallback;
}

static void start(void)
{
	const char *path;
	const char *amount;

	load_settings();
	vice = either("FAKE_MODULE_VICE", "vice", "");
	reader = either("FAKE_MODULE_READER", "reader", reader);
	path = either("FAKE_MODULE_CERT", "cert", NULL);
	if (path != NULL)
		(void)g_file_get_contents(path, &der, &der_len, NULL);
	amount = setting("certificates");
	n_certs = is("many") ? MANY : is("none") || der == NULL ? 0 : 3;
	if (amount != NULL)
		n_certs = (unsigned)g_ascii_strtoull(amount, NULL, 10);
}

/* A child that holds what it inherited; it goes when its parent does. */
static void leave_child(void)
{
	if (fork() != 0)
		return;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == 1)
		_exit(0);
	for (;;)
		pause();
}

static CK_RV initialize(void *args)
{
	start();
	hang_if("hang-initialize");
	if (is("crash"))
		abort();
	if (is("refuse"))
		return CKR_GENERAL_ERROR;
	if (is("exit"))
		exit(0);
	if (is("stdout")) {
		(void)printf("printed by the module\n");
		(void)fflush(stdout);
		(void)!write(STDOUT_FILENO, "written by the module\n", 22);
	}
	for (int fd = 3; is("close") && fd < 256; fd++)
		(void)close(fd);
	if (is("fork"))
		leave_child();
	return CKR_OK;
}

/* Never called: a scan ends without it. */
static CK_RV finalize(void *reserved)
{
	exit(0);
}

__attribute__((destructor)) static void unload(void)
{
	hang_if("hang-unload");
}

static CK_RV get_info(CK_INFO *info)
{
	memset(info, 0, sizeof *info);
	info->cryptokiVersion.major = 2;
	info->cryptokiVersion.minor = 40;
	pad(info->manufacturerID, sizeof info->manufacturerID, "certprop");
	pad(info->libraryDescription, sizeof info->libraryDescription, "a module with a vice");
	return CKR_OK;
}

static unsigned n_slots(void)
{
	if (is("no-slots"))
		return 0;
	return is("two-slots") || is("two-names") || is("two-other-names") ? 2 : 1;
}

static CK_RV get_slot_list(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *n)
{
	CK_ULONG room = *n;

	hang_if("hang-slots");
	if (is("slots-error"))
		return CKR_DEVICE_ERROR;
	*n = n_slots();
	if (slots == NULL)
		return CKR_OK;
	if (room < *n)
		return CKR_BUFFER_TOO_SMALL;
	for (CK_ULONG i = 0; i < *n; i++)
		slots[i] = i;
	return CKR_OK;
}

static bool gone(void)
{
	return is("empty") || (is("removed") && listed);
}

static CK_RV get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	memset(info, 0, sizeof *info);
	pad(info->manufacturerID, sizeof info->manufacturerID, "certprop");
	if (is("other-name") || is("two-other-names"))
		pad(info->slotDescription, sizeof info->slotDescription, slot == 0 ? "S0" : "S1");
	else
		pad(info->slotDescription, sizeof info->slotDescription,
			slot == 1 && is("two-names") ? "Fake Reader 00 01" : reader);
	info->flags = CKF_REMOVABLE_DEVICE | (gone() ? 0 : CKF_TOKEN_PRESENT);
	return CKR_OK;
}

static void pad_setting(void *to, gsize size, const char *key, const char *fallback)
{
	const char *text = setting(key);

	pad(to, size, text != NULL ? text : fallback);
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	if (gone())
		return CKR_TOKEN_NOT_PRESENT;
	if (is("unrecognised"))
		return CKR_TOKEN_NOT_RECOGNIZED;
	if (is("token-error"))
		return CKR_DEVICE_ERROR;

	memset(info, 0, sizeof *info);
	pad_setting(info->manufacturerID, sizeof info->manufacturerID, "manufacturer", "certprop");
	pad_setting(info->model, sizeof info->model, "model", "fake");
	pad_setting(info->serialNumber, sizeof info->serialNumber, "serial",
		is("swapped") && listed        ? "2222"
		: slot == 1 && is("two-names") ? "3333"
					       : "1111");
	pad_setting(info->label, sizeof info->label, "label",
		slot == 0 ? "Fake token" : "Fake token (PIN 2)");
	if (!is("uninitialised"))
		info->flags |= CKF_TOKEN_INITIALIZED;
	if (!is("keys-all") && !is("keys-some") && !is("keys-other"))
		info->flags |= CKF_LOGIN_REQUIRED;
	return CKR_OK;
}

static CK_RV open_session(
	CK_SLOT_ID slot, CK_FLAGS flags, void *app, CK_NOTIFY notify, CK_SESSION_HANDLE *session)
{
	if (is("no-session")) {
		(void)!write(STDERR_FILENO, "hanging\n", 8);
		return CKR_DEVICE_ERROR;
	}
	*session = slot + 1;
	return (flags & CKF_RW_SESSION) != 0 ? CKR_TOKEN_WRITE_PROTECTED : CKR_OK;
}

static CK_RV close_session(CK_SESSION_HANDLE session)
{
	return CKR_OK;
}

static unsigned n_keys(void)
{
	if (is("keys-all"))
		return n_certs;
	return is("keys-some") || is("keys-hidden") || is("keys-other") ? 1 : 0;
}

static CK_RV find_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG n)
{
	hang_if("hang-find");
	wanted = *(CK_OBJECT_CLASS *)template[0].pValue;
	next_object = wanted == CKO_CERTIFICATE   ? n_certs
		      : wanted == CKO_PRIVATE_KEY ? n_keys()
						  : 0;
	return CKR_OK;
}

/* From the last to the first. */
static CK_RV find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG max, CK_ULONG *n)
{
	bool half = wanted == CKO_CERTIFICATE && next_object < n_certs;

	*n = 0;
	if (half && is("removed-loudly"))
		return CKR_DEVICE_REMOVED;
	if (next_object == 0 || (half && is("removed")))
		return CKR_OK;
	objects[0] = (wanted == CKO_PRIVATE_KEY ? KEY_BASE : 0) + next_object;
	*n = 1;
	if (is("endless")) {
		(void)!write(STDERR_FILENO, "hanging\n", 8);
		return CKR_OK;
	}
	next_object--;
	return CKR_OK;
}

static CK_RV find_final(CK_SESSION_HANDLE session)
{
	listed = listed || wanted == CKO_CERTIFICATE;
	return CKR_OK;
}

static CK_RV give(CK_ATTRIBUTE *attribute, const void *value, CK_ULONG len)
{
	if (attribute->pValue != NULL && attribute->ulValueLen < len)
		return CKR_BUFFER_TOO_SMALL;
	if (attribute->pValue != NULL && len > 0)
		memcpy(attribute->pValue, value, len);
	attribute->ulValueLen = len;
	return CKR_OK;
}

static CK_RV give_label(CK_ATTRIBUTE *attribute, CK_OBJECT_HANDLE object)
{
	static char long_label[LABEL_LONG];
	g_autofree char *label = g_strdup_printf("Certificate %lu", object);
	const char *own = setting("object");

	if (own != NULL)
		return give(attribute, own, strlen(own));
	if (is("no-label"))
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if (is("bad-label"))
		return give(attribute, "\x1b[2J\xff\xfe\n", 7);
	if (is("long-label")) {
		memset(long_label, 'x', sizeof long_label);
		return give(attribute, long_label, sizeof long_label);
	}
	return give(attribute, label, strlen(label));
}

static CK_RV give_value(CK_ATTRIBUTE *attribute, CK_OBJECT_HANDLE object)
{
	g_autofree char *own = g_memdup2(der, der_len);
	guint32 mark = GUINT32_TO_BE((guint32)object);

	if (is("garbage-all") || (is("garbage") && object == 2))
		return give(attribute, "no certificate", 14);
	if (der_len > sizeof mark && n_certs > 1)
		memcpy(own + der_len - sizeof mark, &mark, sizeof mark);
	return give(attribute, own, der_len);
}

static CK_RV get_one(CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attribute)
{
	bool key = object > KEY_BASE;
	CK_OBJECT_CLASS class = key ? CKO_PRIVATE_KEY : CKO_CERTIFICATE;
	CK_ULONG number = (CK_ULONG)(key ? object - KEY_BASE : object);
	CK_ULONG own = key && is("keys-other") ? number + n_certs : number;
	guint16 id = GUINT16_TO_BE((guint16)own);
	CK_ULONG type = key ? CKK_EC : is("odd-type") ? CKC_WTLS : CKC_X_509;

	switch (attribute->type) {
	case CKA_CLASS:
		return give(attribute, &class, sizeof class);
	case CKA_CERTIFICATE_TYPE:
	case CKA_KEY_TYPE:
		return give(attribute, &type, sizeof type);
	case CKA_ID:
		return give(attribute, &id, sizeof id);
	case CKA_LABEL:
		return give_label(attribute, number);
	case CKA_VALUE:
		return key ? CKR_ATTRIBUTE_SENSITIVE : give_value(attribute, object);
	default:
		return CKR_ATTRIBUTE_TYPE_INVALID;
	}
}

static CK_RV get_attributes(
	CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes, CK_ULONG n)
{
	CK_RV rv = CKR_OK;

	for (CK_ULONG i = 0; i < n && rv == CKR_OK; i++)
		rv = get_one(object, &attributes[i]);
	return rv;
}

/* Asking for a PIN is what no scan may ever do. */
static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
	abort();
}

static CK_FUNCTION_LIST functions = {
	.version = {2, 40},
	.C_Initialize = initialize,
	.C_Finalize = finalize,
	.C_GetInfo = get_info,
	.C_GetSlotList = get_slot_list,
	.C_GetSlotInfo = get_slot_info,
	.C_GetTokenInfo = get_token_info,
	.C_OpenSession = open_session,
	.C_CloseSession = close_session,
	.C_CloseAllSessions = close_session,
	.C_Login = login,
	.C_FindObjectsInit = find_init,
	.C_FindObjects = find,
	.C_FindObjectsFinal = find_final,
	.C_GetAttributeValue = get_attributes,
};

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
	*list = &functions;
	return CKR_OK;
}
