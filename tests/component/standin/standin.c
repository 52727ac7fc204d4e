/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "standin.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "wire.h"

#define LEFTOVER_SECONDS 5

/* Most stand-ins are killed. A leak checker at work in a process that is killed is its tracer, and
   the kernel then makes its parent wait for the tracer: the tests would count a child too many. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

/* Bytes that no reader can take for a frame: the length is over the cap. */
static void garbage(int fd)
{
	guint8 bytes[64];

	memset(bytes, 0xa5, sizeof bytes);
	(void)!write(fd, bytes, sizeof bytes);
}

/* The head of a frame and half of its first field. */
static void half_a_frame(int fd)
{
	g_autoptr(GBytes) frame = wire_pack(WIRE_REPORT_ERROR, "nt", (guint64)0, "cut off");

	(void)!write(fd, g_bytes_get_data(frame, NULL), 14);
}

static void crash(void)
{
	const struct rlimit no_core = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)signal(SIGSEGV, SIG_DFL);
	(void)raise(SIGSEGV);
}

static void flood(int fd)
{
	char noise[4096];

	memset(noise, 'x', sizeof noise);
	while (write(fd, noise, sizeof noise) > 0)
		;
	_exit(0);
}

void standin_misbehave(const char *way, int fd)
{
	if (strcmp(way, "garbage") == 0) {
		garbage(fd);
		pause();
	} else if (strcmp(way, "half") == 0) {
		half_a_frame(fd);
		_exit(0);
	} else if (strcmp(way, "half-killed") == 0) {
		half_a_frame(fd);
		(void)raise(SIGKILL);
	} else if (strcmp(way, "crash") == 0) {
		fprintf(stderr, "about to \033[31mcrash\n");
		crash();
	} else if (strcmp(way, "hang") == 0) {
		for (;;)
			pause();
	} else if (strcmp(way, "noise") == 0) {
		flood(STDERR_FILENO);
	} else if (strcmp(way, "status") == 0) {
		fprintf(stderr, "first line\nthe reason\n\n");
		_exit(3);
	} else if (strcmp(way, "silent") == 0) {
		_exit(0);
	} else if (strcmp(way, "closes") == 0) {
		(void)close(fd);
		for (;;)
			pause();
	} else if (strcmp(way, "leftover") == 0 && fork() == 0) {
		/* What a module may leave behind: it holds every pipe, for a while. */
		(void)sleep(LEFTOVER_SECONDS);
		_exit(0);
	}
}

const char *standin_option(char **argv, const char *name)
{
	for (; argv[0] != NULL; argv++) {
		if (strcmp(argv[0], name) == 0)
			return argv[1];
	}

	return NULL;
}

void standin_sent(bool sent)
{
	if (!sent)
		_exit(0);
}
