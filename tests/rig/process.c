/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fork() and exec() by hand, because a child needs more than g_spawn gives: death with its parent,
 * and LISTEN_PID, which is its own process id. A list of all that runs lets a teardown end what a
 * failed test has left.
 */
#include "process.h"

#include "enter.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN_MS        30000
#define KILL_MS       10000
#define LISTEN_FD     3
#define SIGNAL_STATUS 128
#define EXEC_FAILED   127

struct RigProcess {
	char *name;
	pid_t pid; /* 0: reaped */
	int status;
	char *output, *errors;
};

static GList *running;

static void redirect(int fd, const char *path, int flags)
{
	int from = open(path, flags, 0600);

	if (from < 0 || dup2(from, fd) < 0)
		_exit(EXEC_FAILED);
	if (from != fd)
		close(from);
}

/* The child's descriptors are few, and its own are close-on-exec. */
static void hand_over(const RigProcessOptions *options)
{
	g_autofree char *self = g_strdup_printf("%d", getpid());

	for (gsize i = 0; i + 1 < G_N_ELEMENTS(options->fds); i += 2) {
		if (options->fds[i] > 0 && dup2(options->fds[i], options->fds[i + 1]) < 0)
			_exit(EXEC_FAILED);
	}
	if (options->listen_fd <= 0)
		return;
	if (options->listen_fd == LISTEN_FD)
		(void)fcntl(LISTEN_FD, F_SETFD, 0);
	else if (dup2(options->listen_fd, LISTEN_FD) < 0)
		_exit(EXEC_FAILED);
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_PID", self, 1);
}

/* The files of its output are open by now: it may not be able to reach them. */
static void go(const RigProcessOptions *options)
{
	if (options->space != NULL && !rig_space_enter(options->space))
		_exit(EXEC_FAILED);
	if (options->user == 0)
		return;
	if (setgroups(0, NULL) != 0 || setgid(options->user) != 0 || setuid(options->user) != 0)
		_exit(EXEC_FAILED);
	/* Which was lost with root's rights. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

_Noreturn static void become(const RigProcess *process, const char *const *argv,
	const RigProcessOptions *options, pid_t parent)
{
	const char *input = options->input != NULL ? options->input : "/dev/null";

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXEC_FAILED);
	redirect(STDIN_FILENO, input, O_RDONLY);
	redirect(STDOUT_FILENO, process->output, O_WRONLY | O_CREAT | O_TRUNC);
	redirect(STDERR_FILENO, process->errors, O_WRONLY | O_CREAT | O_TRUNC);
	if (options->environment != NULL)
		environ = options->environment;
	hand_over(options);
	go(options);
	execvp(argv[0], (char *const *)argv);
	fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(EXEC_FAILED);
}

RigProcess *rig_process_start(const char *const *argv, const RigProcessOptions *options)
{
	static const RigProcessOptions none;
	static unsigned number;
	RigProcess *process = g_new0(RigProcess, 1);
	g_autofree char *stem = NULL;
	pid_t parent = getpid();

	process->name = g_path_get_basename(argv[0]);
	stem = g_strdup_printf("%s/%s.%d.%u", rig_directory(), process->name, parent, number++);
	process->output = g_strconcat(stem, ".out", NULL);
	process->errors = g_strconcat(stem, ".err", NULL);
	/* Both are there before the child is, so that they can be read at once. */
	ck_assert(g_file_set_contents(process->output, "", 0, NULL));
	ck_assert(g_file_set_contents(process->errors, "", 0, NULL));
	process->pid = fork();
	if (process->pid == 0)
		become(process, argv, options != NULL ? options : &none, parent);
	ck_assert_msg(process->pid > 0, "cannot fork for %s", process->name);
	running = g_list_prepend(running, process);
	return process;
}

pid_t rig_process_pid(const RigProcess *process)
{
	return process->pid;
}

bool rig_process_alive(RigProcess *process)
{
	int status;

	if (process->pid == 0)
		return false;
	if (waitpid(process->pid, &status, WNOHANG) != process->pid)
		return true;
	process->status =
		WIFEXITED(status) ? WEXITSTATUS(status) : SIGNAL_STATUS + WTERMSIG(status);
	process->pid = 0;
	running = g_list_remove(running, process);
	return false;
}

static bool has_ended(gpointer data)
{
	return !rig_process_alive(data);
}

int rig_process_wait(RigProcess *process, unsigned ms)
{
	g_autofree char *what = g_strdup_printf("the end of %s", process->name);

	rig_wait_until(has_ended, process, ms, what);
	return process->status;
}

int rig_process_stop(RigProcess *process, unsigned ms)
{
	if (process->pid != 0)
		kill(process->pid, SIGTERM);
	return rig_process_wait(process, ms);
}

void rig_process_kill(RigProcess *process)
{
	if (process->pid != 0)
		kill(process->pid, SIGKILL);
	(void)rig_process_wait(process, KILL_MS);
}

static char *read_all(const char *path, gsize *ret_length)
{
	char *text;

	ck_assert_msg(g_file_get_contents(path, &text, ret_length, NULL), "cannot read %s", path);
	return text;
}

char *rig_process_output(const RigProcess *process, gsize *ret_length)
{
	return read_all(process->output, ret_length);
}

char *rig_process_errors(const RigProcess *process)
{
	return read_all(process->errors, NULL);
}

void rig_process_free(RigProcess *process)
{
	if (process == NULL)
		return;
	rig_process_kill(process);
	g_free(process->name);
	g_free(process->output);
	g_free(process->errors);
	g_free(process);
}

void rig_process_end_all(void)
{
	while (running != NULL)
		rig_process_kill(running->data);
}

int rig_run_with(const char *const *argv, const RigProcessOptions *options, char **ret_output,
	char **ret_errors)
{
	g_autoptr(RigProcess) process = rig_process_start(argv, options);
	int status = rig_process_wait(process, RUN_MS);

	if (ret_output != NULL)
		*ret_output = rig_process_output(process, NULL);
	if (ret_errors != NULL)
		*ret_errors = rig_process_errors(process);
	return status;
}

int rig_run(const char *const *argv, char **environment, char **ret_output, char **ret_errors)
{
	return rig_run_with(
		argv, &(RigProcessOptions){.environment = environment}, ret_output, ret_errors);
}

char *rig_run_ok(const char *const *argv, char **environment)
{
	g_autofree char *errors = NULL;
	char *output;
	int status = rig_run(argv, environment, &output, &errors);

	ck_assert_msg(status == 0, "%s exited with %d: %s%s", argv[0], status, output, errors);
	return output;
}
