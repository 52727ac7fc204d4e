/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ear.h"

#include <check.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"
#include "rig.h"
#include "world.h"

#define WAIT_MS      20000
#define DATAGRAM_MAX 65536

#define JOURNAL_DIR    "/run/systemd/journal"
#define JOURNAL_STREAM JOURNAL_DIR "/stdout"

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	ck_assert_uint_lt(strlen(path), sizeof address.sun_path);
	(void)g_strlcpy(address.sun_path, path, sizeof address.sun_path);
	return address;
}

int ear_bind(const char *path, int type)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	(void)g_unlink(path);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

char *ear_receive(int fd, gsize *ret_length)
{
	g_autofree char *data = g_malloc(DATAGRAM_MAX + 1);
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	ssize_t length;

	ck_assert_msg(poll(&wait, 1, WAIT_MS) == 1, "nothing was sent within %d ms", WAIT_MS);
	length = recv(fd, data, DATAGRAM_MAX, MSG_DONTWAIT);
	/* An empty one comes with a file, for entries that no datagram can hold. */
	ck_assert_int_gt(length, 0);
	ck_assert_int_lt(length, DATAGRAM_MAX);
	data[length] = '\0';
	if (ret_length != NULL)
		*ret_length = (gsize)length;
	return g_steal_pointer(&data);
}

void ear_fill(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ssize_t n;

	ck_assert_int_ge(fd, 0);
	do
		n = sendto(fd, "MESSAGE=x\n", strlen("MESSAGE=x\n"), MSG_DONTWAIT,
			(const struct sockaddr *)&address, sizeof address);
	while (n > 0);
	ck_assert_int_eq(errno, EAGAIN);
	close(fd);
}

Journal ear_journal(void)
{
	struct sockaddr_un address = address_of(JOURNAL_STREAM);
	Journal journal;

	if (!rig_isolated())
		harness_skip("a journal of our own needs a /run of our own");
	ck_assert_int_eq(g_mkdir_with_parents(JOURNAL_DIR, 0755), 0);
	journal.entries = ear_bind(EAR_JOURNAL, SOCK_DGRAM);
	journal.listener = ear_bind(JOURNAL_STREAM, SOCK_STREAM);
	ck_assert_int_eq(listen(journal.listener, 1), 0);
	journal.ours = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(journal.ours, 0);
	ck_assert_int_eq(
		connect(journal.ours, (const struct sockaddr *)&address, sizeof address), 0);
	journal.stream = accept(journal.listener, NULL, NULL);
	ck_assert_int_ge(journal.stream, 0);
	world.where.fds[0] = journal.ours;
	world.where.fds[1] = STDERR_FILENO;
	return journal;
}

void ear_end(Journal *journal)
{
	close(journal->listener);
	close(journal->entries);
	close(journal->stream);
	close(journal->ours);
}
