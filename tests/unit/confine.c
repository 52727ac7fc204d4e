/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a helper cannot do any more once it has confined itself. Each look runs in a process of its
 * own, because there is no way back; it says yes or no by its exit status and why on standard
 * error.
 */

#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define GIB ((size_t)1 << 30)

#define EXPECT(condition)                                                                       \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			(void)dprintf(STDERR_FILENO, "confine.c:%d: %s (errno %d)\n", __LINE__, \
				#condition, errno);                                             \
			_exit(1);                                                               \
		}                                                                               \
	} while (0)

static void in_child(void (*look)(int arg), int arg)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		look(arg);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "wait status 0x%x", status);
}

static void look_privileges(int profile)
{
	struct rlimit core;

	EXPECT(confine_self((ConfineProfile)profile, 0, NULL));
	EXPECT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	EXPECT(umask(0) == 077);
	EXPECT(getrlimit(RLIMIT_CORE, &core) == 0);
	EXPECT(core.rlim_cur == 0 && core.rlim_max == 0);
	/* Nothing in it needs a second chance: helpers may be started by helpers one day. */
	EXPECT(confine_self((ConfineProfile)profile, 0, NULL));
}

START_TEST(no_privileges_no_core)
{
	in_child(look_privileges, _i);
}
END_TEST

static const int first_fd[] = {[CONFINE_WATCH] = 3, [CONFINE_SCAN] = 3, [CONFINE_STORE] = 4};

static void look_descriptors(int profile)
{
	for (int fd = 3; fd < 20; fd++)
		EXPECT(dup2(STDERR_FILENO, fd) == fd);
	EXPECT(confine_self((ConfineProfile)profile, 0, NULL));
	for (int fd = 0; fd < 20; fd++)
		EXPECT((fcntl(fd, F_GETFD) >= 0) == (fd < first_fd[profile]));
}

START_TEST(no_descriptors_of_the_parent)
{
	in_child(look_descriptors, _i);
}
END_TEST

static void look_memory(int profile)
{
	EXPECT(confine_self((ConfineProfile)profile, 0, NULL));
	EXPECT(mmap(NULL, 3 * GIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	EXPECT(errno == ENOMEM);
	EXPECT(mmap(NULL, GIB / 8, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

START_TEST(memory_is_bounded)
{
	in_child(look_memory, _i);
}
END_TEST

static void look_files(int arg)
{
	FILE *file;

	EXPECT(confine_self(CONFINE_SCAN, 0, NULL));
	file = tmpfile();
	EXPECT(file != NULL);
	EXPECT(pwrite(fileno(file), "x", 1, 1000) == 1);
	/* Refused, and it lives to tell. */
	EXPECT(pwrite(fileno(file), "x", 1, 64 << 20) == -1 && errno == EFBIG);
	(void)fclose(file);
}

START_TEST(files_are_bounded)
{
	in_child(look_files, 0);
}
END_TEST

static void look_lower(int arg)
{
	struct rlimit files, cpu = {.rlim_cur = 100, .rlim_max = 200};

	EXPECT(getrlimit(RLIMIT_NOFILE, &files) == 0);
	files.rlim_cur = 20;
	EXPECT(setrlimit(RLIMIT_NOFILE, &files) == 0);
	EXPECT(setrlimit(RLIMIT_CPU, &cpu) == 0);
	EXPECT(confine_self(CONFINE_SCAN, 0, NULL));
	EXPECT(getrlimit(RLIMIT_NOFILE, &files) == 0);
	EXPECT(files.rlim_cur == 20);
	EXPECT(getrlimit(RLIMIT_CPU, &cpu) == 0);
	EXPECT(cpu.rlim_cur == 100 && cpu.rlim_max == 200);
}

static void look_limits(int arg)
{
	struct rlimit limit;

	EXPECT(confine_self(CONFINE_SCAN, 0, NULL));
	EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	EXPECT(limit.rlim_cur <= 256);
	EXPECT(getrlimit(RLIMIT_CPU, &limit) == 0);
	EXPECT(limit.rlim_cur <= 600 && limit.rlim_max <= 600);
}

START_TEST(files_and_time_are_bounded)
{
	in_child(look_limits, 0);
}
END_TEST

START_TEST(limits_are_only_lowered)
{
	in_child(look_lower, 0);
}
END_TEST

static void look_namespace(int profile)
{
	if (unshare(CLONE_NEWUSER) < 0)
		_exit(errno == EPERM ? 77 : 1);
	EXPECT(confine_self((ConfineProfile)profile, 0, NULL));
	_exit(0);
}

START_TEST(works_in_a_user_namespace)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		look_namespace(_i);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		harness_skip("user namespaces are not allowed here");
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

/* Waits for what comes out of `fd`: a byte, or '\0' at its end. */
static char next_byte(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	char byte = '\0';

	ck_assert_int_eq(poll(&poll_fd, 1, 20000), 1);
	ck_assert_int_ge(read(fd, &byte, 1), 0);
	return byte;
}

/* The grandchild stands for a helper; its standard output is what the test hears. */
START_TEST(dies_with_its_parent)
{
	int fds[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		pid_t parent = getpid();

		if (fork() == 0) {
			(void)dup2(fds[1], STDOUT_FILENO);
			EXPECT(confine_self((ConfineProfile)_i, parent, NULL));
			EXPECT(write(STDOUT_FILENO, "r", 1) == 1);
			for (;;)
				(void)pause();
		}
		for (;;)
			(void)pause();
	}
	(void)close(fds[1]);

	ck_assert_int_eq(next_byte(fds[0]), 'r');
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(next_byte(fds[0]), '\0'); /* nobody holds it any more */
	(void)close(fds[0]);
}
END_TEST

START_TEST(ends_if_the_parent_is_gone_already)
{
	int out[2], go[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		pid_t parent = getpid();
		char byte;

		if (fork() != 0)
			_exit(0);
		(void)close(go[1]);
		(void)dup2(out[1], STDOUT_FILENO);
		EXPECT(read(go[0], &byte, 1) == 1); /* the parent has been reaped by now */
		EXPECT(confine_self(CONFINE_SCAN, parent, NULL));
		EXPECT(write(STDOUT_FILENO, "alive", 5) == 5);
		_exit(0);
	}
	(void)close(out[1]);

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(write(go[1], "g", 1), 1);
	ck_assert_int_eq(next_byte(out[0]), '\0');
	(void)close(out[0]);
	(void)close(go[0]);
	(void)close(go[1]);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("confine");
	TCase *limits = tcase_create("limits");
	TCase *parent = tcase_create("parent");

	tcase_add_loop_test(limits, no_privileges_no_core, CONFINE_WATCH, CONFINE_STORE + 1);
	tcase_add_loop_test(limits, no_descriptors_of_the_parent, CONFINE_WATCH, CONFINE_STORE + 1);
	tcase_add_loop_test(limits, memory_is_bounded, CONFINE_WATCH, CONFINE_STORE + 1);
	tcase_add_test(limits, files_are_bounded);
	tcase_add_test(limits, files_and_time_are_bounded);
	tcase_add_test(limits, limits_are_only_lowered);
	tcase_add_loop_test(limits, works_in_a_user_namespace, CONFINE_WATCH, CONFINE_STORE + 1);
	suite_add_tcase(suite, limits);

	tcase_set_timeout(parent, 30);
	tcase_add_loop_test(parent, dies_with_its_parent, CONFINE_WATCH, CONFINE_STORE + 1);
	tcase_add_test(parent, ends_if_the_parent_is_gone_already);
	suite_add_tcase(suite, parent);

	return harness_run(suite, argc, argv);
}
