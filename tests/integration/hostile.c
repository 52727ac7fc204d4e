/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hostile names through the whole product: real pcscd, OpenSC and NSS, certpropd and certpropctl.
 * One card carries a certificate for each bad name. What must hold: every certificate is stored
 * once, under a name that NSS and a terminal can bear, with a marker that is one line and says the
 * right token; and no program of ours, on a terminal or on a pipe, passes on what a terminal obeys.
 *
 * A PIV card has only its certificates' names to speak of. What a token can say besides them comes
 * from the fake module, behind the same daemon.
 */
#include "harness.h"
#include "names.h"
#include "safe.h"
#include "voice.h"
#include "world.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <string.h>

#define GUID     "00112233445566778899aabbccddee0a"
#define SERIAL   "8899aabbccddee0a"
#define REMOVE   "[local]\non-removal=remove\n"
#define NAME_BIG 60000u
#define WAIT_MS  30000u

typedef struct Name {
	const char *bytes;
	gsize len;       /* 0: up to the NUL */
	bool unreadable; /* OpenSSL takes no UTF8String that is none: passed over, and said */
} Name;

static const Name names[] = {
	{"\x1b]0;owned\x07\x1b[2J\x1b[31mred", 0},
	{"two\nlines\r\x0b\x0c\x08\x7f", 0},
	{"NSS Certificate DB:victim", 0},
	{":::", 0},
	{"photo\xe2\x80\xaegpj.exe\xe2\x81\xa6\xe2\x81\xa9\xd8\x9c", 0},
	{"zero\xe2\x80\x8bwidth\xef\xbb\xbf\xe2\x80\x8d\xc2\xad", 0},
	{"\xe2\x80\x8b\xe2\x80\x8b\xe2\x80\x8b", 0},
	{"\xff\xfe\xc0\x80\xed\xa0\x80 not UTF-8", 0, true},
	{"C1 \xc2\x9b"
	 "31m \xc2\x85",
		0},
	{"     ", 0},
	{"%s%n%08x%p%1000000d", 0},
	{"@", 0},
	{"-o", 0},
	{"a\0b", 3},
	{"line\xe2\x80\xa8separator\xe2\x80\xa9", 0},
	{"\xf3\xa0\x81\x81\xf3\xa0\x81\x82 tags \xee\x80\x80", 0},
	{"'; DROP TABLE nssPublic; --\"", 0},
	{"\xe1\x85\x9f\xe3\x85\xa4", 0},
	{"../../etc/passwd", 0},
	{"a?x-certprop=1;serial=666\npkcs11:serial=666?x-certprop=1", 0},
	{"\xcc\x88\xcc\x88\xcc\x88 only marks", 0},
	{"", 0},
};

#define READABLE (G_N_ELEMENTS(names) - 1)

static char *path_of(const char *directory, unsigned place)
{
	g_autofree char *name = g_strconcat(slot_at(place)->name, ".der", NULL);

	return g_build_filename(directory, name, NULL);
}

/* The certificate in one place is replaced by one with this name. */
static void rename_place(const char *directory, unsigned place, const Name *name)
{
	Deal deal = {.certs = 1, .cn = name->bytes, .cn_length = (gssize)name->len};
	g_autofree char *other = rig_deal(&deal);
	g_autoptr(GBytes) der = rig_dealt_der(other, 0);
	g_autofree char *path = path_of(directory, place);
	gsize len;
	const char *data = g_bytes_get_data(der, &len);

	ck_assert(g_file_set_contents(path, data, (gssize)len, NULL));
}

static char *deal_names(void)
{
	char *directory = rig_deal_simple(G_N_ELEMENTS(names), GUID);

	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
		rename_place(directory, i, &names[i]);
	world.cards[0] = rig_card_new(world.pcscd, 0, directory);
	return directory;
}

/* The first `n` of the card are there but for those that no X.509 reader takes, and nothing else.
 */
static void assert_stored(
	const char *directory, unsigned n, const Name *unreadable, const char *serial)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(world.database);
	g_autofree char *integrity = rig_db_integrity(world.database);
	unsigned stored = 0;

	for (unsigned i = 0; i < n; i++) {
		g_autoptr(GBytes) der = rig_dealt_der(directory, i);
		const RigDbRow *row = rig_db_find(rows, der);

		if (unreadable != NULL && unreadable[i].unreadable) {
			ck_assert_ptr_null(row);
			continue;
		}
		ck_assert_msg(row != NULL, "name %u is not there", i);
		safe_assert_nickname(row->label);
		safe_assert_marker(row->url, serial);
		stored++;
	}
	ck_assert_uint_eq(rows->len, stored);
	ck_assert_str_eq(integrity, "ok");
}

