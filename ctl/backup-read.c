/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A backup file is data of unknown origin until every byte of it has been looked at: a file that
 * others can write to, a pipe, a document of a thousand levels, a certificate that is not the one
 * that its name says. What is in it goes to the store as bytes, and the store looks again.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup.h"
#include "error.h"
#include "json.h"
#include "names.h"
#include "strict.h"

#define TYPE_MAX   G_GINT64_CONSTANT(0xffffffff)
#define TYPE_VALUE 0x11 /* CKA_VALUE: the certificate itself */

static int compare_names(gconstpointer x, gconstpointer y)
{
	return -strcmp(*(const char *const *)x, *(const char *const *)y);
}

GPtrArray *backup_names(void)
{
	g_autofree char *path = backup_dir();
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	const char *name;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		if (g_str_has_prefix(name, NAME_BACKUP_PREFIX) &&
			g_str_has_suffix(name, NAME_BACKUP_SUFFIX))
			g_ptr_array_add(names, g_strdup(name));
	}
	g_ptr_array_sort(names, compare_names);

	return names;
}

/* The file */

static bool refuse(GError **error, CertpropError code, const char *path, const char *why)
{
	g_set_error(error, CERTPROP_ERROR, code, "%s: %s", path, why);
	return false;
}

static bool check_file(int fd, const char *path, GError **error)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return refuse(error, CERTPROP_ERROR_FAILED, path, g_strerror(errno));
	if (!S_ISREG(st.st_mode))
		return refuse(error, CERTPROP_ERROR_FOREIGN, path, "it is not a regular file");
	if (st.st_uid != geteuid())
		return refuse(error, CERTPROP_ERROR_FOREIGN, path, "it belongs to somebody else");
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return refuse(error, CERTPROP_ERROR_FOREIGN, path, "others can write to it");
	if (st.st_size > BACKUP_FILE_MAX)
		return refuse(error, CERTPROP_ERROR_LIMIT, path, "it is too large");

	return true;
}

/* At most one byte more than is allowed, whatever it has become since it was looked at. */
static GByteArray *read_all(int fd, const char *path, GError **error)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	guint8 chunk[16384];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof chunk);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			(void)refuse(error, CERTPROP_ERROR_FAILED, path, g_strerror(errno));
			return NULL;
		}
		if (n == 0)
			return g_steal_pointer(&bytes);
		g_byte_array_append(bytes, chunk, (guint)n);
		if (bytes->len > BACKUP_FILE_MAX) {
			(void)refuse(error, CERTPROP_ERROR_LIMIT, path, "it is too large");
			return NULL;
		}
	}
}

static GByteArray *load(const char *path, GError **error)
{
	/* Not blocking: it could be a pipe that nobody writes to. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	GByteArray *bytes;

	if (fd < 0) {
		(void)refuse(error,
			errno == ENOENT ? CERTPROP_ERROR_MISSING : CERTPROP_ERROR_FAILED, path,
			errno == ELOOP ? "it is a symbolic link" : g_strerror(errno));
		return NULL;
	}

	bytes = check_file(fd, path, error) ? read_all(fd, path, error) : NULL;
	(void)close(fd);
	return bytes;
}

/* The document */

static bool malformed(GError **error, const char *what)
{
	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL,
		"It is no backup of a purge: %s", what);
	return false;
}

static GBytes *from_hex(const char *hex)
{
	gsize len = strlen(hex) / 2;
	g_autoptr(GByteArray) bytes = g_byte_array_sized_new((guint)len);

	if (strlen(hex) % 2 != 0 || len > BACKUP_VALUE_MAX)
		return NULL;
	for (gsize i = 0; i < len; i++) {
		int high = g_ascii_xdigit_value(hex[2 * i]);
		int low = g_ascii_xdigit_value(hex[2 * i + 1]);
		guint8 byte = (guint8)(high << 4 | low);

		if (high < 0 || low < 0)
			return NULL;
		g_byte_array_append(bytes, &byte, 1);
	}

	return g_byte_array_free_to_bytes(g_steal_pointer(&bytes));
}

