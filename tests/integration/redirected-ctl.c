/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl sync and redirected readers, without a daemon and beside one; and what comes while it
 * runs. A card that hangs holds it up for as long as that takes.
 */
#include "redir.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness.h"
#include "names.h"
#include "seat.h"

#define SHORT "grace=1s\n"
#define LONG  "grace=60s\n"

static void begin(const char *lines)
{
	redir_configure(lines);
	world_start();
}

static char *ctl(int status, const char *verb, const char *option)
{
	g_autofree char *program = rig_program("ctl/" NAME_CTL);
	const char *argv[] = {program, verb, option, NULL};
	g_autofree char *errors = NULL;
	char *output = NULL;
	int actual = rig_run(argv, world.environment, &output, &errors);

	ck_assert_msg(actual == status, "%s ends with %d: %s", verb, actual, errors);
	return output;
}

static unsigned occurrences(const char *text, const char *word)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
		n++;
	return n;
}

START_TEST(without_a_daemon)
{
	g_autofree char *synced = NULL;
	g_autofree char *status = NULL;
	g_autofree char *list = NULL;

	redir_configure(LONG);
	rig_chansrv_connect(redir.chansrv);
	rig_card_insert_seen(world.cards[0]);
	synced = ctl(0, "sync", "--json");
	ck_assert_ptr_nonnull(strstr(synced, "\"endpoint\":\"" REDIR_XRDP "\""));
	ck_assert_uint_eq(redir_stored(redir.card), REDIR_CERTS);
	ck_assert_uint_eq(redir_claims(redir.card, REDIR_XRDP), 1);
	status = ctl(0, "status", NULL);
	ck_assert_ptr_nonnull(strstr(status, "readers, " REDIR_XRDP ": ok"));
	ck_assert_ptr_nonnull(strstr(status, "readers, " REDIR_DESK ": absent"));
	list = ctl(0, "list", "--json");
	ck_assert_uint_eq(occurrences(list, "\"key\":\"present\""), REDIR_CERTS);
	/* Out, and looked at: gone. There is nobody who would wait. */
	rig_card_remove_seen(world.cards[0]);
	g_free(ctl(0, "sync", NULL));
	ck_assert_uint_eq(redir_stored(redir.card), 0);
}
END_TEST

/* Whose display it is, as far as that can be known; with nobody to ask, no more than the display.
 */
START_TEST(shown_with_its_session)
{
	g_autoptr(GBytes) der = rig_dealt_der(redir.card, 0);
	g_autofree char *sha256 = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, der);
	g_autofree char *shown = NULL;

	redir_configure(LONG);
	rig_chansrv_connect(redir.chansrv);
	rig_card_insert_seen(world.cards[0]);
	g_free(ctl(0, "sync", NULL));
	ck_assert_uint_eq(redir_claims(redir.card, REDIR_XRDP), 1);
	seat_open(_i == 0 ? SEAT_LOGIND : SEAT_EMPTY);
	world.environment = g_environ_setenv(world.environment, "DBUS_SYSTEM_BUS_ADDRESS",
		g_getenv("DBUS_SYSTEM_BUS_ADDRESS"), TRUE);
	shown = ctl(0, "show", sha256);
	ck_assert_ptr_nonnull(strstr(shown, "endpoint " REDIR_XRDP));
	ck_assert_ptr_nonnull(strstr(
		shown, _i == 0 ? "display :10, session c2, begun from 192.0.2.8" : "display :10"));
	ck_assert_int_eq(strstr(shown, "session c") != NULL, _i == 0);
}
END_TEST

typedef struct Told {
	RigProcess *monitor;
	const char *endpoint, *kind, *reason; /* the last may be NULL */
	unsigned n;
} Told;