/* What NSS's own tool prints is what we wrote: it escapes nothing. */
static void assert_certutil(unsigned n)
{
	g_autofree char *spec = g_strconcat("sql:", world.database, NULL);
	const char *argv[] = {"certutil", "-L", "-d", spec, NULL};
	g_autofree char *list = rig_run_ok(argv, world.environment);
	unsigned lines = 0;

	safe_assert_text(list, SAFE_FILES, "certutil -L");
	for (const char *at = list; (at = strstr(at, ",,")) != NULL; at += 2)
		lines++;
	ck_assert_uint_eq(lines, n);
}

/* The names in the JSON are the names in the database. */
static void assert_json(void)
{
	g_autofree char *ctl = rig_program("ctl/" NAME_CTL);
	const char *argv[] = {ctl, "list", "--json", NULL};
	g_autofree char *text = rig_run_ok(argv, world.environment);
	g_autoptr(JsonParser) parser = json_parser_new();
	g_autoptr(GPtrArray) rows = rig_db_certificates(world.database);
	JsonObject *database;
	JsonArray *certificates;

	ck_assert(json_parser_load_from_data(parser, text, -1, NULL));
	database = json_array_get_object_element(
		json_object_get_array_member(
			json_node_get_object(json_parser_get_root(parser)), "databases"),
		0);
	certificates = json_object_get_array_member(database, "certificates");
	ck_assert_uint_eq(json_array_get_length(certificates), rows->len);
	for (guint i = 0; i < rows->len; i++) {
		JsonObject *entry = json_array_get_object_element(certificates, i);
		const char *nickname = json_object_get_string_member(entry, "nickname");
		bool found = false;

		for (guint k = 0; k < rows->len; k++) {
			const RigDbRow *row = g_ptr_array_index(rows, k);

			found = found || strcmp(row->label, nickname) == 0;
		}
		ck_assert_msg(found, "\"%s\" is no nickname in the database", nickname);
	}
}

START_TEST(names_in_certificates)
{
	g_autofree char *directory = deal_names();
	g_autofree char *log = NULL;

	rig_card_insert_seen(world.cards[0]);
	world_start();
	world_wait_marked(READABLE);
	world_wait_reader(0, "read");
	world_wait_quiet();
	assert_stored(directory, G_N_ELEMENTS(names), names, SERIAL);
	assert_certutil(READABLE);
	assert_json();
	voice_assert_looking((SafeWhere)_i);
	/* None of them changed anything. */
	assert_stored(directory, G_N_ELEMENTS(names), names, SERIAL);
	ck_assert_int_eq(world_stop(), 0);
	voice_assert_purge((SafeWhere)_i);
	/* What was taken away is back, under the same names. */
	assert_stored(directory, G_N_ELEMENTS(names), names, SERIAL);
	log = rig_process_errors(world.daemon);
	ck_assert_ptr_nonnull(strstr(log, "red"));
	safe_assert_text(log, SAFE_FILES, "certpropd");
}
END_TEST

typedef struct Heard {
	SafeTerminal *terminal;
	const char *word;
} Heard;

static bool is_heard(gpointer data)
{
	const Heard *heard = data;

	return strstr(safe_terminal_text(heard->terminal), heard->word) != NULL;
}

/* Certificates come and go while somebody watches on a terminal; the daemon is on one as well. */
START_TEST(monitor_and_log_on_a_terminal)
{
	g_autofree char *directory = deal_names();
	g_autofree char *ctl = rig_program("ctl/" NAME_CTL);
	g_autofree char *program = rig_program("daemon/" NAME_DAEMON);
	const char *daemon[] = {program, "--verbose", NULL};
	const char *plain[] = {ctl, "monitor", NULL};
	const char *json[] = {ctl, "monitor", "--json", NULL};
	unsigned n = READABLE;
	SafeTerminal *log, *text, *lines;
	Heard heard = {.word = "ready"};
	char *said;

	world_configure(REMOVE);
	log = safe_terminal_start(daemon, world.environment);
	rig_card_insert_seen(world.cards[0]);
	world_wait_marked(n);
	text = safe_terminal_start(plain, world.environment);
	lines = safe_terminal_start(json, world.environment);
	heard = (Heard){text, "card-in"};
	rig_wait_until(is_heard, &heard, WAIT_MS, "monitor's first word");
	heard = (Heard){lines, "card-in"};
	rig_wait_until(is_heard, &heard, WAIT_MS, "monitor --json's first word");
	rig_card_remove(world.cards[0]);
	world_wait_marked(0);
	heard = (Heard){text, "passwd"};
	rig_wait_until(is_heard, &heard, WAIT_MS, "a certificate's name");
	heard = (Heard){lines, "passwd"};
	rig_wait_until(is_heard, &heard, WAIT_MS, "a certificate's name in JSON");

	said = safe_terminal_end(text);
	safe_assert_text(said, SAFE_TERMINAL, "certpropctl monitor");
	g_free(said);
	said = safe_terminal_end(lines);
	safe_assert_text(said, SAFE_TERMINAL, "certpropctl monitor --json");
	g_free(said);
	said = safe_terminal_end(log);
	ck_assert_ptr_nonnull(strstr(said, "passwd"));
	safe_assert_text(said, SAFE_TERMINAL, "certpropd");
	g_free(said);
}
END_TEST

