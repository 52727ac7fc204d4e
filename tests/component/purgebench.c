/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The database is filled by the real store; the user's own parts by NSS's own tools.
 */

#include "purgebench.h"

#include <pty.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"
#include "maker.h"

PurgeBench bench;

GBytes *purge_cert(const Card *card, guint n)
{
	return ((const CardCert *)g_ptr_array_index(card->certs, n))->der;
}

void purge_insert(const Card *card, const char *endpoint)
{
	const Job job = {
		.mode = WIRE_STORE_APPLY, .host = bench.host, .endpoint = endpoint, .card = card};
	Outcome outcome = job_run(bench.home, &job);

	report_free(outcome.report);
}

void purge_import(GBytes *der, const char *nickname, const char *trust)
{
	g_autofree char *spec = g_strconcat("sql:", bench.home->db, NULL);
	g_autofree char *file = home_path(bench.home, "import.der");
	g_autofree char *out = NULL;
	gsize len;
	const char *data = g_bytes_get_data(der, &len);

	ck_assert(g_file_set_contents(file, data, (gssize)len, NULL));
	out = home_run(bench.home, "certutil", "-A", "-d", spec, "-n", nickname, "-t", trust, "-i",
		file, NULL);
}

void purge_set_up(void)
{
	bench.home = home_new();
	home_make_db(bench.home);
	bench.host = host_here();

	bench.own = maker_der(&(const MakerSpec){.cn = "Own", .issuer_cn = "Own CA", .serial = 7});
	purge_import(bench.own, "my own", "C,,");

	bench.ada = card_new("A1", "Ada");
	card_add(bench.ada, "Ada Lovelace", "auth");
	card_add(bench.ada, "Ada Lovelace", "sign");
	card_add(bench.ada, "Shared", "both");
	bench.bob = card_new("B2", "Bob");
	card_add(bench.bob, "Bob Babbage", "auth");
	card_add(bench.bob, "Bob Babbage", "sign");
	card_add_der(bench.bob, purge_cert(bench.ada, 2), "both");
	purge_insert(bench.ada, NULL);
	purge_insert(bench.bob, "xrdp:10");
	ck_assert_int_eq(purge_count(PURGE_CERTS), 6);
	ck_assert_int_eq(purge_count(PURGE_MARKED), 5);
}

void purge_tear_down(void)
{
	g_clear_pointer(&bench.ada, card_free);
	g_clear_pointer(&bench.bob, card_free);
	g_clear_pointer(&bench.own, g_bytes_unref);
	g_clear_pointer(&bench.host, g_free);
	g_clear_pointer(&bench.home, home_free);
}

static char **environment(void)
{
	char **env = NULL;

	env = g_environ_setenv(env, "HOME", bench.home->dir, TRUE);
	env = g_environ_setenv(env, "XDG_RUNTIME_DIR", bench.home->runtime, TRUE);
	env = g_environ_setenv(env, "CERTPROP_LIBEXECDIR", PURGE_HELPERS, TRUE);
	env = g_environ_setenv(env, "PATH", "/usr/bin:/bin", TRUE);
	return g_environ_setenv(env, "LC_ALL", "C.UTF-8", TRUE);
}

void purge_exec(char **argv)
{
	g_auto(GStrv) env = environment();

	execve(PURGE_CTL, argv, env);
	_exit(127);
}

/* Parent and program's name. */
static bool is_store_of(const char *entry, pid_t parent)
{
	g_autofree char *path = g_strdup_printf("/proc/%s/stat", entry);
	g_autofree char *text = NULL;
	const char *end;
	int its = 0;

	if (!g_ascii_isdigit(*entry) || !g_file_get_contents(path, &text, NULL, NULL))
		return false;
	end = strrchr(text, ')');
	return end != NULL && sscanf(end, ") %*c %d", &its) == 1 && its == parent &&
	       strstr(text, "(certprop-store)") != NULL;
}

