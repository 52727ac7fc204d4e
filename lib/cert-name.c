/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two attributes of a propagated certificate that are ours to choose. Both are functions of the
 * certificate (and, for the name, of what the token calls it), so that anybody can compute them
 * again and see whether a user has changed them since.
 *
 * CKA_ID: NSS overwrites it with the SHA-1 of the public key whenever somebody imports the
 * certificate anew. Ours is something else by construction, and therefore a seal that breaks by
 * itself when the user makes the certificate his own.
 *
 * CKA_LABEL: what people see and pick from. NSS takes any bytes and prints them raw, reads what
 * stands before a ':' as a token's name, and refuses the same name for two subjects; certutil's
 * column is 60 wide. Cards put three certificates under one subject, so the token's own name for
 * the certificate must survive every cut.
 */

#include <string.h>

#include "cert.h"
#include "text.h"

/* Separates our digest from anybody else's SHA-256 of a certificate. */
#define ID_PREFIX "certprop"

/* The longest that OpenSC gives a PIV certificate is "Retired Certificate for Key Management 20";
   the end is what distinguishes it. */
#define OBJECT_MAX 44u
#define TOKEN_MIN  16u

void cert_id(const Cert *cert, guint8 ret_id[CERT_ID_LEN])
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	guint8 digest[CERT_SHA256_LEN];
	gsize len = sizeof(digest);
	gsize size;
	const guint8 *data = g_bytes_get_data(cert->der, &size);

	g_checksum_update(sum, (const guchar *)ID_PREFIX, (gssize)strlen(ID_PREFIX));
	g_checksum_update(sum, data, (gssize)size);
	g_checksum_get_digest(sum, digest, &len);
	memcpy(ret_id, digest, CERT_ID_LEN);
}

/* The best name that the certificate gives itself. Never empty. */
static char *own_name(const Cert *cert)
{
	const char *candidates[] = {cert->common_name, cert->email, cert->organisation};

	for (gsize i = 0; i < G_N_ELEMENTS(candidates); i++) {
		g_autofree char *name = text_clean(candidates[i], CERT_NAME_MAX);

		if (name[0] != '\0')
			return g_steal_pointer(&name);
	}
	return g_strdup_printf("Certificate %.8s", cert->sha256_hex);
}

char *cert_nickname(const Cert *cert, const char *object, const char *token_label, unsigned attempt)
{
	g_autofree char *suffix = attempt > 0 ? g_strdup_printf(" #%u", attempt + 1) : g_strdup("");
	g_autofree char *name = own_name(cert);
	g_autofree char *what = text_clean(object, OBJECT_MAX);
	g_autofree char *token = text_clean(token_label, CERT_NAME_MAX);
	gsize room = CERT_NAME_MAX - strlen(suffix);
	GString *out = NULL;

	if (strcmp(what, name) == 0)
		what[0] = '\0';
	if (what[0] != '\0')
		room -= strlen(what) + strlen(" - ");
	if (token[0] != '\0') {
		room -= strlen(" ()");
		if (strlen(name) + strlen(token) > room) {
			gsize left = room > strlen(name) ? room - strlen(name) : 0;
			char *cut = text_clean(token, MAX(left, TOKEN_MIN));

			g_free(token);
			token = cut;
		}
		room -= strlen(token);
	}

	out = g_string_new(NULL);
	if (strlen(name) > room) {
		g_autofree char *cut = text_clean(name, room);

		g_string_append(out, cut);
	} else {
		g_string_append(out, name);
	}
	if (what[0] != '\0')
		g_string_append_printf(out, " - %s", what);
	if (token[0] != '\0')
		g_string_append_printf(out, " (%s)", token);
	g_string_append(out, suffix);

	return g_strdelimit(g_string_free(out, FALSE), ":", '.');
}
