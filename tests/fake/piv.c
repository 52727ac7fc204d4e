/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Read-only PIV: SELECT, GET DATA with GET RESPONSE, VERIFY with a try counter, and GENERAL
 * AUTHENTICATE with command chaining, so that the keys really sign. It is the application that is
 * selected when power comes, as on most real cards.
 *
 * One simplification against real cards: a PIN once verified serves the signature key 9C until
 * the next reset; SP 800-73 wants it anew for each signature. 9E needs none, as there.
 */
#include "piv.h"

#include "apdu.h"
#include "tlv.h"

#include <openssl/rsa.h>

#include <string.h>

#define PIN           "123456\xff\xff"
#define PIN_LENGTH    8
#define PIN_TRIES     3
#define CHAIN_MAX     65536
#define DIGEST_MAX    512
#define ALGORITHM_RSA 0x07
#define ALGORITHM_EC  0x11

#define SW_OK            0x9000
#define SW_MORE          0x6100
#define SW_TRIES         0x63c0
#define SW_WRONG_LENGTH  0x6700
#define SW_NOT_LOGGED_IN 0x6982
#define SW_BLOCKED       0x6983
#define SW_WRONG_DATA    0x6a80
#define SW_NOT_FOUND     0x6a82
#define SW_WRONG_P1P2    0x6a86
#define SW_REFERENCE     0x6a88
#define SW_UNKNOWN_INS   0x6d00
#define SW_UNKNOWN_CLA   0x6e00
#define SW_INTERNAL      0x6f00

#define TAG_DISCOVERY 0x7e
#define TAG_CHUID     0x5fc102
#define TAG_CCC       0x5fc107
#define TAG_HISTORY   0x5fc10c

static const guint8 aid[] = {0xa0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00};
#define AID_SHORTEST 9 /* without the version */

struct Piv {
	Contents *contents;
	unsigned tries;
	bool verified;
	GByteArray *chain; /* of the commands with CLA 10 */
	guint8 chain_ins;
	GByteArray *pending; /* for GET RESPONSE */
	gsize pending_at;
	guint32 used;
};

Piv *piv_new(Contents *contents)
{
	Piv *piv = g_new0(Piv, 1);

	piv->contents = contents;
	piv->tries = PIN_TRIES;
	piv->chain = g_byte_array_new();
	piv->pending = g_byte_array_new();
	return piv;
}

void piv_free(Piv *piv)
{
	if (piv == NULL)
		return;
	g_byte_array_unref(piv->chain);
	g_byte_array_unref(piv->pending);
	g_free(piv);
}

static void drop_pending(Piv *piv)
{
	g_byte_array_set_size(piv->pending, 0);
	piv->pending_at = 0;
}

void piv_reset(Piv *piv)
{
	piv->verified = false;
	g_byte_array_set_size(piv->chain, 0);
	drop_pending(piv);
}

guint32 piv_used(const Piv *piv)
{
	return piv->used;
}

static guint16 select_application(Piv *piv, const Apdu *apdu)
{
	static const guint8 authority[] = {0x4f, 0x05, 0xa0, 0x00, 0x00, 0x03, 0x08};
	g_autoptr(GByteArray) template = NULL;

	if (apdu->p1 != 0x04 || apdu->length < AID_SHORTEST || apdu->length > sizeof(aid) ||
		memcmp(apdu->data, aid, apdu->length) != 0)
		return SW_NOT_FOUND;
	piv->verified = false;
	template = g_byte_array_new();
	tlv_append(template, 0x4f, aid + 5, sizeof(aid) - 5);
	tlv_append(template, 0x79, authority, sizeof(authority));
	tlv_append(piv->pending, 0x61, template->data, template->len);
	return SW_OK;
}

static void append_chuid(GByteArray *object, const guint8 *guid)
{
	static const guint8 fasc_n[25] = {0xd4, 0xe7, 0x39, 0xda, 0x73, 0x9c, 0xed, 0x39, 0xce,
		0x73, 0x9d, 0x83, 0x68, 0x58, 0x21, 0x08, 0x42, 0x10, 0x84, 0x21, 0xc8, 0x42, 0x10,
		0xc3, 0xeb};

	tlv_append(object, 0x30, fasc_n, sizeof(fasc_n));
	tlv_append(object, 0x34, guid, 16);
	tlv_append(object, 0x35, "20401231", 8);
	tlv_append(object, 0x3e, NULL, 0);
	tlv_append(object, 0xfe, NULL, 0);
}

