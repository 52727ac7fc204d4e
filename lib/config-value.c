/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between the text of a value and its field in Config, both ways: what config_value_get() says,
 * config_value_set() understands and changes nothing by. A refusal says what would be right, in the
 * words of the table; the field is untouched then.
 *
 * Lists are split by GKeyFile, so that ';' and the escapes mean what they mean in every other such
 * file.
 */

#include "config-table.h"

#include <string.h>

#include "error.h"
#include "route.h"
#include "text.h"

/* RFC 5280 section 4.2.1.12; MS-WCCE for the logon; RFC 4945 section 5.1.3.12. */
static const struct {
	const char *name, *oid;
} ekus[] = {
	{"clientAuth", "1.3.6.1.5.5.7.3.2"},
	{"serverAuth", "1.3.6.1.5.5.7.3.1"},
	{"emailProtection", "1.3.6.1.5.5.7.3.4"},
	{"codeSigning", "1.3.6.1.5.5.7.3.3"},
	{"smartcardLogon", "1.3.6.1.4.1.311.20.2.2"},
	{"ipsecIKE", "1.3.6.1.5.5.7.3.17"},
};

static const struct {
	char letter;
	guint64 seconds;
} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

#define FIELD(ctype, config, key) ((ctype *)G_STRUCT_MEMBER_P((config), (key)->type->offset))
#define FIELD_CONST(ctype, config, key) \
	((const ctype *)G_STRUCT_MEMBER_P((config), (key)->type->offset))

G_STATIC_ASSERT(sizeof(ConfigRemoval) == sizeof(unsigned));

static bool wrong(GError **error, const ConfigKey *key, const char *text, const char *right)
{
	g_autofree char *shown = text_escape(text);

	/* Enough to recognise it by; a value may be 32 KiB. Escapes are ASCII, the rest is valid.
	 */
	if (strlen(shown) > 80)
		*g_utf8_find_prev_char(shown, shown + 80) = '\0';
	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_CONFIG,
		"[%s] %s cannot be \"%s\": it is %s%s", key->group, key->key, shown, right,
		strstr(text, " #") != NULL ? " (a comment needs a line of its own)" : "");
	return false;
}

static bool set_bool(bool *field, const ConfigKey *key, const char *text, GError **error)
{
	bool yes = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;

	if (!yes && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
		return wrong(error, key, text, "true or false");

	*field = yes;
	return true;
}

static bool set_word(unsigned *field, const ConfigKey *key, const char *text, GError **error)
{
	g_auto(GStrv) words = g_strsplit(key->values, "|", -1);
	g_autofree char *right = NULL;

	for (unsigned i = 0; words[i] != NULL; i++) {
		if (strcmp(text, words[i]) == 0) {
			*field = i;
			return true;
		}
	}

	right = g_strjoinv(" or ", words);
	return wrong(error, key, text, right);
}

static bool set_number(guint64 *field, const ConfigKey *key, const char *text, GError **error)
{
	g_autofree char *right = NULL;

	if (g_ascii_string_to_unsigned(text, 10, key->type->min, key->type->max, field, NULL))
		return true;

	right = g_strdup_printf("a whole number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
		key->type->min, key->type->max);
	return wrong(error, key, text, right);
}

/* "30", "30s", "5m", "2h", "30d". */
static bool parse_seconds(const char *text, guint64 *ret_seconds)
{
	gsize len = strspn(text, "0123456789");
	g_autofree char *digits = g_strndup(text, len);
	const char *unit = text[len] != '\0' ? text + len : "s";
	guint64 number;

	if (unit[1] != '\0' ||
		!g_ascii_string_to_unsigned(digits, 10, 0, G_MAXUINT32, &number, NULL))
		return false;
	for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
		if (units[i].letter == *unit) {
			*ret_seconds = number * units[i].seconds;
			return true;
		}
	}

	return false;
}

static bool set_seconds(guint64 *field, const ConfigKey *key, const char *text, GError **error)
{
	g_autofree char *right = NULL;
	guint64 seconds;

	if (parse_seconds(text, &seconds) && seconds >= key->type->min &&
		seconds <= key->type->max) {
		*field = seconds;
		return true;
	}

	right = g_strdup_printf(
		"a number of seconds, or one with s, m, h or d after it, in %s", key->values);
	return wrong(error, key, text, right);
}

