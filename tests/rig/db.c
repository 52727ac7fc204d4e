/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Columns are named after attributes: a0 CKA_CLASS, a3 CKA_LABEL, a11 CKA_VALUE, a89 CKA_URL, a102
 * CKA_ID. NSS stores numbers as four bytes, most significant first, and an empty value as three
 * magic bytes, since an empty blob would mean that the attribute is not there.
 *
 * The files are opened for writing, also where nothing is written, because only so SQLite can roll
 * back what a killed process has left.
 */
#include "db.h"

#include "enter.h"
#include "process.h"

#include <check.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#define BUSY_MS     10000
#define CERTIFICATE "x'00000001'"
#define TRUSTS      "x'CE534353', x'0000000B'"
#define EMPTY       "x'A5005A'"
#define MODULES     "pkcs11.txt"

static const guint8 empty_magic[] = {0xa5, 0x00, 0x5a};

typedef struct sqlite3 Sqlite;
typedef struct sqlite3_stmt Statement;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sqlite, sqlite3_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Statement, sqlite3_finalize)

static Sqlite *open_file(const char *directory, const char *name)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);
	sqlite3 *db;
	int rv = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);

	ck_assert_msg(rv == SQLITE_OK, "cannot open %s: %s", path, sqlite3_errstr(rv));
	sqlite3_busy_timeout(db, BUSY_MS);
	return db;
}

static Statement *prepare(Sqlite *db, const char *sql)
{
	sqlite3_stmt *statement;

	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK, "%s: %s", sql,
		sqlite3_errmsg(db));
	return statement;
}

static bool step(Statement *statement)
{
	int rv = sqlite3_step(statement);

	ck_assert_msg(rv == SQLITE_ROW || rv == SQLITE_DONE, "%s: %s", sqlite3_sql(statement),
		sqlite3_errmsg(sqlite3_db_handle(statement)));
	return rv == SQLITE_ROW;
}

static unsigned count(const char *directory, const char *name, const char *sql)
{
	g_autoptr(Sqlite) db = open_file(directory, name);
	g_autoptr(Statement) statement = prepare(db, sql);

	ck_assert(step(statement));
	return (unsigned)sqlite3_column_int(statement, 0);
}

static GBytes *column_bytes(Statement *statement, int column)
{
	const void *data = sqlite3_column_blob(statement, column);
	gsize length = (gsize)sqlite3_column_bytes(statement, column);

	if (data == NULL)
		return NULL;
	if (length == sizeof(empty_magic) && memcmp(data, empty_magic, length) == 0)
		return g_bytes_new_static("", 0);
	return g_bytes_new(data, length);
}

static char *column_text(Statement *statement, int column)
{
	g_autoptr(GBytes) bytes = column_bytes(statement, column);
	gsize length;
	const char *data;

	if (bytes == NULL)
		return NULL;
	data = g_bytes_get_data(bytes, &length);
	return length > 0 ? g_strndup(data, length) : g_strdup("");
}

static void append_attribute(GString *to, Statement *statement, int column)
{
	const guint8 *data = sqlite3_column_blob(statement, column);
	int length = sqlite3_column_bytes(statement, column);

	if (data == NULL)
		return;
	g_string_append_printf(to, "%s=", sqlite3_column_name(statement, column));
	for (int i = 0; i < length; i++)
		g_string_append_printf(to, "%02x", data[i]);
	g_string_append_c(to, '\n');
}

static RigDbRow *read_row(Statement *statement)
{
	RigDbRow *row = g_new0(RigDbRow, 1);
	GString *attributes = g_string_new(NULL);

	for (int i = 0; i < sqlite3_column_count(statement); i++) {
		const char *name = sqlite3_column_name(statement, i);

		if (strcmp(name, "id") == 0) {
			row->row = sqlite3_column_int64(statement, i);
			continue;
		}
		append_attribute(attributes, statement, i);
		if (strcmp(name, "a3") == 0)
			row->label = column_text(statement, i);
		else if (strcmp(name, "a89") == 0)
			row->url = column_text(statement, i);
		else if (strcmp(name, "a11") == 0)
			row->der = column_bytes(statement, i);
		else if (strcmp(name, "a102") == 0)
			row->id = column_bytes(statement, i);
	}
	row->attributes = g_string_free(attributes, FALSE);
	return row;
}

