/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropd with a real pcscd, real OpenSC, real NSS and virtual cards. What it did is read from
 * the database; its status is only used to know when it is done.
 */

#include <check.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <winscard.h>

#include "harness.h"
#include "names.h"
#include "world.h"

#define GUID_A  "00112233445566778899aabbccddee0a"
#define GUID_B  "00112233445566778899aabbccddee0b"
#define WAIT_MS 20000u

#define REMOVE "[local]\non-removal=remove\n"

/* The first card will go wrong in this way after so many APDUs. */
static void fault(const char *way, int apdus)
{
	g_free(rig_card_command(world.cards[0], "%s %d", way, apdus));
}

START_TEST(test_card_in_at_start)
{
	g_autofree char *card = world_deal(0, 4, GUID_A);

	rig_card_insert_seen(world.cards[0]);
	world_start();
	world_wait_marked(4);
	world_check_stored(card, 4);
	ck_assert_uint_eq(rig_db_private_objects(world.database), 0);
	ck_assert_uint_eq(rig_db_trust_objects(world.database), 0);
	world_wait_reader(0, "read");
	world_wait_quiet();
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

START_TEST(test_insert_remove_insert)
{
	g_autofree char *card = world_deal(0, 4, GUID_A);
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	world_start();
	world_wait_reader(0, "empty");
	rig_card_insert(world.cards[0]);
	world_wait_reader(0, "read");
	world_check_stored(card, 4);
	before = rig_db_state(world.database);

	/* on-removal=keep is the default. */
	rig_card_remove(world.cards[0]);
	world_wait_reader(0, "empty");
	rig_card_insert(world.cards[0]);
	world_wait_reader(0, "read");
	world_wait_quiet();
	after = rig_db_state(world.database);
	ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(test_removed_with_the_card)
{
	g_autofree char *card = world_deal(0, 4, GUID_A);

	world_configure(REMOVE);
	world_start();
	rig_card_insert(world.cards[0]);
	world_wait_reader(0, "read");
	world_check_stored(card, 4);
	rig_card_remove(world.cards[0]);
	world_wait_marked(0);
	world_wait_quiet();
}
END_TEST

START_TEST(test_swap)
{
	g_autofree char *a = world_deal(0, 4, GUID_A);
	g_autofree char *b = rig_deal_simple(3, GUID_B);

	world_configure(_i == 1 ? REMOVE : "");
	rig_card_insert_seen(world.cards[0]);
	world_start();
	world_wait_reader(0, "read");
	rig_card_swap(world.cards[0], b);
	world_wait_marked(_i == 1 ? 3 : 7);
	world_check_stored(b, 3);
	if (_i == 0)
		world_check_stored(a, 4);
}
END_TEST

START_TEST(test_two_readers)
{
	g_autofree char *a = world_deal(0, 4, GUID_A);
	g_autofree char *b = world_deal(1, 3, GUID_B);

	world_configure(REMOVE);
	world_start();
	rig_card_insert(world.cards[0]);
	rig_card_insert(world.cards[1]);
	world_wait_marked(7);
	world_check_stored(a, 4);
	world_check_stored(b, 3);
	/* One leaves, the other one's stay. */
	rig_card_remove(world.cards[0]);
	world_wait_marked(3);
	world_check_stored(b, 3);
}
END_TEST

/* One card that hangs does not keep the other reader waiting. */
START_TEST(test_hang_in_one_reader)
{
	g_autofree char *a = world_deal(0, 4, GUID_A);
	g_autofree char *b = world_deal(1, 3, GUID_B);

	world_configure("[limits]\nscan-seconds=2\n");
	world_start();
	world_wait_reader(1, "empty");
	fault("hang-after", 20);
	rig_card_insert(world.cards[0]);
	world_wait_reader(0, "scanning");
	rig_card_insert(world.cards[1]);
	world_wait_reader(1, "read");
	world_check_stored(b, 3);
	rig_card_wait_state(world.cards[0], "hanging");
	/* The deadline ends it; the pulled card ends the retries. */
	world_wait_reader(0, "waiting");
	rig_card_remove(world.cards[0]);
	world_wait_reader(0, "empty");
	rig_card_insert(world.cards[0]);
	world_wait_reader(0, "read");
	world_check_stored(a, 4);
}
END_TEST

static bool reason_is_holder(gpointer data)
{
	g_autofree char *reason = world_reader(0, "reason");

	return reason != NULL && strstr(reason, "held exclusively") != NULL;
}

/* Nothing tells when an exclusive holder lets go: it is named, and the card is read in the end. */
START_TEST(test_exclusive_holder)
{
	g_autofree char *card = world_deal(0, 4, GUID_A);
	const char *name = rig_pcscd_reader(world.pcscd, 0);
	SCARDCONTEXT context;
	SCARDHANDLE handle;
	DWORD protocol;

	rig_card_insert_seen(world.cards[0]);
	ck_assert_int_eq(
		SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context), SCARD_S_SUCCESS);
	ck_assert_int_eq(SCardConnect(context, name, SCARD_SHARE_EXCLUSIVE,
				 SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &handle, &protocol),
		SCARD_S_SUCCESS);
	world_start();
	rig_wait_until(reason_is_holder, NULL, WAIT_MS, "the holder is named");
	ck_assert(!rig_db_exists(world.database));
	ck_assert_int_eq(SCardDisconnect(handle, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	ck_assert_int_eq(SCardReleaseContext(context), SCARD_S_SUCCESS);
	world_wait_reader(0, "read");
	world_check_stored(card, 4);
}
END_TEST

/* Pulled in the middle of reading: no hang, nothing wrong in the database, and it is read when it
   is in again. */
START_TEST(test_pulled)
{
	g_autofree char *card = world_deal(0, 4, GUID_A);

	world_configure(REMOVE);
	world_start();
	world_wait_reader(0, "empty");
	fault("pull-after", 4 + 8 * _i);
	rig_card_insert(world.cards[0]);
	rig_card_wait_state(world.cards[0], "removed");
	world_wait_reader(0, "empty");
	world_wait_marked(0);
	world_wait_quiet();
	rig_card_insert(world.cards[0]);
	world_wait_marked(4);
	world_check_stored(card, 4);
}
END_TEST

/* A service that is gone is not a card that is gone. */
START_TEST(test_pcscd_restart)
{
	g_autofree char *a = world_deal(0, 4, GUID_A);
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	world_configure(REMOVE);
	rig_card_insert_seen(world.cards[0]);
	world_start();
	world_wait_reader(0, "read");
	world_wait_quiet();
	before = rig_db_state(world.database);

	rig_pcscd_kill(world.pcscd);
	world_wait_service("absent");
	world_wait_quiet();
	rig_pcscd_start(world.pcscd);
	rig_card_insert(world.cards[0]);
	world_wait_service("ok");
	world_wait_reader(0, "read");
	world_wait_quiet();
	after = rig_db_state(world.database);
	ck_assert_str_eq(before, after);
	world_check_stored(a, 4);
}
END_TEST

START_TEST(test_card_left_while_pcscd_was_away)
{
	g_autofree char *a = world_deal(0, 4, GUID_A);

	world_configure(REMOVE);
	rig_card_insert_seen(world.cards[0]);
	world_start();
	world_wait_marked(4);
	rig_pcscd_kill(world.pcscd);
	world_wait_service("absent");
	g_clear_pointer(&world.cards[0], rig_card_free);
	rig_pcscd_start(world.pcscd);
	world_wait_marked(0);
}
END_TEST

static void sighup(void)
{
	ck_assert_int_eq(kill(rig_process_pid(world.daemon), SIGHUP), 0);
}

START_TEST(test_reload)
{
	g_autofree char *card = world_deal(0, 4, GUID_A);

	world_start();
	rig_card_insert(world.cards[0]);
	world_wait_reader(0, "read");
	rig_card_remove(world.cards[0]);
	world_wait_reader(0, "empty");
	world_check_stored(card, 4);
	/* Now it is to be different, also for what left before. */
	world_configure(REMOVE);
	sighup();
	world_wait_marked(0);
}
END_TEST

START_TEST(test_reload_faulty)
{
	g_autofree char *card = world_deal(0, 4, GUID_A);
	g_autoptr(GVariant) answer = NULL;
	g_auto(GStrv) messages = NULL;
	gboolean taken = TRUE;

	world_configure(REMOVE);
	world_start();
	world_configure("[local]\non-removal=perhaps\n[limits]\nscan-seconds=many\n");
	answer = world_call("Reload");
	g_variant_get(answer, "(b^as)", &taken, &messages);
	ck_assert(!taken);
	ck_assert_uint_eq(g_strv_length(messages), 2);
	sighup();
	/* The old one is in force. */
	rig_card_insert(world.cards[0]);
	world_wait_marked(4);
	world_check_stored(card, 4);
	rig_card_remove(world.cards[0]);
	world_wait_marked(0);
	ck_assert(rig_process_alive(world.daemon));
}
END_TEST

START_TEST(test_disabled)
{
	g_autofree char *card = world_deal(0, 4, GUID_A);

	world_configure("[propagation]\nenabled=false\n");
	rig_card_insert_seen(world.cards[0]);
	world_start();
	world_wait_reader(0, "disabled");
	world_wait_quiet();
	world_wait_marked(0);
	/* Switched on by a reload: the card that is in is read. */
	world_configure("");
	sighup();
	world_wait_marked(4);
	world_check_stored(card, 4);
}
END_TEST

START_TEST(test_faulty_at_start)
{
	g_autofree char *program = rig_program("daemon/" NAME_DAEMON);
	const char *argv[] = {program, NULL};
	g_autofree char *errors = NULL;

	world_configure("[local]\non-removal=perhaps\n[limits]\nscan-seconds=many\n");
	ck_assert_int_eq(rig_run(argv, world.environment, NULL, &errors), EXIT_STATUS_CONFIG);
	ck_assert_ptr_nonnull(strstr(errors, "certprop.conf:2"));
	ck_assert_ptr_nonnull(strstr(errors, "certprop.conf:4"));
}
END_TEST

START_TEST(test_second_instance)
{
	g_autofree char *program = rig_program("daemon/" NAME_DAEMON);
	const char *argv[] = {program, NULL};
	g_autofree char *errors = NULL;
	g_autofree char *pid = NULL;

	world_start();
	pid = g_strdup_printf("as process %d", (int)rig_process_pid(world.daemon));
	ck_assert_int_eq(rig_run(argv, world.environment, NULL, &errors), EXIT_STATUS_FAILED);
	ck_assert_ptr_nonnull(strstr(errors, pid));
	/* The first one did not notice. */
	world_wait_reader(0, "empty");
	ck_assert_int_eq(world_stop(), 0);
	/* And its lock went with it. */
	world_start();
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

static bool is_gone(gpointer data)
{
	return kill(*(const pid_t *)data, 0) != 0;
}

static pid_t watch_pid(void)
{
	g_autoptr(GArray) children = NULL;

	world_wait_reader(0, "empty");
	world_wait_quiet();
	children = rig_descendants(rig_process_pid(world.daemon));
	return g_array_index(children, pid_t, 0);
}

START_TEST(test_ends_in_good_order)
{
	g_autofree char *socket =
		g_build_filename(world.home->runtime, NAME_RUNTIME_DIR, NAME_RUNTIME_BUS, NULL);
	pid_t watch;

	world_start();
	ck_assert(g_file_test(socket, G_FILE_TEST_EXISTS));
	watch = watch_pid();
	ck_assert_int_eq(world_stop(), 0);
	ck_assert(!g_file_test(socket, G_FILE_TEST_EXISTS));
	ck_assert(is_gone(&watch));
}
END_TEST

START_TEST(test_ends_in_the_middle_of_a_scan)
{
	g_autofree char *card = world_deal(0, 4, GUID_A);

	world_start();
	world_wait_reader(0, "empty");
	fault("hang-after", 20);
	rig_card_insert(world.cards[0]);
	world_wait_reader(0, "scanning");
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

START_TEST(test_killed)
{
	pid_t watch;

	world_start();
	watch = watch_pid();
	g_clear_object(&world.bus);
	rig_process_kill(world.daemon);
	rig_wait_until(is_gone, &watch, WAIT_MS, "certprop-watch dies with its parent");
	/* The socket that it left is no obstacle. */
	world_start();
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

START_TEST(test_logout)
{
	g_autofree char *card = world_deal(0, 4, GUID_A);

	world_configure(_i == 1 ? "[local]\non-logout=remove\n" : "");
	rig_card_insert_seen(world.cards[0]);
	world_start();
	world_wait_reader(0, "read");
	world_check_stored(card, 4);
	ck_assert_int_eq(world_stop(), 0);
	world_wait_marked(_i == 1 ? 0 : 4);
}
END_TEST

START_TEST(test_watch_killed)
{
	g_autofree char *card = world_deal(0, 4, GUID_A);
	pid_t watch;

	world_configure(REMOVE);
	world_start();
	watch = watch_pid();
	rig_card_insert(world.cards[0]);
	world_wait_reader(0, "read");
	ck_assert_int_eq(kill(watch, SIGKILL), 0);
	rig_wait_until(is_gone, &watch, WAIT_MS, "certprop-watch is gone");
	/* Another one takes its place; that nobody watched for a moment removes nothing. */
	world_wait_service("ok");
	world_wait_reader(0, "read");
	world_wait_quiet();
	world_check_stored(card, 4);
}
END_TEST

typedef struct Session {
	char *address;
	GDBusConnection *bus;
} Session;

static bool has_bus(gpointer data)
{
	Session *session = data;

	session->bus = g_dbus_connection_new_for_address_sync(session->address,
		G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
			G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
		NULL, NULL, NULL);
	return session->bus != NULL;
}

static bool answers_on_bus(gpointer data)
{
	Session *session = data;
	g_autoptr(GVariant) answer = g_dbus_connection_call_sync(session->bus, NAME_BUS,
		NAME_BUS_PATH, NAME_BUS_IFACE, "GetStatus", NULL, G_VARIANT_TYPE("(a{sv})"),
		G_DBUS_CALL_FLAGS_NONE, 5000, NULL, NULL);

	return answer != NULL;
}

START_TEST(test_session_bus)
{
	g_autofree char *address = g_strdup_printf("unix:path=%s/bus", world.home->runtime);
	g_autofree char *option = g_strdup_printf("--address=%s", address);
	const char *argv[] = {"dbus-daemon", "--session", "--nofork", "--nopidfile", option, NULL};
	g_autoptr(RigProcess) daemon = rig_process_start(argv, NULL);
	Session session = {.address = address};

	rig_wait_until(has_bus, &session, WAIT_MS, "a session bus");
	world_start();
	rig_wait_until(answers_on_bus, &session, WAIT_MS, "certpropd on the session bus");
	g_object_unref(session.bus);
	/* The bus goes, and that is no reason to go as well. */
	rig_process_kill(daemon);
	world_wait_reader(0, "empty");
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

static void add_looks(Suite *suite)
{
	TCase *tc = tcase_create("looks");

	tcase_add_checked_fixture(tc, world_setup, world_teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test_card_in_at_start);
	tcase_add_test(tc, test_insert_remove_insert);
	tcase_add_test(tc, test_removed_with_the_card);
	tcase_add_loop_test(tc, test_swap, 0, 2);
	tcase_add_test(tc, test_two_readers);
	tcase_add_test(tc, test_hang_in_one_reader);
	tcase_add_test(tc, test_exclusive_holder);
	tcase_add_loop_test(tc, test_pulled, 0, 5);
	tcase_add_test(tc, test_pcscd_restart);
	tcase_add_test(tc, test_card_left_while_pcscd_was_away);
	tcase_add_test(tc, test_watch_killed);
	suite_add_tcase(suite, tc);
}

static void add_life(Suite *suite)
{
	TCase *tc = tcase_create("life");

	tcase_add_checked_fixture(tc, world_setup, world_teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test_reload);
	tcase_add_test(tc, test_reload_faulty);
	tcase_add_test(tc, test_disabled);
	tcase_add_test(tc, test_faulty_at_start);
	tcase_add_test(tc, test_second_instance);
	tcase_add_test(tc, test_ends_in_good_order);
	tcase_add_test(tc, test_ends_in_the_middle_of_a_scan);
	tcase_add_test(tc, test_killed);
	tcase_add_loop_test(tc, test_logout, 0, 2);
	tcase_add_test(tc, test_session_bus);
	suite_add_tcase(suite, tc);
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("daemon");

	rig_enter();
	add_looks(suite);
	add_life(suite);
	return harness_run(suite, argc, argv);
}