static char *element_eku(const char *text)
{
	gsize digits = strspn(text, "0123456789.");

	for (gsize i = 0; i < G_N_ELEMENTS(ekus); i++) {
		if (g_ascii_strcasecmp(text, ekus[i].name) == 0)
			return g_strdup(ekus[i].oid);
	}
	/* At least two arcs, none of them empty. */
	if (text[digits] != '\0' || strchr(text, '.') == NULL || strstr(text, "..") != NULL ||
		*text == '.' || text[digits - 1] == '.')
		return NULL;

	return g_strdup(text);
}

/* As openssl, certutil and browsers print it: with or without colons, in either case. */
static char *element_hash(const char *text)
{
	GString *hash = g_string_new(NULL);

	for (const char *p = text; *p != '\0'; p++) {
		if (g_ascii_isxdigit(*p))
			g_string_append_c(hash, g_ascii_tolower(*p));
		else if (*p != ':')
			break;
		if (p[1] == '\0' && hash->len == 64)
			return g_string_free(hash, FALSE);
	}

	(void)g_string_free(hash, TRUE);
	return NULL;
}

/* No path has these, but by mistake, or to get something into a line of its own somewhere. */
static bool has_control(const char *text)
{
	while (*text != '\0' && !g_ascii_iscntrl(*text))
		text++;
	return *text != '\0';
}

static char *element_path(const char *text)
{
	/* As NSS and our own lists write a database. */
	if (g_str_has_prefix(text, "sql:"))
		text += strlen("sql:");
	if (has_control(text) || (*text != '/' && *text != '*' && !g_str_has_prefix(text, "~/") &&
					 strcmp(text, "~") != 0))
		return NULL;

	return g_strdup(text);
}

static char *element_module(const char *text)
{
	if (has_control(text) || strchr(text, ',') != NULL ||
		(*text != '/' && strchr(text, '/') != NULL))
		return NULL;

	return g_strdup(text);
}

/* The element as it is kept, or NULL and what would be right. */
static char *element(const ConfigKey *key, const char *text, const char **ret_right)
{
	switch (key->type->kind) {
	case CONFIG_TYPE_EKUS:
		*ret_right = "a dotted OID, clientAuth, serverAuth, emailProtection, codeSigning, "
			     "smartcardLogon or ipsecIKE, and several are separated by ';'";
		return element_eku(text);
	case CONFIG_TYPE_HASHES:
		*ret_right = "a SHA-256 of 64 hexadecimal digits, and several are separated by ';'";
		return element_hash(text);
	case CONFIG_TYPE_PATHS:
		*ret_right = "a path that begins with / or ~/, and several are separated by ';'";
		return element_path(text);
	case CONFIG_TYPE_MODULES:
		*ret_right = "the name of a module or its whole path, and several are separated "
			     "by ';', not ','";
		return element_module(text);
	case CONFIG_TYPE_FORWARDS:
		*ret_right = "NAME:PATH, where the name has at most 32 of A-Z, a-z, 0-9, '.', '_' "
			     "and '-' and the path begins with / or ~/, and several are separated "
			     "by ';'";
		return !has_control(text) && route_split(text, NULL, NULL) ? g_strdup(text) : NULL;
	case CONFIG_TYPE_TEXTS:
	case CONFIG_TYPE_BOOL:
	case CONFIG_TYPE_WORD:
	case CONFIG_TYPE_NUMBER:
	case CONFIG_TYPE_SECONDS:
		break;
	}

	return g_strdup(text);
}

/* Another one of the list has its name already. */
static bool is_named_twice(const ConfigKey *key, const GPtrArray *list, const char *text)
{
	gsize len = strcspn(text, ":") + 1;

	for (guint i = 0; key->type->kind == CONFIG_TYPE_FORWARDS && i < list->len; i++) {
		if (strncmp(g_ptr_array_index(list, i), text, len) == 0)
			return true;
	}

	return false;
}

static bool set_list(char ***field, const ConfigKey *key, const char *text, GError **error)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) local = NULL;
	g_auto(GStrv) raw = NULL;

	g_key_file_set_value(file, key->group, key->key, text);
	raw = g_key_file_get_string_list(file, key->group, key->key, NULL, &local);
	if (local != NULL)
		return wrong(error, key, text,
			"a list in which a backslash is written \\\\ and a semicolon \\;");

	for (gsize i = 0; raw != NULL && raw[i] != NULL; i++) {
		const char *right = NULL;
		char *one;

		if (*g_strstrip(raw[i]) == '\0')
			continue;
		one = element(key, raw[i], &right);
		if (one == NULL)
			return wrong(error, key, raw[i], right);
		if (is_named_twice(key, list, one)) {
			g_free(one);
			return wrong(error, key, text, "a list in which each name stands once");
		}
		g_ptr_array_add(list, one);
	}

	g_ptr_array_add(list, NULL);
	g_strfreev(*field);
	*field = (char **)g_ptr_array_free(g_steal_pointer(&list), FALSE);
	return true;
}

