/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Several endpoints at once, forwarded sockets, strange places, slow lines.
 */
#include "redir.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "names.h"

#define SHORT         "grace=1s\n"
#define LONG          "grace=60s\n"
#define OTHER_DISPLAY "11"
#define OTHER_XRDP    "xrdp:11"
#define SETTLE_US     (G_USEC_PER_SEC / 2)
#define IDLE_US       (3 * G_USEC_PER_SEC)
#define MANY          20u /* displays */

static void begin(const char *lines)
{
	redir_configure(lines);
	world_start();
}

/* --- several at once --- */

/* The same card seen both ways: one certificate, two claims, each leaving by its own rule. */
START_TEST(local_and_redirected)
{
	redir_reach_local();
	begin(SHORT);
	rig_chansrv_connect(redir.chansrv);
	rig_card_insert_seen(world.cards[0]);
	redir_wait_claims(redir.card, "local", 1);
	redir_wait_claims(redir.card, REDIR_XRDP, 1);
	redir_wait_rest(2);
	ck_assert_uint_eq(redir_claims(redir.card, NULL), 2);
	ck_assert_uint_eq(redir_stored(redir.card), REDIR_CERTS);
	if (_i == 0)
		rig_chansrv_disconnect(redir.chansrv);
	else
		rig_card_remove_seen(world.cards[0]);
	redir_wait_claims(redir.card, REDIR_XRDP, 0);
	ck_assert_uint_eq(redir_claims(redir.card, "local"), 1);
	ck_assert_int_eq(world_stop(), 0);
	ck_assert_uint_eq(redir_claims(redir.card, "local"), 1);
}
END_TEST

START_TEST(local_goes_first)
{
	redir_reach_local();
	redir_configure("policy=keep\n" SHORT "[local]\non-removal=remove\n");
	world_start();
	rig_chansrv_connect(redir.chansrv);
	rig_card_insert_seen(world.cards[0]);
	redir_wait_claims(redir.card, NULL, 2);
	redir_wait_rest(2);
	rig_card_remove_seen(world.cards[0]);
	redir_wait_claims(redir.card, "local", 0);
	ck_assert_uint_eq(redir_claims(redir.card, REDIR_XRDP), 1);
}
END_TEST

START_TEST(several_displays)
{
	g_autoptr(RigChansrv) other = rig_chansrv_new(world.home->home, OTHER_DISPLAY);

	begin(SHORT);
	rig_chansrv_connect(redir.chansrv);
	rig_chansrv_connect(other);
	rig_card_insert_seen(world.cards[0]);
	redir_wait_claims(redir.card, REDIR_XRDP, 1);
	redir_wait_claims(redir.card, OTHER_XRDP, 1);
	rig_chansrv_disconnect(redir.chansrv);
	redir_wait_claims(redir.card, REDIR_XRDP, 0);
	redir_wait(REDIR_XRDP, NULL);
	ck_assert_uint_eq(redir_claims(redir.card, OTHER_XRDP), 1);
	redir_wait(OTHER_XRDP, "ok");
	rig_chansrv_disconnect(other);
	redir_wait_stored(redir.card, 0);
}
END_TEST

/* --- a forwarded socket --- */

START_TEST(forwarded)
{
	g_autoptr(RigForward) forward = NULL;
	g_autofree char *other = NULL;

	begin(SHORT);
	redir_wait(REDIR_DESK, "absent");
	rig_card_insert_seen(world.cards[0]);
	forward = rig_forward_new(redir.socket);
	redir_wait_claims(redir.card, REDIR_DESK, 1);
	ck_assert_uint_eq(redir_claims(redir.card, NULL), 1);
	/* The connection breaks, its socket stays; meanwhile the card is another one. */
	g_clear_pointer(&forward, rig_forward_free);
	redir_wait(REDIR_DESK, "absent");
	rig_card_remove_seen(world.cards[0]);
	g_clear_pointer(&world.cards[0], rig_card_free);
	other = world_deal(0, REDIR_CERTS, REDIR_GUID_B);
	rig_card_insert_seen(world.cards[0]);
	forward = rig_forward_new(redir.socket);
	redir_wait_claims(other, REDIR_DESK, 1);
	redir_wait_stored(redir.card, 0);
	redir_wait_stored(other, REDIR_CERTS);
	rig_card_remove_seen(world.cards[0]);
	redir_wait_stored(other, 0);
}
END_TEST