static void row_free(gpointer data)
{
	RigDbRow *row = data;

	g_free(row->label);
	g_free(row->url);
	g_clear_pointer(&row->der, g_bytes_unref);
	g_clear_pointer(&row->id, g_bytes_unref);
	g_free(row->attributes);
	g_free(row);
}

bool rig_db_exists(const char *directory)
{
	g_autofree char *path = g_build_filename(directory, "cert9.db", NULL);

	return g_file_test(path, G_FILE_TEST_EXISTS);
}

GPtrArray *rig_db_certificates(const char *directory)
{
	g_autoptr(Sqlite) db = open_file(directory, "cert9.db");
	g_autoptr(Statement) statement =
		prepare(db, "SELECT * FROM nssPublic WHERE a0 = " CERTIFICATE " ORDER BY rowid");
	GPtrArray *rows = g_ptr_array_new_with_free_func(row_free);

	while (step(statement))
		g_ptr_array_add(rows, read_row(statement));
	return rows;
}

const RigDbRow *rig_db_find(const GPtrArray *rows, GBytes *der)
{
	const RigDbRow *found = NULL;

	for (guint i = 0; i < rows->len; i++) {
		const RigDbRow *row = g_ptr_array_index(rows, i);

		if (row->der == NULL || !g_bytes_equal(row->der, der))
			continue;
		ck_assert_msg(found == NULL, "two rows for one certificate");
		found = row;
	}
	return found;
}

unsigned rig_db_marked(const GPtrArray *rows)
{
	unsigned marked = 0;

	for (guint i = 0; i < rows->len; i++) {
		const RigDbRow *row = g_ptr_array_index(rows, i);

		marked += row->url != NULL && row->url[0] != '\0';
	}
	return marked;
}

unsigned rig_db_count_marked(const char *directory)
{
	return count(directory, "cert9.db",
		"SELECT count(*) FROM nssPublic WHERE a0 = " CERTIFICATE
		" AND a89 NOT NULL AND a89 <> " EMPTY);
}

void rig_db_set_url(const char *directory, GBytes *der, const char *url)
{
	g_autoptr(Sqlite) db = open_file(directory, "cert9.db");
	g_autoptr(Statement) statement =
		prepare(db, "UPDATE nssPublic SET a89 = ? WHERE a0 = " CERTIFICATE " AND a11 = ?");
	gsize length;
	const void *data = g_bytes_get_data(der, &length);
	const char *value = url[0] != '\0' ? url : (const char *)empty_magic;
	gsize size = url[0] != '\0' ? strlen(url) : sizeof(empty_magic);

	ck_assert_int_eq(
		sqlite3_bind_blob(statement, 1, value, (int)size, SQLITE_STATIC), SQLITE_OK);
	ck_assert_int_eq(
		sqlite3_bind_blob(statement, 2, data, (int)length, SQLITE_STATIC), SQLITE_OK);
	ck_assert(!step(statement));
	ck_assert_int_eq(sqlite3_changes(db), 1);
}

unsigned rig_db_private_objects(const char *directory)
{
	return count(directory, "key4.db", "SELECT count(*) FROM nssPrivate");
}

unsigned rig_db_trust_objects(const char *directory)
{
	return count(
		directory, "cert9.db", "SELECT count(*) FROM nssPublic WHERE a0 IN (" TRUSTS ")");
}

char *rig_db_integrity(const char *directory)
{
	static const char *const names[] = {"cert9.db", "key4.db"};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autoptr(Sqlite) db = open_file(directory, names[i]);
		g_autoptr(Statement) statement = prepare(db, "PRAGMA integrity_check");
		const char *says;

		ck_assert(step(statement));
		says = (const char *)sqlite3_column_text(statement, 0);
		if (strcmp(says, "ok") != 0)
			return g_strdup_printf("%s: %s", names[i], says);
	}
	return g_strdup("ok");
}

