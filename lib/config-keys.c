/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of keys: the one place that says which there are, what they may be, and what they are
 * when nobody says anything. The man page, the parser and `certpropctl config` all follow it. Its
 * order is the man page's.
 */

#include "config-table.h"

#include <string.h>

#define DAY 86400u

#define TYPE(k, field) (&(const ConfigType){.kind = (k), .offset = G_STRUCT_OFFSET(Config, field)})
#define RANGE(k, field, from, to)                         \
	(&(const ConfigType){.kind = (k),                 \
		.offset = G_STRUCT_OFFSET(Config, field), \
		.min = (from),                            \
		.max = (to)})

/* certificate-bytes stays below WIRE_FRAME_MAX: a certificate travels in one frame. */
static const ConfigKey keys[] = {
	{"propagation", "enabled", "true", "true|false",
		"The master switch: with false no card is read", TYPE(CONFIG_TYPE_BOOL, enabled)},
	{"propagation", "modules", "opensc-pkcs11.so", "list",
		"The PKCS#11 modules to read cards with", TYPE(CONFIG_TYPE_MODULES, modules)},

	{"databases", "discover", "true", "true|false", "Serve the databases that are found",
		TYPE(CONFIG_TYPE_BOOL, discover)},
	{"databases", "include", "", "list", "Directories of further databases",
		TYPE(CONFIG_TYPE_PATHS, include)},
	{"databases", "exclude", "", "list", "Directories or patterns that are never touched",
		TYPE(CONFIG_TYPE_PATHS, exclude)},
	{"databases", "create-shared", "true", "true|false",
		"Create the shared database where there is none",
		TYPE(CONFIG_TYPE_BOOL, create_shared)},

	{"local", "on-removal", "keep", "keep|remove",
		"What happens when a card leaves a local reader",
		TYPE(CONFIG_TYPE_WORD, on_removal)},
	{"local", "on-logout", "keep", "keep|remove", "The same, when the session ends",
		TYPE(CONFIG_TYPE_WORD, on_logout)},

	{"redirected", "policy", "session", "session|keep|ignore",
		"Cards at the other end of a remote connection",
		TYPE(CONFIG_TYPE_WORD, redirected)},
	{"redirected", "grace", "30s", "0s..1d", "How long a lost connection may take to come back",
		RANGE(CONFIG_TYPE_SECONDS, grace, 0, DAY)},
	{"redirected", "forwarded", "", "list",
		"Sockets of other machines' pcscd that are forwarded to here, as NAME:PATH",
		TYPE(CONFIG_TYPE_FORWARDS, forwarded)},

	{"filter", "time-invalid", "skip", "skip|allow",
		"Certificates that are expired or not yet valid",
		TYPE(CONFIG_TYPE_WORD, time_invalid)},
	{"filter", "require-eku", "", "list",
		"Only certificates with one of these extended key usages",
		TYPE(CONFIG_TYPE_EKUS, require_eku)},
	{"filter", "issuers", "", "list", "Only certificates whose issuer contains one of these",
		TYPE(CONFIG_TYPE_TEXTS, issuers)},
	{"filter", "ecc", "true", "true|false", "Certificates with elliptic-curve keys",
		TYPE(CONFIG_TYPE_BOOL, ecc)},
	{"filter", "without-key", "allow", "skip|allow",
		"Certificates that are known to have no private key",
		TYPE(CONFIG_TYPE_WORD, without_key)},
	{"filter", "duplicates", "all", "all|newest",
		"Certificates of one token with the same issuer, subject and usage",
		TYPE(CONFIG_TYPE_WORD, duplicates)},

	{"ca", "intermediates", "import", "import|skip", "CA certificates other than roots",
		TYPE(CONFIG_TYPE_WORD, intermediates)},
	{"ca", "trusted-roots", "", "list", "SHA-256 of the roots that may be propagated",
		&(const ConfigType){.kind = CONFIG_TYPE_HASHES,
			.offset = G_STRUCT_OFFSET(Config, trusted_roots),
			.administrator = true}},
	{"ca", "cleanup", "with-owner", "with-owner|keep",
		"Whether CA certificates leave with the card's other certificates",
		TYPE(CONFIG_TYPE_WORD, cleanup)},

	{"keys", "register-module", "false", "true|false",
		"Register the PKCS#11 module in the databases",
		TYPE(CONFIG_TYPE_BOOL, register_module)},

	{"limits", "certificates-per-token", "64", "1..256", "Certificates taken from one token",
		RANGE(CONFIG_TYPE_NUMBER, certificates_per_token, 1, 256)},
	{"limits", "certificate-bytes", "32768", "256..131072", "Size of one certificate",
		RANGE(CONFIG_TYPE_NUMBER, certificate_bytes, 256, 131072)},
	{"limits", "scan-seconds", "30", "1..600", "How long reading one card may take",
		RANGE(CONFIG_TYPE_NUMBER, scan_seconds, 1, 600)},
};

const ConfigKey *config_keys(gsize *ret_n)
{
	*ret_n = G_N_ELEMENTS(keys);
	return keys;
}

const ConfigKey *config_key_find(const char *group, const char *key)
{
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
		if (strcmp(keys[i].group, group) == 0 && strcmp(keys[i].key, key) == 0)
			return &keys[i];
	}

	return NULL;
}

bool config_group_exists(const char *group)
{
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
		if (strcmp(keys[i].group, group) == 0)
			return true;
	}

	return strcmp(group, "lock") == 0;
}

ConfigOrigin *config_key_origin(const Config *config, const ConfigKey *key)
{
	return g_ptr_array_index(config->origins, (guint)(key - keys));
}

/* Typing errors: how many letters to put in, take out or change (Levenshtein), letters of any case
   alike, '_' for '-'. Names longer than any of ours are not near to one. */
#define NEAR_LEN 40

static char folded(char c)
{
	return c == '_' ? '-' : g_ascii_tolower(c);
}

static bool is_near(const char *typed, const char *name)
{
	unsigned row[NEAR_LEN + 1];
	gsize n = strlen(name);

	if (n > NEAR_LEN || strlen(typed) > NEAR_LEN)
		return false;

	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; typed[i - 1] != '\0'; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= n; j++) {
			unsigned change = diagonal + (folded(typed[i - 1]) != folded(name[j - 1]));

			diagonal = row[j];
			row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
		}
	}

	return row[n] <= 2 && row[n] < n;
}

char *config_key_guess(const char *group, const char *key)
{
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
		if (key == NULL && is_near(group, keys[i].group))
			return g_strdup_printf("[%s]", keys[i].group);
		if (key != NULL && strcmp(group, keys[i].group) == 0 && is_near(key, keys[i].key))
			return g_strdup_printf("[%s] %s", keys[i].group, keys[i].key);
	}
	/* The right key in the wrong group. */
	for (gsize i = 0; key != NULL && i < G_N_ELEMENTS(keys); i++) {
		if (is_near(key, keys[i].key))
			return g_strdup_printf("[%s] %s", keys[i].group, keys[i].key);
	}

	return NULL;
}