bool purge_kill_child(pid_t pid)
{
	g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
	const char *entry;

	while (dir != NULL && (entry = g_dir_read_name(dir)) != NULL) {
		if (is_store_of(entry, pid))
			return kill((pid_t)g_ascii_strtoll(entry, NULL, 10), SIGKILL) == 0;
	}
	return false;
}

char *purge_newest(void)
{
	g_autofree char *path = home_path(bench.home, ".local/state/certprop");
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	g_autofree char *newest = NULL;
	const char *entry;

	ck_assert_ptr_nonnull(dir);
	while ((entry = g_dir_read_name(dir)) != NULL) {
		if (g_str_has_prefix(entry, "purge-") && g_strcmp0(entry, newest) > 0) {
			g_free(newest);
			newest = g_strdup(entry);
		}
	}
	ck_assert_ptr_nonnull(newest);
	return g_build_filename(path, newest, NULL);
}

static int run(GPtrArray *argv, char **ret_out, char **ret_err)
{
	g_auto(GStrv) env = environment();
	g_autofree char *out = NULL;
	g_autofree char *err = NULL;
	g_autoptr(GError) error = NULL;
	int status = -1;

	g_ptr_array_add(argv, NULL);
	ck_assert_msg(g_spawn_sync(bench.home->dir, (char **)argv->pdata, env, G_SPAWN_DEFAULT,
			      NULL, NULL, &out, &err, &status, &error),
		"%s", error != NULL ? error->message : "");
	ck_assert_msg(WIFEXITED(status), "it ended with %d: %s", status, err);
	if (ret_out != NULL)
		*ret_out = g_steal_pointer(&out);
	if (ret_err != NULL)
		*ret_err = g_steal_pointer(&err);
	return WEXITSTATUS(status);
}

static GPtrArray *words_of(va_list args)
{
	GPtrArray *argv = g_ptr_array_new();

	g_ptr_array_add(argv, (gpointer)PURGE_CTL);
	for (char *word; (word = va_arg(args, char *)) != NULL;)
		g_ptr_array_add(argv, word);
	return argv;
}

int purge_ctl(char **ret_out, char **ret_err, ...)
{
	g_autoptr(GPtrArray) argv = NULL;
	va_list args;

	va_start(args, ret_err);
	argv = words_of(args);
	va_end(args);
	return run(argv, ret_out, ret_err);
}

/* Everything that comes, until the other end is closed. */
static char *read_screen(int fd)
{
	GString *screen = g_string_new(NULL);
	char chunk[1024];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof chunk)) > 0)
		g_string_append_len(screen, chunk, n);
	return g_string_free(screen, FALSE);
}