static bool is_told(gpointer data)
{
	const Told *told = data;
	g_autofree char *output = rig_process_output(told->monitor, NULL);
	g_auto(GStrv) lines = g_strsplit(output, "\n", -1);
	g_autofree char *endpoint = g_strdup_printf("\"endpoint\":\"%s\"", told->endpoint);
	g_autofree char *kind = g_strdup_printf("\"kind\":\"%s\"", told->kind);
	g_autofree char *reason =
		g_strdup_printf("\"reason\":\"%s", told->reason != NULL ? told->reason : "");
	unsigned n = 0;

	for (char **line = lines; *line != NULL; line++)
		n += strstr(*line, endpoint) != NULL && strstr(*line, kind) != NULL &&
		     (told->reason == NULL || strstr(*line, reason) != NULL);
	return n == told->n;
}

static void wait_told(
	RigProcess *monitor, const char *endpoint, const char *kind, const char *reason, unsigned n)
{
	Told told = {monitor, endpoint, kind, reason, n};

	rig_wait_until(is_told, &told, REDIR_WAIT_MS, kind);
}

/* Without a daemon: displays and forwarded sockets as they come and go, and the cards in them. */
START_TEST(monitor_alone)
{
	g_autofree char *program = rig_program("ctl/" NAME_CTL);
	const char *argv[] = {program, "monitor", "--json", NULL};
	const RigProcessOptions options = {.environment = world.environment};
	g_autoptr(RigProcess) monitor = NULL;
	g_autoptr(RigForward) forward = NULL;

	redir_configure(LONG);
	monitor = rig_process_start(argv, &options);
	wait_told(monitor, REDIR_DESK, "service", "absent", 1);
	rig_chansrv_connect(redir.chansrv);
	wait_told(monitor, REDIR_XRDP, "service", "ok", 1);
	rig_card_insert_seen(world.cards[0]);
	wait_told(monitor, REDIR_XRDP, "card-in", NULL, 1);
	forward = rig_forward_new(redir.socket);
	wait_told(monitor, REDIR_DESK, "card-in", NULL, 1);
	rig_chansrv_disconnect(redir.chansrv);
	wait_told(monitor, REDIR_XRDP, "card-out", NULL, 1);
	rig_card_remove_seen(world.cards[0]);
	wait_told(monitor, REDIR_DESK, "card-out", NULL, 1);
	rig_chansrv_connect(redir.chansrv);
	wait_told(monitor, REDIR_XRDP, "service", "ok", 2);
	ck_assert(!rig_db_exists(world.database));
	ck_assert_int_eq(rig_process_stop(monitor, REDIR_WAIT_MS), 0);
}
END_TEST

static RigProcess *start_sync(void)
{
	g_autofree char *program = rig_program("ctl/" NAME_CTL);
	const char *argv[] = {program, "sync", NULL};
	const RigProcessOptions options = {.environment = world.environment};

	return rig_process_start(argv, &options);
}

/* A sync that is in the middle of a card in the second reader, until that is resumed. The card is a
   slow one, so that whatever happens before it is resumed is known to all when it has been read. */
static RigProcess *start_and_hang(void)
{
	RigProcess *sync;

	g_free(rig_card_command(world.cards[1], "delay 30"));
	g_free(rig_card_command(world.cards[1], "hang-after 5"));
	sync = start_sync();
	rig_card_wait_state(world.cards[1], "hanging");
	return sync;
}

static void resume(RigProcess *sync)
{
	ck_assert(rig_process_alive(sync));
	g_free(rig_card_command(world.cards[1], "resume"));
	ck_assert_int_eq(rig_process_wait(sync, REDIR_WAIT_MS), 0);
}

/* A card comes into a reader that was empty when the sync began. What it brought before stays, in
   redirected readers and in those of this machine. */
