/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A table of verbs; each says ok only after what it did has taken effect on the card's side. */
#include "command.h"

#include "deal.h"

#include <string.h>

#define WORDS_MAX 3
#define DELAY_MAX 60000
#define APDUS_MAX 1000000

typedef struct {
	const char *name;
	int least, most; /* arguments */
	bool (*run)(Card *card, char **arguments, GString *answer, GError **error);
} Verb;

static bool wrong(GError **error, const char *what, const char *word)
{
	g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: '%s'", what, word);
	return false;
}

static bool parse_number(const char *word, guint64 most, gint64 *ret_number, GError **error)
{
	guint64 number;

	if (!g_ascii_string_to_unsigned(word, 10, 0, most, &number, error))
		return false;
	*ret_number = (gint64)number;
	return true;
}

static bool parse_place(const Card *card, const char *word, unsigned *ret_index, GError **error)
{
	if (!slot_parse(word, ret_index))
		return wrong(error, "not a place of the card", word);
	return true;
}

static bool run_insert(Card *card, char **arguments, GString *answer, GError **error)
{
	return card_insert(card, error);
}

static bool run_remove(Card *card, char **arguments, GString *answer, GError **error)
{
	card_remove(card);
	return true;
}

static bool run_swap(Card *card, char **arguments, GString *answer, GError **error)
{
	return card_swap(card, arguments[0], error);
}

static bool run_renew(Card *card, char **arguments, GString *answer, GError **error)
{
	const char *key = arguments[1] != NULL ? arguments[1] : "same-key";
	bool new_key = g_strcmp0(key, "new-key") == 0;
	unsigned index;

	if (!new_key && g_strcmp0(key, "same-key") != 0)
		return wrong(error, "same-key or new-key", key);
	return parse_place(card, arguments[0], &index, error) &&
	       deal_renew(card_directory(card), index, new_key, error) && card_rewrite(card, error);
}

static bool run_reload(Card *card, char **arguments, GString *answer, GError **error)
{
	return card_rewrite(card, error);
}

static bool run_malformed(Card *card, char **arguments, GString *answer, GError **error)
{
	g_autofree char *words = NULL;
	unsigned index;
	Flaw flaw;

	if (!parse_place(card, arguments[0], &index, error))
		return false;
	if (!flaw_parse(arguments[1], &flaw)) {
		words = flaw_words();
		return wrong(error, words, arguments[1]);
	}
	card_spoil(card, index, flaw);
	return true;
}

static bool run_atr(Card *card, char **arguments, GString *answer, GError **error)
{
	if (!card_set_atr(card, arguments[0]))
		return wrong(error, "2 to 33 bytes in hex", arguments[0]);
	return true;
}

static bool run_applet(Card *card, char **arguments, GString *answer, GError **error)
{
	bool on = strcmp(arguments[0], "on") == 0;

	if (!on && strcmp(arguments[0], "off") != 0)
		return wrong(error, "on or off", arguments[0]);
	card_set_applet(card, on);
	return true;
}

static bool run_delay(Card *card, char **arguments, GString *answer, GError **error)
{
	gint64 milliseconds;

	if (!parse_number(arguments[0], DELAY_MAX, &milliseconds, error))
		return false;
	card_set_delay(card, (guint)milliseconds);
	return true;
}

static bool run_pull_after(Card *card, char **arguments, GString *answer, GError **error)
{
	gint64 apdus;

	if (!parse_number(arguments[0], APDUS_MAX, &apdus, error))
		return false;
	card_set_pull_after(card, apdus);
	return true;
}

static bool run_hang_after(Card *card, char **arguments, GString *answer, GError **error)
{
	gint64 apdus;

	if (!parse_number(arguments[0], APDUS_MAX, &apdus, error))
		return false;
	card_set_hang_after(card, apdus);
	return true;
}

static bool run_turn_after(Card *card, char **arguments, GString *answer, GError **error)
{
	gint64 apdus;

	return parse_number(arguments[0], APDUS_MAX, &apdus, error) &&
	       card_set_turn_after(card, apdus, arguments[1], error);
}

static bool run_hang(Card *card, char **arguments, GString *answer, GError **error)
{
	card_hang(card);
	return true;
}

static bool run_resume(Card *card, char **arguments, GString *answer, GError **error)
{
	card_resume(card);
	return true;
}

static bool run_count(Card *card, char **arguments, GString *answer, GError **error)
{
	g_autofree char *counts = card_counts(card);

	g_string_append_printf(answer, " %s", counts);
	return true;
}

static bool run_state(Card *card, char **arguments, GString *answer, GError **error)
{
	g_string_append_printf(answer, " %s", card_state(card));
	return true;
}

static const Verb verbs[] = {
	{"insert", 0, 0, run_insert},
	{"remove", 0, 0, run_remove},
	{"swap", 1, 1, run_swap},
	{"renew", 1, 2, run_renew},
	{"reload", 0, 0, run_reload},
	{"malformed", 2, 2, run_malformed},
	{"atr", 1, 1, run_atr},
	{"applet", 1, 1, run_applet},
	{"delay", 1, 1, run_delay},
	{"pull-after", 1, 1, run_pull_after},
	{"hang-after", 1, 1, run_hang_after},
	{"turn-after", 2, 2, run_turn_after},
	{"hang", 0, 0, run_hang},
	{"resume", 0, 0, run_resume},
	{"count", 0, 0, run_count},
	{"state", 0, 0, run_state},
};

static bool run_verb(Card *card, char **words, GString *answer, GError **error)
{
	int arguments = (int)g_strv_length(words) - 1;

	for (gsize i = 0; i < G_N_ELEMENTS(verbs); i++) {
		if (g_strcmp0(words[0], verbs[i].name) != 0)
			continue;
		if (arguments < verbs[i].least || arguments > verbs[i].most)
			return wrong(error, "wrong number of arguments", words[0]);
		return verbs[i].run(card, words + 1, answer, error);
	}
	return wrong(error, "no such command", words[0] != NULL ? words[0] : "");
}

char *command_run(gpointer data, const char *line, bool *ret_quit)
{
	Card *card = data;
	g_auto(GStrv) words = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) answer = g_string_new("ok");

	words = g_strsplit(line, " ", WORDS_MAX);
	if (g_strcmp0(words[0], "quit") == 0) {
		*ret_quit = true;
		return g_strdup("ok");
	}
	if (!run_verb(card, words, answer, &error))
		return g_strdup_printf("error %s", error->message);
	return g_string_free(g_steal_pointer(&answer), FALSE);
}