static void append_file_state(GString *to, const char *directory, const char *name)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);
	g_autofree char *data = NULL;
	g_autofree char *hash = NULL;
	gsize length;
	struct stat info;

	ck_assert_msg(g_file_get_contents(path, &data, &length, NULL) && stat(path, &info) == 0,
		"cannot read %s", path);
	hash = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (guchar *)data, length);
	g_string_append_printf(to, "%s %s %" G_GINT64_FORMAT ".%09ld\n", name, hash,
		(gint64)info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

static bool has_modules(const char *directory)
{
	g_autofree char *path = g_build_filename(directory, MODULES, NULL);

	return g_file_test(path, G_FILE_TEST_EXISTS);
}

char *rig_db_state(const char *directory)
{
	GString *state = g_string_new(NULL);

	append_file_state(state, directory, "cert9.db");
	append_file_state(state, directory, "key4.db");
	if (has_modules(directory))
		append_file_state(state, directory, MODULES);
	else
		g_string_append(state, MODULES " none\n");
	return g_string_free(state, FALSE);
}

/* The metaData of key4.db is whole, too: NSS writes the check of a password and the sums over trust
   into it, and neither is any business of ours as long as no pinned root is trusted. */
static void append_rows(GString *to, const char *directory, const char *name, const char *sql)
{
	g_autoptr(Sqlite) db = open_file(directory, name);
	g_autoptr(Statement) statement = prepare(db, sql);

	g_string_append_printf(to, "%s: %s\n", name, sql);
	while (step(statement)) {
		for (int i = 0; i < sqlite3_column_count(statement); i++)
			append_attribute(to, statement, i);
		g_string_append_c(to, '\n');
	}
}

static void append_modules(GString *to, const char *directory)
{
	g_autofree char *path = g_build_filename(directory, MODULES, NULL);
	g_autofree char *data = NULL;
	g_autofree char *hash = NULL;
	gsize length;

	if (has_modules(directory)) {
		ck_assert_msg(
			g_file_get_contents(path, &data, &length, NULL), "cannot read %s", path);
		hash = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (guchar *)data, length);
	}
	g_string_append_printf(to, MODULES " %s\n", hash != NULL ? hash : "none");
}

char *rig_db_others(const char *directory)
{
	GString *others = g_string_new(NULL);

	append_rows(others, directory, "cert9.db",
		"SELECT * FROM nssPublic WHERE a0 IS NOT " CERTIFICATE " ORDER BY id");
	append_rows(others, directory, "key4.db", "SELECT * FROM nssPrivate ORDER BY id");
	append_rows(others, directory, "key4.db", "SELECT * FROM metaData ORDER BY id");
	append_modules(others, directory);
	return g_string_free(others, FALSE);
}

void rig_db_create(const char *directory)
{
	g_autofree char *path = g_strconcat("sql:", directory, NULL);
	const char *argv[] = {"certutil", "-N", "-d", path, "--empty-password", NULL};

	ck_assert_int_eq(g_mkdir_with_parents(directory, 0700), 0);
	g_free(rig_run_ok(argv, NULL));
}

void rig_db_import(
	const char *directory, const char *nickname, const char *der_path, const char *trust)
{
	g_autofree char *path = g_strconcat("sql:", directory, NULL);
	const char *argv[] = {
		"certutil", "-A", "-d", path, "-n", nickname, "-t", trust, "-i", der_path, NULL};

	g_free(rig_run_ok(argv, NULL));
}

void rig_db_import_key(
	const char *directory, const char *nickname, const char *der_path, const char *key_path)
{
	g_autofree char *path = g_strconcat("sql:", directory, NULL);
	g_autofree char *scratch = rig_make_directory("pkcs12");
	g_autofree char *pem = g_build_filename(scratch, "certificate.pem", NULL);
	g_autofree char *p12 = g_build_filename(scratch, "both.p12", NULL);
	const char *convert[] = {
		"openssl", "x509", "-inform", "DER", "-in", der_path, "-out", pem, NULL};
	const char *pack[] = {"openssl", "pkcs12", "-export", "-in", pem, "-inkey", key_path,
		"-name", nickname, "-passout", "pass:x", "-out", p12, NULL};
	const char *import[] = {"pk12util", "-i", p12, "-d", path, "-W", "x", "-K", "", NULL};

	g_free(rig_run_ok(convert, NULL));
	g_free(rig_run_ok(pack, NULL));
	g_free(rig_run_ok(import, NULL));
}
