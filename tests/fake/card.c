/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything between the wire and the PIV application: counting, delaying, hanging and leaving.
 * vpcd asks one thing at a time, so at most one message waits for its answer.
 */
#include "card.h"

#include "link.h"
#include "piv.h"

#define NEVER (-1)
/* pcscd looks every 400 ms whether vpcd has a card; a hand is not faster than that. */
#define SWAP_PAUSE_US 500000

/* T=1; the historical bytes name the PIV application, by which OpenSC's driver knows it. */
static const guint8 default_atr[] = {0x3b, 0x8d, 0x01, 0x80, 0xfb, 0xa0, 0x00, 0x00, 0x03, 0x08,
	0x00, 0x00, 0x10, 0x00, 0x01, 0x00, 0x4d};
#define ATR_MAX 33

struct Card {
	guint16 port;
	Contents *contents;
	Piv *piv;
	Link *link; /* NULL: the card is not in a reader */
	guint8 atr[ATR_MAX];
	gsize atr_length;

	guint delay;
	guint delayed; /* source of the answer that waits */
	gint64 pull_after, hang_after, turn_after;
	Contents *turns_into; /* when turn_after has come */
	bool hanging;
	bool foreign;     /* knows no PIV */
	GByteArray *held; /* the message that has no answer yet; NULL: none */

	guint32 counts[256];
	guint32 total;
	gint64 seen;
};

static void forget_held(Card *card)
{
	g_clear_handle_id(&card->delayed, g_source_remove);
	g_clear_pointer(&card->held, g_byte_array_unref);
}

void card_remove(Card *card)
{
	forget_held(card);
	card->hanging = false;
	g_clear_pointer(&card->link, link_free);
	piv_reset(card->piv);
}

static bool counted_down(gint64 *left)
{
	if (*left == NEVER)
		return false;
	if (*left > 0)
		(*left)--;
	if (*left > 0)
		return false;
	*left = NEVER;
	return true;
}

static void use_contents(Card *card, Contents *contents)
{
	piv_free(card->piv);
	contents_free(card->contents);
	card->contents = contents;
	card->piv = piv_new(contents);
}

static void answer_apdu(Card *card, const GByteArray *message)
{
	static const guint8 not_found[] = {0x6a, 0x82};
	g_autoptr(GByteArray) answer = NULL;

	if (card->foreign) {
		link_send(card->link, not_found, sizeof(not_found));
	} else {
		answer = piv_answer(card->piv, message->data, message->len);
		link_send(card->link, answer->data, answer->len);
	}
	if (counted_down(&card->hang_after))
		card->hanging = true;
	if (counted_down(&card->turn_after))
		use_contents(card, g_steal_pointer(&card->turns_into));
	if (counted_down(&card->pull_after))
		card_remove(card);
}

static void answer_control(Card *card, guint8 control)
{
	if (control == LINK_ATR) {
		if (card->seen == 0)
			card->seen = g_get_monotonic_time();
		link_send(card->link, card->atr, card->atr_length);
	} else {
		piv_reset(card->piv);
	}
}

static void answer_held(Card *card)
{
	g_autoptr(GByteArray) message = g_steal_pointer(&card->held);

	if (message->len == 1)
		answer_control(card, message->data[0]);
	else
		answer_apdu(card, message);
}

static gboolean delay_over(gpointer data)
{
	Card *card = data;

	card->delayed = 0;
	if (!card->hanging)
		answer_held(card);
	return G_SOURCE_REMOVE;
}

static void message_arrived(const guint8 *message, gsize length, gpointer data)
{
	Card *card = data;
	bool apdu = length > 1;

	if (message == NULL) {
		card_remove(card);
		return;
	}
	forget_held(card);
	card->held = g_byte_array_new();
	g_byte_array_append(card->held, message, (guint)length);
	if (apdu) {
		card->total++;
		card->counts[message[1]]++;
	}
	if (card->hanging)
		return;
	if (apdu && card->delay > 0)
		card->delayed = g_timeout_add(card->delay, delay_over, card);
	else
		answer_held(card);
}

