/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A token's identity: manufacturer, model and serial (PKCS#11 v3.0 section 3.2, CK_TOKEN_INFO). The
 * label is information only: OpenSC derives a PIV card's label from its first certificate.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct Token {
	char *manufacturer;
	char *model;
	char *serial;
	char *label;
} Token;

Token *token_new(
	const char *manufacturer, const char *model, const char *serial, const char *label);
Token *token_dup(const Token *token);
Token *token_free(Token *token);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Token, token_free)

/* false when the serial is empty or nothing but zeros: then it names no card in particular. */
bool token_has_identity(const Token *token);
/* Same manufacturer, model and serial. Says nothing about the label. */
bool token_equal(const Token *a, const Token *b);

G_END_DECLS
