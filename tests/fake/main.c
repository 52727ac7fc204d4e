/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fake-card: one virtual card for one slot of vpcd. */
#include "command.h"
#include "control.h"

#include <glib-unix.h>

#include <signal.h>
#include <stdio.h>

#define DEFAULT_PORT 35963 /* vpcd's own */

static gboolean stop(gpointer data)
{
	g_main_loop_quit(data);
	return G_SOURCE_REMOVE;
}

static Control *listen_to(Card *card, GMainLoop *loop, const char *path, GError **error)
{
	if (path == NULL)
		return control_new_stdio(command_run, card, loop);
	return control_new_socket(command_run, card, loop, path, error);
}

int main(int argc, char **argv)
{
	int port = DEFAULT_PORT;
	g_autofree char *socket_path = NULL;
	gboolean in = FALSE;
	const GOptionEntry entries[] = {
		{"port", 'p', 0, G_OPTION_ARG_INT, &port, "The slot's port (35963)", "N"},
		{"control", 'c', 0, G_OPTION_ARG_FILENAME, &socket_path,
			"Take commands on this Unix socket, not on stdin", "PATH"},
		{"insert", 'i', 0, G_OPTION_ARG_NONE, &in, "Start with the card in", NULL}, {NULL}};
	g_autoptr(GOptionContext) options = g_option_context_new("DIR");
	g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
	g_autoptr(GError) error = NULL;
	g_autoptr(Card) card = NULL;
	g_autoptr(Control) control = NULL;

	g_option_context_set_summary(options, "A virtual PIV card (PIN 123456) for vpcd.");
	g_option_context_set_description(options, COMMAND_HELP);
	g_option_context_add_main_entries(options, entries, NULL);
	if (!g_option_context_parse(options, &argc, &argv, &error) || argc != 2 || port < 1 ||
		port > G_MAXUINT16) {
		g_printerr("%s\n", error != NULL ? error->message : "usage: fake-card DIR");
		return 2;
	}
	card = card_new((guint16)port, argv[1], &error);
	if (card == NULL || (in && !card_insert(card, &error))) {
		g_printerr("fake-card: %s\n", error->message);
		return 1;
	}
	control = listen_to(card, loop, socket_path, &error);
	if (control == NULL) {
		g_printerr("fake-card: %s\n", error->message);
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	g_unix_signal_add(SIGTERM, stop, loop);
	g_unix_signal_add(SIGINT, stop, loop);
	g_main_loop_run(loop);
	return 0;
}