static bool take_attribute(BackupObject *object, const JsonItem *item, GError **error)
{
	const char *hex = NULL;
	gint64 type = -1;
	GBytes *value;

	if (!json_item_number(item, "type", &type) || type < 0 || type > TYPE_MAX ||
		!json_item_text(item, "value", &hex))
		return malformed(error, "an attribute is ill-formed");
	value = from_hex(hex);
	if (value == NULL)
		return malformed(error, "an attribute's value is not hexadecimal");

	backup_add_attribute(object, (guint64)type, value);
	return true;
}

/* The certificate is the one that its name says. */
static bool check_object(const BackupObject *object, GError **error)
{
	for (guint i = 0; i < object->attributes->len; i++) {
		const BackupAttribute *attribute = g_ptr_array_index(object->attributes, i);
		g_autofree char *sum = NULL;

		if (attribute->type != TYPE_VALUE)
			continue;
		sum = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, attribute->value);
		return strcmp(sum, object->sha256) == 0 ||
		       malformed(error, "a certificate is not the one that its name says");
	}

	return malformed(error, "an object holds no certificate");
}

static bool take_object(Backup *backup, const char *path, const JsonItem *item, GError **error)
{
	const char *sha256 = NULL, *nickname = NULL;
	BackupObject *object;
	guint n = 0;

	if (!json_item_text(item, "sha256", &sha256) ||
		!json_item_text(item, "nickname", &nickname) ||
		!json_item_array(item, "attributes", &n) || n > BACKUP_ATTRIBUTES_MAX)
		return malformed(error, "a certificate is ill-formed");
	if (backup->objects->len == BACKUP_OBJECTS_MAX)
		return malformed(error, "it has too many certificates");

	object = backup_add(backup, path, sha256, nickname);
	for (guint i = 0; i < n; i++)
		if (!take_attribute(object, json_item_element(item, "attributes", i), error))
			return false;

	return check_object(object, error);
}

static bool take_database(Backup *backup, const JsonItem *item, GError **error)
{
	const char *path = NULL;
	guint n = 0;

	if (!json_item_text(item, "path", &path) || !g_str_has_prefix(path, "sql:/") ||
		strlen(path) > WIRE_TEXT_MAX || !json_item_array(item, "certificates", &n))
		return malformed(error, "a database is ill-formed");
	for (guint i = 0; i < n; i++)
		if (!take_object(backup, path, json_item_element(item, "certificates", i), error))
			return false;

	return true;
}

static bool take_document(Backup *backup, const JsonItem *item, GError **error)
{
	const char *format = NULL, *created = NULL;
	gint64 version = 0;
	guint n = 0;

	if (!json_item_text(item, "format", &format) || strcmp(format, NAME_BACKUP_FORMAT) != 0 ||
		!json_item_number(item, "version", &version))
		return malformed(error, "it does not say so");
	if (version != BACKUP_VERSION)
		return malformed(error, "it is in the form of another version of certprop");
	if (!json_item_text(item, "created", &created) || !json_item_array(item, "databases", &n))
		return malformed(error, "something is missing");

	g_free(backup->created);
	backup->created = g_strdup(created);
	for (guint i = 0; i < n; i++)
		if (!take_database(backup, json_item_element(item, "databases", i), error))
			return false;

	return true;
}

Backup *backup_read(const char *path, GError **error)
{
	g_autoptr(GByteArray) bytes = load(path, error);
	g_autoptr(Backup) backup = backup_new();
	g_autoptr(JsonDoc) doc = NULL;

	if (bytes == NULL)
		return NULL;
	if (strict_check((const char *)bytes->data, bytes->len, error))
		doc = json_doc_read((const char *)bytes->data, bytes->len, error);
	if (doc == NULL || !take_document(backup, json_doc_item(doc), error)) {
		g_prefix_error(error, "%s: ", path);
		return NULL;
	}

	return g_steal_pointer(&backup);
}
