/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One claim: one owner of a certificate, as one RFC 7512 URI. The token's fields and the object's
 * CKA_ID and label stand where the standard puts them, so that any PKCS#11 tool can follow the URI
 * to the card; what only we need are vendor query attributes.
 *
 * p11-kit does the escaping: every byte but letters, digits and "_-." becomes %XX, so that nothing
 * a card says can end the line or the attribute. What it does not do is done here. It drops a token
 * field that is wider than CK_TOKEN_INFO has room for, so fields are cut to that width first; it
 * ends a text at a NUL and knows nothing of character sets, so what comes out is made valid UTF-8;
 * and it has no limits, so there are some. Whatever p11-kit can read but we do not know (somebody's
 * "pin-source", a later version's "x-…") is not kept when the claim is written again.
 */

#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>
#include <stdlib.h>
#include <string.h>

#include "claim.h"
#include "error.h"
#include "names.h"
#include "text.h"

#define VERSION   "1" /* of the form of a claim; another one is not ours to touch */
#define TRUST_YES "1"

/* Bytes of one field. Together they keep a claim, escaped threefold, near 8 KiB at the worst. */
#define NAME_MAX_BYTES 256u
#define ID_MAX_BYTES   256u
#define PATH_MAX_BYTES 1024u

G_DEFINE_AUTOPTR_CLEANUP_FUNC(P11KitUri, p11_kit_uri_free)

/* The texts that are vendor query attributes, by the order in which people want to read them;
   p11-kit sorts them itself. */
static const struct {
	const char *name;
	gsize offset;
} texts[] = {
	{NAME_CLAIM_ENDPOINT, offsetof(Claim, endpoint)},
	{NAME_CLAIM_HOST, offsetof(Claim, host)},
	{NAME_CLAIM_NICKNAME, offsetof(Claim, nickname)},
	{NAME_CLAIM_READER, offsetof(Claim, reader)},
	{NAME_CLAIM_SINCE, offsetof(Claim, since)},
};

static char **text_field(Claim *claim, gsize i)
{
	return (char **)(void *)((char *)claim + texts[i].offset);
}

Claim *claim_dup(const Claim *claim)
{
	Claim *copy = g_new0(Claim, 1);

	copy->token = token_dup(claim->token);
	copy->id = claim->id != NULL ? g_bytes_ref(claim->id) : NULL;
	copy->object = g_strdup(claim->object);
	copy->module = g_strdup(claim->module);
	copy->endpoint = g_strdup(claim->endpoint);
	copy->reader = g_strdup(claim->reader);
	copy->host = g_strdup(claim->host);
	copy->since = g_strdup(claim->since);
	copy->nickname = g_strdup(claim->nickname);
	copy->trust = claim->trust;
	return copy;
}

Claim *claim_free(Claim *claim)
{
	if (claim == NULL)
		return NULL;

	token_free(claim->token);
	g_clear_pointer(&claim->id, g_bytes_unref);
	g_free(claim->object);
	g_free(claim->module);
	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(*text_field(claim, i));
	g_free(claim);
	return NULL;
}

bool claim_same_token(const Token *a, const Token *b)
{
	if (token_has_identity(a) || token_has_identity(b))
		return token_equal(a, b);
	return strcmp(a->manufacturer, b->manufacturer) == 0 && strcmp(a->model, b->model) == 0;
}

bool claim_same_owner(const Claim *a, const Claim *b)
{
	return g_strcmp0(a->endpoint, b->endpoint) == 0 && g_strcmp0(a->host, b->host) == 0 &&
	       claim_same_token(a->token, b->token);
}

/* Valid UTF-8 of at most `max` bytes. */
static char *fit(const char *text, gsize max)
{
	char *valid = g_utf8_make_valid(text != NULL ? text : "", -1);

	if (strlen(valid) > max)
		*g_utf8_find_prev_char(valid, valid + max + 1) = '\0';
	return valid;
}

static GBytes *fit_id(GBytes *id)
{
	return id != NULL ? g_bytes_new_from_bytes(id, 0, MIN(g_bytes_get_size(id), ID_MAX_BYTES))
			  : g_bytes_new(NULL, 0);
}

bool claim_same_object(const Claim *claim, GBytes *id, const char *object)
{
	g_autoptr(GBytes) old_id = fit_id(claim->id);
	g_autoptr(GBytes) new_id = fit_id(id);
	g_autofree char *old_object = fit(claim->object, NAME_MAX_BYTES);
	g_autofree char *new_object = fit(object, NAME_MAX_BYTES);

	return g_bytes_equal(old_id, new_id) && strcmp(old_object, new_object) == 0;
}

void claim_set_object(Claim *claim, GBytes *id, const char *object)
{
	g_clear_pointer(&claim->id, g_bytes_unref);
	claim->id = fit_id(id);
	g_free(claim->object);
	claim->object = fit(object, NAME_MAX_BYTES);
}

/* Writing */

static void put_padded(unsigned char *field, gsize width, const char *text)
{
	g_autofree char *fitted = fit(text, width);
	gsize len = strlen(fitted);

	/* All zero is how p11-kit says "not given". */
	if (len == 0)
		return;
	memset(field, ' ', width);
	memcpy(field, fitted, len);
}

static void put_token(P11KitUri *uri, const Token *token)
{
	CK_TOKEN_INFO *info = p11_kit_uri_get_token_info(uri);

	put_padded(info->manufacturerID, sizeof(info->manufacturerID), token->manufacturer);
	put_padded(info->model, sizeof(info->model), token->model);
	put_padded(info->serialNumber, sizeof(info->serialNumber), token->serial);
	put_padded(info->label, sizeof(info->label), token->label);
}

static void put_attribute(P11KitUri *uri, CK_ATTRIBUTE_TYPE type, const void *data, gsize len)
{
	CK_ATTRIBUTE attribute = {.type = type, .pValue = (void *)data, .ulValueLen = len};

	if (len > 0)
		(void)p11_kit_uri_set_attribute(uri, &attribute);
}

static void put_object(P11KitUri *uri, const Claim *claim)
{
	const CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	g_autofree char *label = fit(claim->object, NAME_MAX_BYTES);
	g_autoptr(GBytes) id = fit_id(claim->id);
	gsize len;
	const void *data = g_bytes_get_data(id, &len);

	put_attribute(uri, CKA_ID, data, len);
	put_attribute(uri, CKA_LABEL, label, strlen(label));
	put_attribute(uri, CKA_CLASS, &class, sizeof(class));
}

char *claim_format(const Claim *claim, GError **error)
{
	g_autoptr(P11KitUri) uri = p11_kit_uri_new();
	g_autofree char *module = fit(claim->module, PATH_MAX_BYTES);
	char *raw = NULL;
	char *line;
	int result;

	put_token(uri, claim->token);
	put_object(uri, claim);
	if (module[0] != '\0')
		p11_kit_uri_set_module_path(uri, module);
	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autofree char *text = fit(*text_field((Claim *)claim, i), NAME_MAX_BYTES);

		if (text[0] != '\0')
			p11_kit_uri_set_vendor_query(uri, texts[i].name, text);
	}
	if (claim->trust)
		p11_kit_uri_set_vendor_query(uri, NAME_CLAIM_TRUST, TRUST_YES);
	p11_kit_uri_set_vendor_query(uri, NAME_CLAIM_OURS, VERSION);

	result = p11_kit_uri_format(uri, P11_KIT_URI_FOR_ANY, &raw);
	if (result != P11_KIT_URI_OK) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"Cannot write a token as a PKCS#11 URI: %s", p11_kit_uri_message(result));
		return NULL;
	}
	line = g_strdup(raw);
	free(raw);
	return line;
}

