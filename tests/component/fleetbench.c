/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The users have no accounts; nothing of the machine's is needed or touched. The helper is copied
 * to where everybody may run it, because a build directory is often its owner's alone.
 */

#include "fleetbench.h"

#include <check.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "maker.h"
#include "rig.h"
#include "store-rig.h"

FleetBench fleet;

static char *capture(const char *const *argv, char **env, int *ret_status, char **ret_err)
{
	g_autoptr(GError) error = NULL;
	char *out = NULL;

	ck_assert_msg(g_spawn_sync("/", (char **)argv, env, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
			      ret_err, ret_status, &error),
		"%s: %s", argv[0], error != NULL ? error->message : "");
	return out;
}

void fleet_do(const char *program, ...)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	g_autofree char *err = NULL;
	g_autofree char *out = NULL;
	int status = -1;
	va_list args;

	va_start(args, program);
	for (const char *arg = program; arg != NULL; arg = va_arg(args, const char *))
		g_ptr_array_add(argv, (gpointer)(guintptr)arg);
	va_end(args);
	g_ptr_array_add(argv, NULL);
	out = capture((const char *const *)argv->pdata, NULL, &status, &err);
	ck_assert_msg(status == 0, "%s ended with %d: %s%s", program, status, out, err);
}

/* The user's own certificates, by NSS's own tool. */
static void import_foreign(const Home *home)
{
	g_autofree char *database = g_strconcat("sql:", home->db, NULL);

	for (unsigned i = 0; i < FLEET_FOREIGN; i++) {
		g_autofree char *cn = g_strdup_printf("Colleague %u", i);
		g_autofree char *path = home_path(home, "import.der");
		g_autoptr(GBytes) der = maker_der(
			&(const MakerSpec){.cn = cn, .issuer_cn = "Other CA", .serial = 900 + i});
		gsize len;
		const void *data = g_bytes_get_data(der, &len);

		ck_assert(g_file_set_contents(path, data, (gssize)len, NULL));
		fleet_do("certutil", "-A", "-d", database, "-n", cn, "-t",
			i % 2 == 0 ? "P,P,P" : ",,", "-i", path, NULL);
		ck_assert_int_eq(g_unlink(path), 0);
	}
}

static void make_model(void)
{
	Home *home = home_new();
	Card *card = card_with("8899aabbccddee0a", FLEET_OURS);
	Outcome outcome;

	home_make_db(home);
	import_foreign(home);
	outcome = job_run(home, &(const Job){.mode = WIRE_STORE_APPLY, .card = card});
	report_free(outcome.report);
	card_free(card);
	fleet.model = g_build_filename(fleet.dir, "model", NULL);
	fleet_do("cp", "-a", home->dir, fleet.model, NULL);
	fleet_do("rm", "-rf", home->runtime, NULL);
	home_free(home);
	ck_assert_int_eq(fleet_marked(fleet.model), FLEET_OURS);
	ck_assert_int_eq(fleet_unmarked(fleet.model), FLEET_FOREIGN);
}

static void set(const char *name, const char *value)
{
	if (value != NULL)
		fleet.environment = g_environ_setenv(fleet.environment, name, value, TRUE);
}

