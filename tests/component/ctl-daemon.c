/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl beside a daemon that runs, hangs or goes away; and its monitor, with and without one.
 */

#include <check.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctlbench.h"
#include "harness.h"

#define HUNG_MS 1500 /* what certpropctl grants a daemon that does not answer */

static RigProcess *start_daemon(void)
{
	g_autofree char *program = rig_program("daemon/certpropd");
	const char *argv[] = {program, NULL};
	const RigProcessOptions options = {.environment = bench.environment};

	return rig_process_start(argv, &options);
}

static bool is_answering(gpointer data)
{
	g_autofree char *out = NULL;

	ck_assert_int_eq(ctl_run(&out, NULL, "status", "--json", NULL), 0);
	g_autoptr(JsonNode) root = contract_check(out, ctl_status_contract);
	JsonObject *daemon = json_object_get_object_member(json_node_get_object(root), "daemon");

	return json_object_get_boolean_member(daemon, "answers");
}

/* Also that what was written was confirmed. */
static bool is_read(gpointer data)
{
	g_autofree char *out = NULL;
	g_autoptr(GPtrArray) rows = rig_db_certificates(bench.database);

	ck_assert_int_eq(ctl_run(&out, NULL, "status", "--json", NULL), 0);
	g_autoptr(JsonNode) root = contract_check(out, ctl_status_contract);
	JsonObject *local = contract_member(root, "endpoints", 0);

	return contract_length(local, "readers") > 0 &&
	       strcmp(contract_text(contract_element(local, "readers", 0), "state"), "read") == 0 &&
	       rig_db_marked(rows) == CTL_CERTS;
}

static JsonObject *daemon_of(JsonNode *status)
{
	return json_object_get_object_member(json_node_get_object(status), "daemon");
}

START_TEST(daemon_is_asked)
{
	rig_card_insert_seen(bench.card);
	g_autoptr(RigProcess) daemon = start_daemon();
	rig_wait_until(is_answering, NULL, CTL_LONG_MS, "the daemon does not answer");
	rig_wait_until(is_read, NULL, CTL_LONG_MS, "the card is not read");

	g_autoptr(JsonNode) status = ctl_json(0, ctl_status_contract, "status", NULL);
	ck_assert(json_object_get_boolean_member(daemon_of(status), "running"));
	ck_assert_uint_eq(ctl_number(daemon_of(status), "pid"), (guint)rig_process_pid(daemon));
	JsonObject *database = contract_member(status, "databases", 0);
	ck_assert_uint_eq(ctl_number(database, "certificates"), CTL_CERTS);

	/* no look of its own: the card sees no APDU */
	unsigned before = rig_card_count(bench.card, -1);
	g_autoptr(JsonNode) list = ctl_json(0, ctl_list_contract, "list", NULL);
	ctl_assert_list(list, "present");
	ck_assert_uint_eq(rig_card_count(bench.card, -1), before);
	ck_assert_int_eq(rig_process_stop(daemon, CTL_LONG_MS), 0);
}
END_TEST

START_TEST(hung_daemon_is_passed_by)
{
	rig_card_insert_seen(bench.card);
	g_autoptr(RigProcess) daemon = start_daemon();
	rig_wait_until(is_answering, NULL, CTL_LONG_MS, "the daemon does not answer");
	rig_wait_until(is_read, NULL, CTL_LONG_MS, "the card is not read");
	ck_assert_int_eq(kill(rig_process_pid(daemon), SIGSTOP), 0);

	gint64 start = g_get_monotonic_time();
	g_autofree char *err = NULL, *out = NULL;
	ck_assert_int_eq(ctl_run(&out, &err, "list", "--json", NULL), 0);
	gint64 took = (g_get_monotonic_time() - start) / 1000;
	g_autoptr(JsonNode) list = contract_check(out, ctl_list_contract);
	ctl_assert_list(list, "present");
	ck_assert_ptr_nonnull(strstr(err, "did not answer"));
	ck_assert_int_ge(took, HUNG_MS);
	ck_assert_int_lt(took, HUNG_MS + 5000); /* and then a look of its own, on a busy machine */

	g_autoptr(JsonNode) status = ctl_json(0, ctl_status_contract, "status", NULL);
	ck_assert(json_object_get_boolean_member(daemon_of(status), "running"));
	ck_assert(!json_object_get_boolean_member(daemon_of(status), "answers"));
	ck_assert_int_eq(kill(rig_process_pid(daemon), SIGCONT), 0);
	ck_assert_int_eq(rig_process_stop(daemon, CTL_LONG_MS), 0);
}
END_TEST

