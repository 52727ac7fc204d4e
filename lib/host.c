/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A name for this machine that is stable and says nothing. The machine id must not leave the
 * machine (machine-id(5)), and homes do: they are shared, backed up, restored. So a claim carries a
 * keyed hash of it, computed as systemd's sd_id128_get_machine_app_specific() does, without its
 * library:
 *
 *     systemd-id128 machine-id --app-specific=4f2c418099e54a99a5ba0f2113630626
 *
 * prints the same where systemd is.
 */

#include "host.h"

#include <stdbool.h>
#include <string.h>

#include "text.h"

#define ID_LEN 16

/* Random, once and for all: another one would make every claim that exists a foreign host's. */
static const guint8 app_id[ID_LEN] = {0x4f, 0x2c, 0x41, 0x80, 0x99, 0xe5, 0x4a, 0x99, 0xa5, 0xba,
	0x0f, 0x21, 0x13, 0x63, 0x06, 0x26};

static const char *const files[] = {"/etc/machine-id", "/var/lib/dbus/machine-id"};

/* 32 hex digits, not all of them zero. "uninitialized", as images carry it, is no machine id. */
static bool id_decode(const char *text, guint8 ret_id[ID_LEN])
{
	guint8 any = 0;

	if (strlen(text) != 2 * ID_LEN)
		return false;
	for (gsize i = 0; i < ID_LEN; i++) {
		int high = g_ascii_xdigit_value(text[2 * i]);
		int low = g_ascii_xdigit_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret_id[i] = (guint8)(high << 4 | low);
		any |= ret_id[i];
	}

	return any != 0;
}

char *host_from_machine_id(const char *machine_id)
{
	guint8 key[ID_LEN], digest[32];
	gsize len = sizeof digest;
	bool decoded = id_decode(machine_id, key);
	GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, decoded ? key : (const guint8 *)machine_id,
		decoded ? sizeof key : strlen(machine_id));

	g_hmac_update(hmac, app_id, sizeof app_id);
	g_hmac_get_digest(hmac, digest, &len);
	g_hmac_unref(hmac);

	/* The form of a random UUID (RFC 4122), as sd_id128 gives it. */
	digest[6] = (guint8)((digest[6] & 0x0f) | 0x40);
	digest[8] = (guint8)((digest[8] & 0x3f) | 0x80);

	return text_hex(digest, ID_LEN);
}

char *host_here(void)
{
	guint8 id[ID_LEN];

	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *text = NULL;

		if (!g_file_get_contents(files[i], &text, NULL, NULL))
			continue;
		g_strstrip(text);
		if (id_decode(text, id))
			return host_from_machine_id(text);
	}

	return host_from_machine_id(g_get_host_name());
}