START_TEST(card_comes_meanwhile)
{
	const char *endpoint = _i == 0 ? REDIR_XRDP : "local";
	g_autofree char *second = world_deal(1, REDIR_CERTS, REDIR_GUID_B);
	g_autoptr(RigProcess) sync = NULL;

	redir_configure(LONG "[local]\non-removal=remove\n");
	if (_i == 0)
		rig_chansrv_connect(redir.chansrv);
	else
		redir_reach_local();
	rig_card_insert_seen(world.cards[0]);
	g_free(ctl(0, "sync", NULL));
	ck_assert_uint_eq(redir_claims(redir.card, endpoint), 1);
	rig_card_remove_seen(world.cards[0]);

	rig_card_insert_seen(world.cards[1]);
	sync = start_and_hang();
	rig_card_insert_seen(world.cards[0]);
	resume(sync);
	ck_assert_uint_eq(redir_claims(second, endpoint), 1);
	ck_assert_uint_eq(redir_claims(redir.card, endpoint), 1);
	ck_assert_uint_eq(redir_stored(redir.card), REDIR_CERTS);
}
END_TEST

static bool is_asked(gpointer data)
{
	return rig_chansrv_requests(redir.chansrv) > 0;
}

/* Nothing is heard of a connection that is there: its certificates stay. Those of this machine's
   readers as well, whose card comes after all of them were seen to be empty. */
START_TEST(silent_line)
{
	g_autoptr(RigProcess) sync = NULL;
	g_autofree char *errors = NULL;

	redir_reach_local();
	redir_configure(LONG "[local]\non-removal=remove\n");
	rig_chansrv_connect(redir.chansrv);
	rig_card_insert_seen(world.cards[0]);
	g_free(ctl(0, "sync", NULL));
	ck_assert_uint_eq(redir_claims(redir.card, NULL), 2);
	rig_card_remove_seen(world.cards[0]);

	rig_chansrv_disconnect(redir.chansrv);
	rig_chansrv_set_mode(redir.chansrv, "silent");
	rig_chansrv_connect(redir.chansrv);
	sync = start_sync();
	rig_wait_until(is_asked, NULL, REDIR_WAIT_MS, "a request to chansrv");
	rig_card_insert_seen(world.cards[0]);
	ck_assert_int_ne(rig_process_wait(sync, REDIR_WAIT_MS), 0);
	errors = rig_process_errors(sync);
	ck_assert_ptr_nonnull(strstr(errors, "cannot ask the readers of " REDIR_XRDP));
	ck_assert_uint_eq(redir_claims(redir.card, REDIR_XRDP), 1);
	ck_assert_uint_eq(redir_claims(redir.card, "local"), 1);
}
END_TEST

static bool holds(pid_t pid, const char *name)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/fd", pid);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *entry;

	while (dir != NULL && (entry = g_dir_read_name(dir)) != NULL) {
		g_autofree char *link = g_build_filename(path, entry, NULL);
		g_autofree char *target = g_file_read_link(link, NULL);

		if (target != NULL && g_str_has_suffix(target, name))
			return true;
	}
	return false;
}

/* The store stands before the writers' lock, with a word to take something away. */
static bool is_taking(gpointer data)
{
	g_autoptr(GArray) helpers = rig_descendants(rig_process_pid(data));

	for (guint i = 0; i < helpers->len; i++) {
		if (holds(g_array_index(helpers, pid_t, i), NAME_LOCK_WRITER))
			return true;
	}
	return false;
}

/* A card that comes back when its leaving has been confirmed, and what it brought is going: all of
   it is there again at the end, also though no daemon runs. */
START_TEST(card_comes_too_late)
{
	g_autofree char *path =
		g_build_filename(world.home->runtime, NAME_RUNTIME_DIR, NAME_LOCK_WRITER, NULL);
	g_autoptr(RigProcess) sync = NULL;
	int lock;

	redir_reach_local();
	redir_configure(LONG "[local]\non-removal=remove\n");
	rig_card_insert_seen(world.cards[0]);
	g_free(ctl(0, "sync", NULL));
	ck_assert_uint_eq(redir_stored(redir.card), REDIR_CERTS);
	rig_card_remove_seen(world.cards[0]);

	lock = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(flock(lock, LOCK_EX | LOCK_NB), 0);
	sync = start_sync();
	rig_wait_until(is_taking, sync, REDIR_WAIT_MS, "the store takes nothing away");
	rig_card_insert_seen(world.cards[0]);
	/* It reads the card, so that sync has long been told that there is one. */
	g_free(ctl(0, "status", NULL));
	close(lock);
	ck_assert_int_eq(rig_process_wait(sync, REDIR_WAIT_MS), 0);
	ck_assert_uint_eq(redir_stored(redir.card), REDIR_CERTS);
	ck_assert_uint_eq(redir_claims(redir.card, "local"), 1);
}
END_TEST