static const char purge_contract[] =
	"{\"databases\": [{\"path\": \"text+\", \"deleted\": \"int\", \"errors\": [\"text+\"]}],"
	"\"tokens\": [{\"serial\": \"text+\", \"key\": \"=present|absent|unknown\"}],"
	"\"backup\": \"text\", \"warnings\": [\"text+\"], \"errors\": [\"text+\"]}";

static unsigned marked(void)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(bench.database);

	return rig_db_marked(rows);
}

/* A card that is in is not absent, and what it brought comes again: that is said. */
START_TEST(purge_of_a_card_that_is_in)
{
	rig_card_insert_seen(bench.card);
	g_autoptr(RigProcess) daemon = start_daemon();
	rig_wait_until(is_answering, NULL, CTL_LONG_MS, "the daemon does not answer");
	rig_wait_until(is_read, NULL, CTL_LONG_MS, "the card is not read");

	g_autoptr(JsonNode) absent = ctl_json(0, purge_contract, "purge", "--absent");
	ck_assert_uint_eq(contract_length(json_node_get_object(absent), "warnings"), 0);
	ck_assert_uint_eq(marked(), CTL_CERTS);

	g_autoptr(JsonNode) all = ctl_json(0, purge_contract, "purge", "--all");
	ck_assert_uint_eq(contract_length(json_node_get_object(all), "warnings"), 1);
	ck_assert_str_eq(contract_text(contract_member(all, "tokens", 0), "key"), "present");
	ck_assert_uint_eq(marked(), 0);
	ck_assert_int_eq(ctl_run(NULL, NULL, "undo", NULL, NULL), 0);
	ck_assert_uint_eq(marked(), CTL_CERTS);
	ck_assert_int_eq(rig_process_stop(daemon, CTL_LONG_MS), 0);
}
END_TEST

/* Without a daemon certpropctl looks itself whether it is. */
START_TEST(purge_of_a_card_that_is_out)
{
	ctl_sync_card();
	g_autoptr(JsonNode) in = ctl_json(0, purge_contract, "purge", "--absent");
	ck_assert_uint_eq(marked(), CTL_CERTS);

	rig_card_remove_seen(bench.card);
	g_autoptr(JsonNode) out = ctl_json(0, purge_contract, "purge", "--absent");
	ck_assert_uint_eq(marked(), 0);
	ck_assert_str_eq(contract_text(contract_member(out, "tokens", 0), "key"), "absent");
	ck_assert_uint_eq(contract_length(json_node_get_object(out), "warnings"), 0);
}
END_TEST

static bool is_settled(gpointer data)
{
	g_autofree char *out = NULL;

	ck_assert_int_eq(ctl_run(&out, NULL, "status", "--json", NULL), 0);
	g_autoptr(JsonNode) root = contract_check(out, ctl_status_contract);

	return contract_length(json_node_get_object(root), "endpoints") > 0 &&
	       json_object_get_boolean_member(contract_member(root, "endpoints", 0), "settled");
}

/* What the card brought is there, and the card is out. */
static RigProcess *start_without_the_card(void)
{
	RigProcess *daemon;

	ctl_sync_card();
	rig_card_remove_seen(bench.card);
	daemon = start_daemon();
	rig_wait_until(is_settled, NULL, CTL_LONG_MS, "certpropd does not settle");
	return daemon;
}

