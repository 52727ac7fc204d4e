/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a path can be asked about at all. On a network file system or FUSE whose other end has
 * gone, stat() sleeps where perhaps no signal reaches it, and with it would sleep all databases
 * that have nothing to do with it. So there a child asks first, and nobody waits for it longer than
 * a moment. What did not answer is not asked again by this process.
 *
 * A child that cannot be killed is left to whoever takes in orphans; it has nothing of ours. On
 * other mounts, and in the home, nobody is sent (lib/ground.h).
 */

#include "answers.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ground.h"

#define ANSWER_MS 1500 /* a mount that has to be fetched first takes its time */

/* Of what is open it keeps nothing but its end of the pipe: whoever reads from another one would
   wait for it. */
static G_GNUC_NORETURN void ask(const char *path, int pipe_end)
{
	int last = (int)sysconf(_SC_OPEN_MAX);
	struct stat st;

	(void)dup2(pipe_end, STDIN_FILENO);
	if (syscall(SYS_close_range, STDIN_FILENO + 1u, ~0u, 0u) < 0)
		for (int fd = STDIN_FILENO + 1; fd < last; fd++)
			(void)close(fd);
	(void)stat(path, &st);
	_exit(0);
}

/* Has it ended in time? Then nobody holds the other end of the pipe any more. */
static bool wait_for(pid_t child, int pipe_end)
{
	struct pollfd end = {.fd = pipe_end, .events = POLLIN};
	bool ended = poll(&end, 1, ANSWER_MS) == 1;

	if (!ended)
		(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, ended ? 0 : WNOHANG);
	return ended;
}

static bool is_answered(const char *path)
{
	int ends[2];
	pid_t child;
	bool answered;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	child = fork();
	if (child == 0)
		ask(path, ends[1]);
	(void)close(ends[1]);
	answered = child > 0 && wait_for(child, ends[0]);
	(void)close(ends[0]);
	return answered;
}

bool answers(const char *path)
{
	static GPtrArray *silent; /* paths */
	int fd = ground_open(path, true);

	if (fd >= 0)
		(void)close(fd);
	if (fd >= 0 || errno != EXDEV)
		return true;

	if (silent == NULL)
		silent = g_ptr_array_new_with_free_func(g_free);
	if (g_ptr_array_find_with_equal_func(silent, path, g_str_equal, NULL))
		return false;
	if (is_answered(path))
		return true;
	g_ptr_array_add(silent, g_strdup(path));
	return false;
}
