/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any bytes as a certificate: refused, or read into something that is safe to show, to store and to
 * judge. The last byte also serves as the token's name for it.
 */

#include "cert.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static void check(bool condition)
{
	if (!condition)
		abort();
}

static void check_text(const char *text, gsize max)
{
	check(text != NULL && strlen(text) <= max && g_utf8_validate(text, -1, NULL));
	for (const char *p = text; *p != '\0'; p = g_utf8_next_char(p))
		check(!g_unichar_iscntrl(g_utf8_get_char(p)) &&
			g_unichar_type(g_utf8_get_char(p)) != G_UNICODE_FORMAT);
}

static void check_part(const Cert *cert, GBytes *part)
{
	gsize len, part_len;
	const void *data = g_bytes_get_data(cert->der, &len);
	const void *part_data = g_bytes_get_data(part, &part_len);

	check(part_len >= 2 && memmem(data, len, part_data, part_len) != NULL);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	g_autoptr(GBytes) der = g_bytes_new(data, size);
	g_autoptr(GError) error = NULL;
	g_autoptr(Cert) cert = cert_parse(der, &error);
	guint8 id[CERT_ID_LEN];

	check((cert == NULL) == (error != NULL));
	if (cert == NULL)
		return 0;

	check_text(cert->subject, CERT_TEXT_MAX);
	check_text(cert->issuer, CERT_TEXT_MAX);
	check_text(cert->serial, 2 * CERT_SERIAL_MAX + 1);
	if (cert->email != NULL)
		check_text(cert->email, 254);
	check_part(cert, cert->subject_der);
	check_part(cert, cert->issuer_der);

	for (unsigned attempt = 0; attempt < 2; attempt++) {
		g_autofree char *name = cert_nickname(cert, cert->subject, cert->issuer, attempt);

		check_text(name, CERT_NAME_MAX);
		check(name[0] != '\0' && strchr(name, ':') == NULL);
	}
	cert_id(cert, id);
	return 0;
}