static RigProcess *start_purge(char **environment)
{
	const char *argv[] = {bench.program, "purge", "--absent", "--json", NULL};
	const RigProcessOptions options = {.environment = environment};

	return rig_process_start(argv, &options);
}

static guint deleted_by(RigProcess *purge)
{
	g_autofree char *out = NULL;

	ck_assert_int_eq(rig_process_wait(purge, CTL_LONG_MS), 0);
	out = rig_process_output(purge, NULL);
	g_autoptr(JsonNode) root = contract_check(out, purge_contract);
	ck_assert_uint_eq(contract_length(json_node_get_object(root), "errors"), 0);
	return ctl_number(contract_member(root, "databases", 0), "deleted");
}

/* Helpers of which the store waits for the gate's end before it begins. */
static char **gated_environment(const char *gate)
{
	g_autofree char *dir = rig_home_path(bench.home, "gated");
	g_autofree char *store = g_build_filename(dir, "certprop-store", NULL);
	g_autofree char *real = rig_program("daemon/certprop-store");
	g_autofree char *script = g_strdup_printf(
		"#!/bin/sh\n[ ! -p '%s' ] || read -r word <'%s'\nexec '%s' \"$@\"\n", gate, gate,
		real);

	ck_assert_int_eq(g_mkdir_with_parents(dir, 0700), 0);
	ck_assert_int_eq(mkfifo(gate, 0600), 0);
	ck_assert(
		g_file_set_contents_full(store, script, -1, G_FILE_SET_CONTENTS_NONE, 0700, NULL));
	return g_environ_setenv(g_strdupv(bench.environment), "CERTPROP_LIBEXECDIR", dir, TRUE);
}

typedef struct {
	const char *path;
	int fd;
} Gate;

/* Somebody stands before it. */
static bool is_awaited(gpointer data)
{
	Gate *gate = data;

	gate->fd = open(gate->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	return gate->fd >= 0;
}

/* A card that comes after the daemon was asked and before anything was judged is not absent. */
START_TEST(purge_while_a_card_comes)
{
	g_autoptr(RigProcess) daemon = start_without_the_card();
	g_autofree char *path = rig_home_path(bench.home, "gate");
	g_auto(GStrv) environment = gated_environment(path);
	g_autoptr(RigProcess) purge = start_purge(environment);
	Gate gate = {.path = path};

	rig_wait_until(is_awaited, &gate, CTL_LONG_MS, "certpropctl starts no store");
	rig_card_insert_seen(bench.card);
	rig_wait_until(is_read, NULL, CTL_LONG_MS, "the card is not read");
	ck_assert_int_eq(g_unlink(path), 0);
	close(gate.fd);
	ck_assert_uint_eq(deleted_by(purge), 0);
	ck_assert_uint_eq(marked(), CTL_CERTS);
	ck_assert_int_eq(rig_process_stop(daemon, CTL_LONG_MS), 0);
}
END_TEST

static bool is_backed_up(gpointer data)
{
	g_autoptr(GDir) dir = g_dir_open(data, 0, NULL);
	const char *name;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		if (g_str_has_prefix(name, "purge-") && g_str_has_suffix(name, ".json"))
			return true;
	}
	return false;
}

/* And one that comes while what it brought is being taken away gets it again: the daemon, which has
   found it complete, looks once more. */
START_TEST(purge_and_then_a_card_comes)
{
	g_autoptr(RigProcess) daemon = start_without_the_card();
	g_autofree char *state = rig_home_path(bench.home, ".local/state/certprop");
	g_autofree char *path =
		g_build_filename(bench.home->runtime, "certprop", "writer.lock", NULL);
	int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	g_autoptr(RigProcess) purge = NULL;

	ck_assert_int_eq(flock(lock, LOCK_EX | LOCK_NB), 0);
	purge = start_purge(bench.environment);
	rig_wait_until(is_backed_up, state, CTL_LONG_MS, "there is no backup");
	rig_card_insert_seen(bench.card);
	rig_wait_until(is_read, NULL, CTL_LONG_MS, "the card is not read");
	close(lock);
	ck_assert_uint_eq(deleted_by(purge), CTL_CERTS);
	rig_wait_until(is_read, NULL, CTL_LONG_MS, "the certificates do not come again");
	ck_assert_int_eq(rig_process_stop(daemon, CTL_LONG_MS), 0);
}
END_TEST

