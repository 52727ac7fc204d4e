/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cards are kept in a program of their own because that is how a card behaves: it goes on
 * answering, or hanging, whatever the test is doing.
 */
#include "rigcard.h"

#include "enter.h"
#include "readers.h"
#include "rigfake.h"

#include <check.h>
#include <string.h>

#define STATE_MS 10000
#define STILL_MS 20000

struct RigCard {
	const char *reader;
	RigFake *fake;
};

char *rig_deal(const Deal *deal)
{
	g_autofree char *directory = rig_make_directory("card");
	g_autoptr(GError) error = NULL;

	if (!deal_card(directory, deal, &error))
		ck_abort_msg("%s", error->message);
	return g_steal_pointer(&directory);
}

char *rig_deal_simple(unsigned certs, const char *guid)
{
	Deal deal = {.certs = certs, .guid = guid};

	return rig_deal(&deal);
}

GBytes *rig_dealt_der(const char *directory, unsigned index)
{
	g_autofree char *path = g_strdup_printf("%s/%s.der", directory, slot_at(index)->name);
	char *data;
	gsize length;

	ck_assert_msg(g_file_get_contents(path, &data, &length, NULL), "cannot read %s", path);
	return g_bytes_new_take(data, length);
}

RigCard *rig_card_new(const RigPcscd *pcscd, unsigned reader, const char *directory)
{
	g_autofree char *port = g_strdup_printf("--port=%u", rig_pcscd_port(pcscd, reader));
	const char *arguments[] = {port, directory, NULL};
	RigCard *card = g_new0(RigCard, 1);

	card->reader = rig_pcscd_reader(pcscd, reader);
	card->fake = rig_fake_start("fake-card", arguments);
	return card;
}

void rig_card_free(RigCard *card)
{
	if (card == NULL)
		return;
	rig_fake_free(card->fake);
	g_free(card);
}

char *rig_card_command(RigCard *card, const char *format, ...)
{
	g_autofree char *command = NULL;
	va_list arguments;

	va_start(arguments, format);
	command = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	return rig_fake_command(card->fake, command);
}

static void do_command(RigCard *card, const char *command)
{
	g_free(rig_card_command(card, "%s", command));
}

void rig_card_insert(RigCard *card)
{
	do_command(card, "insert");
}

void rig_card_remove(RigCard *card)
{
	do_command(card, "remove");
}

void rig_card_swap(RigCard *card, const char *directory)
{
	rig_card_remove_seen(card);
	g_free(rig_card_command(card, "swap %s", directory));
}

void rig_card_insert_seen(RigCard *card)
{
	rig_card_insert(card);
	(void)rig_reader_wait(card->reader, true);
}

void rig_card_remove_seen(RigCard *card)
{
	rig_card_remove(card);
	(void)rig_reader_wait(card->reader, false);
}

static gint64 counter(RigCard *card, const char *name)
{
	g_autofree char *answer = rig_card_command(card, "count");
	g_auto(GStrv) words = g_strsplit(answer, " ", -1);

	for (gsize i = 0; words[i] != NULL; i++) {
		if (g_str_has_prefix(words[i], name))
			return g_ascii_strtoll(words[i] + strlen(name), NULL, 10);
	}
	return 0;
}

unsigned rig_card_count(RigCard *card, int ins)
{
	g_autofree char *name = ins < 0 ? g_strdup("total=") : g_strdup_printf("%02x=", ins);

	return (unsigned)counter(card, name);
}

unsigned rig_card_used(RigCard *card)
{
	return (unsigned)counter(card, "used=");
}

gint64 rig_card_seen(RigCard *card)
{
	return counter(card, "seen=");
}

typedef struct {
	RigCard *card;
	const char *state;
} StateWait;

static bool has_state(gpointer data)
{
	StateWait *wait = data;
	g_autofree char *state = rig_card_command(wait->card, "state");

	return strcmp(state, wait->state) == 0;
}

void rig_card_wait_state(RigCard *card, const char *state)
{
	StateWait wait = {.card = card, .state = state};
	g_autofree char *what = g_strdup_printf("a card that is %s", state);

	rig_wait_until(has_state, &wait, STATE_MS, what);
}

typedef struct {
	RigCard *card;
	unsigned at_least;
} CountWait;

static bool has_count(gpointer data)
{
	CountWait *wait = data;

	return rig_card_count(wait->card, -1) >= wait->at_least;
}

void rig_card_wait_count(RigCard *card, unsigned at_least)
{
	CountWait wait = {.card = card, .at_least = at_least};
	g_autofree char *what = g_strdup_printf("%u APDUs", at_least);

	rig_wait_until(has_count, &wait, STATE_MS, what);
}

typedef struct {
	RigCard *card;
	unsigned count;
	gint64 since; /* it has been so */
	gint64 enough;
} StillWait;

static bool is_still(gpointer data)
{
	StillWait *wait = data;
	unsigned count = rig_card_count(wait->card, -1);

	if (count != wait->count) {
		wait->count = count;
		wait->since = g_get_monotonic_time();
	}
	return g_get_monotonic_time() - wait->since >= wait->enough;
}

void rig_card_wait_still(RigCard *card, unsigned ms)
{
	StillWait wait = {.card = card,
		.count = rig_card_count(card, -1),
		.since = g_get_monotonic_time(),
		.enough = (gint64)ms * 1000};

	rig_wait_until(is_still, &wait, STILL_MS, "nobody asks the card anything");
}
