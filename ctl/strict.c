/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A JSON parser of a library is made for documents of friends: it may recurse as deep as the text
 * says, accept comments, pass infinity on, or stop the program at half a surrogate pair. What a
 * user's process says to root is checked here first: a recogniser without recursion, with a stack
 * of bits, that accepts exactly what our own programs print.
 */

#include "strict.h"

#include <string.h>

#include "error.h"

#define DIGITS_MAX 15u /* below 2^53: the same number to every reader */

typedef struct Strict {
	const char *at, *end;
	guint32 in_object; /* bit n: the level n is an object, else an array */
	unsigned depth;
} Strict;

G_STATIC_ASSERT(STRICT_DEPTH_MAX < 32);

static void skip_blanks(Strict *s)
{
	while (s->at < s->end && strchr(" \t\r\n", *s->at) != NULL && *s->at != '\0')
		s->at++;
}

static bool take(Strict *s, char c)
{
	skip_blanks(s);
	if (s->at == s->end || *s->at != c)
		return false;

	s->at++;
	return true;
}

static bool take_word(Strict *s, const char *word)
{
	gsize len = strlen(word);

	if ((gsize)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
		return false;

	s->at += len;
	return true;
}

static bool take_number(Strict *s)
{
	const char *start;

	(void)take_word(s, "-");
	start = s->at;
	while (s->at < s->end && g_ascii_isdigit(*s->at))
		s->at++;
	if (s->at == start || s->at - start > (gssize)DIGITS_MAX ||
		(*start == '0' && s->at - start > 1))
		return false;

	/* A fraction or an exponent is none of ours. */
	return s->at < s->end && strchr(".eE", *s->at) == NULL;
}

static bool take_hex4(Strict *s, guint32 *ret_value)
{
	guint32 value = 0;

	if (s->end - s->at < 4)
		return false;
	for (unsigned i = 0; i < 4; i++, s->at++) {
		int digit = g_ascii_xdigit_value(*s->at);

		if (digit < 0)
			return false;
		value = value << 4 | (guint32)digit;
	}

	*ret_value = value;
	return true;
}

/* After "\u". */
static bool take_unicode(Strict *s)
{
	guint32 high, low;

	if (!take_hex4(s, &high) || high == 0)
		return false;
	if (high < 0xd800 || high > 0xdfff)
		return true;

	return high < 0xdc00 && take_word(s, "\\u") && take_hex4(s, &low) && low >= 0xdc00 &&
	       low <= 0xdfff;
}

static bool take_string(Strict *s)
{
	if (!take(s, '"'))
		return false;

	while (s->at < s->end) {
		char c = *s->at++;

		if (c == '"')
			return true;
		if ((guchar)c < 0x20)
			return false;
		if (c != '\\')
			continue;
		if (s->at == s->end || *s->at == '\0')
			return false;
		c = *s->at++;
		if (c == 'u' ? !take_unicode(s) : strchr("\"\\/bfnrt", c) == NULL)
			return false;
	}

	return false;
}

static bool in_object(const Strict *s)
{
	return (s->in_object >> s->depth & 1) != 0;
}

static bool enter(Strict *s, bool object)
{
	if (s->depth == STRICT_DEPTH_MAX)
		return false;

	s->depth++;
	s->in_object &= ~(1u << s->depth);
	s->in_object |= (guint32)object << s->depth;
	return true;
}

/* "name": in an object, nothing in an array. */
static bool take_name(Strict *s)
{
	return !in_object(s) || (take_string(s) && take(s, ':'));
}

/* One value, or the beginning of one that has parts: *ret_entered. */
static bool take_value(Strict *s, bool *ret_entered)
{
	bool object = take(s, '{');

	*ret_entered = object || take(s, '[');
	if (*ret_entered)
		return enter(s, object);
	if (s->at == s->end)
		return false;
	if (*s->at == '"')
		return take_string(s);
	if (*s->at == '-' || g_ascii_isdigit(*s->at))
		return take_number(s);

	return take_word(s, "true") || take_word(s, "false") || take_word(s, "null");
}

/* After a value: closes what ends here. False when neither a comma nor an end follows. */
static bool go_on(Strict *s)
{
	while (s->depth > 0) {
		if (take(s, ','))
			return take_name(s);
		if (!take(s, in_object(s) ? '}' : ']'))
			return false;
		s->depth--;
	}

	return true;
}

/* The object's opening brace has been taken. */
static bool take_document(Strict *s)
{
	bool entered = true;

	do {
		bool empty = entered && take(s, in_object(s) ? '}' : ']');

		if (empty)
			s->depth--;
		else if ((entered && !take_name(s)) || !take_value(s, &entered))
			return false;
		if (empty || !entered) {
			entered = false;
			if (!go_on(s))
				return false;
		}
	} while (s->depth > 0);

	skip_blanks(s);
	return s->at == s->end;
}

bool strict_check(const char *text, gsize len, GError **error)
{
	Strict s = {.at = text, .end = text + len};

	if (g_utf8_validate_len(text, len, NULL) && take(&s, '{') && enter(&s, true) &&
		take_document(&s))
		return true;

	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL,
		"What it printed is not the JSON of ours, from byte %" G_GSIZE_FORMAT " on",
		(gsize)(s.at - text));
	return false;
}
