/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which card this is. The three fields that the standard makes unique together, and a label that is
 * only for people. Modules pad with blanks, or do not, and the encoding is what they please: a
 * Token holds text without trailing blanks in valid UTF-8, so that the same card read twice, by two
 * versions of a module, compares equal and can go onto the bus. Repairing bytes makes them more, so
 * a field is cut to the width that it has in CK_TOKEN_INFO: only then does it fit into a PKCS#11
 * URI, and a token compares equal to itself read back from a marker.
 *
 * It does not know where the card is; that is the endpoint and the reader.
 */

#include "token.h"

#include <string.h>

#include "text.h"

static char *field(const char *text, gsize width)
{
	char *valid = text != NULL ? text_from_padded(text, strlen(text)) : g_strdup("");

	if (strlen(valid) > width)
		*g_utf8_find_prev_char(valid, valid + width + 1) = '\0';
	return g_strchomp(valid);
}

Token *token_new(const char *manufacturer, const char *model, const char *serial, const char *label)
{
	Token *token = g_new0(Token, 1);

	token->manufacturer = field(manufacturer, 32);
	token->model = field(model, 16);
	token->serial = field(serial, 16);
	token->label = field(label, 32);
	return token;
}

Token *token_dup(const Token *token)
{
	return token_new(token->manufacturer, token->model, token->serial, token->label);
}

Token *token_free(Token *token)
{
	if (token == NULL)
		return NULL;

	g_free(token->manufacturer);
	g_free(token->model);
	g_free(token->serial);
	g_free(token->label);
	g_free(token);
	return NULL;
}

bool token_has_identity(const Token *token)
{
	/* Blanks and the usual separators between zeros make nothing of them either. */
	return token->serial[strspn(token->serial, "0 :-.")] != '\0';
}

bool token_equal(const Token *a, const Token *b)
{
	return strcmp(a->manufacturer, b->manufacturer) == 0 && strcmp(a->model, b->model) == 0 &&
	       strcmp(a->serial, b->serial) == 0;
}
