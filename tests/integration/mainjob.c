/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "All that the daemon is going to do" is decided by which processes are left and by its own word
 * that the reader has come to rest. Between the end of one helper and the start of the next there
 * are a few turns of its loop, in which nothing runs although something is due; so it has to be at
 * rest several times in a row, with a question between that takes it a turn to answer.
 */
#include "mainjob.h"

#include <stdarg.h>
#include <string.h>

#include "names.h"

#define CASE_S    200
#define TURNS     4u
#define WORDS_MAX 8

TCase *job_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, CASE_S);
	tcase_add_checked_fixture(tcase, world_setup, world_teardown);
	suite_add_tcase(suite, tcase);
	return tcase;
}

typedef struct {
	unsigned reader;
	const char *state; /* NULL: any */
} Rest;

static bool is_at_rest(gpointer data)
{
	const Rest *rest = data;

	for (unsigned i = 0; i < TURNS; i++) {
		g_autoptr(GArray) helpers = rig_descendants(rig_process_pid(world.daemon));
		g_autofree char *state = world_reader(rest->reader, "state");

		if (helpers->len != 1 ||
			(rest->state != NULL && g_strcmp0(state, rest->state) != 0))
			return false;
	}
	return true;
}

void job_settle(unsigned reader, const char *state)
{
	Rest rest = {.reader = reader, .state = state};
	g_autofree char *what =
		g_strdup_printf("rest, and a reader that is %s", state != NULL ? state : "any");

	rig_wait_until(is_at_rest, &rest, JOB_WAIT_MS, what);
}

void job_rest(void)
{
	job_settle(0, NULL);
}

void job_in(unsigned reader)
{
	rig_card_insert(world.cards[reader]);
	job_settle(reader, "read");
}

void job_out(unsigned reader)
{
	rig_card_remove(world.cards[reader]);
	job_settle(reader, "empty");
}

char *job_card(unsigned reader, const Deal *deal)
{
	char *card = rig_deal(deal);

	world.cards[reader] = rig_card_new(world.pcscd, reader, card);
	job_in(reader);
	return card;
}

/* What the daemon answers, it has begun. */
static void ordered(const char *method)
{
	g_autoptr(GVariant) answer = world_call(method);
	bool taken = true;

	if (g_variant_is_of_type(answer, G_VARIANT_TYPE("(bas)"))) {
		gboolean value;

		g_variant_get_child(answer, 0, "b", &value);
		taken = value;
	}
	ck_assert_msg(taken, "%s: the daemon does not take it", method);
	job_rest();
}

void job_look(void)
{
	ordered("Look");
}

void job_configure(const char *text)
{
	world_configure(text);
	ordered("Reload");
}

char *job_sql(void)
{
	return g_strconcat("sql:", world.database, NULL);
}

char *job_ctl(int status, ...)
{
	g_autofree char *program = rig_program("ctl/" NAME_CTL);
	const char *argv[WORDS_MAX + 2] = {program};
	g_autofree char *errors = NULL;
	char *output = NULL;
	gsize n = 1;
	int actual;
	va_list words;

	va_start(words, status);
	for (const char *word; (word = va_arg(words, const char *)) != NULL; n++) {
		ck_assert_uint_le(n, WORDS_MAX);
		argv[n] = word;
	}
	va_end(words);

	actual = rig_run(argv, world.environment, &output, &errors);
	ck_assert_msg(actual == status, "certpropctl %s ends with %d: %s", argv[1], actual, errors);
	return output;
}

char *job_file(const char *card, unsigned index, const char *suffix)
{
	return g_strdup_printf("%s/%s.%s", card, slot_at(index)->name, suffix);
}

static char *row_text(const char *card, unsigned index, const char *leave_out)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(world.database);
	g_autoptr(GBytes) der = rig_dealt_der(card, index);
	const RigDbRow *row = rig_db_find(rows, der);
	g_auto(GStrv) lines = NULL;
	GString *text = NULL;

	if (row == NULL)
		return g_strdup("");
	text = g_string_new(NULL);
	g_string_append_printf(text, "row %" G_GINT64_FORMAT "\n", row->row);
	lines = g_strsplit(row->attributes, "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		if (leave_out == NULL || !g_str_has_prefix(*line, leave_out))
			g_string_append_printf(text, "%s\n", *line);
	}
	return g_string_free(text, FALSE);
}

char *job_row(const char *card, unsigned index)
{
	return row_text(card, index, NULL);
}

char *job_row_without_url(const char *card, unsigned index)
{
	return row_text(card, index, "a89=");
}

bool job_stored(const char *card, unsigned index)
{
	g_autofree char *row = row_text(card, index, NULL);

	return row[0] != '\0';
}

static char *attribute(const char *card, unsigned index, bool url)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(world.database);
	g_autoptr(GBytes) der = rig_dealt_der(card, index);
	const RigDbRow *row = rig_db_find(rows, der);

	ck_assert_msg(row != NULL, "place %s of %s is not there", slot_at(index)->name, card);
	return g_strdup(url ? row->url : row->label);
}

char *job_url(const char *card, unsigned index)
{
	return attribute(card, index, true);
}

char *job_label(const char *card, unsigned index)
{
	return attribute(card, index, false);
}

unsigned job_rows(void)
{
	g_autoptr(GPtrArray) rows = NULL;

	if (!rig_db_exists(world.database))
		return 0;
	rows = rig_db_certificates(world.database);
	return rows->len;
}

char *job_rows_of(const char *card, unsigned from, unsigned n)
{
	GString *text = g_string_new(NULL);

	for (unsigned i = from; i < n; i++) {
		g_autofree char *row = job_row(card, i);

		ck_assert_msg(row[0] != '\0', "place %u is not there", i);
		g_string_append(text, row);
	}
	return g_string_free(text, FALSE);
}

void job_check_rows(const char *before, const char *card, unsigned from, unsigned n)
{
	g_autofree char *now = job_rows_of(card, from, n);

	ck_assert_str_eq(before, now);
}

bool job_has(GBytes *der)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(world.database);

	return rig_db_find(rows, der) != NULL;
}

void job_renew(const char *card, unsigned index, bool new_key)
{
	g_autoptr(GError) error = NULL;

	ck_assert_msg(deal_renew(card, index, new_key, &error), "%s",
		error != NULL ? error->message : "");
}

void job_reload(unsigned reader)
{
	g_free(rig_card_command(world.cards[reader], "reload"));
}
