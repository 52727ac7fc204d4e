/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xrdp-calls has no hands: it asks for the card to be put in and taken out, and the test program,
 * which sits where the card is, does it.
 */
#include "calls.h"

#include "stage.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HAND         20 /* the descriptor on which xrdp-calls asks for a hand */
#define RUN_MS       120000
#define WORD_MAX     64
#define TABLE_BEGIN  "```calls\n"
#define TABLE_END    "```\n"
#define NOT_IN_TABLE "# pcsc_stringify_error" /* and what follows */

/* Does with the card what the program asks for, until it has ended. */
static void lend_a_hand(int fd)
{
	char word[WORD_MAX + 1];
	ssize_t length;

	while ((length = read(fd, word, WORD_MAX)) > 0) {
		word[length] = '\0';
		if (strcmp(word, "insert") == 0)
			rig_card_insert_seen(stage.card);
		else if (strcmp(word, "remove") == 0)
			rig_card_remove_seen(stage.card);
		else
			ck_abort_msg("xrdp-calls asks for '%s'", word);
		ck_assert_int_eq(write(fd, "", 1), 1);
	}
}

char *calls_made(char **environment)
{
	g_autofree char *program = rig_program("tests/integration/xrdp-calls");
	const char *argv[] = {program, stage_reader(), NULL};
	g_autoptr(RigProcess) process = NULL;
	RigProcessOptions options = stage.where;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	options.environment = environment;
	options.fds[0] = pair[1];
	options.fds[1] = HAND;
	process = rig_process_start(argv, &options);
	close(pair[1]);
	lend_a_hand(pair[0]);
	close(pair[0]);
	if (rig_process_wait(process, RUN_MS) != 0) {
		g_autofree char *output = rig_process_output(process, NULL);
		g_autofree char *errors = rig_process_errors(process);

		ck_abort_msg("xrdp-calls has failed: %s\n%s", output, errors);
	}
	return rig_process_output(process, NULL);
}

void calls_check_page(const char *made)
{
	g_autofree char *page = NULL;
	g_autofree char *table = g_strndup(made, (gsize)(strstr(made, NOT_IN_TABLE) - made));
	char *begin, *end;

	ck_assert(g_file_get_contents(SOURCE_ROOT "/docs/pcsc-xrdp.md", &page, NULL, NULL));
	begin = strstr(page, TABLE_BEGIN);
	ck_assert_ptr_nonnull(begin);
	begin += strlen(TABLE_BEGIN);
	end = strstr(begin, TABLE_END);
	ck_assert_ptr_nonnull(end);
	*end = '\0';
	if (strcmp(begin, table) == 0)
		return;
	g_printerr("%s", table);
	ck_abort_msg("the table in docs/pcsc-xrdp.md is not what was just printed");
}
