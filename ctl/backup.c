/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backup is collected from the store's frames and written in one go before the store may take
 * anything away: to a new file under another name first, which gets its own when all of it is on
 * the disk, so that whatever has the name of a backup is a whole one. Names sort by time.
 *
 * The attributes are bytes to us; what they mean is the store's business, which puts them back.
 */

#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "json.h"
#include "names.h"
#include "runtime.h"
#include "text.h"

#define HEX_NAME_MAX 128u

static void attribute_free(gpointer data)
{
	BackupAttribute *attribute = data;

	g_bytes_unref(attribute->value);
	g_free(attribute);
}

static void object_free(gpointer data)
{
	BackupObject *object = data;

	g_free(object->path);
	g_free(object->sha256);
	g_free(object->nickname);
	g_ptr_array_unref(object->attributes);
	g_free(object);
}

Backup *backup_new(void)
{
	Backup *backup = g_new0(Backup, 1);

	backup->created = text_time(g_get_real_time() / G_USEC_PER_SEC);
	backup->objects = g_ptr_array_new_with_free_func(object_free);

	return backup;
}

Backup *backup_free(Backup *backup)
{
	if (backup == NULL)
		return NULL;

	g_free(backup->created);
	g_ptr_array_unref(backup->objects);
	g_free(backup);

	return NULL;
}

static bool too_many(GError **error)
{
	g_set_error_literal(error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL,
		"it sent more than a backup may hold, or in a wrong order");
	return false;
}

BackupObject *backup_add(Backup *backup, const char *path, const char *sha256, const char *nickname)
{
	BackupObject *object = g_new0(BackupObject, 1);

	object->path = g_strdup(path);
	object->sha256 = g_strdup(sha256);
	object->nickname = g_strdup(nickname);
	object->attributes = g_ptr_array_new_with_free_func(attribute_free);
	g_ptr_array_add(backup->objects, object);

	return object;
}

void backup_add_attribute(BackupObject *object, guint64 type, GBytes *value)
{
	BackupAttribute *attribute = g_new0(BackupAttribute, 1);

	attribute->type = type;
	attribute->value = value;
	g_ptr_array_add(object->attributes, attribute);
}

static bool add_object(Backup *backup, const char *path, WireReader *frame, GError **error)
{
	g_autofree char *sha256 = wire_get_text(frame, HEX_NAME_MAX);
	g_autofree char *nickname = wire_get_text(frame, WIRE_TEXT_MAX);

	(void)backup_add(backup, path, sha256, nickname);
	if (backup->objects->len > BACKUP_OBJECTS_MAX)
		return too_many(error);

	return wire_reader_done(frame, error);
}

static bool add_attribute(Backup *backup, WireReader *frame, GError **error)
{
	BackupObject *object;
	guint64 type;

	if (backup->objects->len == 0)
		return too_many(error);
	object = g_ptr_array_index(backup->objects, backup->objects->len - 1);
	if (object->attributes->len == BACKUP_ATTRIBUTES_MAX)
		return too_many(error);

	type = wire_get_number(frame);
	backup_add_attribute(object, type, wire_get_bytes(frame, WIRE_FRAME_MAX));

	return wire_reader_done(frame, error);
}

bool backup_add_frame(Backup *backup, const char *path, WireReader *frame, GError **error)
{
	guint type = frame->type;

	if (type == WIRE_REPORT_OBJECT)
		return add_object(backup, path, frame, error);
	if (type == WIRE_REPORT_ATTRIBUTE)
		return add_attribute(backup, frame, error);

	return too_many(error);
}

/* As text */

static void put_object(Json *json, const BackupObject *object)
{
	json_open_object(json, NULL);
	json_put_text(json, "sha256", object->sha256);
	json_put_text(json, "nickname", object->nickname);
	json_open_array(json, "attributes");
	for (guint i = 0; i < object->attributes->len; i++) {
		const BackupAttribute *attribute = g_ptr_array_index(object->attributes, i);
		gsize len;
		const void *data = g_bytes_get_data(attribute->value, &len);
		g_autofree char *hex = text_hex(data, len);

		json_open_object(json, NULL);
		json_put_number(json, "type", (gint64)attribute->type);
		json_put_text(json, "value", hex);
		json_close_object(json);
	}
	json_close_array(json);
	json_close_object(json);
}

static void put_databases(Json *json, const Backup *backup)
{
	const char *path = NULL;

	json_open_array(json, "databases");
	for (guint i = 0; i < backup->objects->len; i++) {
		const BackupObject *object = g_ptr_array_index(backup->objects, i);

		if (path == NULL || strcmp(path, object->path) != 0) {
			if (path != NULL) {
				json_close_array(json);
				json_close_object(json);
			}
			path = object->path;
			json_open_object(json, NULL);
			json_put_text(json, "path", path);
			json_open_array(json, "certificates");
		}
		put_object(json, object);
	}
	if (path != NULL) {
		json_close_array(json);
		json_close_object(json);
	}
	json_close_array(json);
}

static char *as_text(const Backup *backup)
{
	g_autoptr(Json) json = json_new();

	json_open_object(json, NULL);
	json_put_text(json, "format", NAME_BACKUP_FORMAT);
	json_put_number(json, "version", BACKUP_VERSION);
	json_put_text(json, "created", backup->created);
	json_put_text(json, "program", CERTPROP_VERSION);
	put_databases(json, backup);
	json_close_object(json);

	return json_text(json, false);
}

/* As a file */

char *backup_dir(void)
{
	return g_build_filename(g_get_user_state_dir(), NAME_STATE_DIR, NULL);
}

static bool fail(GError **error, const char *what, const char *path)
{
	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED, "%s %s failed: %s", what, path,
		g_strerror(errno));
	return false;
}

static bool write_all(int fd, const char *text)
{
	for (gsize left = strlen(text); left > 0;) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			text += n;
			left -= (gsize)n;
		}
	}

	return fsync(fd) == 0;
}

/* Written to `temporary`, then called `name`, in the open directory. */
static bool write_file(
	int dir, const char *temporary, const char *name, const char *text, GError **error)
{
	int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool good;

	if (fd < 0)
		return fail(error, "Creating the backup", temporary);

	good = write_all(fd, text) || fail(error, "Writing the backup", temporary);
	(void)close(fd);
	if (good && (renameat(dir, temporary, dir, name) < 0 || fsync(dir) < 0))
		good = fail(error, "Writing the backup", name);
	if (!good)
		(void)unlinkat(dir, temporary, 0);

	return good;
}

/* Sorts by time, and no other process gives the same at the same time. */
static char *new_name(void)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *time = g_date_time_format(now, "%Y%m%dT%H%M%S.%fZ");

	return g_strdup_printf(NAME_BACKUP_PREFIX "%s-%d" NAME_BACKUP_SUFFIX, time, (int)getpid());
}

char *backup_write(const Backup *backup, GError **error)
{
	g_autofree char *dir = backup_dir();
	g_autofree char *name = new_name();
	g_autofree char *temporary = g_strconcat(".", name, ".new", NULL);
	g_autofree char *text = as_text(backup);
	bool good;
	int fd;

	if (!runtime_make(dir, error))
		return NULL;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		(void)fail(error, "Opening", dir);
		return NULL;
	}
	good = write_file(fd, temporary, name, text, error);
	(void)close(fd);

	return good ? g_build_filename(dir, name, NULL) : NULL;
}