bool config_value_set(Config *config, const ConfigKey *key, const char *text, GError **error)
{
	if (strlen(text) > CONFIG_VALUE_MAX) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_CONFIG,
			"[%s] %s is longer than %u bytes", key->group, key->key, CONFIG_VALUE_MAX);
		return false;
	}

	switch (key->type->kind) {
	case CONFIG_TYPE_BOOL:
		return set_bool(FIELD(bool, config, key), key, text, error);
	case CONFIG_TYPE_WORD:
		return set_word(FIELD(unsigned, config, key), key, text, error);
	case CONFIG_TYPE_NUMBER:
		return set_number(FIELD(guint64, config, key), key, text, error);
	case CONFIG_TYPE_SECONDS:
		return set_seconds(FIELD(guint64, config, key), key, text, error);
	case CONFIG_TYPE_TEXTS:
	case CONFIG_TYPE_PATHS:
	case CONFIG_TYPE_MODULES:
	case CONFIG_TYPE_EKUS:
	case CONFIG_TYPE_HASHES:
	case CONFIG_TYPE_FORWARDS:
		return set_list(FIELD(char **, config, key), key, text, error);
	}

	g_assert_not_reached();
}

static char *get_word(const ConfigKey *key, unsigned value)
{
	g_auto(GStrv) words = g_strsplit(key->values, "|", -1);

	return g_strdup(value < g_strv_length(words) ? words[value] : "");
}

/* In the largest unit that fits without a rest. */
static char *get_seconds(guint64 seconds)
{
	gsize i = 0;

	while (seconds % units[i].seconds != 0 || (seconds == 0 && units[i].letter != 's'))
		i++;

	return g_strdup_printf(
		"%" G_GUINT64_FORMAT "%c", seconds / units[i].seconds, units[i].letter);
}

static const char *eku_name(const char *oid)
{
	for (gsize i = 0; i < G_N_ELEMENTS(ekus); i++) {
		if (strcmp(oid, ekus[i].oid) == 0)
			return ekus[i].name;
	}

	return oid;
}

static char *get_list(const ConfigKey *key, char **list)
{
	GString *out = g_string_new(NULL);

	for (gsize i = 0; list != NULL && list[i] != NULL; i++) {
		const char *text = list[i];

		if (key->type->kind == CONFIG_TYPE_EKUS)
			text = eku_name(text);
		if (i > 0)
			g_string_append_c(out, ';');
		for (; *text != '\0'; text++) {
			static const char plain[] = ";\\\n\r\t", escaped[] = ";\\nrt";
			const char *special = strchr(plain, *text);

			if (special != NULL)
				g_string_append_printf(out, "\\%c", escaped[special - plain]);
			else
				g_string_append_c(out, *text);
		}
	}

	return g_string_free(out, FALSE);
}

char *config_value_get(const Config *config, const ConfigKey *key)
{
	switch (key->type->kind) {
	case CONFIG_TYPE_BOOL:
		return g_strdup(*FIELD_CONST(bool, config, key) ? "true" : "false");
	case CONFIG_TYPE_WORD:
		return get_word(key, *FIELD_CONST(unsigned, config, key));
	case CONFIG_TYPE_NUMBER:
		return g_strdup_printf("%" G_GUINT64_FORMAT, *FIELD_CONST(guint64, config, key));
	case CONFIG_TYPE_SECONDS:
		return get_seconds(*FIELD_CONST(guint64, config, key));
	case CONFIG_TYPE_TEXTS:
	case CONFIG_TYPE_PATHS:
	case CONFIG_TYPE_MODULES:
	case CONFIG_TYPE_EKUS:
	case CONFIG_TYPE_HASHES:
	case CONFIG_TYPE_FORWARDS:
		return get_list(key, *(char **const *)FIELD_CONST(char, config, key));
	}

	g_assert_not_reached();
}

void config_value_clear(Config *config, const ConfigKey *key)
{
	if (key->type->kind >= CONFIG_TYPE_TEXTS)
		g_clear_pointer(FIELD(char **, config, key), g_strfreev);
}
