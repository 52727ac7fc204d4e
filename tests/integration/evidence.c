/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which token a certificate belongs to is remembered here when it is dealt or renewed, and compared
 * with what the database says: nothing of the product takes part. The serial number that OpenSC
 * makes of a PIV card is the last half of its GUID.
 */
#include "evidence.h"

#include <check.h>
#include <sqlite3.h>
#include <string.h>

#define WAIT_MS   30000u
#define TICK_US   10000
#define LOG_MAX   4000u
#define GUID_HALF 16
#define OURS      "x-certprop=1"

struct Evidence {
	char *directory;
	char guid[2 * GUID_HALF + 1];
	const char *serial;
};

/* Of the database as the user left it. */
static struct {
	GPtrArray *rows; /* RigDbRow */
	char *others;
} before;

static GPtrArray *cards;    /* Evidence */
static GHashTable *serials; /* GBytes, DER -> char *, borrowed from its card */

static void evidence_free(gpointer data)
{
	Evidence *card = data;

	g_free(card->directory);
	g_free(card);
}

static void learn(const Evidence *card)
{
	for (unsigned i = 0; i < EVIDENCE_CERTS; i++)
		g_hash_table_insert(
			serials, rig_dealt_der(card->directory, i), (gpointer)card->serial);
}

static void make_the_users(void)
{
	g_autofree char *owner = rig_deal_simple(1, "ffffffffffffffffffffffffffffffff");
	g_autofree char *der = g_strconcat(owner, "/9a.der", NULL);
	g_autofree char *key = g_strconcat(owner, "/9a.pem", NULL);
	g_autofree char *ca = g_strconcat(owner, "/ca.der", NULL);

	rig_db_create(world.database);
	rig_db_import(world.database, "Trusted", ca, "CT,C,");
	rig_db_import_key(world.database, "Mine", der, key);
	before.rows = rig_db_certificates(world.database);
	before.others = rig_db_others(world.database);
	ck_assert_uint_eq(before.rows->len, 2);
	ck_assert_uint_eq(rig_db_private_objects(world.database), 1);
	ck_assert_uint_ge(rig_db_trust_objects(world.database), 1);
}

void evidence_setup(void)
{
	world_setup();
	cards = g_ptr_array_new_with_free_func(evidence_free);
	serials = g_hash_table_new_full(
		g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);
	make_the_users();
}

void evidence_teardown(void)
{
	g_clear_pointer(&before.rows, g_ptr_array_unref);
	g_clear_pointer(&before.others, g_free);
	g_clear_pointer(&serials, g_hash_table_unref);
	g_clear_pointer(&cards, g_ptr_array_unref);
	world_teardown();
}

Evidence *evidence_deal(void)
{
	Evidence *card = g_new0(Evidence, 1);

	(void)g_snprintf(card->guid, sizeof card->guid, "0011223344556677%08x%08x", 0x8899aabbu,
		cards->len + 1);
	card->serial = card->guid + GUID_HALF;
	card->directory = rig_deal_simple(EVIDENCE_CERTS, card->guid);
	learn(card);
	g_ptr_array_add(cards, card);
	return card;
}

const char *evidence_directory(const Evidence *card)
{
	return card->directory;
}

void evidence_seat(const Evidence *card, unsigned reader)
{
	world.cards[reader] = rig_card_new(world.pcscd, reader, card->directory);
}

void evidence_renew(const Evidence *card, unsigned reader, unsigned index)
{
	g_free(rig_card_command(world.cards[reader], "renew %u", index + 1));
	learn(card);
}

static const RigDbRow *same_row(const GPtrArray *rows, const RigDbRow *wanted)
{
	for (guint i = 0; i < rows->len; i++) {
		const RigDbRow *row = g_ptr_array_index(rows, i);

		if (row->row == wanted->row)
			return row;
	}
	return NULL;
}

static char *users_own_lie(const GPtrArray *rows)
{
	g_autofree char *others = rig_db_others(world.database);

	for (guint i = 0; i < before.rows->len; i++) {
		const RigDbRow *then = g_ptr_array_index(before.rows, i);
		const RigDbRow *now = same_row(rows, then);

		if (now == NULL)
			return g_strdup_printf("the user's \"%s\" is gone", then->label);
		if (strcmp(now->attributes, then->attributes) != 0)
			return g_strdup_printf("the user's \"%s\" was changed", then->label);
	}
	if (strcmp(others, before.others) != 0)
		return g_strdup_printf("trust, keys or modules were changed, from\n%sto\n%s",
			before.others, others);
	return NULL;
}

/* One claim, one that is right. */
static char *claim_lie(const RigDbRow *row)
{
	const char *serial = g_hash_table_lookup(serials, row->der);
	g_autofree char *word = NULL;

	if (serial == NULL)
		return g_strdup_printf("\"%s\" was on no card", row->label);
	if (row->url == NULL || strstr(row->url, OURS) == NULL)
		return g_strdup_printf("\"%s\" carries no marker", row->label);
	if (strstr(strstr(row->url, OURS) + 1, OURS) != NULL)
		return g_strdup_printf("\"%s\" is claimed twice: %s", row->label, row->url);
	word = g_strdup_printf(";serial=%s;", serial);
	if (strstr(row->url, word) == NULL)
		return g_strdup_printf(
			"\"%s\" of %s is claimed by another: %s", row->label, serial, row->url);
	return NULL;
}