START_TEST(forwarded_blip_writes_nothing)
{
	g_autoptr(RigForward) forward = rig_forward_new(redir.socket);
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	begin(LONG);
	rig_card_insert_seen(world.cards[0]);
	redir_wait_claims(redir.card, REDIR_DESK, 1);
	redir_wait_rest(2);
	before = rig_db_state(world.database);
	g_clear_pointer(&forward, rig_forward_free);
	redir_wait(REDIR_DESK, "absent");
	forward = rig_forward_new(redir.socket);
	redir_wait_reader(REDIR_DESK, "read");
	redir_wait_rest(2);
	after = rig_db_state(world.database);
	ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(forwarded_no_more)
{
	g_autoptr(RigForward) forward = rig_forward_new(redir.socket);

	begin(LONG);
	rig_card_insert_seen(world.cards[0]);
	redir_wait_claims(redir.card, REDIR_DESK, 1);
	world_configure("[redirected]\ngrace=0\n");
	g_variant_unref(world_call("Reload"));
	redir_wait(REDIR_DESK, NULL);
	/* The grace after the start is still the old one. */
	ck_assert_int_eq(world_stop(), 0);
	redir_wait_stored(redir.card, 0);
}
END_TEST

/* --- strange places --- */

static char *directory(void)
{
	return rig_home_path(world.home, ".pcsc" REDIR_DISPLAY);
}

START_TEST(strange_places_are_not_used)
{
	g_autofree char *place = directory();
	g_autofree char *socket = g_build_filename(place, "pcscd.comm", NULL);
	g_autofree char *elsewhere = rig_home_path(world.home, "elsewhere");

	begin(SHORT);
	rig_home_write(world.home, ".pcsc" REDIR_DISPLAY, "");
	redir_wait(REDIR_XRDP, "foreign");
	ck_assert_int_eq(unlink(place), 0);
	redir_wait(REDIR_XRDP, "absent");
	ck_assert_int_eq(mkdir(place, 0700), 0);
	redir_wait(REDIR_XRDP, "absent");
	rig_home_write(world.home, ".pcsc" REDIR_DISPLAY "/pcscd.comm", "");
	redir_wait(REDIR_XRDP, "foreign");
	ck_assert_int_eq(unlink(socket), 0);
	rig_chansrv_connect(redir.chansrv);
	redir_wait(REDIR_XRDP, "ok");
	ck_assert_int_eq(chmod(place, 0777), 0);
	redir_wait(REDIR_XRDP, "foreign");
	ck_assert_int_eq(chmod(place, 0700), 0);
	redir_wait(REDIR_XRDP, "ok");
	/* Who can write to the home could exchange it. That it is mended is noticed at once. */
	ck_assert_int_eq(chmod(world.home->home, 0770), 0);
	g_variant_unref(world_call("Look"));
	redir_wait(REDIR_XRDP, "foreign");
	ck_assert_int_eq(chmod(world.home->home, 0700), 0);
	redir_wait(REDIR_XRDP, "ok");
	ck_assert_int_eq(rename(place, elsewhere), 0);
	ck_assert_int_eq(symlink(elsewhere, place), 0);
	redir_wait(REDIR_XRDP, "foreign");
	redir_wait_rest(1);
}
END_TEST

START_TEST(no_library)
{
	g_autofree char *detail = NULL;

	world.environment =
		g_environ_setenv(world.environment, "CERTPROP_PCSCDIR", "/nonexistent", TRUE);
	begin(SHORT);
	rig_chansrv_connect(redir.chansrv);
	rig_card_insert_seen(world.cards[0]);
	redir_wait(REDIR_XRDP, "unsupported");
	detail = redir_word(REDIR_XRDP, "detail");
	ck_assert_ptr_nonnull(strstr(detail, "/nonexistent/libpcsc-xrdp.so"));
	redir_wait_rest(1);
	ck_assert_uint_eq(rig_chansrv_requests(redir.chansrv), 0);
}
END_TEST

START_TEST(too_many)
{
	g_autoptr(GVariant) answer = NULL;
	g_autoptr(GVariant) status = NULL;
	g_autofree char *out = NULL;
	g_autofree char *program = rig_program("ctl/" NAME_CTL);
	const char *argv[] = {program, "status", NULL};
	const char *left_out;

	for (unsigned i = 0; i < MANY; i++) {
		g_autofree char *name = g_strdup_printf(".pcsc%u", 100 + i);
		g_autofree char *place = rig_home_path(world.home, name);

		ck_assert_int_eq(mkdir(place, 0700), 0);
	}
	world_configure("[redirected]\n" SHORT);
	world_start();
	redir_wait("xrdp:114", "absent");
	redir_wait("xrdp:115", NULL);
	answer = world_call("GetStatus");
	status = g_variant_get_child_value(answer, 0);
	ck_assert(g_variant_lookup(status, "left_out", "&s", &left_out));
	ck_assert_str_eq(left_out, "xrdp:115, xrdp:116, xrdp:117, xrdp:118, xrdp:119");
	(void)rig_run(argv, world.environment, &out, NULL);
	ck_assert_ptr_nonnull(strstr(out, left_out));
	/* With room again, the next ones have their turn. */
	for (unsigned i = 0; i < 2; i++) {
		g_autofree char *name = g_strdup_printf(".pcsc%u", 100 + i);
		g_autofree char *place = rig_home_path(world.home, name);

		ck_assert_int_eq(rmdir(place), 0);
	}
	redir_wait("xrdp:116", "absent");
	redir_wait("xrdp:117", NULL);
}
END_TEST

/* Only user certificates come over a connection. */
START_TEST(no_authorities)
{
	g_autofree char *card = rig_deal(&(const Deal){.certs = 2, .guid = REDIR_GUID_B, .ca = 1});
	g_autoptr(GBytes) authority = rig_dealt_der(card, 0);
	g_autoptr(GBytes) user = rig_dealt_der(card, 1);
	g_autoptr(GPtrArray) rows = NULL;

	g_clear_pointer(&world.cards[0], rig_card_free);
	world.cards[0] = rig_card_new(world.pcscd, 0, card);
	begin(SHORT);
	rig_chansrv_connect(redir.chansrv);
	rig_card_insert_seen(world.cards[0]);
	redir_wait_reader(REDIR_XRDP, "read");
	rows = rig_db_certificates(world.database);
	ck_assert_ptr_null(rig_db_find(rows, authority));
	ck_assert_ptr_nonnull(rig_db_find(rows, user));
	ck_assert_uint_eq(rig_db_trust_objects(world.database), 0);
}
END_TEST

static guint64 switches(void)
{
	g_autofree char *tasks =
		g_strdup_printf("/proc/%d/task", (int)rig_process_pid(world.daemon));
	g_autoptr(GDir) dir = g_dir_open(tasks, 0, NULL);
	guint64 sum = 0;
	const char *name;

	while ((name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path = g_build_filename(tasks, name, "status", NULL);
		g_autofree char *text = NULL;

		ck_assert(g_file_get_contents(path, &text, NULL, NULL));
		for (const char *at = text; (at = strstr(at, "ctxt_switches:")) != NULL; at++)
			sum += g_ascii_strtoull(at + strlen("ctxt_switches:"), NULL, 10);
	}
	return sum;
}

typedef struct {
	guint64 switches;
	gint64 since; /* they have been as many */
} Calm;

static bool is_calm(gpointer data)
{
	Calm *calm = data;
	guint64 now = switches();

	if (now != calm->switches)
		*calm = (Calm){.switches = now, .since = g_get_monotonic_time()};
	return g_get_monotonic_time() - calm->since >= SETTLE_US;
}

/* Endpoints of which there is nothing but a name, or a directory, wake nobody. The time that passes
   is what is tested; what the start has still to do is over before. */
START_TEST(nothing_wakes_up)
{
	g_autofree char *place = directory();
	Calm calm = {0};

	ck_assert_int_eq(mkdir(place, 0700), 0);
	redir_configure("grace=0\n");
	world_start();
	redir_wait(REDIR_DESK, "absent");
	redir_wait(REDIR_XRDP, "absent");
	redir_wait_rest(1);
	g_clear_object(&world.bus);
	rig_wait_until(is_calm, &calm, REDIR_WAIT_MS, "certpropd rests");
	g_usleep(IDLE_US);
	ck_assert_uint_eq(switches() - calm.switches, 0);
}
END_TEST

/* --- slow lines --- */

/* The reader whose card a process reads; NULL if it is no scan, or dead already. */
static char *scanned_reader(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", pid);
	g_autofree char *words = NULL;
	gsize length;

	if (!g_file_get_contents(path, &words, &length, NULL) ||
		!g_str_has_suffix(words, "/" NAME_SCAN))
		return NULL;
	for (const char *word = words; word < words + length; word += strlen(word) + 1) {
		if (strcmp(word, "--reader") == 0)
			return g_strdup(word + strlen(word) + 1);
	}
	ck_abort_msg("a scan without a reader");
}

/* Of how many cards a scan runs. The process of a card's first reading may still be taking its
   leave when the second one begins: that is one card. */
static unsigned scans(void)
{
	g_autoptr(GArray) children = rig_descendants(rig_process_pid(world.daemon));
	g_autoptr(GHashTable) readers =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < children->len; i++) {
		char *reader = scanned_reader(g_array_index(children, pid_t, i));

		if (reader != NULL)
			g_hash_table_add(readers, reader);
	}
	return g_hash_table_size(readers);
}

typedef struct {
	unsigned most; /* scans at once */
} Slow;

static bool is_read(gpointer data)
{
	Slow *slow = data;
	unsigned n = scans();

	slow->most = MAX(slow->most, n);
	return redir_readers(REDIR_XRDP, "read") == 2;
}

/* Two slow cards behind one line take turns; a local one does not wait for them. */
START_TEST(one_at_a_time)
{
	g_autofree char *program = rig_program("ctl/" NAME_CTL);
	const char *argv[] = {program, "monitor", "--json", NULL};
	const RigProcessOptions options = {.environment = world.environment};
	g_autofree char *second = world_deal(1, REDIR_CERTS, REDIR_GUID_B);
	g_autoptr(RigProcess) monitor = NULL;
	g_autofree char *told = NULL;
	g_autofree char *reason = NULL;
	Slow slow = {0};

	begin(LONG);
	monitor = rig_process_start(argv, &options);
	for (unsigned i = 0; i < 2; i++) {
		rig_card_insert_seen(world.cards[i]);
		g_free(rig_card_command(world.cards[i], "delay 25"));
	}
	rig_chansrv_connect(redir.chansrv);
	redir_wait_reader(REDIR_XRDP, "scanning");
	ck_assert_uint_eq(redir_readers(REDIR_XRDP, "scanning"), 1);
	ck_assert_uint_eq(redir_readers(REDIR_XRDP, "waiting"), 1);
	rig_wait_until(is_read, &slow, 60000, "two slow cards that are read");
	ck_assert_uint_eq(slow.most, 1);
	ck_assert_uint_eq(redir_stored(redir.card), REDIR_CERTS);
	ck_assert_uint_eq(redir_stored(second), REDIR_CERTS);
	told = rig_process_output(monitor, NULL);
	ck_assert_ptr_nonnull(strstr(told, "\"kind\":\"progress\""));
	reason = g_strdup_printf("%u certificates so far", REDIR_CERTS);
	ck_assert_ptr_nonnull(strstr(told, reason));
}
END_TEST

/* The line hangs in the middle of a card: local cards come and go as ever. */
START_TEST(local_does_not_wait)
{
	g_autofree char *second = world_deal(1, REDIR_CERTS, REDIR_GUID_B);

	redir_reach_local();
	redir_configure(LONG "[local]\non-removal=remove\n");
	world_start();
	rig_card_insert_seen(world.cards[0]);
	redir_wait_claims(redir.card, "local", 1);
	redir_wait_rest(1);
	g_free(rig_card_command(world.cards[0], "delay 20"));
	rig_chansrv_connect(redir.chansrv);
	redir_wait_reader(REDIR_XRDP, "scanning");
	rig_chansrv_set_mode(redir.chansrv, "silent");
	rig_card_insert_seen(world.cards[1]);
	redir_wait_claims(second, "local", 1);
	world_wait_reader(1, "read");
	rig_card_remove_seen(world.cards[1]);
	redir_wait_stored(second, 0);
	ck_assert_uint_eq(redir_readers(REDIR_XRDP, "scanning"), 1);
	ck_assert_uint_eq(redir_claims(redir.card, "local"), 1);
	ck_assert_uint_eq(redir_claims(redir.card, REDIR_XRDP), 0);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("redirected-many");
	TCase *tcase;

	rig_enter();
	tcase = redir_case(suite, "several");
	tcase_add_loop_test(tcase, local_and_redirected, 0, 2);
	tcase_add_test(tcase, local_goes_first);
	tcase_add_test(tcase, several_displays);
	tcase = redir_case(suite, "forwarded");
	tcase_add_test(tcase, forwarded);
	tcase_add_test(tcase, forwarded_blip_writes_nothing);
	tcase_add_test(tcase, forwarded_no_more);
	tcase = redir_case(suite, "places");
	tcase_add_test(tcase, strange_places_are_not_used);
	tcase_add_test(tcase, no_library);
	tcase_add_test(tcase, too_many);
	tcase_add_test(tcase, no_authorities);
	tcase_add_test(tcase, nothing_wakes_up);
	tcase = redir_case(suite, "slow");
	tcase_add_test(tcase, one_at_a_time);
	tcase_add_test(tcase, local_does_not_wait);
	return harness_run(suite, argc, argv);
}
