/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of config share and nobody else needs: the type of a key, and the step between a
 * value's text and its field.
 */

#include "config.h"

G_BEGIN_DECLS

typedef enum {
	CONFIG_TYPE_BOOL,
	CONFIG_TYPE_WORD, /* an enum; its words, in order, are the key's `values` */
	CONFIG_TYPE_NUMBER,
	CONFIG_TYPE_SECONDS,
	CONFIG_TYPE_TEXTS, /* lists, by what their elements are */
	CONFIG_TYPE_PATHS,
	CONFIG_TYPE_MODULES,
	CONFIG_TYPE_EKUS,
	CONFIG_TYPE_HASHES,
	CONFIG_TYPE_FORWARDS,
} ConfigKind;

typedef struct ConfigType {
	ConfigKind kind;
	gsize offset; /* of the field in Config */
	guint64 min, max;
	bool administrator; /* a user's file cannot set it in any case */
} ConfigType;

/* One entry of Config.origins, in the order of the table. */
typedef struct ConfigOrigin {
	char *set_by;    /* "built-in" or "FILE:LINE" */
	char *locked_by; /* "FILE:LINE", or NULL */
} ConfigOrigin;

/* A value longer than this is refused: it must fit into a frame's text with room to spare. */
#define CONFIG_VALUE_MAX (32u * 1024u)

/* NULL if there is no such key. */
const ConfigKey *config_key_find(const char *group, const char *key);
bool config_group_exists(const char *group);
/* What was probably meant by an unknown name: a key (as "[group] key") or, with key NULL, a group.
   NULL if nothing is near. */
char *config_key_guess(const char *group, const char *key) G_GNUC_WARN_UNUSED_RESULT;
ConfigOrigin *config_key_origin(const Config *config, const ConfigKey *key);

bool config_value_set(Config *config, const ConfigKey *key, const char *text,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
char *config_value_get(const Config *config, const ConfigKey *key) G_GNUC_WARN_UNUSED_RESULT;
void config_value_clear(Config *config, const ConfigKey *key);

/* Takes over what one file says; adds its faults (ConfigFault) to `faults`. */
void config_text_load(Config *config, GPtrArray *faults, const char *file, bool user,
	const char *text, gsize len);

G_END_DECLS
