/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What certpropd tells the service manager and the journal. Both are sockets of the test's own in
 * their place, and what arrives there is read as sd_notify(3) and the journal's native protocol
 * describe it, without a library that certpropd uses as well. The cards are read for real; what
 * comes of them in the databases is daemon.c's.
 */

#include <check.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ear.h"
#include "harness.h"
#include "names.h"
#include "world.h"

#define WAIT_MS 20000
#define CERTS   2u

#define FAULTY "[local]\non-removal=perhaps\n"

/* What a terminal and a line-wise log would act on. OpenSC makes it the token's label. */
#define HOSTILE "A\033[31m\nMESSAGE=x\007"
#define ESCAPED "A\\x1b[31m\\x0aMESSAGE=x\\x07"

static int start_notifying(void)
{
	g_autofree char *path = g_build_filename(world.home->runtime, "notify", NULL);
	int fd = ear_bind(path, SOCK_DGRAM);

	world.environment = g_environ_setenv(world.environment, "NOTIFY_SOCKET", path, TRUE);
	world_start();
	return fd;
}

static void expect(int fd, const char *state)
{
	g_autofree char *said = ear_receive(fd, NULL);

	ck_assert_str_eq(said, state);
}

/* Told between `since` and now, as the clock goes that the manager looks at. */
static void expect_reloading(int fd, gint64 since)
{
	g_autofree char *said = ear_receive(fd, NULL);
	g_auto(GStrv) lines = g_strsplit(said, "\n", -1);
	gint64 when = 0;

	ck_assert_uint_eq(g_strv_length(lines), 2);
	ck_assert_str_eq(lines[0], "RELOADING=1");
	ck_assert(g_str_has_prefix(lines[1], "MONOTONIC_USEC="));
	ck_assert(g_ascii_string_to_signed(
		strchr(lines[1], '=') + 1, 10, since, g_get_monotonic_time(), &when, NULL));
}

static void sighup(int fd)
{
	gint64 since = g_get_monotonic_time();

	ck_assert_int_eq(kill(rig_process_pid(world.daemon), SIGHUP), 0);
	expect_reloading(fd, since);
}

START_TEST(test_start_reload_end)
{
	int fd = start_notifying();

	expect(fd, "READY=1");
	sighup(fd);
	expect(fd, "READY=1\nSTATUS=");
	ck_assert_int_eq(world_stop(), 0);
	expect(fd, "STOPPING=1");
	close(fd);
}
END_TEST

/* The manager must not wait for ever for a reload, and its status is not to outlive the fault. */
START_TEST(test_reload_faulty)
{
	int fd = start_notifying();
	g_autoptr(GVariant) answer = NULL;
	g_autofree char *said = NULL;
	gint64 since;

	expect(fd, "READY=1");
	world_configure(FAULTY);
	sighup(fd);
	said = ear_receive(fd, NULL);
	ck_assert(g_str_has_prefix(said, "READY=1\nSTATUS="));
	ck_assert_ptr_nonnull(strstr(said, "faulty"));

	/* The same where it is asked for over D-Bus. */
	world_configure("");
	since = g_get_monotonic_time();
	answer = world_call("Reload");
	expect_reloading(fd, since);
	expect(fd, "READY=1\nSTATUS=");
	close(fd);
}
END_TEST

/* What we wrote is text, on one line, of which nothing acts on a terminal. */
static void check_harmless(const char *key, const char *value, gsize length)
{
	ck_assert_msg(g_utf8_validate(value, (gssize)length, NULL), "%s is no text", key);
	for (const char *p = value; p < value + length; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);

		ck_assert_msg(!g_unichar_iscntrl(c) && c != 0x202e, "%s has a raw U+%04x", key, c);
	}
}

/* The value of the field whose name ends at `at`: "=", then the rest of the line; or a newline, 64
   bits of length (little endian), then so many bytes and a newline. Returns what follows. */
static const char *take_value(const char *at, const char *end, const char **value, gsize *length)
{
	guint64 size;

	if (*at == '=') {
		*value = at + 1;
		at = memchr(*value, '\n', (gsize)(end - *value));
		ck_assert_ptr_nonnull(at);
		*length = (gsize)(at - *value);
		return at + 1;
	}

	ck_assert_int_gt(end - at, (gssize)sizeof size);
	memcpy(&size, at + 1, sizeof size);
	*length = GUINT64_FROM_LE(size);
	*value = at + 1 + sizeof size;
	ck_assert_uint_lt(*length, (gsize)(end - *value));
	ck_assert_int_eq((*value)[*length], '\n');
	return *value + *length + 1;
}

/* The next entry: its fields, each of which it has once. */
static GHashTable *next_entry(const Journal *journal)
{
	GHashTable *fields = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	gsize size = 0;
	g_autofree char *data = ear_receive(journal->entries, &size);

	for (const char *at = data; at < data + size;) {
		gsize name = strcspn(at, "=\n");
		g_autofree char *key = g_strndup(at, name);
		const char *value;
		gsize length;

		ck_assert_msg(at + name < data + size, "%s has no value", key);
		at = take_value(at + name, data + size, &value, &length);
		check_harmless(key, value, length);
		ck_assert_msg(g_hash_table_insert(
				      fields, g_steal_pointer(&key), g_strndup(value, length)),
			"a field comes twice");
	}

	return fields;
}