Card *card_new(guint16 port, const char *directory, GError **error)
{
	Contents *contents = contents_load(directory, error);
	Card *card;

	if (contents == NULL)
		return NULL;
	card = g_new0(Card, 1);
	card->port = port;
	card->contents = contents;
	card->piv = piv_new(contents);
	card->pull_after = NEVER;
	card->hang_after = NEVER;
	card->turn_after = NEVER;
	memcpy(card->atr, default_atr, sizeof(default_atr));
	card->atr_length = sizeof(default_atr);
	return card;
}

void card_free(Card *card)
{
	if (card == NULL)
		return;
	card_remove(card);
	piv_free(card->piv);
	contents_free(card->contents);
	contents_free(card->turns_into);
	g_free(card);
}

bool card_insert(Card *card, GError **error)
{
	if (card->link != NULL) {
		g_set_error_literal(
			error, G_FILE_ERROR, G_FILE_ERROR_EXIST, "the card is already in");
		return false;
	}
	memset(card->counts, 0, sizeof(card->counts));
	card->total = 0;
	card->seen = 0;
	card->link = link_connect(card->port, message_arrived, card, error);
	return card->link != NULL;
}

static bool change_contents(Card *card, const char *directory, GError **error)
{
	Contents *contents = contents_load(directory, error);

	if (contents == NULL)
		return false;
	use_contents(card, contents);
	return true;
}

bool card_swap(Card *card, const char *directory, GError **error)
{
	if (!change_contents(card, directory, error))
		return false;
	if (card->link != NULL) {
		card_remove(card);
		g_usleep(SWAP_PAUSE_US);
	}
	return card_insert(card, error);
}

bool card_rewrite(Card *card, GError **error)
{
	g_autofree char *directory = g_strdup(card_directory(card));

	return change_contents(card, directory, error);
}

const char *card_directory(const Card *card)
{
	return contents_directory(card->contents);
}

void card_spoil(Card *card, unsigned index, Flaw flaw)
{
	contents_spoil(card->contents, index, flaw);
}

bool card_set_atr(Card *card, const char *hex)
{
	gsize length = strlen(hex) / 2;

	if (length < 2 || length > ATR_MAX || strlen(hex) % 2 != 0)
		return false;
	for (gsize i = 0; hex[i] != '\0'; i++) {
		if (!g_ascii_isxdigit(hex[i]))
			return false;
	}
	for (gsize i = 0; i < length; i++)
		card->atr[i] = (guint8)(g_ascii_xdigit_value(hex[2 * i]) << 4 |
					g_ascii_xdigit_value(hex[2 * i + 1]));
	card->atr_length = length;
	return true;
}

void card_set_applet(Card *card, bool there)
{
	card->foreign = !there;
}

void card_set_delay(Card *card, guint milliseconds)
{
	card->delay = milliseconds;
}

void card_set_pull_after(Card *card, gint64 apdus)
{
	card->pull_after = apdus;
	if (apdus == 0) {
		card->pull_after = NEVER;
		card_remove(card);
	}
}

void card_set_hang_after(Card *card, gint64 apdus)
{
	card->hang_after = apdus;
	if (apdus == 0) {
		card->hang_after = NEVER;
		card_hang(card);
	}
}

bool card_set_turn_after(Card *card, gint64 apdus, const char *directory, GError **error)
{
	Contents *contents = contents_load(directory, error);

	if (contents == NULL)
		return false;
	contents_free(card->turns_into);
	card->turns_into = contents;
	card->turn_after = apdus;
	return true;
}

void card_hang(Card *card)
{
	card->hanging = true;
}

void card_resume(Card *card)
{
	card->hanging = false;
	if (card->held != NULL && card->delayed == 0)
		answer_held(card);
}

const char *card_state(const Card *card)
{
	if (card->link == NULL)
		return "removed";
	return card->hanging ? "hanging" : "inserted";
}

char *card_counts(const Card *card)
{
	GString *text = g_string_new(NULL);

	g_string_printf(text, "total=%u", card->total);
	for (unsigned ins = 0; ins < G_N_ELEMENTS(card->counts); ins++) {
		if (card->counts[ins] > 0)
			g_string_append_printf(text, " %02x=%u", ins, card->counts[ins]);
	}
	g_string_append_printf(
		text, " used=%u seen=%" G_GINT64_FORMAT, piv_used(card->piv), card->seen);
	return g_string_free(text, FALSE);
}
