/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads lines from stdin or from connections to a Unix socket. Answers are a few bytes, so they
 * are written without waiting; who does not read his answers loses them.
 */
#include "control.h"

#include <glib-unix.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096
#define BACKLOG        8

struct Control {
	ControlRun run;
	gpointer fake;
	GMainLoop *loop;
	int listener;
	guint watch;
	char *path;
	bool ends_with_input;
	GList *peers;
};

typedef struct {
	Control *control;
	int in, out;
	guint watch;
	char line[LINE_MAX_BYTES];
	gsize filled;
} Peer;

static void peer_free(Peer *peer)
{
	g_clear_handle_id(&peer->watch, g_source_remove);
	if (peer->in > STDERR_FILENO)
		close(peer->in);
	g_free(peer);
}

static void say(const Peer *peer, const char *answer)
{
	g_autofree char *line = g_strconcat(answer, "\n", NULL);
	ssize_t written = write(peer->out, line, strlen(line));

	if (written < 0)
		g_printerr("cannot answer '%s': %s\n", answer, g_strerror(errno));
}

static void run_lines(Peer *peer)
{
	char *end;

	while ((end = memchr(peer->line, '\n', peer->filled)) != NULL) {
		gsize used = (gsize)(end - peer->line) + 1;
		g_autofree char *answer = NULL;
		bool quit = false;

		*end = '\0';
		answer = peer->control->run(peer->control->fake, peer->line, &quit);
		say(peer, answer);
		if (quit)
			g_main_loop_quit(peer->control->loop);
		peer->filled -= used;
		memmove(peer->line, peer->line + used, peer->filled);
	}
}

static gboolean peer_readable(gint fd, GIOCondition condition, gpointer data)
{
	Peer *peer = data;
	Control *control = peer->control;
	ssize_t got = read(fd, peer->line + peer->filled, sizeof(peer->line) - peer->filled);

	if (got < 0 && errno == EINTR)
		return G_SOURCE_CONTINUE;
	if (got > 0) {
		peer->filled += (gsize)got;
		run_lines(peer);
		if (peer->filled < sizeof(peer->line))
			return G_SOURCE_CONTINUE;
		say(peer, "error line too long");
	}
	if (control->ends_with_input)
		g_main_loop_quit(control->loop);
	control->peers = g_list_remove(control->peers, peer);
	peer->watch = 0;
	peer_free(peer);
	return G_SOURCE_REMOVE;
}

static void add_peer(Control *control, int in, int out)
{
	Peer *peer = g_new0(Peer, 1);

	peer->control = control;
	peer->in = in;
	peer->out = out;
	peer->watch = g_unix_fd_add(in, G_IO_IN | G_IO_HUP | G_IO_ERR, peer_readable, peer);
	control->peers = g_list_prepend(control->peers, peer);
}

static gboolean caller(gint fd, GIOCondition condition, gpointer data)
{
	int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	if (connection >= 0)
		add_peer(data, connection, connection);
	return G_SOURCE_CONTINUE;
}

Control *control_new_stdio(ControlRun run, gpointer fake, GMainLoop *loop)
{
	Control *control = g_new0(Control, 1);

	control->run = run;
	control->fake = fake;
	control->loop = loop;
	control->listener = -1;
	control->ends_with_input = true;
	add_peer(control, STDIN_FILENO, STDOUT_FILENO);
	return control;
}

Control *control_new_socket(
	ControlRun run, gpointer fake, GMainLoop *loop, const char *path, GError **error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	g_autoptr(Control) control = g_new0(Control, 1);

	control->run = run;
	control->fake = fake;
	control->loop = loop;
	control->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >=
		sizeof(address.sun_path)) {
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NAMETOOLONG,
			"'%s' is too long for a socket's name", path);
		return NULL;
	}
	(void)unlink(path);
	if (bind(control->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		listen(control->listener, BACKLOG) != 0) {
		g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno),
			"cannot listen on '%s': %s", path, g_strerror(errno));
		return NULL;
	}
	control->path = g_strdup(path);
	control->watch = g_unix_fd_add(control->listener, G_IO_IN, caller, control);
	return g_steal_pointer(&control);
}

void control_free(Control *control)
{
	if (control == NULL)
		return;
	g_list_free_full(control->peers, (GDestroyNotify)(void (*)(void))peer_free);
	g_clear_handle_id(&control->watch, g_source_remove);
	if (control->listener >= 0)
		close(control->listener);
	if (control->path != NULL)
		(void)unlink(control->path);
	g_free(control->path);
	g_free(control);
}