static void check_field(GHashTable *entry, const char *key, const char *value)
{
	const char *is = g_hash_table_lookup(entry, key);

	ck_assert_msg(g_strcmp0(is, value) == 0, "%s is \"%s\", not \"%s\"", key,
		is != NULL ? is : "(nothing)", value != NULL ? value : "(nothing)");
}

/* Until the entry with this action. */
static GHashTable *wait_action(const Journal *journal, const char *action)
{
	gint64 deadline = g_get_monotonic_time() + WAIT_MS * G_TIME_SPAN_MILLISECOND;

	while (g_get_monotonic_time() < deadline) {
		g_autoptr(GHashTable) entry = next_entry(journal);

		check_field(entry, "SYSLOG_IDENTIFIER", NAME_DAEMON);
		ck_assert(g_hash_table_contains(entry, "MESSAGE"));
		ck_assert(g_hash_table_contains(entry, "PRIORITY"));
		if (g_strcmp0(g_hash_table_lookup(entry, NAME_FIELD_ACTION), action) == 0)
			return g_steal_pointer(&entry);
	}

	ck_abort_msg("no entry \"%s\" within %d ms", action, WAIT_MS);
	return NULL;
}

/* Both are written in one go, and in which order is not promised. */
static void check_creates(const Journal *journal, const char *card)
{
	g_autoptr(GHashTable) wanted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autofree char *database = g_strconcat("sql:", world.database, NULL);

	for (unsigned i = 0; i < CERTS; i++) {
		g_autoptr(GBytes) der = rig_dealt_der(card, i);

		g_hash_table_add(wanted, g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, der));
	}
	for (unsigned i = 0; i < CERTS; i++) {
		g_autoptr(GHashTable) entry = wait_action(journal, "create");
		const char *sha256 = g_hash_table_lookup(entry, NAME_FIELD_CERT);
		const char *message = g_hash_table_lookup(entry, "MESSAGE");

		ck_assert_ptr_nonnull(sha256);
		ck_assert_msg(g_hash_table_remove(wanted, sha256), "not on the card: %s", sha256);
		check_field(entry, "PRIORITY", "5");
		check_field(entry, NAME_FIELD_ENDPOINT, "local");
		check_field(entry, NAME_FIELD_READER, rig_pcscd_reader(world.pcscd, 0));
		check_field(entry, NAME_FIELD_DATABASE, database);
		ck_assert(g_str_has_prefix(message, "Put \""));
		ck_assert_ptr_nonnull(strstr(message, database));
	}
}

static void check_no_lines(const Journal *journal)
{
	char byte;

	ck_assert_int_lt(recv(journal->stream, &byte, sizeof byte, MSG_DONTWAIT), 0);
}

START_TEST(test_journal_fields)
{
	g_autofree char *card = rig_deal(&(const Deal){
		.certs = CERTS, .token_cn = HOSTILE, .token_cn_length = strlen(HOSTILE)});
	Journal journal = ear_journal();
	g_autoptr(GHashTable) in = NULL;
	g_autoptr(GHashTable) read = NULL;

	world.cards[0] = rig_card_new(world.pcscd, 0, card);
	rig_card_insert_seen(world.cards[0]);
	/* Not world_start(): nobody would take what certpropd says meanwhile. */
	world_launch();
	in = wait_action(&journal, "card-in");
	check_field(in, NAME_FIELD_READER, rig_pcscd_reader(world.pcscd, 0));
	check_field(in, NAME_FIELD_CERT, NULL);
	check_creates(&journal, card);
	read = wait_action(&journal, "read");
	check_field(read, NAME_FIELD_TOKEN, ESCAPED);
	ck_assert_ptr_nonnull(strstr(g_hash_table_lookup(read, "MESSAGE"), ESCAPED));
	check_no_lines(&journal);
	ear_end(&journal);
}
END_TEST

/* What the journal shows in red. */
START_TEST(test_journal_priority)
{
	Journal journal = ear_journal();
	g_autoptr(GHashTable) entry = NULL;

	world_configure(FAULTY);
	world_launch();
	entry = next_entry(&journal);
	check_field(entry, "PRIORITY", "3");
	ck_assert_ptr_nonnull(strstr(g_hash_table_lookup(entry, "MESSAGE"), "certprop.conf:2"));
	check_field(entry, NAME_FIELD_ACTION, NULL);
	ck_assert_int_eq(rig_process_wait(world.daemon, WAIT_MS), EXIT_STATUS_CONFIG);
	check_no_lines(&journal);
	ear_end(&journal);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("service");
	TCase *notify = tcase_create("notify");
	TCase *journal = tcase_create("journal");

	rig_enter();
	tcase_add_checked_fixture(notify, world_setup, world_teardown);
	tcase_set_timeout(notify, 120);
	tcase_add_test(notify, test_start_reload_end);
	tcase_add_test(notify, test_reload_faulty);
	suite_add_tcase(suite, notify);
	tcase_add_checked_fixture(journal, world_setup, world_teardown);
	tcase_set_timeout(journal, 120);
	tcase_add_test(journal, test_journal_fields);
	tcase_add_test(journal, test_journal_priority);
	suite_add_tcase(suite, journal);
	return harness_run(suite, argc, argv);
}
