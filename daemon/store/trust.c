/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What "certutil -M -t C,C," writes: an authority for servers and for mail, and for nothing else.
 * Not for clients ("T" is for programs that are servers), and not for code. A trust object belongs
 * to a certificate by issuer and serial number, and names its SHA-1 and MD5 besides.
 *
 * The object carries nothing that could say whose it is; that stands in the marker (x-trust). So
 * only one that is in every value as we write it passes for ours, and what a user has changed, also
 * what NSS 3.114 and later write as a trust object of PKCS#11 v3.2, is the user's.
 *
 * NSS signs the values with a key that needs the database's password. Where there is one nothing
 * is written here (nssdb_needs_password()); nobody is asked for it.
 */

#include "trust.h"

#include <string.h>

#include "error.h"
#include "row.h"

#define CLASS_TRUST 0xce534353UL /* CKO_NSS_TRUST */

#define TYPE_SERVER  0xce536358UL /* CKA_TRUST_SERVER_AUTH … */
#define TYPE_CLIENT  0xce536359UL
#define TYPE_CODE    0xce53635aUL
#define TYPE_EMAIL   0xce53635bUL
#define TYPE_STEP_UP 0xce536360UL
#define TYPE_SHA1    0xce5363b4UL
#define TYPE_MD5     0xce5363b5UL

#define DELEGATOR       0xce534352UL /* CKT_NSS_TRUSTED_DELEGATOR: "C" */
#define MUST_VERIFY     0xce534353UL /* "" */
#define VALID_DELEGATOR 0xce53435bUL /* "c": an authority, and not trusted as one */

#define VALUES_MAX 8

static const struct {
	gulong type, value;
} levels[] = {
	{TYPE_SERVER, DELEGATOR},
	{TYPE_CLIENT, VALID_DELEGATOR},
	{TYPE_CODE, MUST_VERIFY},
	{TYPE_EMAIL, DELEGATOR},
};

static const struct {
	gulong type;
	GChecksumType kind;
} sums[] = {
	{TYPE_SHA1, G_CHECKSUM_SHA1},
	{TYPE_MD5, G_CHECKSUM_MD5},
};

static GBytes *checksum(const Cert *cert, GChecksumType kind)
{
	g_autoptr(GChecksum) sum = g_checksum_new(kind);
	gsize len = (gsize)g_checksum_type_get_length(kind);
	guint8 *digest = g_malloc(len);
	gsize n;
	const void *der = g_bytes_get_data(cert->der, &n);

	g_checksum_update(sum, der, (gssize)n);
	g_checksum_get_digest(sum, digest, &len);
	return g_bytes_new_take(digest, len);
}

/* What is compared, without what says of which certificate it is. */
static Row *make_values(const Cert *cert)
{
	const guint8 no = 0;
	Row *row = row_new();

	for (gsize i = 0; i < G_N_ELEMENTS(levels); i++)
		row_add(row, levels[i].type, g_bytes_new(&levels[i].value, sizeof levels[i].value));
	row_add(row, TYPE_STEP_UP, g_bytes_new(&no, sizeof no));
	for (gsize i = 0; i < G_N_ELEMENTS(sums); i++)
		row_add(row, sums[i].type, checksum(cert, sums[i].kind));
	return row;
}

static Row *make_object(const Cert *cert)
{
	const gulong class = CLASS_TRUST;
	const guint8 yes = 1;
	Row *row = make_values(cert);

	row_add(row, ROW_CLASS, g_bytes_new(&class, sizeof class));
	row_add(row, ROW_TOKEN, g_bytes_new(&yes, sizeof yes));
	row_add(row, ROW_ISSUER, g_bytes_ref(cert->issuer_der));
	row_add(row, ROW_SERIAL, g_bytes_ref(cert->serial_der));
	return row;
}

/* It is a NSS trust object with just these values. */
static bool is_own(Nssdb *db, gulong handle, const Cert *cert, bool *ret_own, GError **error)
{
	const gulong class = CLASS_TRUST;
	g_autoptr(Row) wanted = make_values(cert);
	g_autoptr(Row) found = NULL;
	gulong types[VALUES_MAX];
	guint n;

	row_add(wanted, ROW_CLASS, g_bytes_new(&class, sizeof class));
	n = wanted->attributes->len;
	g_assert(n <= VALUES_MAX);
	for (guint i = 0; i < n; i++)
		types[i] = ((const RowAttribute *)g_ptr_array_index(wanted->attributes, i))->type;
	found = nssdb_attributes(db, handle, types, n, error);
	if (found == NULL)
		return false;

	*ret_own = true;
	for (guint i = 0; i < n; i++) {
		const RowAttribute *want = g_ptr_array_index(wanted->attributes, i);
		GBytes *value = row_get(found, want->type);

		*ret_own = *ret_own && value != NULL && g_bytes_equal(value, want->value);
	}
	return true;
}

/* Sets *ret_handle to that of ours, if there is it and no other. */
static bool find(Nssdb *db, const Cert *cert, bool *ret_has, bool *ret_own, gulong *ret_handle,
	GError **error)
{
	g_autoptr(GArray) handles = nssdb_trusts(db, cert->issuer_der, cert->serial_der, error);

	if (handles == NULL)
		return false;

	*ret_has = handles->len > 0;
	*ret_own = false;
	if (handles->len != 1)
		return true;

	*ret_handle = g_array_index(handles, gulong, 0);
	return is_own(db, *ret_handle, cert, ret_own, error);
}

bool trust_look(Nssdb *db, const Cert *cert, bool *ret_has, bool *ret_own, GError **error)
{
	gulong handle;

	return find(db, cert, ret_has, ret_own, &handle, error);
}

static bool changed(const Cert *cert, GError **error)
{
	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_CHANGED,
		"Somebody else has set the trust of %s meanwhile; it is left as it is",
		cert->sha256_hex);
	return false;
}

bool trust_give(Nssdb *db, const Cert *cert, GError **error)
{
	g_autoptr(Row) row = make_object(cert);
	gulong handle;
	bool has, own;

	if (!find(db, cert, &has, &own, &handle, error))
		return false;
	if (has)
		return changed(cert, error);

	return nssdb_restore(db, row, error) == NSSDB_CREATED;
}

bool trust_take(Nssdb *db, const Cert *cert, GError **error)
{
	gulong handle;
	bool has, own;

	if (!find(db, cert, &has, &own, &handle, error))
		return false;
	if (!has)
		return true;
	if (!own)
		return changed(cert, error);

	return nssdb_destroy(db, handle, error);
}