/* Reading */

static Token *get_token(P11KitUri *uri)
{
	const CK_TOKEN_INFO *info = p11_kit_uri_get_token_info(uri);
	g_autofree char *manufacturer =
		text_from_padded(info->manufacturerID, sizeof(info->manufacturerID));
	g_autofree char *model = text_from_padded(info->model, sizeof(info->model));
	g_autofree char *serial = text_from_padded(info->serialNumber, sizeof(info->serialNumber));
	g_autofree char *label = text_from_padded(info->label, sizeof(info->label));

	return token_new(manufacturer, model, serial, label);
}

static GBytes *get_attribute(P11KitUri *uri, CK_ATTRIBUTE_TYPE type)
{
	const CK_ATTRIBUTE *attribute = p11_kit_uri_get_attribute(uri, type);

	if (attribute == NULL || attribute->pValue == NULL)
		return g_bytes_new(NULL, 0);
	return g_bytes_new(attribute->pValue, MIN(attribute->ulValueLen, ID_MAX_BYTES));
}

static char *get_label(P11KitUri *uri)
{
	const CK_ATTRIBUTE *attribute = p11_kit_uri_get_attribute(uri, CKA_LABEL);
	g_autofree char *text = NULL;

	if (attribute != NULL && attribute->pValue != NULL)
		text = g_strndup(attribute->pValue, attribute->ulValueLen);
	return fit(text, NAME_MAX_BYTES);
}

Claim *claim_parse(const char *line)
{
	g_autoptr(P11KitUri) uri = p11_kit_uri_new();
	Claim *claim;

	if (p11_kit_uri_parse(line, P11_KIT_URI_FOR_ANY, uri) != P11_KIT_URI_OK)
		return NULL;
	if (g_strcmp0(p11_kit_uri_get_vendor_query(uri, NAME_CLAIM_OURS), VERSION) != 0)
		return NULL;

	claim = g_new0(Claim, 1);
	claim->token = get_token(uri);
	claim->id = get_attribute(uri, CKA_ID);
	claim->object = get_label(uri);
	claim->module = fit(p11_kit_uri_get_module_path(uri), PATH_MAX_BYTES);
	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
		*text_field(claim, i) =
			fit(p11_kit_uri_get_vendor_query(uri, texts[i].name), NAME_MAX_BYTES);
	claim->trust =
		g_strcmp0(p11_kit_uri_get_vendor_query(uri, NAME_CLAIM_TRUST), TRUST_YES) == 0;
	return claim;
}
