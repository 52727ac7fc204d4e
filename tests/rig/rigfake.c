/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connection is kept, and each command waits for its answer with a deadline. */
#include "rigfake.h"

#include "enter.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_S      10
#define START_MS      10000
#define ANSWER_MAX    4096
#define ARGUMENTS_MAX 4

struct RigFake {
	char *name, *socket;
	RigProcess *process;
	int fd;
};

static bool is_reachable(gpointer data)
{
	RigFake *fake = data;
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (!rig_process_alive(fake->process)) {
		g_autofree char *errors = rig_process_errors(fake->process);

		ck_abort_msg("%s has ended: %s", fake->name, errors);
	}
	g_strlcpy(address.sun_path, fake->socket, sizeof(address.sun_path));
	return connect(fake->fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

RigFake *rig_fake_start(const char *name, const char *const *arguments)
{
	static unsigned number;
	struct timeval patience = {.tv_sec = ANSWER_S};
	g_autofree char *path = g_build_filename("tests/fake", name, NULL);
	g_autofree char *program = rig_program(path);
	g_autofree char *control = NULL;
	g_autofree char *what = g_strdup_printf("a %s that takes commands", name);
	const char *argv[ARGUMENTS_MAX + 3] = {program};
	RigFake *fake = g_new0(RigFake, 1);
	gsize n = 2;

	fake->name = g_strdup(name);
	fake->socket = g_strdup_printf("%s/%s.%d.%u", rig_directory(), name, getpid(), number++);
	argv[1] = control = g_strdup_printf("--control=%s", fake->socket);
	for (; arguments[n - 2] != NULL && n < ARGUMENTS_MAX + 2; n++)
		argv[n] = arguments[n - 2];
	fake->process = rig_process_start(argv, NULL);
	fake->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fake->fd, 0);
	(void)setsockopt(fake->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	rig_wait_until(is_reachable, fake, START_MS, what);
	return fake;
}

void rig_fake_kill(RigFake *fake)
{
	rig_process_kill(fake->process);
}

void rig_fake_free(RigFake *fake)
{
	if (fake == NULL)
		return;
	rig_process_free(fake->process);
	close(fake->fd);
	g_free(fake->name);
	g_free(fake->socket);
	g_free(fake);
}

static char *read_answer(const RigFake *fake)
{
	char answer[ANSWER_MAX];
	gsize filled = 0;

	for (;;) {
		ssize_t got = recv(fake->fd, answer + filled, sizeof(answer) - filled, 0);

		ck_assert_msg(got > 0, "%s gives no answer", fake->name);
		filled += (gsize)got;
		if (answer[filled - 1] == '\n')
			return g_strndup(answer, filled - 1);
		ck_assert_uint_lt(filled, sizeof(answer));
	}
}

char *rig_fake_command(RigFake *fake, const char *command)
{
	g_autofree char *line = g_strconcat(command, "\n", NULL);
	g_autofree char *answer = NULL;

	ck_assert_msg(send(fake->fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line),
		"%s takes no command '%s': %s", fake->name, command, g_strerror(errno));
	answer = read_answer(fake);
	ck_assert_msg(g_str_has_prefix(answer, "ok"), "%s: %s: %s", fake->name, command, answer);
	return g_strdup(g_strstrip(answer + strlen("ok")));
}
