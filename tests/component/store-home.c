/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The scratch home, the tools run in it, the database as SQLite sees it, and what a card says.
 */

#include <check.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "maker.h"
#include "store-rig.h"

Home *home_new(void)
{
	Home *home = g_new0(Home, 1);
	g_autofree char *made = g_dir_make_tmp("certprop-store-XXXXXX", NULL);

	ck_assert_ptr_nonnull(made);
	home->dir = realpath(made, NULL);
	home->runtime = home_path(home, "run");
	home->db = home_path(home, ".pki/nssdb");
	ck_assert_int_eq(g_mkdir(home->runtime, 0700), 0);
	return home;
}

char *home_path(const Home *home, const char *name)
{
	return g_build_filename(home->dir, name, NULL);
}

void home_free(Home *home)
{
	g_autofree char *out = NULL;

	out = home_run(home, "chmod", "-R", "u+rwX", home->dir, NULL);
	g_free(out);
	out = home_run(home, "rm", "-rf", home->dir, NULL);
	g_free(home->dir);
	g_free(home->runtime);
	g_free(home->db);
	g_free(home);
}

char *home_run(const Home *home, const char *program, ...)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	g_autofree char *home_env = g_strconcat("HOME=", home->dir, NULL);
	char *path_env = (char[]){"PATH=/usr/bin:/bin:/usr/sbin:/sbin"};
	char *env[] = {home_env, path_env, NULL};
	g_autofree char *err = NULL;
	g_autoptr(GError) error = NULL;
	char *out = NULL;
	int status = 0;
	va_list args;

	va_start(args, program);
	for (const char *arg = program; arg != NULL; arg = va_arg(args, const char *))
		g_ptr_array_add(argv, (gpointer)(guintptr)arg);
	va_end(args);
	g_ptr_array_add(argv, NULL);

	ck_assert_msg(g_spawn_sync(home->dir, (char **)argv->pdata, env, G_SPAWN_SEARCH_PATH, NULL,
			      NULL, &out, &err, &status, &error),
		"%s: %s", program, error != NULL ? error->message : "");
	ck_assert_msg(status == 0, "%s ended with %d: %s%s", program, status, out, err);
	return out;
}

void home_make_db_at(const Home *home, const char *dir, const char *password)
{
	g_autofree char *spec = g_strconcat("sql:", dir, NULL);
	g_autofree char *file = home_path(home, "password");
	g_autofree char *out = NULL;

	ck_assert_int_eq(g_mkdir_with_parents(dir, 0700), 0);
	ck_assert(g_file_set_contents(file, password, -1, NULL));
	if (password[0] == '\0')
		out = home_run(home, "certutil", "-N", "-d", spec, "--empty-password", NULL);
	else
		out = home_run(home, "certutil", "-N", "-d", spec, "-f", file, NULL);
}

void home_make_db(const Home *home)
{
	home_make_db_at(home, home->db, "");
}

static int on_row(void *data, int n, char **values, char **names)
{
	GString *out = data;

	for (int i = 0; i < n; i++)
		g_string_append_printf(
			out, "%s%s", i > 0 ? "|" : "", values[i] != NULL ? values[i] : "-");
	g_string_append_c(out, '\n');
	return 0;
}

char *home_sql(const Home *home, const char *dir, const char *file, const char *query)
{
	g_autofree char *path = g_build_filename(dir != NULL ? dir : home->db, file, NULL);
	GString *out = g_string_new(NULL);
	sqlite3 *db = NULL;
	char *message = NULL;

	ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	ck_assert_msg(sqlite3_exec(db, query, on_row, out, &message) == SQLITE_OK, "%s: %s", query,
		message != NULL ? message : "");
	sqlite3_close(db);
	return g_string_free(out, FALSE);
}

int home_count(const Home *home, const char *dir, const char *file, const char *query)
{
	g_autofree char *out = home_sql(home, dir, file, query);

	return (int)g_ascii_strtoll(out, NULL, 10);
}

