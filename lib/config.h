/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The configuration: built-in defaults < administrator's file < its drop-ins (by name) < user's
 * file. Keys that the administrator lists in [lock] keys= ("group.key" or "group") cannot be
 * changed by the user's file; [ca] trusted-roots is the administrator's in any case. A Config is
 * complete and immutable once loaded: a reload makes a new one.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef enum { CONFIG_KEEP, CONFIG_REMOVE } ConfigRemoval;
typedef enum {
	CONFIG_REDIRECTED_SESSION,
	CONFIG_REDIRECTED_KEEP,
	CONFIG_REDIRECTED_IGNORE
} ConfigRedirected;
typedef enum { CONFIG_SKIP, CONFIG_ALLOW } ConfigAllow;
typedef enum { CONFIG_DUPLICATES_ALL, CONFIG_DUPLICATES_NEWEST } ConfigDuplicates;
typedef enum { CONFIG_INTERMEDIATES_IMPORT, CONFIG_INTERMEDIATES_SKIP } ConfigIntermediates;
typedef enum { CONFIG_CLEANUP_WITH_OWNER, CONFIG_CLEANUP_KEEP } ConfigCleanup;

typedef struct Config {
	/* [propagation] */
	bool enabled;
	char **modules;
	/* [databases] */
	bool discover;
	char **include;
	char **exclude;
	bool create_shared;
	/* [local] */
	ConfigRemoval on_removal;
	ConfigRemoval on_logout;
	/* [redirected] */
	ConfigRedirected redirected;
	guint64 grace;    /* seconds */
	char **forwarded; /* "NAME:PATH", each name once; see route_split() */
	/* [filter] */
	ConfigAllow time_invalid;
	char **require_eku; /* dotted OIDs or the names clientAuth, emailProtection, … resolved */
	char **issuers;     /* substrings of the issuer's RFC 4514 text, any of them; empty: all */
	bool ecc;
	ConfigAllow without_key;
	ConfigDuplicates duplicates;
	/* [ca] */
	ConfigIntermediates intermediates;
	char **trusted_roots; /* SHA-256, 64 lower-case hex digits each */
	ConfigCleanup cleanup;
	/* [keys] */
	bool register_module;
	/* [limits] */
	guint64 certificates_per_token;
	guint64 certificate_bytes;
	guint64 scan_seconds;

	/* how each key came to its value; see config_origin() */
	GPtrArray *origins;
} Config;

struct ConfigType; /* config-table.h: how the text becomes a field */

/* The table of keys, in the order of the man page. */
typedef struct ConfigKey {
	const char *group;
	const char *key;
	const char *default_text; /* as it would stand in the file */
	const char *values; /* for people: "keep|remove", "true|false", "1..256", "list" … */
	const char *help;   /* one line */
	const struct ConfigType *type;
} ConfigKey;

const ConfigKey *config_keys(gsize *ret_n);

typedef struct ConfigFault {
	char *file;
	unsigned line; /* 0 if it is about the file as a whole */
	char *message;
	bool warning;   /* unknown key, ignored override of a locked key: said, not fatal */
	bool strangers; /* the file is not ours: it is only named */
} ConfigFault;

void config_fault_free(ConfigFault *fault);
/* "FILE:LINE: message" */
char *config_fault_text(const ConfigFault *fault) G_GNUC_WARN_UNUSED_RESULT;

Config *config_new(void);
/* Reads sysconf_dir/certprop.conf, sysconf_dir/certprop.conf.d/\*.conf and user_dir/certprop.conf,
   as far as they exist (both directories end in ".../certprop"; user_dir may be NULL). Returns NULL
   if there was at least one fault that is not a warning. *ret_faults (ConfigFault, never NULL)
   lists all of them, from all files, in either case. */
Config *config_load(const char *sysconf_dir, const char *user_dir,
	GPtrArray **ret_faults) G_GNUC_WARN_UNUSED_RESULT;
/* The user's directory, for config_load(). NULL where HOME or XDG_CONFIG_HOME is a relative path.
 */
char *config_user_dir(void) G_GNUC_WARN_UNUSED_RESULT;
Config *config_free(Config *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_free)

/* Sets one key from its text, as in a file. Errors: CONFIG, with what would be right. */
bool config_set(Config *config, const char *group, const char *key, const char *text,
	const char *origin, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The effective value as it would stand in a file. */
char *config_get(
	const Config *config, const char *group, const char *key) G_GNUC_WARN_UNUSED_RESULT;
/* "built-in", or "FILE:LINE"; owned by the config. */
const char *config_origin(const Config *config, const char *group, const char *key);
/* How long reading a card at this endpoint may take; NULL is the local one. */
unsigned config_scan_seconds(const Config *config, const char *endpoint);
bool config_locked(const Config *config, const char *group, const char *key);

G_END_DECLS