/* What must not get into a user's process points into the void. */
static void make_environment(const char *helpers)
{
	set("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
	set("LANG", "C.UTF-8");
	set("CERTPROP_LIBEXECDIR", helpers);
	set("HOME", "/nonexistent/root");
	set("XDG_CONFIG_HOME", "/nonexistent/config");
	set("XDG_DATA_HOME", "/nonexistent/data");
	set("XDG_STATE_HOME", "/nonexistent/state");
	set("XDG_RUNTIME_DIR", "/nonexistent/runtime");
	set("ASAN_OPTIONS", g_getenv("ASAN_OPTIONS"));
	set("UBSAN_OPTIONS", g_getenv("UBSAN_OPTIONS"));
}

void fleet_open(void)
{
	g_autofree char *helpers = NULL;

	if (geteuid() != 0 || fleet.dir != NULL)
		return;

	fleet.dir = g_dir_make_tmp("certprop-fleet-XXXXXX", NULL);
	ck_assert_ptr_nonnull(fleet.dir);
	ck_assert_int_eq(chmod(fleet.dir, 0755), 0);
	fleet.homes = g_build_filename(fleet.dir, "homes", NULL);
	fleet.victims = g_build_filename(fleet.dir, "victims", NULL);
	helpers = g_build_filename(fleet.dir, "helpers", NULL);
	fleet_do("install", "-D", "-m", "755", "-t", helpers, STORE_PROGRAM, CTL_PROGRAM, NULL);
	fleet_do("chmod", "755", helpers, NULL);
	make_environment(helpers);
	make_model();
}

void fleet_close(void)
{
	const char *argv[] = {"rm", "-rf", fleet.dir, NULL};

	/* Not within a test: nothing is asserted. */
	if (fleet.dir != NULL)
		(void)g_spawn_sync("/", (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
			NULL, NULL, NULL);
}

void fleet_setup(void)
{
	if (fleet.dir == NULL)
		harness_skip("only root can become other users");

	fleet_do("rm", "-rf", fleet.homes, fleet.victims, NULL);
	fleet_do("install", "-d", "-m", "755", fleet.homes, fleet.victims, NULL);
}

static void give(const char *path, uid_t uid)
{
	g_autofree char *owner = g_strdup_printf("%u:%u", (unsigned)uid, (unsigned)uid);

	fleet_do("chown", "-hR", owner, path, NULL);
}

char *fleet_home(const char *name, uid_t uid)
{
	char *path = g_build_filename(fleet.homes, name, NULL);

	fleet_do("cp", "-a", fleet.model, path, NULL);
	give(path, uid);
	return path;
}

char *fleet_bare_home(const char *name, uid_t uid)
{
	char *path = g_build_filename(fleet.homes, name, NULL);

	ck_assert_int_eq(g_mkdir(path, 0700), 0);
	give(path, uid);
	return path;
}

void fleet_fill(unsigned n)
{
	g_autofree char *script = g_strdup_printf(
		"rm -rf \"$1\"; mkdir -m 755 \"$1\" && i=0; while [ $i -lt %u ]; do "
		"cp -a \"$0\" \"$1/h$i\" || exit 1; i=$((i + 1)); done; "
		"u=0; while [ $u -lt %u ]; do i=$u; set -- \"$1\"; while [ $i -lt %u ]; do "
		"set -- \"$@\" \"$1/h$i\"; i=$((i + %u)); done; "
		"d=$1; shift; [ $# -eq 0 ] || chown -R $((%u + u)):$((%u + u)) \"$@\" || exit 1; "
		"set -- \"$d\"; u=$((u + 1)); done",
		n, FLEET_USERS, n, FLEET_USERS, FLEET_UID, FLEET_UID);

	fleet_do("sh", "-c", script, fleet.model, fleet.homes, NULL);
}

char *fleet_nth(unsigned i)
{
	return g_strdup_printf("%s/h%u", fleet.homes, i);
}

char *fleet_victim(bool open)
{
	char *path = g_build_filename(fleet.victims, "victim", NULL);

	fleet_do("cp", "-a", fleet.model, path, NULL);
	give(path, FLEET_UID + 7);
	if (open)
		fleet_do("chmod", "-R", "a+rX", path, NULL);
	return path;
}

GPtrArray *fleet_argv(const char *const *words)
{
	GPtrArray *argv = g_ptr_array_new();

	g_ptr_array_add(argv, (gpointer)CTL_PROGRAM);
	for (gsize i = 0; words[i] != NULL; i++)
		g_ptr_array_add(argv, (gpointer)(guintptr)words[i]);
	if (!g_strv_contains(words, "--homes")) {
		g_ptr_array_add(argv, (gpointer) "--homes");
		g_ptr_array_add(argv, fleet.homes);
	}
	g_ptr_array_add(argv, NULL);
	return argv;
}

int fleet_ctl(char **ret_out, char **ret_err, const char *const *words)
{
	g_autoptr(GPtrArray) argv = fleet_argv(words);
	g_autofree char *err = NULL;
	g_autofree char *out = NULL;
	int status = -1;

	out = capture((const char *const *)argv->pdata, fleet.environment, &status, &err);
	ck_assert_msg(WIFEXITED(status), "wait status %d: %s", status, err);
	if (ret_out != NULL)
		*ret_out = g_steal_pointer(&out);
	if (ret_err != NULL)
		*ret_err = g_steal_pointer(&err);
	return WEXITSTATUS(status);
}

static void free_object(gpointer data)
{
	json_object_unref(data);
}

GHashTable *fleet_lines(const char *out)
{
	GHashTable *lines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_object);
	g_auto(GStrv) split = g_strsplit(out, "\n", -1);

	for (char **line = split; *line != NULL && **line != '\0'; line++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(JsonNode) node = json_from_string(*line, &error);
		JsonObject *object;

		ck_assert_msg(node != NULL && JSON_NODE_HOLDS_OBJECT(node), "%s: %s", *line,
			error != NULL ? error->message : "");
		object = json_node_get_object(node);
		ck_assert_msg(
			g_hash_table_insert(lines,
				g_path_get_basename(json_object_get_string_member(object, "home")),
				json_object_ref(object)),
			"two lines for one home: %s", *line);
	}
	return lines;
}

unsigned fleet_count(GHashTable *lines, const char *status)
{
	GHashTableIter iter;
	gpointer home;
	unsigned n = 0;

	g_hash_table_iter_init(&iter, lines);
	while (g_hash_table_iter_next(&iter, &home, NULL))
		n += strcmp(fleet_said(lines, home, "status"), status) == 0;
	return n;
}

guint64 fleet_number(GHashTable *lines, const char *home, const char *member)
{
	JsonObject *object = g_hash_table_lookup(lines, home);
	JsonArray *databases;
	guint64 sum = 0;

	ck_assert_msg(object != NULL, "no line for %s", home);
	databases = json_object_get_array_member(object, "databases");
	for (guint i = 0; i < json_array_get_length(databases); i++)
		sum += (guint64)json_object_get_int_member(
			json_array_get_object_element(databases, i), member);
	return sum;
}

const char *fleet_said(GHashTable *lines, const char *home, const char *member)
{
	JsonObject *object = g_hash_table_lookup(lines, home);

	ck_assert_msg(object != NULL, "no line for %s", home);
	return json_object_get_string_member(object, member);
}

static sqlite3 *open_database(const char *home)
{
	g_autofree char *path = g_build_filename(home, FLEET_DATABASE, "cert9.db", NULL);
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	return db;
}

static int count(const char *home, const char *condition)
{
	g_autofree char *sql = g_strdup_printf(
		"SELECT count(*) FROM nssPublic WHERE a0 = x'00000001' AND %s", condition);
	sqlite3 *db = open_database(home);
	sqlite3_stmt *statement = NULL;
	int n;

	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	n = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return n;
}

#define MARKED "a89 IS NOT NULL AND length(a89) > 3"

int fleet_marked(const char *home)
{
	return count(home, MARKED);
}

int fleet_unmarked(const char *home)
{
	return count(home, "NOT (" MARKED ")");
}

static void append_row(GString *to, sqlite3_stmt *statement)
{
	for (int i = 0; i < sqlite3_column_count(statement); i++) {
		const char *name = sqlite3_column_name(statement, i);
		const guint8 *data = sqlite3_column_blob(statement, i);

		if (strcmp(name, "id") == 0 || data == NULL)
			continue;
		g_string_append_printf(to, "%s=", name);
		for (int j = 0; j < sqlite3_column_bytes(statement, i); j++)
			g_string_append_printf(to, "%02x", data[j]);
		g_string_append_c(to, ' ');
	}
	g_string_append_c(to, '\n');
}

char *fleet_contents(const char *home, bool foreign_only)
{
	g_autofree char *directory = g_build_filename(home, FLEET_DATABASE, NULL);
	g_autofree char *others = rig_db_others(directory);
	GString *contents = g_string_new(NULL);
	sqlite3 *db = open_database(home);
	sqlite3_stmt *statement = NULL;

	ck_assert_int_eq(
		sqlite3_prepare_v2(db,
			foreign_only ? "SELECT * FROM nssPublic WHERE NOT (" MARKED
				       ") OR a0 <> x'00000001' ORDER BY a0, a11, a81, a82"
				     : "SELECT * FROM nssPublic ORDER BY a0, a11, a81, a82",
			-1, &statement, NULL),
		SQLITE_OK);
	while (sqlite3_step(statement) == SQLITE_ROW)
		append_row(contents, statement);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	g_string_append(contents, others);
	return g_string_free(contents, FALSE);
}

char *fleet_sum(const char *path)
{
	const char *argv[] = {"sh", "-c",
		"cd \"$0\" && find . -printf '%p %y %m %U %G %l\\n' | sort &&"
		" find . -type f -print0 | sort -z | xargs -0r sha256sum",
		path, NULL};
	int status = -1;
	char *out = capture(argv, NULL, &status, NULL);

	ck_assert_int_eq(status, 0);
	return out;
}
