/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pcscd that lets nobody in: fake-pcscd SOCKET CODE answers the first message of each client (its
 * version, pcsc-lite's winscard_msg.h) with that code, as the real one does for a library of
 * another release (0x8010001E).
 */

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct Greeting {
	guint32 size, command;
	gint32 major, minor;
	guint32 rv;
} Greeting;

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_strlcpy(address.sun_path, path, sizeof address.sun_path);
	(void)unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
		listen(fd, 8) < 0)
		return -1;

	return fd;
}

static void refuse(int client, guint32 code)
{
	Greeting greeting;

	if (recv(client, &greeting, sizeof greeting, MSG_WAITALL) != (ssize_t)sizeof greeting)
		return;
	greeting.rv = code;
	(void)send(client, &greeting.major, sizeof greeting - 2 * sizeof(guint32), MSG_NOSIGNAL);
}

int main(int argc, char **argv)
{
	int fd = argc == 3 ? listen_at(argv[1]) : -1;

	if (fd < 0) {
		fprintf(stderr, "usage: fake-pcscd SOCKET CODE\n");
		return 2;
	}

	for (;;) {
		int client = accept(fd, NULL, NULL);

		if (client < 0)
			return 1;
		refuse(client, (guint32)strtoul(argv[2], NULL, 0));
		(void)close(client);
	}
}
