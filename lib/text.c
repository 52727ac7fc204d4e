/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text from outside made safe. Two answers, because two readers want different things: a person who
 * looks at a log wants to see that there was an escape sequence (text_escape), a name in a database
 * shall look like a name (text_clean). Both share one notion of what does not show: a character
 * that a terminal acts on, that reorders its neighbours, or that leaves no mark, lets a card forge
 * a log line or imitate another name.
 *
 * It does not judge scripts or look-alike letters: names are in all languages.
 */

#include "text.h"

#include <stdio.h>
#include <string.h>

/* Letters and marks by their category, and yet invisible (Unicode: Default_Ignorable_Code_Point,
   and the blank Braille pattern). */
static bool is_blank_letter(gunichar c)
{
	return c == 0x034f || c == 0x115f || c == 0x1160 || c == 0x17b4 || c == 0x17b5 ||
	       (c >= 0x180b && c <= 0x180f) || c == 0x2800 || c == 0x3164 ||
	       (c >= 0xfe00 && c <= 0xfe0f) || c == 0xffa0 || (c >= 0xe0000 && c <= 0xe0fff);
}

static bool is_unsafe(gunichar c)
{
	GUnicodeType type;

	if (c < 0x7f)
		return c < 0x20;

	type = g_unichar_type(c);
	return type == G_UNICODE_CONTROL || type == G_UNICODE_FORMAT ||
	       type == G_UNICODE_LINE_SEPARATOR || type == G_UNICODE_PARAGRAPH_SEPARATOR ||
	       type == G_UNICODE_SURROGATE || type == G_UNICODE_UNASSIGNED ||
	       type == G_UNICODE_PRIVATE_USE || is_blank_letter(c);
}

static bool is_blank(gunichar c)
{
	return c == '\v' || c == 0x85 || g_unichar_isspace(c);
}

char *text_escape(const char *text)
{
	GString *out = g_string_new(NULL);

	for (const char *p = text != NULL ? text : ""; *p != '\0';) {
		gunichar c = g_utf8_get_char_validated(p, -1);

		if (c == (gunichar)-1 || c == (gunichar)-2) {
			g_string_append_printf(out, "\\x%02x", (guint8)*p++);
			continue;
		}
		if (c == '\\')
			g_string_append(out, "\\\\");
		else if (c <= 0x7f && is_unsafe(c))
			g_string_append_printf(out, "\\x%02x", c);
		else if (is_unsafe(c))
			g_string_append_printf(out, "\\u{%04x}", c);
		else
			g_string_append_unichar(out, c);
		p = g_utf8_next_char(p);
	}

	return g_string_free(out, FALSE);
}

char *text_clean(const char *text, gsize max)
{
	g_autofree char *valid = g_utf8_make_valid(text != NULL ? text : "", -1);
	GString *out = g_string_new(NULL);
	bool blank = false;

	for (const char *p = valid; *p != '\0'; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);
		gsize len = (gsize)g_unichar_to_utf8(c, NULL);

		if (is_blank(c)) {
			blank = out->len > 0;
			continue;
		}
		if (is_unsafe(c))
			continue;
		/* A blank is written with the character after it, so that none is ever last. */
		if (out->len + blank + len > max)
			break;
		if (blank)
			g_string_append_c(out, ' ');
		blank = false;
		g_string_append_unichar(out, c);
	}

	return g_string_free(out, FALSE);
}

gsize text_fit(const char *text, gsize max)
{
	while (max > 0 && ((guint8)text[max] & 0xc0) == 0x80)
		max--;
	return max;
}

char *text_from_padded(const void *data, gsize len)
{
	const char *text = data;

	if (len == 0)
		return g_strdup("");

	/* Some modules end the text with a NUL and leave whatever was there behind it. */
	len = strnlen(text, len);
	while (len > 0 && text[len - 1] == ' ')
		len--;

	return g_utf8_make_valid(text, (gssize)len);
}

char *text_hex(const void *data, gsize len)
{
	static const char digits[] = "0123456789abcdef";
	const guint8 *bytes = data;
	char *hex = g_malloc(2 * len + 1);

	for (gsize i = 0; i < len; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 0xf];
	}
	hex[2 * len] = '\0';

	return hex;
}

/* What GDateTime and ISO 8601 with four digits can say. A certificate may say more. */
#define TIME_MIN (-G_GINT64_CONSTANT(62135596800)) /* 0001-01-01T00:00:00Z */
#define TIME_MAX G_GINT64_CONSTANT(253402300799)   /* 9999-12-31T23:59:59Z */

char *text_time(gint64 seconds)
{
	g_autoptr(GDateTime) t = g_date_time_new_from_unix_utc(CLAMP(seconds, TIME_MIN, TIME_MAX));

	return g_strdup_printf("%04d-%02d-%02dT%02d:%02d:%02dZ", g_date_time_get_year(t),
		g_date_time_get_month(t), g_date_time_get_day_of_month(t), g_date_time_get_hour(t),
		g_date_time_get_minute(t), g_date_time_get_second(t));
}

bool text_time_parse(const char *text, gint64 *ret_seconds)
{
	static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
	g_autoptr(GDateTime) t = NULL;
	int year, month, day, hour, minute, second;

	if (text == NULL || strlen(text) != strlen(form))
		return false;
	for (gsize i = 0; form[i] != '\0'; i++) {
		if (form[i] == 'd' ? !g_ascii_isdigit(text[i]) : text[i] != form[i])
			return false;
	}
	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2dZ", &year, &month, &day, &hour, &minute,
		    &second) != 6)
		return false;

	t = g_date_time_new_utc(year, month, day, hour, minute, second);
	if (t == NULL)
		return false;
	*ret_seconds = g_date_time_to_unix(t);
	return true;
}