static bool is_past_the_start(gpointer data)
{
	g_autoptr(GVariant) answer = world_call("GetStatus");
	g_autoptr(GVariant) status = g_variant_get_child_value(answer, 0);
	gboolean expecting = TRUE;

	return g_variant_lookup(status, "expecting", "b", &expecting) && !expecting;
}

/* What a daemon brings in while a sync runs stays: a card that comes into a reader that was empty
   when the daemon told of it, or over a connection that was not there. */
START_TEST(daemon_reads_meanwhile)
{
	g_autofree char *second = world_deal(1, REDIR_CERTS, REDIR_GUID_B);
	g_autoptr(RigProcess) sync = NULL;

	begin(SHORT);
	redir_reach_local();
	rig_card_insert_seen(world.cards[1]);
	if (_i == 0) {
		rig_chansrv_connect(redir.chansrv);
		redir_wait_claims(second, REDIR_XRDP, 1);
		redir_wait_settled(REDIR_XRDP);
	}
	rig_wait_until(is_past_the_start, NULL, REDIR_WAIT_MS, "the end of the grace");
	redir_wait_rest(_i == 0 ? 2 : 1);

	sync = start_and_hang();
	rig_card_insert_seen(world.cards[0]);
	if (_i == 1)
		rig_chansrv_connect(redir.chansrv);
	redir_wait_claims(redir.card, REDIR_XRDP, 1);
	resume(sync);
	ck_assert_uint_eq(redir_claims(second, "local"), 1);
	ck_assert_uint_eq(redir_claims(redir.card, REDIR_XRDP), 1);
	ck_assert_uint_eq(redir_stored(redir.card), REDIR_CERTS);
}
END_TEST

/* What a daemon holds for a client that may be coming back, a sync leaves alone; also if the daemon
   does not answer. */
START_TEST(beside_a_daemon)
{
	begin(LONG);
	redir_reach_local();
	rig_chansrv_connect(redir.chansrv);
	rig_card_insert_seen(world.cards[0]);
	redir_wait_claims(redir.card, REDIR_XRDP, 1);
	redir_wait_rest(2);
	rig_chansrv_disconnect(redir.chansrv);
	redir_wait(REDIR_XRDP, "absent");
	rig_card_remove_seen(world.cards[0]);
	redir_wait_rest(1);
	if (_i == 1)
		ck_assert_int_eq(kill(rig_process_pid(world.daemon), SIGSTOP), 0);
	g_free(ctl(0, "sync", NULL));
	ck_assert_uint_eq(redir_claims(redir.card, REDIR_XRDP), 1);
	if (_i == 1)
		ck_assert_int_eq(kill(rig_process_pid(world.daemon), SIGCONT), 0);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("redirected-ctl");
	TCase *tcase;

	rig_enter();
	tcase = redir_case(suite, "ctl");
	tcase_add_test(tcase, without_a_daemon);
	tcase_add_loop_test(tcase, shown_with_its_session, 0, 2);
	tcase_add_test(tcase, monitor_alone);
	tcase_add_loop_test(tcase, beside_a_daemon, 0, 2);
	tcase = redir_case(suite, "meanwhile");
	tcase_add_loop_test(tcase, card_comes_meanwhile, 0, 2);
	tcase_add_test(tcase, card_comes_too_late);
	tcase_add_test(tcase, silent_line);
	tcase_add_loop_test(tcase, daemon_reads_meanwhile, 0, 2);
	return harness_run(suite, argc, argv);
}