/*
 * monitor
 */

typedef struct {
	RigProcess *process;
	const char *kind;
	unsigned n; /* how many of it */
} Expected;

/* One JSON object a line, each whole. */
static bool has_events(gpointer data)
{
	const Expected *expected = data;
	g_autofree char *out = rig_process_output(expected->process, NULL);
	g_auto(GStrv) lines = g_strsplit(out, "\n", -1);
	guint n_lines = g_strv_length(lines);
	unsigned n = 0;

	ck_assert(rig_process_alive(expected->process));
	for (guint i = 0; i + 1 < n_lines; i++) { /* the last one may be unfinished */
		g_autoptr(JsonNode) root =
			contract_check(lines[i], "{\"time\": \"time\", \"kind\": \"text+\"}");

		if (strcmp(contract_text(json_node_get_object(root), "kind"), expected->kind) == 0)
			n++;
	}

	return n >= expected->n;
}

static void await(RigProcess *process, const char *kind, unsigned n)
{
	Expected expected = {process, kind, n};

	rig_wait_until(has_events, &expected, CTL_LONG_MS, kind);
}

static RigProcess *start_monitor(void)
{
	const char *argv[] = {bench.program, "monitor", "--json", NULL};
	const RigProcessOptions options = {.environment = bench.environment};

	return rig_process_start(argv, &options);
}

START_TEST(monitor_alone)
{
	g_autoptr(RigProcess) monitor = start_monitor();

	await(monitor, "service", 1);
	rig_card_insert(bench.card);
	await(monitor, "card-in", 1);
	rig_card_remove(bench.card);
	await(monitor, "card-out", 1);
	rig_pcscd_stop(bench.pcscd);
	await(monitor, "service", 2);

	g_autofree char *err = rig_process_errors(monitor);
	ck_assert_ptr_nonnull(strstr(err, "no certpropd runs"));
	ck_assert_int_eq(kill(rig_process_pid(monitor), SIGINT), 0);
	ck_assert_int_eq(rig_process_wait(monitor, CTL_LONG_MS), 0);
}
END_TEST

START_TEST(monitor_of_a_daemon_and_after_it)
{
	g_autoptr(RigProcess) daemon = start_daemon();
	rig_wait_until(is_answering, NULL, CTL_LONG_MS, "the daemon does not answer");
	g_autoptr(RigProcess) monitor = start_monitor();

	await(monitor, "service", 1); /* from here on it misses nothing */
	rig_card_insert_seen(bench.card);
	await(monitor, "create", CTL_CERTS);
	ck_assert_int_eq(rig_process_stop(daemon, CTL_LONG_MS), 0);
	await(monitor, "service", 2); /* now its own watcher */
	rig_card_remove(bench.card);
	await(monitor, "card-out", 1);

	g_autofree char *err = rig_process_errors(monitor);
	ck_assert_ptr_nonnull(strstr(err, "certpropd has gone"));
	ck_assert_int_eq(rig_process_stop(monitor, CTL_LONG_MS), 0);
}
END_TEST

int main(int argc, char **argv)
{
	rig_enter();

	const TTest *const daemon[] = {daemon_is_asked, hung_daemon_is_passed_by,
		purge_of_a_card_that_is_in, purge_of_a_card_that_is_out, purge_while_a_card_comes,
		purge_and_then_a_card_comes};
	const TTest *const monitor[] = {monitor_alone, monitor_of_a_daemon_and_after_it};
	Suite *suite = suite_create("ctl-daemon");

	ctl_add_case(suite, "daemon", daemon, G_N_ELEMENTS(daemon));
	ctl_add_case(suite, "monitor", monitor, G_N_ELEMENTS(monitor));

	return harness_run(suite, argc, argv);
}
