/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The card's program takes commands on a Unix socket; one connection is kept, each command waits
 * for its answer with a deadline. Cards are kept in a program of their own because that is how a
 * card behaves: it goes on answering, or hanging, whatever the test is doing.
 */
#include "rigcard.h"

#include "enter.h"
#include "process.h"
#include "readers.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_S   10
#define START_MS   10000
#define STATE_MS   10000
#define ANSWER_MAX 4096

struct RigCard {
	const char *reader;
	char *socket;
	RigProcess *process;
	int fd;
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

static bool is_reachable(gpointer data)
{
	RigCard *card = data;
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (!rig_process_alive(card->process)) {
		g_autofree char *errors = rig_process_errors(card->process);

		ck_abort_msg("fake-card has ended: %s", errors);
	}
	g_strlcpy(address.sun_path, card->socket, sizeof(address.sun_path));
	return connect(card->fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

RigCard *rig_card_new(const RigPcscd *pcscd, unsigned reader, const char *directory)
{
	static unsigned number;
	struct timeval patience = {.tv_sec = ANSWER_S};
	g_autofree char *program = rig_program("tests/fake/fake-card");
	g_autofree char *port = g_strdup_printf("--port=%u", rig_pcscd_port(pcscd, reader));
	g_autofree char *control = NULL;
	const char *argv[] = {program, port, NULL, directory, NULL};
	RigCard *card = g_new0(RigCard, 1);

	card->reader = rig_pcscd_reader(pcscd, reader);
	card->socket = g_strdup_printf("%s/card.%d.%u", rig_directory(), getpid(), number++);
	control = g_strdup_printf("--control=%s", card->socket);
	argv[2] = control;
	card->process = rig_process_start(argv, NULL);
	card->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(card->fd, 0);
	(void)setsockopt(card->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	rig_wait_until(is_reachable, card, START_MS, "a fake-card that takes commands");
	return card;
}

void rig_card_free(RigCard *card)
{
	if (card == NULL)
		return;
	rig_process_free(card->process);
	close(card->fd);
	g_free(card->socket);
	g_free(card);
}

static char *read_answer(const RigCard *card)
{
	char answer[ANSWER_MAX];
	gsize filled = 0;

	for (;;) {
		ssize_t got = recv(card->fd, answer + filled, sizeof(answer) - filled, 0);

		ck_assert_msg(got > 0, "fake-card gives no answer");
		filled += (gsize)got;
		if (answer[filled - 1] == '\n')
			return g_strndup(answer, filled - 1);
		ck_assert_uint_lt(filled, sizeof(answer));
	}
}

char *rig_card_command(RigCard *card, const char *format, ...)
{
	g_autofree char *command = NULL;
	g_autofree char *line = NULL;
	g_autofree char *answer = NULL;
	va_list arguments;

	va_start(arguments, format);
	command = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	line = g_strconcat(command, "\n", NULL);
	ck_assert_msg(send(card->fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line),
		"fake-card takes no command '%s': %s", command, g_strerror(errno));
	answer = read_answer(card);
	ck_assert_msg(g_str_has_prefix(answer, "ok"), "fake-card: %s: %s", command, answer);
	return g_strdup(g_strstrip(answer + strlen("ok")));
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