char *home_state(const Home *home, const char *dir)
{
	static const char *const files[] = {"cert9.db", "key4.db", "pkcs11.txt"};
	GString *state = g_string_new(NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path =
			g_build_filename(dir != NULL ? dir : home->db, files[i], NULL);
		g_autofree char *data = NULL;
		g_autofree char *sum = NULL;
		struct stat st;
		gsize len;

		if (i == 2 && !g_file_test(path, G_FILE_TEST_EXISTS)) {
			g_string_append_printf(state, "%s none\n", files[i]);
			continue;
		}
		ck_assert(g_file_get_contents(path, &data, &len, NULL));
		ck_assert_int_eq(stat(path, &st), 0);
		sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (guchar *)data, len);
		g_string_append_printf(state, "%s %s %ld.%09ld\n", files[i], sum,
			(long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	}
	return g_string_free(state, FALSE);
}

static char *hex(GBytes *bytes)
{
	gsize len;
	const guint8 *data = g_bytes_get_data(bytes, &len);
	GString *out = g_string_sized_new(2 * len);

	for (gsize i = 0; i < len; i++)
		g_string_append_printf(out, "%02X", data[i]);
	return g_string_free(out, FALSE);
}

char *home_row(const Home *home, const char *dir, GBytes *der)
{
	g_autofree char *columns = home_sql(home, dir, "cert9.db",
		"SELECT group_concat('quote(' || name || ')') FROM pragma_table_info('nssPublic')");
	g_autofree char *content = hex(der);
	g_autofree char *query = NULL;

	g_strchomp(columns);
	query = g_strdup_printf("SELECT %s FROM nssPublic WHERE a11=x'%s'", columns, content);
	return home_sql(home, dir, "cert9.db", query);
}

static void card_cert_free(gpointer data)
{
	CardCert *cert = data;

	g_bytes_unref(cert->der);
	g_free(cert->object);
	g_free(cert);
}

Card *card_new(const char *serial, const char *label)
{
	Card *card = g_new0(Card, 1);

	card->serial = serial;
	card->label = label;
	card->certs = g_ptr_array_new_with_free_func(card_cert_free);
	return card;
}

void card_free(Card *card)
{
	g_ptr_array_unref(card->certs);
	g_free(card);
}

void card_add_der(Card *card, GBytes *der, const char *object)
{
	CardCert *cert = g_new0(CardCert, 1);

	cert->der = g_bytes_ref(der);
	cert->id = (guint8)(card->certs->len + 1);
	cert->object = g_strdup(object);
	g_ptr_array_add(card->certs, cert);
}

GBytes *card_add(Card *card, const char *cn, const char *object)
{
	static guint64 serial = 100;
	g_autoptr(GBytes) der = maker_der(&(const MakerSpec){
		.cn = cn,
		.issuer_cn = "Test CA",
		.email = "jane@example.org",
		.serial = ++serial,
		.key_usage = "digitalSignature",
	});

	card_add_der(card, der, object);
	return der;
}

Card *card_with(const char *serial, unsigned n)
{
	Card *card = card_new(serial, "Jane Doe");

	for (unsigned i = 0; i < n; i++) {
		g_autofree char *cn = g_strdup_printf("Jane %u", i / 3);
		g_autofree char *object = g_strdup_printf("Certificate %u", i);

		card_add(card, cn, object);
	}
	return card;
}

static void add_frame(GByteArray *frames, GBytes *frame)
{
	gsize len;
	const void *data = g_bytes_get_data(frame, &len);

	g_byte_array_append(frames, data, (guint)len);
	g_bytes_unref(frame);
}

GByteArray *card_frames(const Card *card, guint64 code)
{
	GByteArray *frames = g_byte_array_new();

	add_frame(frames, wire_pack(WIRE_SCAN_TOKEN, "ttttn", "piv_II", "PKCS#15 emulated",
				  card->serial, card->label, (guint64)1));
	for (guint i = 0; i < card->certs->len; i++) {
		const CardCert *cert = card->certs->pdata[i];
		gsize len;
		const void *der = g_bytes_get_data(cert->der, &len);

		add_frame(frames, wire_pack(WIRE_SCAN_CERT, "btnb", &cert->id, (gsize)1,
					  cert->object, (guint64)WIRE_KEY_UNKNOWN, der, len));
	}
	add_frame(frames, wire_pack(WIRE_SCAN_END, "nnt", code, (guint64)card->certs->len,
				  code != 0 ? "a reason" : ""));
	return frames;
}
