/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PKCS#11 has no call for "all attributes that there are", so a list says which to ask for: those
 * that the standard has for certificates, those that NSS adds, and the general ones that softoken
 * has a column for and lets anybody fill. Missing here are only key material, trust and what other
 * kinds of objects have. CKA_UNIQUE_ID (0x4) is left out: it is NSS's own to give, to each new
 * object another.
 */

#include "row.h"

#include <string.h>

#include "error.h"

#define CLASS_CERTIFICATE 1UL

static const gulong types[] = {
	0x00000000UL, /* CKA_CLASS */
	0x00000001UL, /* CKA_TOKEN */
	0x00000002UL, /* CKA_PRIVATE */
	0x00000003UL, /* CKA_LABEL */
	0x00000010UL, /* CKA_APPLICATION */
	0x00000011UL, /* CKA_VALUE */
	0x00000012UL, /* CKA_OBJECT_ID */
	0x00000080UL, /* CKA_CERTIFICATE_TYPE */
	0x00000081UL, /* CKA_ISSUER */
	0x00000082UL, /* CKA_SERIAL_NUMBER */
	0x00000083UL, /* CKA_AC_ISSUER */
	0x00000084UL, /* CKA_OWNER */
	0x00000085UL, /* CKA_ATTR_TYPES */
	0x00000086UL, /* CKA_TRUSTED */
	0x00000087UL, /* CKA_CERTIFICATE_CATEGORY */
	0x00000088UL, /* CKA_JAVA_MIDP_SECURITY_DOMAIN */
	0x00000089UL, /* CKA_URL */
	0x0000008aUL, /* CKA_HASH_OF_SUBJECT_PUBLIC_KEY */
	0x0000008bUL, /* CKA_HASH_OF_ISSUER_PUBLIC_KEY */
	0x0000008cUL, /* CKA_NAME_HASH_ALGORITHM */
	0x00000090UL, /* CKA_CHECK_VALUE */
	0x00000101UL, /* CKA_SUBJECT */
	0x00000102UL, /* CKA_ID */
	0x00000110UL, /* CKA_START_DATE */
	0x00000111UL, /* CKA_END_DATE */
	0x00000129UL, /* CKA_PUBLIC_KEY_INFO */
	0x00000170UL, /* CKA_MODIFIABLE */
	0x00000171UL, /* CKA_COPYABLE */
	0x00000172UL, /* CKA_DESTROYABLE */
	0x00000482UL, /* CKA_MIME_TYPES */
	0xce534351UL, /* CKA_NSS_URL */
	0xce534352UL, /* CKA_NSS_EMAIL */
	0xce534353UL, /* CKA_NSS_SMIME_INFO */
	0xce534354UL, /* CKA_NSS_SMIME_TIMESTAMP */
	0xce534373UL, /* CKA_NSS_SERVER_DISTRUST_AFTER */
	0xce534374UL, /* CKA_NSS_EMAIL_DISTRUST_AFTER */
};

const gulong *row_types(gsize *ret_n)
{
	*ret_n = G_N_ELEMENTS(types);
	return types;
}

static void attribute_free(gpointer data)
{
	RowAttribute *attribute = data;

	g_bytes_unref(attribute->value);
	g_free(attribute);
}

Row *row_new(void)
{
	Row *row = g_new0(Row, 1);

	row->attributes = g_ptr_array_new_with_free_func(attribute_free);
	return row;
}

Row *row_free(Row *row)
{
	if (row == NULL)
		return NULL;

	g_ptr_array_unref(row->attributes);
	g_free(row);
	return NULL;
}

bool row_may_add(const Row *row, guint64 type)
{
	for (gsize i = 0; i < G_N_ELEMENTS(types); i++) {
		if (types[i] == type)
			return row_get(row, types[i]) == NULL;
	}
	return false;
}

void row_add(Row *row, gulong type, GBytes *value)
{
	RowAttribute *attribute = g_new0(RowAttribute, 1);

	attribute->type = type;
	attribute->value = value;
	g_ptr_array_add(row->attributes, attribute);
}

GBytes *row_get(const Row *row, gulong type)
{
	for (guint i = 0; i < row->attributes->len; i++) {
		const RowAttribute *attribute = g_ptr_array_index(row->attributes, i);

		if (attribute->type == type)
			return attribute->value;
	}
	return NULL;
}

static bool is_number(GBytes *value, gulong number)
{
	gsize len;
	const void *data = value != NULL ? g_bytes_get_data(value, &len) : NULL;

	return data != NULL && len == sizeof number && memcmp(data, &number, len) == 0;
}

static bool is_true(GBytes *value)
{
	gsize len;
	const guint8 *data = value != NULL ? g_bytes_get_data(value, &len) : NULL;

	return data != NULL && len == 1 && *data != 0;
}

static bool is_same(const Row *row, gulong type, GBytes *wanted)
{
	GBytes *value = row_get(row, type);

	return value != NULL && g_bytes_equal(value, wanted);
}

Cert *row_cert(const Row *row, GError **error)
{
	GBytes *der = row_get(row, ROW_VALUE);
	g_autoptr(Cert) cert = der != NULL ? cert_parse(der, NULL) : NULL;

	if (cert != NULL && is_number(row_get(row, ROW_CLASS), CLASS_CERTIFICATE) &&
		is_true(row_get(row, ROW_TOKEN)) && !is_true(row_get(row, ROW_PRIVATE)) &&
		!is_true(row_get(row, ROW_TRUSTED)) && row_get(row, ROW_ID) != NULL &&
		is_same(row, ROW_SUBJECT, cert->subject_der) &&
		is_same(row, ROW_ISSUER, cert->issuer_der) &&
		is_same(row, ROW_SERIAL, cert->serial_der))
		return g_steal_pointer(&cert);

	g_set_error_literal(error, CERTPROP_ERROR, CERTPROP_ERROR_DAMAGED,
		"It is no certificate as NSS stores one");
	return NULL;
}

char *row_sum(const Row *row)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

	for (guint i = 0; i < row->attributes->len; i++) {
		const RowAttribute *attribute = g_ptr_array_index(row->attributes, i);
		gsize len;
		const void *data = g_bytes_get_data(attribute->value, &len);
		guint64 head[] = {attribute->type, len};

		g_checksum_update(sum, (const guchar *)head, sizeof head);
		g_checksum_update(sum, data, (gssize)len);
	}
	return g_strdup(g_checksum_get_string(sum));
}
