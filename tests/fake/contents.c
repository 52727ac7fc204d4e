/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The directory is read whole at the start, so that a card answers from memory and a half-written
 * directory shows as an error of the command that named it, not as a strange card. Flaws are put
 * on at the moment of answering: the good certificate stays.
 */
#include "contents.h"

#include "tlv.h"

#include <openssl/pem.h>

#include <string.h>

#define GUID_LENGTH  16
#define GARBAGE_SIZE 600
#define ZEROS        12000
#define CERT_MAX     50000 /* a data object's length must fit in two bytes */

struct Contents {
	char *directory;
	guint8 guid[GUID_LENGTH];
	struct {
		GBytes *der;
		EVP_PKEY *key;
		Flaw flaw;
	} places[SLOT_COUNT];
};

static const char *const flaws[] = {
	[FLAW_NONE] = "none",
	[FLAW_GARBAGE] = "garbage",
	[FLAW_TRUNCATED] = "truncated",
	[FLAW_EMPTY] = "empty",
	[FLAW_BAD_SIGNATURE] = "bad-signature",
	[FLAW_TRAILING_ZEROS] = "trailing-zeros",
	[FLAW_UNKNOWN_ALGORITHM] = "unknown-algorithm",
	[FLAW_GZIP_FLAG] = "gzip-flag",
};

bool flaw_parse(const char *word, Flaw *ret_flaw)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(flaws); i++) {
		if (strcmp(word, flaws[i]) == 0) {
			*ret_flaw = (Flaw)i;
			return true;
		}
	}
	return false;
}

char *flaw_words(void)
{
	GString *words = g_string_new(flaws[0]);

	for (unsigned i = 1; i < G_N_ELEMENTS(flaws); i++)
		g_string_append_printf(words, " %s", flaws[i]);
	return g_string_free(words, FALSE);
}

void contents_spoil(Contents *contents, unsigned index, Flaw flaw)
{
	contents->places[index].flaw = flaw;
}

static bool load_guid(Contents *contents, GError **error)
{
	g_autofree char *path = g_build_filename(contents->directory, "chuid", NULL);
	g_autofree char *text = NULL;

	if (!g_file_get_contents(path, &text, NULL, error))
		return false;
	g_strstrip(text);
	for (unsigned i = 0; i < GUID_LENGTH; i++) {
		int high = g_ascii_xdigit_value(text[2 * i]);
		int low = high >= 0 ? g_ascii_xdigit_value(text[2 * i + 1]) : -1;

		if (low < 0) {
			g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
				"'%s' must hold 32 hex digits", path);
			return false;
		}
		contents->guid[i] = (guint8)(high << 4 | low);
	}
	return true;
}

static bool load_key(Contents *contents, unsigned index, GError **error)
{
	g_autofree char *name = g_strconcat(slot_at(index)->name, ".pem", NULL);
	g_autofree char *path = g_build_filename(contents->directory, name, NULL);
	BIO *file = BIO_new_file(path, "r");

	contents->places[index].key =
		file != NULL ? PEM_read_bio_PrivateKey(file, NULL, NULL, NULL) : NULL;
	BIO_free(file);
	if (contents->places[index].key == NULL) {
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
			"'%s' holds no readable private key", path);
		return false;
	}
	return true;
}

static bool load_place(Contents *contents, unsigned index, GError **error)
{
	g_autofree char *name = g_strconcat(slot_at(index)->name, ".der", NULL);
	g_autofree char *path = g_build_filename(contents->directory, name, NULL);
	char *data;
	gsize length;

	if (!g_file_test(path, G_FILE_TEST_EXISTS))
		return true;
	if (!g_file_get_contents(path, &data, &length, error))
		return false;
	contents->places[index].der = g_bytes_new_take(data, length);
	if (length > CERT_MAX) {
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
			"'%s' has %" G_GSIZE_FORMAT " bytes, a card takes %d", path, length,
			CERT_MAX);
		return false;
	}
	return load_key(contents, index, error);
}

Contents *contents_load(const char *directory, GError **error)
{
	g_autoptr(Contents) contents = g_new0(Contents, 1);

	contents->directory = g_strdup(directory);
	if (!load_guid(contents, error))
		return NULL;
	for (unsigned i = 0; i < SLOT_COUNT; i++) {
		if (!load_place(contents, i, error))
			return NULL;
	}
	return g_steal_pointer(&contents);
}

void contents_free(Contents *contents)
{
	if (contents == NULL)
		return;
	for (unsigned i = 0; i < SLOT_COUNT; i++) {
		g_clear_pointer(&contents->places[i].der, g_bytes_unref);
		EVP_PKEY_free(contents->places[i].key);
	}
	g_free(contents->directory);
	g_free(contents);
}

const char *contents_directory(const Contents *contents)
{
	return contents->directory;
}

const guint8 *contents_guid(const Contents *contents)
{
	return contents->guid;
}

unsigned contents_retired(const Contents *contents)
{
	unsigned count = 0;

	for (unsigned i = 4; i < SLOT_COUNT; i++)
		count += contents->places[i].der != NULL;
	return count;
}

EVP_PKEY *contents_key(const Contents *contents, unsigned index)
{
	return contents->places[index].key;
}

/* The object identifiers rsaEncryption and id-ecPublicKey, where they first stand, become ones
   that nobody has assigned. */
static void spoil_algorithm(GByteArray *der)
{
	static const guint8 rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
	static const guint8 ec[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
	guint8 *at = memmem(der->data, der->len, rsa, sizeof(rsa));
	gsize length = sizeof(rsa);

	if (at == NULL) {
		at = memmem(der->data, der->len, ec, sizeof(ec));
		length = sizeof(ec);
	}
	if (at != NULL)
		at[length - 1] = 0x7f;
}

static void spoil(GByteArray *der, Flaw flaw)
{
	switch (flaw) {
	case FLAW_NONE:
	case FLAW_GZIP_FLAG:
		break;
	case FLAW_GARBAGE:
		g_byte_array_set_size(der, GARBAGE_SIZE);
		for (guint i = 0; i < der->len; i++)
			der->data[i] = (guint8)(i * 37 + 5);
		break;
	case FLAW_TRUNCATED:
		g_byte_array_set_size(der, der->len / 2);
		break;
	case FLAW_EMPTY:
		g_byte_array_set_size(der, 0);
		break;
	case FLAW_BAD_SIGNATURE:
		der->data[der->len - 1] ^= 0x01;
		break;
	case FLAW_TRAILING_ZEROS: {
		guint before = der->len;

		g_byte_array_set_size(der, before + ZEROS);
		memset(der->data + before, 0, ZEROS);
		break;
	}
	case FLAW_UNKNOWN_ALGORITHM:
		spoil_algorithm(der);
		break;
	}
}

GByteArray *contents_object(const Contents *contents, unsigned index)
{
	GBytes *good = contents->places[index].der;
	Flaw flaw = contents->places[index].flaw;
	guint8 info = flaw == FLAW_GZIP_FLAG ? 0x01 : 0x00;
	g_autoptr(GByteArray) der = g_byte_array_new();
	GByteArray *object;

	if (good == NULL)
		return NULL;
	g_byte_array_append(der, g_bytes_get_data(good, NULL), (guint)g_bytes_get_size(good));
	spoil(der, flaw);
	object = g_byte_array_new();
	tlv_append(object, 0x70, der->data, der->len);
	tlv_append(object, 0x71, &info, 1);
	tlv_append(object, 0xfe, NULL, 0);
	return object;
}
