/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake-chansrv: xrdp's side of redirected smart cards, as it was measured, without an RDP client.
 * It listens where chansrv does and relays what it is asked to the PC/SC service of the machine;
 * what chansrv does to the answers is relay.c's business, and what happens to a connection
 * serve.c's.
 *
 * Each connection has a process to itself, because libpcsclite keeps readers of all threads in one
 * table. They die with this one, as the connections of a chansrv that is killed do.
 */
#include "control.h"
#include "serve.h"

#include <glib-unix.h>
#include <glib/gstdio.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16

#define CHANSRV_HELP                                                                     \
	"Commands:\n"                                                                    \
	"  connect       an RDP client connects: directory and socket appear\n"          \
	"  disconnect    and disconnects: both go, connections get no answer\n"          \
	"  mode MODE     normal, silent, confused (no card can be used), hasty (waits\n" \
	"                end at once) or hostile; from the next request on\n"            \
	"  count         requests so far\n"                                              \
	"  quit\n"

typedef struct {
	char *directory, *socket;
	int listener; /* -1: no client is connected */
	guint watch;
	gint clients; /* that have connected so far */
	ServeShared *shared;
} Chansrv;

static gboolean caller(gint fd, GIOCondition condition, gpointer data)
{
	Chansrv *chansrv = data;
	int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	if (connection < 0)
		return G_SOURCE_CONTINUE;
	if (fork() == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fd);
		serve(connection, chansrv->shared);
		_exit(0);
	}
	close(connection);
	return G_SOURCE_CONTINUE;
}

static void disconnect_client(Chansrv *chansrv)
{
	if (chansrv->listener < 0)
		return;
	g_atomic_int_set(&chansrv->shared->client, 0);
	g_clear_handle_id(&chansrv->watch, g_source_remove);
	close(chansrv->listener);
	chansrv->listener = -1;
	(void)unlink(chansrv->socket);
	(void)rmdir(chansrv->directory);
}

/* What a chansrv that was killed has left behind is removed first, as chansrv does. */
static bool connect_client(Chansrv *chansrv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	disconnect_client(chansrv);
	(void)unlink(chansrv->socket);
	(void)rmdir(chansrv->directory);
	g_atomic_int_set(&chansrv->shared->client, ++chansrv->clients);
	chansrv->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (chansrv->listener < 0 || mkdir(chansrv->directory, 0700) != 0 ||
		g_strlcpy(address.sun_path, chansrv->socket, sizeof(address.sun_path)) >=
			sizeof(address.sun_path) ||
		bind(chansrv->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		listen(chansrv->listener, BACKLOG) != 0)
		return false;
	chansrv->watch = g_unix_fd_add(chansrv->listener, G_IO_IN, caller, chansrv);
	return true;
}

static bool parse_mode(const char *word, gint *ret_mode)
{
	static const char *const words[] = {"normal", "silent", "confused", "hasty", "hostile"};

	for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
		if (strcmp(word, words[i]) == 0) {
			*ret_mode = (gint)i;
			return true;
		}
	}
	return false;
}

static char *run(gpointer fake, const char *line, bool *ret_quit)
{
	Chansrv *chansrv = fake;
	gint mode;

	if (strcmp(line, "connect") == 0)
		return connect_client(chansrv) ? g_strdup("ok")
					       : g_strdup_printf("error cannot listen on '%s': %s",
							 chansrv->socket, g_strerror(errno));
	if (strcmp(line, "count") == 0)
		return g_strdup_printf("ok %d", g_atomic_int_get(&chansrv->shared->requests));
	if (g_str_has_prefix(line, "mode ") && parse_mode(line + strlen("mode "), &mode))
		g_atomic_int_set(&chansrv->shared->mode, mode);
	else if (strcmp(line, "disconnect") == 0)
		disconnect_client(chansrv);
	else if (strcmp(line, "quit") == 0)
		*ret_quit = true;
	else
		return g_strdup_printf("error no such command: '%s'", line);
	return g_strdup("ok");
}

static gboolean stop(gpointer data)
{
	g_main_loop_quit(data);
	return G_SOURCE_REMOVE;
}

static ServeShared *share(void)
{
	void *memory = mmap(NULL, sizeof(ServeShared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		g_error("fake-chansrv: no memory to share");
	return memory;
}

static int run_loop(Chansrv *chansrv, const char *control_path)
{
	g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
	g_autoptr(GError) error = NULL;
	g_autoptr(Control) control =
		control_path != NULL ? control_new_socket(run, chansrv, loop, control_path, &error)
				     : control_new_stdio(run, chansrv, loop);

	if (control == NULL) {
		g_printerr("fake-chansrv: %s\n", error->message);
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	g_unix_signal_add(SIGTERM, stop, loop);
	g_unix_signal_add(SIGINT, stop, loop);
	g_main_loop_run(loop);
	disconnect_client(chansrv);
	return 0;
}

int main(int argc, char **argv)
{
	g_autofree char *control_path = NULL;
	g_autofree char *display = g_strdup("10");
	int seed = 1, status;
	const GOptionEntry entries[] = {
		{"control", 'c', 0, G_OPTION_ARG_FILENAME, &control_path,
			"Take commands on this Unix socket, not on stdin", "PATH"},
		{"display", 'd', 0, G_OPTION_ARG_STRING, &display,
			"Number of the session's display (10)", "N"},
		{"seed", 's', 0, G_OPTION_ARG_INT, &seed, "Of what is hostile", "N"}, {NULL}};
	g_autoptr(GOptionContext) options = g_option_context_new("HOME");
	g_autoptr(GError) error = NULL;
	Chansrv chansrv = {.listener = -1, .shared = share()};

	g_option_context_set_summary(options, "xrdp's side of redirected smart cards.");
	g_option_context_set_description(options, CHANSRV_HELP);
	g_option_context_add_main_entries(options, entries, NULL);
	if (!g_option_context_parse(options, &argc, &argv, &error) || argc != 2) {
		g_printerr("%s\n", error != NULL ? error->message : "usage: fake-chansrv HOME");
		return 2;
	}
	chansrv.shared->seed = seed;
	chansrv.directory = g_strdup_printf("%s/.pcsc%s", argv[1], display);
	chansrv.socket = g_build_filename(chansrv.directory, "pcscd.comm", NULL);
	status = run_loop(&chansrv, control_path);
	g_free(chansrv.directory);
	g_free(chansrv.socket);
	return status;
}
