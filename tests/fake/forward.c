/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake-forward: one Unix socket in front of another, as `ssh -R` makes it. Each connection has a
 * process of its own, and they die with this one, as those of an ssh that is killed do. Its socket
 * stays then; a new one takes its place, as sshd's StreamLocalBindUnlink does.
 *
 * With "polkit" it lets through whom polkit lets use smart cards. It hangs up on others without
 * having read a word, as pcscd does: libpcsclite knows by that what has happened.
 */
#include <glib.h>

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "polkit.h"

#define BACKLOG 16

static int open_socket(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (g_strlcpy(address->sun_path, path, sizeof(address->sun_path)) >=
		sizeof(address->sun_path))
		return -1;
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* What is there, from one to the other. Returns false at the end. */
static bool copy(int from, int to)
{
	char buffer[4096];
	ssize_t n = recv(from, buffer, sizeof(buffer), 0);

	for (ssize_t done = 0; done < n;) {
		ssize_t sent = send(to, buffer + done, (size_t)(n - done), MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		done += sent;
	}
	return n > 0;
}

static void forward(int caller, const char *target, bool ask)
{
	struct sockaddr_un address;
	int called = open_socket(target, &address);
	struct pollfd fds[] = {{.fd = caller, .events = POLLIN}, {.fd = called, .events = POLLIN}};

	if (ask && !polkit_allows(caller))
		return;
	if (called < 0 || connect(called, (struct sockaddr *)&address, sizeof(address)) != 0)
		return;
	while (poll(fds, 2, -1) > 0) {
		if (fds[0].revents != 0 && !copy(caller, called))
			return;
		if (fds[1].revents != 0 && !copy(called, caller))
			return;
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_un address;
	bool ask = argc == 4 && strcmp(argv[3], "polkit") == 0;
	int listener = argc == 3 || ask ? open_socket(argv[1], &address) : -1;

	signal(SIGCHLD, SIG_IGN);
	(void)unlink(listener >= 0 ? argv[1] : "");
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		listen(listener, BACKLOG) != 0) {
		g_printerr("usage: fake-forward SOCKET TARGET [polkit]\n");
		return 2;
	}
	if (ask) /* all may ask, as with pcscd's */
		(void)chmod(argv[1], 0666);
	for (;;) {
		int caller = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (caller >= 0 && fork() == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(listener);
			forward(caller, argv[2], ask);
			_exit(0);
		}
		if (caller >= 0)
			close(caller);
	}
}
