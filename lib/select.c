/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Selectors as they are typed. Who purges says what he wants to be rid of, and nothing else may go:
 * so what is not understood is an error, and so is an empty text, which every certificate contains.
 */

#include "select.h"

#include <string.h>

#include "error.h"
#include "text.h"

#define DAY         (G_GINT64_CONSTANT(24) * 60 * 60)
#define NUMBER_MAX  100000 /* of days, weeks, ... */
#define TIME_SUFFIX "T00:00:00Z"

Select *select_new(void)
{
	return g_new0(Select, 1);
}

Select *select_free(Select *select)
{
	if (select == NULL)
		return NULL;

	g_free(select->token);
	g_free(select->endpoint);
	g_free(select->subject);
	g_free(select->issuer);
	g_free(select);
	return NULL;
}

static bool refuse(GError **error, const char *kind, const char *value, const char *why)
{
	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_CONFIG, "--%s%s%s: %s", kind,
		*value != '\0' ? " " : "", value, why);
	return false;
}

/* "90d", "12w", "6m" (of 30 days), "1y" (of 365). */
static bool parse_age(const char *text, gint64 *ret_seconds)
{
	static const struct {
		char unit;
		gint64 seconds;
	} units[] = {{'d', DAY}, {'w', 7 * DAY}, {'m', 30 * DAY}, {'y', 365 * DAY}};
	char *end = NULL;
	guint64 number;

	if (!g_ascii_isdigit(*text))
		return false;
	number = g_ascii_strtoull(text, &end, 10);
	if (number > NUMBER_MAX || *end == '\0' || end[1] != '\0')
		return false;
	for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
		if (units[i].unit == *end) {
			*ret_seconds = (gint64)number * units[i].seconds;
			return true;
		}
	}

	return false;
}

static bool add_before(Select *select, const char *value, gint64 now, GError **error)
{
	g_autofree char *time = g_strconcat(value, TIME_SUFFIX, NULL);
	gint64 seconds;

	if (parse_age(value, &seconds))
		select->before = now - seconds;
	else if (text_time_parse(value, &seconds) || text_time_parse(time, &seconds))
		select->before = seconds;
	else
		return refuse(error, "older-than", value,
			"neither an age (90d, 12w, 6m, 1y) nor a date (2026-11-22)");

	select->has_before = true;
	return true;
}

static bool set_text(char **field, const char *kind, const char *value, GError **error)
{
	if (*value == '\0')
		return refuse(error, kind, value, "it is empty, and would select everything");
	if (strlen(value) > SELECT_TEXT_MAX)
		return refuse(error, kind, "", "it is too long");
	if (!g_utf8_validate(value, -1, NULL))
		return refuse(error, kind, "", "it is not UTF-8");

	g_free(*field);
	*field = g_strdup(value);
	return true;
}

static bool set_flag(bool *field, const char *kind, const char *value, GError **error)
{
	if (*value != '\0')
		return refuse(error, kind, value, "it takes no value");

	*field = true;
	return true;
}

bool select_add(Select *select, const char *kind, const char *value, gint64 now, GError **error)
{
	const struct {
		const char *kind;
		char **text;
		bool *flag;
	} table[] = {
		{"token", &select->token, NULL},
		{"endpoint", &select->endpoint, NULL},
		{"subject", &select->subject, NULL},
		{"issuer", &select->issuer, NULL},
		{"absent", NULL, &select->absent},
		{"expired", NULL, &select->expired},
		{"all", NULL, &select->all},
		{"unmarked", NULL, &select->unmarked},
	};

	if (strcmp(kind, "older-than") == 0)
		return add_before(select, value, now, error);
	for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
		if (strcmp(table[i].kind, kind) != 0)
			continue;
		return table[i].text != NULL ? set_text(table[i].text, kind, value, error)
					     : set_flag(table[i].flag, kind, value, error);
	}

	return refuse(error, kind, value, "there is no such selector");
}

/* What only a claim can answer. */
static bool asks_claims(const Select *select)
{
	return select->endpoint != NULL || select->absent || select->has_before;
}

bool select_check(const Select *select, GError **error)
{
	bool names = select->token != NULL || select->subject != NULL || select->issuer != NULL ||
		     select->expired;

	if (select->unmarked && (asks_claims(select) || select->all))
		return refuse(error, "unmarked", "",
			"where a certificate without a marker came from, and since when, nobody "
			"knows: only --token, --subject, --issuer and --expired can select it");
	if (select->unmarked && !names)
		return refuse(error, "unmarked", "",
			"it needs --token, --subject, --issuer or --expired beside it");
	if (names || asks_claims(select) || select->all)
		return true;

	g_set_error_literal(error, CERTPROP_ERROR, CERTPROP_ERROR_CONFIG,
		"nothing is selected; say what is to go, or --all");
	return false;
}