/* The first certificate's name is the token's label, which OpenSC cuts at 32 bytes wherever that
   falls. */
static const Name labels[] = {
	{"\x1b]0;owned\x07\x1b[2J\x1b[31mred", 0},
	{"two\nlines: \xe2\x80\xaegpj.exe", 0},
	{"\xff\xfe\xc0\x80 not UTF-8", 0, true},
	{"0123456789012345678901234567890\xc3\xa4\xc3\xa4", 0},
	{"        ", 0},
	{"%s%n;serial=666?x-certprop=1", 0},
};

START_TEST(names_of_tokens)
{
	const Name *label = &labels[_i];
	Deal deal = {.certs = 2,
		.guid = GUID,
		.token_cn = label->bytes,
		.token_cn_length = strlen(label->bytes)};
	g_autofree char *directory = rig_deal(&deal);
	const Name both[] = {*label, {"Ada Lovelace", 0, false}};
	unsigned n = label->unreadable ? 1 : 2;
	g_autofree char *log = NULL;

	world.cards[0] = rig_card_new(world.pcscd, 0, directory);
	rig_card_insert_seen(world.cards[0]);
	world_start();
	world_wait_marked(n);
	world_wait_reader(0, "read");
	world_wait_quiet();
	assert_stored(directory, 2, both, SERIAL);
	assert_certutil(n);
	voice_assert_looking(_i % 2 == 0 ? SAFE_TERMINAL : SAFE_FILES);
	ck_assert_int_eq(world_stop(), 0);
	log = rig_process_errors(world.daemon);
	safe_assert_text(log, SAFE_FILES, "certpropd");
}
END_TEST

/* Through a module that says anything. */

typedef struct Saying {
	const char *key;
	const char *bytes; /* with octal escapes */
} Saying;

static const Saying sayings[] = {
	{"object", "\\033]0;owned\\007\\033[2J\\012second:line"},
	{"object", "\\377\\376\\300\\200"},
	{"object", "\\342\\200\\256gpj.exe\\342\\200\\213"},
	{"object", "    "},
	{"label", "\\033[31mred\\012:\\377"},
	{"manufacturer", "\\033[2J\\012\\302\\2332J"},
	{"model", "\\342\\200\\256:%s%n"},
	{"serial", "\\012;x=1?x\\033\\377"},
};

static void configure_module(const Saying *saying, const char *cert, unsigned bytes)
{
	g_autofree char *module = rig_program("tests/fake/fake-module.so");
	g_autofree char *config = g_strdup_printf(
		"[propagation]\nmodules=%s\n[limits]\ncertificate-bytes=%u\n", module, bytes);
	g_autofree char *settings =
		g_strdup_printf("[module]\nreader=%s\ncert=%s\ncertificates=1\n%s=%s\n",
			rig_pcscd_reader(world.pcscd, 0), cert, saying->key, saying->bytes);

	world_configure(config);
	rig_home_write(world.home, ".fake-module", settings);
}

START_TEST(names_by_a_module)
{
	g_autofree char *directory = world_deal(0, 1, GUID);
	g_autofree char *cert = path_of(directory, 0);
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	configure_module(&sayings[_i], cert, 32768);
	rig_card_insert_seen(world.cards[0]);
	world_start();
	world_wait_marked(1);
	world_wait_reader(0, "read");
	world_wait_quiet();
	assert_stored(directory, 1, NULL, NULL);
	assert_certutil(1);
	voice_assert_looking(_i % 2 == 0 ? SAFE_TERMINAL : SAFE_FILES);

	/* The token is known again by what was written of it. */
	before = rig_db_state(world.database);
	rig_card_remove(world.cards[0]);
	world_wait_reader(0, "empty");
	rig_card_insert(world.cards[0]);
	world_wait_reader(0, "read");
	world_wait_quiet();
	after = rig_db_state(world.database);
	ck_assert_str_eq(before, after);
}
END_TEST