char *evidence_lie(void)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(world.database);
	g_autofree char *integrity = rig_db_integrity(world.database);
	char *lie;

	if (strcmp(integrity, "ok") != 0)
		return g_steal_pointer(&integrity);
	lie = users_own_lie(rows);
	for (guint i = 0; lie == NULL && i < rows->len; i++) {
		const RigDbRow *row = g_ptr_array_index(rows, i);

		if (same_row(before.rows, row) != NULL)
			continue;
		(void)rig_db_find(rows, row->der); /* once only */
		lie = claim_lie(row);
	}
	return lie;
}

void evidence_check_true(void)
{
	g_autofree char *lie = evidence_lie();

	ck_assert_msg(lie == NULL, "%s", lie);
}

static char *missing_of(const Evidence *card, const GPtrArray *rows)
{
	for (unsigned i = 0; card != NULL && i < EVIDENCE_CERTS; i++) {
		g_autoptr(GBytes) der = rig_dealt_der(card->directory, i);

		if (rig_db_find(rows, der) == NULL)
			return g_strdup_printf(
				"certificate %u of token %s is missing", i + 1, card->serial);
	}
	return NULL;
}

/* Takes the list's cards, up to NULL. */
static GPtrArray *take_list(const Evidence *first, va_list more)
{
	GPtrArray *list = g_ptr_array_new();

	for (const Evidence *card = first; card != NULL; card = va_arg(more, const Evidence *))
		g_ptr_array_add(list, (gpointer)card);
	return list;
}

bool evidence_holds(const Evidence *card)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(world.database);

	for (unsigned i = 0; i < EVIDENCE_CERTS; i++) {
		g_autoptr(GBytes) der = rig_dealt_der(card->directory, i);

		if (rig_db_find(rows, der) != NULL)
			return true;
	}
	return false;
}

static char *difference(const GPtrArray *list)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(world.database);
	guint wanted = before.rows->len + EVIDENCE_CERTS * list->len;
	char *problem = evidence_lie();

	for (guint i = 0; problem == NULL && i < list->len; i++)
		problem = missing_of(g_ptr_array_index(list, i), rows);
	if (problem == NULL && rows->len != wanted)
		problem = g_strdup_printf("%u certificates in place of %u", rows->len, wanted);
	return problem;
}

void evidence_check(const Evidence *first, ...)
{
	g_autoptr(GPtrArray) list = NULL;
	g_autofree char *problem = NULL;
	va_list more;

	va_start(more, first);
	list = take_list(first, more);
	va_end(more);
	problem = difference(list);
	ck_assert_msg(problem == NULL, "%s", problem);
}

void evidence_wait(const Evidence *first, ...)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)WAIT_MS * 1000;
	g_autoptr(GPtrArray) list = NULL;
	va_list more;

	va_start(more, first);
	list = take_list(first, more);
	va_end(more);
	for (;;) {
		g_autofree char *problem = difference(list);

		if (problem == NULL)
			return;
		ck_assert_msg(g_get_monotonic_time() < deadline,
			"not within %u ms as it should be: %s", WAIT_MS, problem);
		evidence_check_true();
		g_usleep(TICK_US);
	}
}

char *evidence_rows(void)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(world.database);
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < rows->len; i++) {
		const RigDbRow *row = g_ptr_array_index(rows, i);

		g_string_append_printf(
			text, "%" G_GINT64_FORMAT "\n%s\n", row->row, row->attributes);
	}
	return g_string_free(text, FALSE);
}

void evidence_wipe(void)
{
	g_autofree char *path = g_build_filename(world.database, "cert9.db", NULL);
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_busy_timeout(db, (int)WAIT_MS), SQLITE_OK);
	ck_assert_int_eq(
		sqlite3_exec(db, "DELETE FROM nssPublic WHERE length(a89) > 4", NULL, NULL, NULL),
		SQLITE_OK);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
	evidence_check(NULL, NULL);
}

void evidence_look(void)
{
	g_variant_unref(world_call("Look"));
}

/* For whoever has to find out. */
static void tell_log(void)
{
	g_autofree char *log = rig_process_errors(world.daemon);
	gsize length = strlen(log);

	g_printerr("# certpropd said at last:\n%s", log + length - MIN(length, LOG_MAX));
}

typedef struct Rest {
	unsigned reader;
	const char *state;
} Rest;

static bool is_quiet(void)
{
	g_autoptr(GArray) children = rig_descendants(rig_process_pid(world.daemon));

	return children->len == 1;
}

static bool is_in_state(const Rest *rest)
{
	g_autofree char *state = world_reader(rest->reader, "state");

	return g_strcmp0(state, rest->state) == 0;
}

/* When the last process of a look has ended, the daemon goes on when it has nothing else to do, so
   once it has answered and is asked again. */
static bool is_at_rest(const Rest *rest)
{
	return is_in_state(rest) && is_quiet() && is_in_state(rest) && is_in_state(rest) &&
	       is_quiet();
}

void evidence_wait_rest(unsigned reader, const char *state)
{
	const Rest rest = {reader, state};
	gint64 deadline = g_get_monotonic_time() + (gint64)WAIT_MS * 1000;
	g_autofree char *what = g_strdup_printf("reader %u %s and all at rest", reader, state);

	while (!is_at_rest(&rest)) {
		if (g_get_monotonic_time() > deadline) {
			tell_log();
			ck_abort_msg("not within %u ms: %s", WAIT_MS, what);
		}
		g_usleep(TICK_US);
	}
}