static void append_capabilities(GByteArray *object, const guint8 *guid)
{
	static const guint8 empty[] = {0xf6, 0xf7, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe};
	guint8 card_id[21] = {0xa0, 0x00, 0x00, 0x01, 0x16, 0xff, 0x02};

	memcpy(card_id + 7, guid + 2, 14);
	tlv_append(object, 0xf0, card_id, sizeof(card_id));
	tlv_append(object, 0xf1, "\x21", 1);
	tlv_append(object, 0xf2, "\x21", 1);
	tlv_append(object, 0xf3, NULL, 0);
	tlv_append(object, 0xf4, "\x00", 1);
	tlv_append(object, 0xf5, "\x10", 1);
	for (gsize i = 0; i < sizeof(empty); i++)
		tlv_append(object, empty[i], NULL, 0);
}

static void append_history(GByteArray *object, unsigned on_card)
{
	guint8 count = (guint8)on_card;

	tlv_append(object, 0xc1, &count, 1);
	tlv_append(object, 0xc2, "\x00", 1);
	tlv_append(object, 0xfe, NULL, 0);
}

/* NULL: there is no such object. */
static GByteArray *data_object(Piv *piv, guint32 tag)
{
	g_autoptr(GByteArray) object = g_byte_array_new();
	unsigned index;

	switch (tag) {
	case TAG_CHUID:
		append_chuid(object, contents_guid(piv->contents));
		break;
	case TAG_CCC:
		append_capabilities(object, contents_guid(piv->contents));
		break;
	case TAG_HISTORY:
		if (contents_retired(piv->contents) == 0)
			return NULL;
		append_history(object, contents_retired(piv->contents));
		break;
	default:
		if (!slot_by_tag(tag, &index))
			return NULL;
		return contents_object(piv->contents, index);
	}
	return g_steal_pointer(&object);
}

static void append_discovery(GByteArray *to)
{
	static const guint8 policy[] = {0x40, 0x00}; /* the application's PIN, no other */
	g_autoptr(GByteArray) object = g_byte_array_new();

	tlv_append(object, 0x4f, aid, sizeof(aid));
	tlv_append(object, 0x5f2f, policy, sizeof(policy));
	tlv_append(to, TAG_DISCOVERY, object->data, object->len);
}

static guint16 get_data(Piv *piv, const Apdu *apdu)
{
	g_autoptr(GByteArray) object = NULL;
	const guint8 *name;
	gsize length;
	guint32 tag = 0;

	if (apdu->p1 != 0x3f || apdu->p2 != 0xff)
		return SW_WRONG_P1P2;
	if (!tlv_find(apdu->data, apdu->length, 0x5c, &name, &length) || length < 1 || length > 3)
		return SW_WRONG_DATA;
	for (gsize i = 0; i < length; i++)
		tag = tag << 8 | name[i];
	if (tag == TAG_DISCOVERY) {
		append_discovery(piv->pending);
		return SW_OK;
	}
	object = data_object(piv, tag);
	if (object == NULL)
		return SW_NOT_FOUND;
	tlv_append(piv->pending, 0x53, object->data, object->len);
	return SW_OK;
}

static guint16 tries_left(const Piv *piv)
{
	return piv->tries > 0 ? (guint16)(SW_TRIES | piv->tries) : SW_BLOCKED;
}

static guint16 verify(Piv *piv, const Apdu *apdu)
{
	if (apdu->p2 != 0x80)
		return SW_REFERENCE;
	if (apdu->p1 == 0xff && apdu->length == 0) {
		piv->verified = false;
		return SW_OK;
	}
	if (apdu->p1 != 0x00)
		return SW_WRONG_P1P2;
	if (apdu->length == 0)
		return piv->verified ? SW_OK : tries_left(piv);
	if (apdu->length != PIN_LENGTH)
		return SW_WRONG_DATA;
	if (piv->tries == 0)
		return SW_BLOCKED;
	piv->verified = memcmp(apdu->data, PIN, PIN_LENGTH) == 0;
	piv->tries = piv->verified ? PIN_TRIES : piv->tries - 1;
	return piv->verified ? SW_OK : tries_left(piv);
}

/* RSA: the bare private operation on a block that the caller has padded; EC: ECDSA of a digest. */
static bool sign(EVP_PKEY *key, const guint8 *data, gsize length, guint8 *to, gsize *to_length)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	bool rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
	bool ok = context != NULL && EVP_PKEY_sign_init(context) == 1 &&
		  (!rsa || EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) == 1) &&
		  EVP_PKEY_sign(context, to, to_length, data, length) == 1;

	EVP_PKEY_CTX_free(context);
	return ok;
}