/* 60,000 bytes: refused under the limit that is set by default, harmless without it. As the name of
   a certificate and as the label of an object. */
START_TEST(huge)
{
	g_autofree char *big = g_strnfill(NAME_BIG, 'A');
	g_autofree char *small = world_deal(0, 1, GUID);
	g_autofree char *directory = rig_deal(&(const Deal){.certs = 1, .cn = big});
	g_autofree char *cert = path_of(_i == 1 ? small : directory, 0);
	Saying saying = {"object", _i == 1 ? big : "Authentication"};

	configure_module(&saying, cert, _i == 2 ? 32768 : 131072);
	rig_card_insert_seen(world.cards[0]);
	world_start();
	world_wait_reader(0, "read");
	world_wait_quiet();
	if (_i == 2) {
		ck_assert(!rig_db_exists(world.database));
		return;
	}
	assert_stored(_i == 1 ? small : directory, 1, NULL, NULL);
	assert_certutil(1);
	voice_assert_looking(SAFE_TERMINAL);
	voice_assert_looking(SAFE_FILES);
}
END_TEST

/* NSS has one name for one subject. The user's certificates bear the names that ours would get. */
START_TEST(names_that_are_taken)
{
	g_autofree char *directory =
		rig_deal(&(const Deal){.certs = 2, .guid = GUID, .cn = "Ada Lovelace"});
	g_autofree char *other = rig_deal(&(const Deal){.certs = 2, .cn = "Somebody Else"});
	g_autofree char *mine = path_of(other, 0);
	g_autofree char *wanted = NULL;
	g_autofree char *numbered = NULL;
	g_autofree char *own = NULL;
	g_autoptr(GBytes) mine_der = rig_dealt_der(other, 0);
	g_autoptr(GPtrArray) first = NULL;
	g_autoptr(GPtrArray) rows = NULL;
	const RigDbRow *row;

	/* What the first would be called, in an empty database. */
	world.cards[0] = rig_card_new(world.pcscd, 0, directory);
	world_configure(REMOVE);
	rig_card_insert_seen(world.cards[0]);
	world_start();
	world_wait_marked(2);
	first = rig_db_certificates(world.database);
	wanted = g_strdup(((const RigDbRow *)g_ptr_array_index(first, 0))->label);
	rig_card_remove(world.cards[0]);
	world_wait_marked(0);
	world_wait_quiet();

	rig_db_import(world.database, wanted, mine, ",,");
	g_ptr_array_unref(first);
	first = rig_db_certificates(world.database);
	row = rig_db_find(first, mine_der);
	own = g_strdup(row->attributes);
	rig_card_insert(world.cards[0]);
	world_wait_marked(2);
	world_wait_reader(0, "read");
	numbered = g_strconcat(wanted, " #2", NULL);
	rows = rig_db_certificates(world.database);
	ck_assert_uint_eq(rows->len, 3);
	row = rig_db_find(rows, mine_der);
	ck_assert_str_eq(row->attributes, own);
	assert_certutil(3);
	for (unsigned i = 0, found = 0; i < 2; i++) {
		g_autoptr(GBytes) der = rig_dealt_der(directory, i);

		row = rig_db_find(rows, der);
		ck_assert_str_ne(row->label, wanted);
		found += strcmp(row->label, numbered) == 0;
		safe_assert_nickname(row->label);
		ck_assert(i == 0 || found == 1);
	}

	/* And it is known as ours by that name. */
	rig_card_remove(world.cards[0]);
	world_wait_marked(0);
	world_wait_quiet();
	g_ptr_array_unref(first);
	first = rig_db_certificates(world.database);
	ck_assert_uint_eq(first->len, 1);
	row = rig_db_find(first, mine_der);
	ck_assert_str_eq(row->attributes, own);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("hostile");
	TCase *tc = tcase_create("names");
	TCase *module = tcase_create("module");

	rig_enter();
	tcase_add_checked_fixture(tc, world_setup, world_teardown);
	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, names_in_certificates, 0, 2);
	tcase_add_test(tc, monitor_and_log_on_a_terminal);
	tcase_add_loop_test(tc, names_of_tokens, 0, (int)G_N_ELEMENTS(labels));
	tcase_add_test(tc, names_that_are_taken);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(module, world_setup, world_teardown);
	tcase_set_timeout(module, 300);
	tcase_add_loop_test(module, names_by_a_module, 0, (int)G_N_ELEMENTS(sayings));
	tcase_add_loop_test(module, huge, 0, 3);
	suite_add_tcase(suite, module);
	return harness_run(suite, argc, argv);
}