int purge_on_terminal(const char *answer, char **ret_screen, ...)
{
	g_autoptr(GPtrArray) argv = NULL;
	va_list args;
	int status = -1;
	int fd = -1;
	pid_t pid;

	va_start(args, ret_screen);
	argv = words_of(args);
	va_end(args);
	g_ptr_array_add(argv, NULL);

	pid = forkpty(&fd, NULL, NULL, NULL);
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		purge_exec((char **)argv->pdata);
	/* The terminal keeps it until it is asked for. */
	ck_assert_int_eq(write(fd, answer, strlen(answer)), (ssize_t)strlen(answer));
	*ret_screen = read_screen(fd);
	close(fd);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

struct PurgeLock {
	sqlite3 *db;
};

PurgeLock *purge_lock(const char *path)
{
	PurgeLock *lock = g_new0(PurgeLock, 1);

	ck_assert_int_eq(sqlite3_open_v2(path, &lock->db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(lock->db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return lock;
}

void purge_unlock(PurgeLock *lock)
{
	ck_assert_int_eq(sqlite3_exec(lock->db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(lock->db);
	g_free(lock);
}

JsonNode *purge_json(int status, ...)
{
	g_autoptr(JsonParser) parser = json_parser_new_immutable();
	g_autoptr(GPtrArray) argv = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *out = NULL;
	g_autofree char *err = NULL;
	va_list args;
	int got;

	va_start(args, status);
	argv = words_of(args);
	va_end(args);
	g_ptr_array_add(argv, (gpointer) "--json");
	got = run(argv, &out, &err);
	ck_assert_msg(got == status, "exit status %d, not %d: %s%s", got, status, out, err);
	ck_assert_msg(json_parser_load_from_data(parser, out, -1, &error), "%s",
		error != NULL ? error->message : "");
	return json_parser_steal_root(parser);
}

void purge_check(JsonNode *root, const char *contract)
{
	g_autofree char *text = json_to_string(root, FALSE);
	g_autoptr(JsonNode) checked = contract_check(text, contract);

	ck_assert_ptr_nonnull(checked);
}

gint64 purge_number(JsonNode *root, const char *member)
{
	ck_assert_uint_eq(contract_length(json_node_get_object(root), "databases"), 1);
	return json_object_get_int_member(contract_member(root, "databases", 0), member);
}

int purge_count(const char *query)
{
	return home_count(bench.home, NULL, "cert9.db", query);
}

static char *hex_of(GBytes *bytes)
{
	gsize len;
	const guint8 *data = g_bytes_get_data(bytes, &len);
	GString *hex = g_string_new(NULL);

	for (gsize i = 0; i < len; i++)
		g_string_append_printf(hex, "%02X", data[i]);
	return g_string_free(hex, FALSE);
}

static char *rows(const char *where)
{
	g_autofree char *columns = home_sql(bench.home, NULL, "cert9.db",
		"SELECT group_concat('quote(' || name || ')') FROM pragma_table_info('nssPublic') "
		"WHERE name != 'id'");
	g_autofree char *query = NULL;

	g_strchomp(columns);
	query = g_strdup_printf("SELECT %s FROM nssPublic %s ORDER BY 1, a11, a82", columns, where);
	return home_sql(bench.home, NULL, "cert9.db", query);
}

char *purge_rows(void)
{
	return rows("");
}

char *purge_rows_without(GBytes *der, ...)
{
	g_autoptr(GString) where = g_string_new("WHERE (a11 IS NULL OR a11 NOT IN (");
	va_list args;

	va_start(args, der);
	for (GBytes *at = der; at != NULL; at = va_arg(args, GBytes *)) {
		g_autofree char *hex = hex_of(at);

		g_string_append_printf(where, "%sx'%s'", at != der ? "," : "", hex);
	}
	va_end(args);
	g_string_append(where, "))");
	return rows(where->str);
}

bool purge_has(GBytes *der)
{
	g_autofree char *hex = hex_of(der);
	g_autofree char *query = g_strdup_printf(PURGE_CERTS " AND a11=x'%s'", hex);

	return purge_count(query) == 1;
}

char *purge_column(GBytes *der, const char *expression)
{
	g_autofree char *hex = hex_of(der);
	g_autofree char *query = g_strdup_printf(
		"SELECT %s FROM nssPublic WHERE a0=x'00000001' AND a11=x'%s'", expression, hex);

	return home_sql(bench.home, NULL, "cert9.db", query);
}

int purge_claims(GBytes *der)
{
	g_autofree char *url = purge_column(der, "CAST(a89 AS TEXT)");
	int n = 0;

	for (const char *at = url; (at = strstr(at, "x-certprop=1")) != NULL; at++)
		n++;
	return n;
}

char *purge_keys(void)
{
	g_autofree char *rows = home_sql(bench.home, NULL, "key4.db",
		"SELECT id, quote(a0), quote(a102), quote(a11) FROM nssPrivate ORDER BY 1");
	g_autofree char *meta = home_sql(bench.home, NULL, "key4.db",
		"SELECT id, quote(item1), quote(item2) FROM metaData ORDER BY 1");

	return g_strconcat(rows, meta, NULL);
}

char *purge_file(const char *name)
{
	g_autofree char *path = g_build_filename(bench.home->db, name, NULL);
	g_autofree char *data = NULL;
	gsize len;

	ck_assert(g_file_get_contents(path, &data, &len, NULL));
	return g_compute_checksum_for_data(G_CHECKSUM_SHA256, (guchar *)data, len);
}