static guint16 authenticate(Piv *piv, const Apdu *apdu)
{
	const guint8 *template, *challenge;
	gsize template_length, length, signature_length = DIGEST_MAX;
	guint8 signature[DIGEST_MAX];
	g_autoptr(GByteArray) answer = NULL;
	unsigned index;
	EVP_PKEY *key;

	if (!slot_by_reference(apdu->p2, &index))
		return SW_REFERENCE;
	key = contents_key(piv->contents, index);
	if (key == NULL)
		return SW_REFERENCE;
	if (apdu->p1 != (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? ALGORITHM_RSA : ALGORITHM_EC))
		return SW_WRONG_P1P2;
	if (!piv->verified && apdu->p2 != 0x9e)
		return SW_NOT_LOGGED_IN;
	if (!tlv_find(apdu->data, apdu->length, 0x7c, &template, &template_length) ||
		!tlv_find(template, template_length, 0x81, &challenge, &length))
		return SW_WRONG_DATA;
	if (!sign(key, challenge, length, signature, &signature_length))
		return SW_WRONG_DATA;
	piv->used++;
	answer = g_byte_array_new();
	tlv_append(answer, 0x82, signature, signature_length);
	tlv_append(piv->pending, 0x7c, answer->data, answer->len);
	return SW_OK;
}

static guint16 execute(Piv *piv, const Apdu *apdu)
{
	if (apdu->ins != PIV_INS_GET_RESPONSE)
		drop_pending(piv);
	switch (apdu->ins) {
	case PIV_INS_SELECT:
		return select_application(piv, apdu);
	case PIV_INS_GET_DATA:
		return get_data(piv, apdu);
	case PIV_INS_VERIFY:
		return verify(piv, apdu);
	case PIV_INS_AUTHENTICATE:
		return authenticate(piv, apdu);
	case PIV_INS_GET_RESPONSE:
		return piv->pending_at < piv->pending->len ? SW_OK : SW_WRONG_P1P2;
	default:
		return SW_UNKNOWN_INS;
	}
}

/* Collects the parts of a chained command; true when *apdu is whole. */
static bool chain(Piv *piv, Apdu *apdu, guint16 *ret_status)
{
	bool first = piv->chain->len == 0 || piv->chain_ins != apdu->ins;

	if (apdu->cla == 0x00 && first) {
		g_byte_array_set_size(piv->chain, 0);
		return true;
	}
	if (first)
		g_byte_array_set_size(piv->chain, 0);
	piv->chain_ins = apdu->ins;
	if (piv->chain->len + apdu->length > CHAIN_MAX) {
		*ret_status = SW_WRONG_LENGTH;
		return false;
	}
	g_byte_array_append(piv->chain, apdu->data, (guint)apdu->length);
	*ret_status = SW_OK;
	if (apdu->cla != 0x00)
		return false;
	apdu->data = piv->chain->data;
	apdu->length = piv->chain->len;
	return true;
}

static void append_status(GByteArray *answer, guint16 status)
{
	guint8 word[] = {(guint8)(status >> 8), (guint8)status};

	g_byte_array_append(answer, word, sizeof(word));
}

/* As much of what is pending as the reader asked for, and how much more there is. */
static void append_pending(Piv *piv, GByteArray *answer, gsize expected)
{
	gsize left = piv->pending->len - piv->pending_at;
	gsize now = MIN(left, expected);

	if (now > 0)
		g_byte_array_append(answer, piv->pending->data + piv->pending_at, (guint)now);
	piv->pending_at += now;
	left -= now;
	append_status(answer, left == 0 ? SW_OK : (guint16)(SW_MORE | (left < 256 ? left : 0)));
}

GByteArray *piv_answer(Piv *piv, const guint8 *message, gsize length)
{
	GByteArray *answer = g_byte_array_new();
	guint16 status = SW_INTERNAL;
	Apdu apdu;

	if (!apdu_parse(&apdu, message, length)) {
		append_status(answer, SW_WRONG_LENGTH);
		return answer;
	}
	if (apdu.cla != 0x00 && apdu.cla != 0x10) {
		append_status(answer, SW_UNKNOWN_CLA);
		return answer;
	}
	if (chain(piv, &apdu, &status)) {
		status = execute(piv, &apdu);
		g_byte_array_set_size(piv->chain, 0);
	}
	if (status == SW_OK && piv->pending_at < piv->pending->len)
		append_pending(piv, answer, apdu.expected);
	else
		append_status(answer, status);
	return answer;
}
